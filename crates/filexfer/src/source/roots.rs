//! What is offered: each path under the last part of it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;
use runtime::tree::{self, Facts, Tree, Walk, What};

use super::{Offer, Piped, Wanted};
use crate::filter::Sets;
use crate::transfer::TransferError;

/// All that is offered, by name.
pub(super) struct Roots<'a> {
    roots: Vec<Root<'a>>,
    sets: Sets,
}

/// One path.
struct Root<'a> {
    name: Name,
    what: Kind<'a>,
}

enum Kind<'a> {
    File(PathBuf),
    Folder(Tree),
    Piped(&'a Piped),
}

/// What there is under a name.
#[derive(Debug)]
pub(super) enum There {
    Found(What),
    Piped,
}

/// What can be read.
pub(super) enum Open<'a> {
    File(File, Facts),
    Piped(&'a Piped),
}

impl<'a> Roots<'a> {
    /// What is there now.
    pub(super) fn new(offer: &'a Offer) -> Result<Self, TransferError> {
        let mut roots = match offer {
            Offer::Paths(paths) => paths
                .iter()
                .map(|path| Root::of(path).map_err(|reason| not_offered(path, reason)))
                .collect::<Result<Vec<_>, _>>()?,
            Offer::Stdin(piped) => vec![Root {
                name: piped.name.clone(),
                what: Kind::Piped(piped),
            }],
        };
        roots.sort_by(|one, other| one.name.cmp(&other.name));
        let twice = roots.windows(2).find(|pair| pair[0].name == pair[1].name);
        match twice {
            Some(pair) => Err(TransferError::Here {
                what: format!("cannot offer two things named {}", shown(&pair[0].name)),
                reason: io::Error::other("expected paths that end in different names"),
            }),
            None => Ok(Self {
                roots,
                sets: Sets::default(),
            }),
        }
    }

    /// Only what these filters let through is to be named.
    pub(super) fn filtered(self, sets: Sets) -> Self {
        Self { sets, ..self }
    }

    pub(super) fn sets(&self) -> &Sets {
        &self.sets
    }

    /// The names that are wanted, in order; none of them is within another one.
    pub(super) fn names(&self, wanted: &Wanted) -> Vec<Name> {
        if wanted.names.is_empty() {
            return self.roots.iter().map(|root| root.name.clone()).collect();
        }
        let mut names = wanted.names.clone();
        names.sort_by(|one, other| one.parts().cmp(other.parts()));
        names.dedup_by(|name, before| name.is_within(before));
        names
    }

    /// What is under this name.
    pub(super) fn look(&mut self, name: &Name) -> io::Result<There> {
        let (root, path) = self.find(name)?;
        let what = match &mut root.what {
            Kind::Piped(_) => return Ok(There::Piped),
            Kind::File(path) => tree::look(path)?,
            Kind::Folder(tree) if path.is_empty() => What::Folder(tree.facts()?),
            Kind::Folder(tree) => tree.look(path)?,
        };
        match what {
            What::Unreadable(error) => Err(error),
            what => Ok(There::Found(what)),
        }
    }

    /// All that is in the folder of this name.
    pub(super) fn walk(&mut self, name: &Name) -> io::Result<Walk> {
        let (root, path) = self.find(name)?;
        match &mut root.what {
            Kind::Folder(tree) => tree.walk(path),
            Kind::File(_) | Kind::Piped(_) => Err(nothing()),
        }
    }

    /// Opens the file of this name.
    pub(super) fn open(&mut self, name: &Name) -> io::Result<Open<'a>> {
        let (root, path) = self.find(name)?;
        let (file, facts) = match &mut root.what {
            Kind::Piped(piped) => return Ok(Open::Piped(piped)),
            Kind::File(path) => tree::file(path)?,
            Kind::Folder(tree) => tree.file(path)?,
        };
        Ok(Open::File(file, facts))
    }

    /// Opens the file of this name, which is none that comes from a pipe.
    pub(super) fn file(&mut self, name: &Name) -> io::Result<File> {
        match self.open(name)? {
            Open::File(file, _) => Ok(file),
            Open::Piped(_) => Err(nothing()),
        }
    }

    /// What the name begins with, and the path that it has there.
    fn find<'n>(&mut self, name: &'n Name) -> io::Result<(&mut Root<'a>, &'n [u8])> {
        let name = name.as_bytes();
        let end = name.iter().position(|byte| *byte == b'/');
        let (first, path) = name.split_at(end.unwrap_or(name.len()));
        let path = path.strip_prefix(b"/").unwrap_or_default();
        let place = self
            .roots
            .binary_search_by(|root| root.name.as_bytes().cmp(first));
        let root = place.ok().and_then(|place| self.roots.get_mut(place));
        match root {
            Some(root) if path.is_empty() || matches!(root.what, Kind::Folder(_)) => {
                Ok((root, path))
            }
            _ => Err(nothing()),
        }
    }
}

impl Root<'_> {
    fn of(path: &Path) -> io::Result<Self> {
        let name = name_of(path)?;
        let what = match tree::look(path)? {
            What::File(_) => Kind::File(path.to_owned()),
            What::Folder(_) => Kind::Folder(Tree::new(path)?),
            _ => {
                let text =
                    "expected a file or a folder; of others, pipe what they say to 'send … -'";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        };
        Ok(Self { name, what })
    }
}

/// The last part of the path; of `.` and the like the part that it stands for.
fn name_of(path: &Path) -> io::Result<Name> {
    let full;
    let part = match path.file_name() {
        Some(part) => Some(part),
        None => {
            full = path.canonicalize()?;
            full.file_name()
        }
    };
    let bytes = part.and_then(tree::bytes);
    let bytes = bytes.ok_or_else(|| io::Error::other("expected a path that ends in a name"))?;
    Name::new(bytes).map_err(io::Error::other)
}

fn nothing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "expected a file or a folder")
}

fn not_offered(path: &Path, reason: io::Error) -> TransferError {
    let what = format!(
        "cannot offer {}",
        Escaped(path.as_os_str().as_encoded_bytes())
    );
    TransferError::Here { what, reason }
}

pub(super) fn shown(name: &Name) -> Escaped<'_> {
    Escaped(name.as_bytes())
}
