//! Symbolic links, and files with several names.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::filexfer::native::message::{Course, Entry, Kind, Leave, LinkTarget};
use proto::filexfer::native::name::{Name, has_control};
use runtime::folder::{self, FolderError, Found, Replace};

use super::receiver::Sink;
use super::saving::{OURS, Spot};
use super::target::is_same;
use super::{Existing, Manner};
use crate::transfer::{Event, Left, TransferError};

/// Which symbolic links are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkPolicy {
    /// Those that lead to a place within what is transferred.
    Inside,
    All,
    None,
}

impl LinkPolicy {
    /// Why a link is not made that leads there; `None` where it is.
    fn refuses(self, name: &Name, target: &LinkTarget) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::None => Some("it is a symbolic link, and none was asked for"),
            Self::Inside => (!is_inside(name, target.as_bytes()))
                .then_some("it is a symbolic link that may lead out of what is transferred"),
        }
    }
}

/// Whether a link of this name leads to a place beneath the first part of the name.
///
/// It may go up at its beginning alone: what it goes up from are folders then. Behind another name it could start from
/// where a further link leads.
fn is_inside(name: &Name, target: &[u8]) -> bool {
    let mut parts = target.split(|byte| *byte == b'/').peekable();
    let mut up = 0;
    while parts
        .next_if(|part| matches!(*part, b".." | b"."))
        .is_some_and(|part| {
            up += usize::from(part == b"..");
            true
        })
    {}
    let is_absolute = target.starts_with(b"/");
    let depth = name.parts().count() - 1;
    depth > up && !is_absolute && parts.all(|part| part != b"..")
}

/// The most bytes of names of files with several.
const MOST_NAMES: usize = 16 << 20;

/// Files that have several names, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Links {
    firsts: HashMap<u32, First>,
    /// Bytes of their names.
    names: usize,
}

/// The name by which such a file came.
#[derive(Debug)]
struct First {
    entry: Entry,
    /// Its number among what is answered.
    number: u64,
}

impl Links {
    /// A file is answered now, as the entry with this number.
    pub(super) fn first(&mut self, entry: &Entry, number: u64) {
        let length = entry.name.as_bytes().len();
        if let Some(of) = entry.number
            && self.names + length <= MOST_NAMES
        {
            self.names += length;
            let entry = entry.clone();
            self.firsts.insert(of, First { entry, number });
        }
    }
}

/// What is under the name of a link already.
enum There {
    /// Nothing, or something that may go.
    Free(Replace),
    Left(Left),
}

/// Why something is not made.
enum Cannot {
    /// For this reason; the others go on.
    Reason(String),
    /// Nothing goes on.
    GoOn(TransferError),
}

impl From<FolderError> for Cannot {
    fn from(error: FolderError) -> Self {
        Self::Reason(error.to_string())
    }
}

impl From<TransferError> for Cannot {
    fn from(error: TransferError) -> Self {
        Self::GoOn(error)
    }
}

