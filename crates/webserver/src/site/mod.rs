//! What is served: roots beneath names, and what is at a path of them. It knows no header fields, and keeps nothing: but for
//! the roots of one round each look is a new one.

mod cache;
mod entry;
mod hidden;
mod mounts;
mod packed;
mod packing;
mod round;

use std::cell::RefCell;
use std::fs::File;
use std::time::Instant;

use proto::http::{Coding, Path, Shape, media};
use runtime::beneath::{Beneath, Closed, Facts, Folder, Opened, Standing};

use crate::args::Args;

pub(crate) use cache::{Cache, Kept};
pub(crate) use entry::{Choice, Compress, Held, LONGEST_HELD, Resource, Variant, read_at};
pub(crate) use hidden::Hidden;
pub(crate) use mounts::{IndexName, Root};
use mounts::{Mounts, Where};
pub(crate) use packed::Beside;
pub(crate) use packing::{AT_ONCE, MADE, Packer, pack};
use round::Round;

/// What is served.
#[derive(Debug)]
pub(crate) struct Site {
    mounts: Mounts,
    /// Names of files that stand for their folders: the first that is there.
    index: Vec<IndexName>,
    hidden: Hidden,
    spa: bool,
    round: RefCell<Round>,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Seen),
    /// A folder without a file that stands for it.
    Folder(Listed),
    /// The list of all roots.
    Roots,
    /// A folder whose path lacks the `/` at its end: it is at [`proto::http::location`].
    Elsewhere,
    /// Nothing that is served.
    Nothing,
    /// Something that this process may not read.
    Denied,
    /// It cannot be told now: a root is away, or descriptors have run out.
    Unavailable,
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Where it is, as itself: a file that stands for its folder has its own path here.
    pub(crate) place: Place,
    /// What it holds.
    pub(crate) media: &'static str,
    /// The file.
    pub(crate) plain: Version,
    /// The same, compressed beforehand, where that was looked for: the shortest first.
    pub(crate) packed: Vec<Version>,
}

/// A file as it is, or compressed.
#[derive(Debug)]
pub(crate) struct Version {
    /// It is open.
    pub(crate) file: File,
    /// What is known of it.
    pub(crate) facts: Facts,
    /// How it is compressed.
    pub(crate) coding: Coding,
}

/// A folder that was found.
#[derive(Debug)]
pub(crate) struct Listed {
    /// What is in it, once it is read.
    pub(crate) folder: Folder,
}

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Beneath which root: [`Site::root`].
    pub(crate) root: usize,
    /// Names with `/` between them.
    pub(crate) path: Vec<u8>,
}

impl Site {
    /// Refuses what cannot be served.
    ///
    /// # Errors
    /// With the cure.
    pub(crate) fn check(args: &Args) -> anyhow::Result<()> {
        mounts::check(&args.roots)
    }

    /// What was [`check`](Self::check)ed.
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            mounts: Mounts::new(&args.roots),
            index: if args.no_index {
                Vec::new()
            } else {
                args.index.clone()
            },
            hidden: Hidden::new(args.hidden),
            spa: args.spa,
            round: RefCell::default(),
        }
    }

    /// One of the roots.
    pub(crate) fn root(&self, number: usize) -> Option<&Beneath> {
        self.mounts.get(number)
    }

    /// The names of the roots, where they have some.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &[u8]> {
        self.mounts.names()
    }

    /// What is not shown.
    pub(crate) fn hidden(&self) -> Hidden {
        self.hidden
    }

    /// Where a path leads, whether anything is there or not; `None` for the list of roots, and for no root's name.
    pub(crate) fn place(&self, path: &Path) -> Option<Place> {
        match self.mounts.locate(path.bytes()) {
            Where::Beneath(root, beneath) => Some(Place {
                root,
                path: beneath.to_vec(),
            }),
            Where::Roots | Where::Nowhere => None,
        }
    }

    /// Names of files that stand for their folders.
    pub(crate) fn index_names(&self) -> impl Iterator<Item = &[u8]> {
        self.index.iter().map(IndexName::bytes)
    }

    /// What is at a path, for a request of the round that began at `now`.
    pub(crate) fn look(&self, path: &Path, beside: Beside, now: Instant) -> Found {
        self.beneath(path, beside, now, |look, beneath| look.at(beneath, path))
    }

    /// What stands for a path at which there is nothing, in an application of one page: the file that stands for its root.
    /// What is clearly missing (a file whose type is known, a hidden name) stays missing.
    pub(crate) fn instead(&self, path: &Path, beside: Beside, now: Instant) -> Found {
        if !self.spa {
            return Found::Nothing;
        }
        self.beneath(path, beside, now, |look, beneath| look.instead(beneath))
    }

    fn beneath(
        &self,
        path: &Path,
        beside: Beside,
        now: Instant,
        look: impl FnOnce(&mut Look<'_>, &[u8]) -> Result<Found, Closed>,
    ) -> Found {
        let (number, beneath) = match self.mounts.locate(path.bytes()) {
            Where::Roots => return Found::Roots,
            Where::Nowhere => return Found::Nothing,
            Where::Beneath(number, beneath) => (number, beneath),
        };
        if self.hidden.has(beneath) {
            return Found::Nothing;
        }
        let mut round = self.round.borrow_mut();
        let found = round.root(&self.mounts, number, now).and_then(|root| {
            let mut beneath_root = Look {
                site: self,
                root,
                number,
                beside,
            };
            look(&mut beneath_root, beneath)
        });
        found.unwrap_or_else(Found::from)
    }
}

