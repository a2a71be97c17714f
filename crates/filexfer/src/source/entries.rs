//! What is named: all that is wanted and let through, folders before what is in them.

use std::collections::VecDeque;
use std::io;
use std::vec;

use proto::filexfer::native::message::{Entry, Kind, LinkTarget, Moment, Owner};
use proto::filexfer::native::name::{Name, NameError, has_control};
use runtime::tree::{Facts, Special, Walk, What};
use thiserror::Error;

use super::Wanted;
use super::numbers::{Numbers, Which};
use super::roots::{Roots, There};
use crate::filter::{Fault, Judge, Verdict, inner};
use crate::sink::OURS;

/// One after the other.
pub(super) struct Entries {
    wanted: vec::IntoIter<Name>,
    /// The folder that is gone through.
    within: Option<(Name, Walk)>,
    judge: Judge,
    numbers: Numbers,
    /// The folders around what comes next that are named as soon as something in them is.
    through: Vec<Entry>,
    ready: VecDeque<Next>,
}

/// What comes next.
pub(super) enum Next {
    Entry(Entry),
    Skipped {
        path: Vec<u8>,
        why: Why,
    },
    /// Something was left out, and more may follow.
    LeftOut,
}

/// Why something is not named.
#[derive(Debug, Error)]
pub(super) enum Why {
    #[error("it is {0}")]
    Special(Special),
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("expected a link that leads to 1 to 4095 bytes without control characters")]
    Target,
    #[error("what is in its folder is not named, since it cannot be read: {0}")]
    IgnoreFile(String),
    #[error("{0}")]
    Line(String),
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

/// Whether a folder is gone into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Past,
}

impl Why {
    /// Whether something is missing at the other side that is a file here.
    pub(super) fn is_failure(&self) -> bool {
        !matches!(self, Self::Special(_) | Self::Line(_))
    }
}

impl Entries {
    pub(super) fn new(roots: &Roots<'_>, wanted: &Wanted) -> Self {
        Self {
            wanted: roots.names(wanted).into_iter(),
            within: None,
            judge: Judge::new(roots.sets()),
            numbers: Numbers::default(),
            through: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next one; `None` after the last.
    pub(super) fn next(&mut self, roots: &mut Roots<'_>) -> Option<Next> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Some(next);
            }
            if let Some((folder, walk)) = &mut self.within {
                if let Some(found) = walk.next() {
                    let path = [folder.as_bytes(), b"/", &found.path].concat();
                    if self.found(path, found.what, roots) == Way::Past
                        && let Some((_, walk)) = &mut self.within
                    {
                        walk.stay_out();
                    }
                    return Some(self.ready.pop_front().unwrap_or(Next::LeftOut));
                }
                self.within = None;
            }
            let name = self.wanted.next()?;
            self.begin(name, roots);
        }
    }

    fn begin(&mut self, name: Name, roots: &mut Roots<'_>) {
        self.through.clear();
        let path = name.as_bytes().to_vec();
        let what = match roots.look(&name) {
            Ok(There::Piped) => {
                let piped = entry(name, Kind::File(None), None);
                return self.ready.push_back(Next::Entry(piped));
            }
            Ok(There::Found(what)) => what,
            Err(error) => What::Unreadable(error),
        };
        let open = &mut |name: &Name| roots.file(name);
        match self.judge.approach(&name, is_folder(&what), open) {
            Ok(Verdict::Out) => return,
            Ok(_) => {}
            Err(fault) => return self.unread(fault),
        }
        let is_folder = is_folder(&what);
        if self.found(path, what, roots) == Way::In && is_folder {
            match roots.walk(&name) {
                Ok(walk) => self.within = Some((name, walk)),
                Err(error) => self.skip(name.as_bytes().to_vec(), error.into()),
            }
        }
    }

    /// Names what is here, if it is to be named.
    fn found(&mut self, path: Vec<u8>, what: What, roots: &mut Roots<'_>) -> Way {
        let verdict = match is_ours(&path) {
            true => Verdict::Out,
            false => self.judge.judge(&path, is_folder(&what)),
        };
        if verdict == Verdict::Out {
            return Way::Past;
        }
        match self.entry(&path, what) {
            Ok(entry) => self.name(entry, verdict, roots),
            Err(why) => {
                self.skip(path, why);
                Way::Past
            }
        }
    }

    fn entry(&mut self, path: &[u8], what: What) -> Result<Entry, Why> {
        let (kind, facts) = match what {
            What::Special(kind) => return Err(Why::Special(kind)),
            What::Unreadable(error) => return Err(error.into()),
            What::File(facts) => (Kind::File(Some(facts.size)), facts),
            What::Folder(facts) => (Kind::Folder, facts),
            What::Link(facts, target) => (Kind::Link(leading_to(target)?), facts),
        };
        let mut entry = entry(Name::new(path)?, kind, Some(&facts));
        match self.numbers.of(&facts) {
            Which::Only => {}
            Which::First(number) => entry.number = Some(number),
            Which::Again(number) => entry.kind = Kind::Again(number),
        }
        Ok(entry)
    }

    /// Names it now; a folder that is only gone through as soon as something in it is named.
    fn name(&mut self, entry: Entry, verdict: Verdict, roots: &mut Roots<'_>) -> Way {
        let around = |path: &[u8], folder: &Entry| inner(path, &folder.name).is_some();
        let path = entry.name.as_bytes();
        while self.through.pop_if(|last| !around(path, last)).is_some() {}
        let folder = (entry.kind == Kind::Folder).then(|| entry.name.clone());
        self.through.push(entry);
        if verdict == Verdict::In {
            self.ready.extend(self.through.drain(..).map(Next::Entry));
        }
        match folder {
            Some(folder) => self.enter(&folder, roots),
            None => Way::In,
        }
    }

    fn enter(&mut self, folder: &Name, roots: &mut Roots<'_>) -> Way {
        match self.judge.enter(folder, &mut |name| roots.file(name)) {
            Ok(faults) => {
                for Fault { path, reason } in faults {
                    self.skip(path, Why::Line(reason));
                }
                Way::In
            }
            Err(fault) => {
                self.unread(fault);
                Way::Past
            }
        }
    }

    fn unread(&mut self, fault: Fault) {
        self.skip(fault.path, Why::IgnoreFile(fault.reason));
    }

    fn skip(&mut self, path: Vec<u8>, why: Why) {
        self.ready.push_back(Next::Skipped { path, why });
    }
}

/// What cannot be read may be a folder.
fn is_folder(what: &What) -> bool {
    matches!(what, What::Folder(_) | What::Unreadable(_))
}

/// What a transfer into this folder has begun is none of its files.
fn is_ours(path: &[u8]) -> bool {
    let last = path.rsplit(|byte| *byte == b'/').next();
    path.contains(&b'/') && last.is_some_and(|last| last.starts_with(OURS))
}

fn leading_to(target: Vec<u8>) -> Result<LinkTarget, Why> {
    match has_control(&target) {
        true => Err(Why::Target),
        false => target.try_into().map_err(|_| Why::Target),
    }
}

fn entry(name: Name, kind: Kind, facts: Option<&Facts>) -> Entry {
    let owner = facts.and_then(|facts| facts.owner);
    Entry {
        modified: facts.and_then(modified),
        mode: facts.and_then(|facts| facts.mode),
        owner: owner.map(|(user, group)| Owner { user, group }),
        ..Entry::new(name, kind)
    }
}

/// When a file was last written, as it travels.
pub(super) fn modified(facts: &Facts) -> Option<Moment> {
    let (seconds, nanos) = facts.modified?;
    Some(Moment { seconds, nanos })
}