impl Sink<'_> {
    /// Makes a symbolic link, and answers.
    pub(super) fn symbolic(
        &mut self,
        entry: &Entry,
        target: &LinkTarget,
    ) -> Result<(), TransferError> {
        if let Some(reason) = self.manner.links.refuses(&entry.name, target) {
            return self.unwanted(entry, reason);
        }
        let made = self.try_symbolic(entry, target.as_bytes());
        self.made(entry, made)
    }

    fn unwanted(&mut self, entry: &Entry, reason: &str) -> Result<(), TransferError> {
        self.inbox.leave();
        self.watch.tell(Event::Skipped {
            path: entry.name.as_bytes(),
            reason,
            is_failure: false,
        });
        self.sending.say(&Leave::Unwanted)
    }

    fn try_symbolic(&mut self, entry: &Entry, target: &[u8]) -> Result<There, Cannot> {
        if has_control(target) {
            let reason = "expected a link that leads to a name without control characters";
            return Err(Cannot::Reason(reason.into()));
        }
        let place = "a link cannot go to a file or to standard output";
        let is_same = |spot: &Spot, found: &Found| {
            let leads = || spot.folder.read_link(&spot.name);
            found.kind == folder::Kind::Link && leads().is_ok_and(|there| there == target)
        };
        let (spot, there) = self.look_for(entry, place, is_same)?;
        if let (There::Free(replace), Some(spot)) = (&there, &spot) {
            make_symbolic(spot, entry, target, *replace, self.manner)?;
            self.changed = true;
        }
        Ok(there)
    }

    /// Whether the name of a file has to wait for that file.
    pub(super) fn has_to_wait(&mut self, entry: &Entry) -> Result<bool, TransferError> {
        let Kind::Again(number) = entry.kind else {
            return Ok(false);
        };
        if self.is_here(number) {
            return Ok(false);
        }
        if self.inbox.taken() == 0 {
            self.settle()?;
            self.end_folders();
        }
        Ok(!self.is_here(number))
    }

    /// Nothing more will happen to the file with this number.
    fn is_here(&self, number: u32) -> bool {
        let first = self.links.firsts.get(&number);
        first.is_none_or(|first| self.folders.is_done(first.number))
    }

    /// Gives a file that is here one more name, and answers.
    pub(super) fn again(&mut self, entry: &Entry, number: u32) -> Result<(), TransferError> {
        let made = self.try_again(entry, number);
        self.made(entry, made)
    }

    fn try_again(&mut self, entry: &Entry, number: u32) -> Result<There, Cannot> {
        let place = "a file has one name in a file or on standard output";
        let first = self.links.firsts.get(&number);
        let too_many = || Cannot::Reason("too many files have several names".into());
        let first = first.ok_or_else(too_many)?.entry.clone();
        let file = match self.manner.course {
            Course::Preview => self.first_file(&first).ok(),
            Course::Once | Course::Follow => Some(self.first_file(&first)?),
        };
        let overwrite = self.manner.existing == Existing::Overwrite;
        let is_same = |_: &Spot, found: &Found| {
            let is_it = file.as_ref().is_some_and(|(_, file)| file.id == found.id);
            // Where files are kept, one that is alike is as good.
            let is_alike = found.kind == folder::Kind::File && is_same(*found, &first);
            is_it || !overwrite && is_alike
        };
        let (spot, there) = self.look_for(entry, place, is_same)?;
        if let (There::Free(replace), Some(spot), Some((from, _))) = (&there, &spot, &file) {
            let temporary = temporary();
            let (folder, name) = (&from.folder, &from.name);
            let added = spot
                .folder
                .add_name(&spot.name, folder, name, *replace, &temporary);
            let reason = |error| format!("cannot give the file one more name: {error}");
            added.map_err(|error| Cannot::Reason(reason(error)))?;
            self.changed = true;
        }
        Ok(there)
    }

    /// The file that came by this name, if it is the one that was told of.
    fn first_file(&mut self, first: &Entry) -> Result<(Spot, Found), Cannot> {
        let gone = || {
            Cannot::Reason(format!(
                "it is another name of '{}', which is not here",
                first.name
            ))
        };
        let spot = self.target.spot(&first.name)?.ok_or_else(gone)?;
        let found = spot.folder.look(&spot.name)?;
        let found =
            found.filter(|found| found.kind == folder::Kind::File && is_same(*found, first));
        Ok((spot, found.ok_or_else(gone)?))
    }

    /// Where this is to be, which is `None` where only a preview would be made, and what is there.
    fn look_for(
        &mut self,
        entry: &Entry,
        place: &str,
        is_same: impl Fn(&Spot, &Found) -> bool,
    ) -> Result<(Option<Spot>, There), Cannot> {
        if !self.target.is_folder() {
            return Err(Cannot::Reason(place.to_owned()));
        }
        let Some(spot) = self.target.spot_for(entry, self.manner)? else {
            return Ok((None, There::Free(Replace::No)));
        };
        let mut found = spot.folder.look(&spot.name)?;
        if found.is_some_and(|found| found.kind == folder::Kind::Folder)
            && self.make_way(entry, &spot)?
        {
            found = None;
        }
        let there = match found {
            None => There::Free(Replace::No),
            Some(found) if is_same(&spot, &found) => There::Left(Left::Same),
            Some(found) if !found.kind.gives_way() => {
                return Err(FolderError::no_file(&spot.name, found.kind).into());
            }
            Some(_) if self.manner.existing == Existing::Keep => There::Left(Left::Other),
            Some(_) => There::Free(Replace::Yes),
        };
        let is_preview = self.manner.course == Course::Preview;
        Ok(((!is_preview).then_some(spot), there))
    }

    /// Answers for what was made or not.
    fn made(&mut self, entry: &Entry, made: Result<There, Cannot>) -> Result<(), TransferError> {
        match made {
            Err(Cannot::Reason(reason)) => self.cannot(entry, &reason),
            Err(Cannot::GoOn(error)) => Err(error),
            Ok(There::Left(why)) => self.leave(entry, why),
            Ok(There::Free(_)) if self.manner.course == Course::Preview => self.would_take(entry),
            Ok(There::Free(_)) => {
                self.inbox.leave();
                self.summary.made += 1;
                self.watch.tell(Event::Made { name: &entry.name });
                self.sending.say(&Leave::Made)
            }
        }
    }
}

fn make_symbolic(
    spot: &Spot,
    entry: &Entry,
    target: &[u8],
    replace: Replace,
    manner: &Manner,
) -> Result<(), FolderError> {
    let (folder, name) = (&spot.folder, &spot.name);
    folder.make_link(name, target, replace, &temporary())?;
    // Not every file system has times of links.
    let modified = manner.preserve.of_file(entry).modified;
    let _ = folder.set_link(name, manner.preserve.owner(entry), modified);
    Ok(())
}

/// A name that nobody else has.
fn temporary() -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let rest = format!("{id:x}-{count:x}.link");
    [OURS, rest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_else() {
        let table = [
            ("a/l", "b", true),
            ("a/l", "b/c/", true),
            ("a/l", ".", true),
            ("a/l", "./b", true),
            ("a/l", "..", false),
            ("a/l", "../a/b", false),
            ("a/b/l", "..", true),
            ("a/b/l", "../c", true),
            ("a/b/l", "./../c", true),
            ("a/b/l", "../../a", false),
            ("a/b/c/l", "../../d", true),
            ("a/b/c/l", "../../../d", false),
            ("a/l", "/etc/passwd", false),
            ("a/l", "//etc", false),
            // What the name before leads to is not known.
            ("a/b/l", "c/..", false),
            ("a/b/l", "../c/../d", false),
            ("a/l", "...", true),
            ("a/l", "..b", true),
            ("l", "b", false),
            ("l", "../b", false),
        ];
        for (name, target, expected) in table {
            let named = Name::new(name.as_bytes()).unwrap();
            assert_eq!(
                is_inside(&named, target.as_bytes()),
                expected,
                "{name} -> {target}"
            );
        }
    }
}