/// A look beneath one root.
struct Look<'a> {
    site: &'a Site,
    root: &'a mut Standing,
    number: usize,
    beside: Beside,
}

impl Look<'_> {
    fn at(&mut self, beneath: &[u8], asked: &Path) -> Result<Found, Closed> {
        let opened = match self.root.open(beneath) {
            Err(Closed::Nothing) => self.own(beneath)?,
            opened => opened?,
        };
        match opened {
            Opened::Folder(_) if asked.shape() == Shape::File && !asked.bytes().is_empty() => {
                Ok(Found::Elsewhere)
            }
            Opened::Folder(folder) => self.folder(beneath, folder),
            // A file has nothing beneath it; but a root may be one.
            Opened::File(..) if asked.shape() == Shape::Folder && !asked.bytes().is_empty() => {
                Err(Closed::Nothing)
            }
            Opened::File(file, facts) => Ok(self.file(beneath, file, facts)),
        }
    }

    /// A root that is a file, by its own name.
    fn own(&mut self, beneath: &[u8]) -> Result<Opened, Closed> {
        if self.site.mounts.own_name(self.number) != Some(beneath) {
            return Err(Closed::Nothing);
        }
        match self.root.open(b"")? {
            Opened::Folder(_) => Err(Closed::Nothing),
            file => Ok(file),
        }
    }

    fn folder(&mut self, beneath: &[u8], folder: Folder) -> Result<Found, Closed> {
        Ok(match self.index(beneath)? {
            Some(found) => found,
            None => Found::Folder(Listed { folder }),
        })
    }

    /// The file that stands for a folder.
    fn index(&mut self, folder: &[u8]) -> Result<Option<Found>, Closed> {
        for name in &self.site.index {
            let path = join(folder, name.bytes());
            match self.root.open(&path) {
                Ok(Opened::File(file, facts)) => return Ok(Some(self.file(&path, file, facts))),
                Ok(Opened::Folder(_)) | Err(Closed::Nothing) => {}
                Err(closed) => return Err(closed),
            }
        }
        Ok(None)
    }

    fn file(&mut self, path: &[u8], file: File, facts: Facts) -> Found {
        let name = match path {
            b"" => self.site.mounts.own_name(self.number).unwrap_or_default(),
            path => path,
        };
        let media = media::of_name(name);
        Found::File(Seen {
            place: self.place(path),
            media,
            packed: match self.beside {
                Beside::Looked => packed::beside(self.root, path, media, &facts),
                Beside::Ignored => Vec::new(),
            },
            plain: Version {
                file,
                facts,
                coding: Coding::Identity,
            },
        })
    }

    fn instead(&mut self, path: &[u8]) -> Result<Found, Closed> {
        if media::of_name(path) != media::of_name(b"") {
            return Err(Closed::Nothing);
        }
        Ok(self.index(b"")?.unwrap_or(Found::Nothing))
    }

    fn place(&self, path: &[u8]) -> Place {
        Place {
            root: self.number,
            path: path.to_vec(),
        }
    }
}

impl From<Closed> for Found {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Nothing => Self::Nothing,
            Closed::Denied => Self::Denied,
            Closed::Unavailable(error) => {
                tracing::debug!(%error, "something cannot be read");
                Self::Unavailable
            }
        }
    }
}

/// A path and a name beneath it.
fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let separator: &[u8] = if path.is_empty() { b"" } else { b"/" };
    [path, separator, name].concat()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
