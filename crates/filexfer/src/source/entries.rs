//! What is named: all that is wanted, folders before what is in them.

use std::io;
use std::vec;

use proto::filexfer::native::message::{Entry, Kind, Moment};
use proto::filexfer::native::name::{Name, NameError};
use runtime::tree::{Facts, Walk, What};
use thiserror::Error;

use super::Wanted;
use super::roots::{Roots, There};

/// One after the other.
pub(super) struct Entries {
    wanted: vec::IntoIter<Name>,
    /// The folder that is gone through.
    within: Option<(Name, Walk)>,
}

/// What comes next.
pub(super) enum Next {
    Entry(Entry),
    Skipped { path: Vec<u8>, why: Why },
}

/// Why something is not named.
#[derive(Debug, Error)]
pub(super) enum Why {
    #[error("it is a symbolic link")]
    Link,
    #[error("it is no file")]
    Special,
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

impl Why {
    /// Whether something is missing at the other side that is a file here.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Unreadable(_))
    }
}

impl Entries {
    pub(super) fn new(roots: &Roots<'_>, wanted: &Wanted) -> Self {
        Self {
            wanted: roots.names(wanted).into_iter(),
            within: None,
        }
    }

    /// The next one; `None` after the last.
    pub(super) fn next(&mut self, roots: &mut Roots<'_>) -> Option<Next> {
        loop {
            if let Some((folder, walk)) = &mut self.within {
                if let Some(found) = walk.next() {
                    let path = [folder.as_bytes(), b"/", &found.path].concat();
                    return Some(named(path, found.what, walk));
                }
                self.within = None;
            }
            let name = self.wanted.next()?;
            if let Some(next) = self.begin(name, roots) {
                return Some(next);
            }
        }
    }

    fn begin(&mut self, name: Name, roots: &mut Roots<'_>) -> Option<Next> {
        let next = match roots.look(&name) {
            Ok(There::File(facts)) => Next::Entry(file(name, &facts)),
            Ok(There::Piped) => Next::Entry(entry(name, Kind::File(None), None)),
            Ok(There::Folder(facts)) => match roots.walk(&name) {
                Ok(walk) => {
                    self.within = Some((name.clone(), walk));
                    Next::Entry(entry(name, Kind::Folder, Some(&facts)))
                }
                Err(error) => unreadable(&name, error),
            },
            Err(error) => unreadable(&name, error),
        };
        Some(next)
    }
}

fn named(path: Vec<u8>, what: What, walk: &mut Walk) -> Next {
    let why = match what {
        What::Link => Why::Link,
        What::Special => Why::Special,
        What::Unreadable(error) => error.into(),
        What::File(facts) => match Name::new(path.as_slice()) {
            Ok(name) => return Next::Entry(file(name, &facts)),
            Err(error) => error.into(),
        },
        What::Folder(facts) => match Name::new(path.as_slice()) {
            Ok(name) => return Next::Entry(entry(name, Kind::Folder, Some(&facts))),
            Err(error) => {
                walk.stay_out();
                error.into()
            }
        },
    };
    Next::Skipped { path, why }
}

fn unreadable(name: &Name, error: io::Error) -> Next {
    Next::Skipped {
        path: name.as_bytes().to_vec(),
        why: error.into(),
    }
}

fn file(name: Name, facts: &Facts) -> Entry {
    entry(name, Kind::File(Some(facts.size)), Some(facts))
}

fn entry(name: Name, kind: Kind, facts: Option<&Facts>) -> Entry {
    Entry {
        modified: facts.and_then(modified),
        mode: facts.and_then(|facts| facts.mode),
        ..Entry::new(name, kind)
    }
}

/// When a file was last written, as it travels.
pub(super) fn modified(facts: &Facts) -> Option<Moment> {
    let (seconds, nanos) = facts.modified?;
    Some(Moment { seconds, nanos })
}
