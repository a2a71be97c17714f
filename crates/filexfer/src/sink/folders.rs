//! Folders get their times and permissions when nothing more is written in them.
//!
//! A folder is *left* when the source names something that is not in it, and *ended* when all that was named in it is
//! answered and has its name. Entries that are answered are counted in the order in which they are named; files that were
//! taken are finished in that order too.

use std::collections::VecDeque;

use proto::filexfer::native::message::{Course, Entry};
use proto::filexfer::native::name::Name;
use runtime::folder::{FolderError, Made};

use super::Existing;
use super::attributes::missing;
use super::receiver::Sink;
use crate::filter::inner;

/// What a folder has while it is filled for the first time: after an interruption it is known by this that it has not
/// got its own permissions and time yet.
const FILLING: u32 = 0o1700;

/// The most folders that are left and have to wait, and the most bytes of their names.
const MOST_LEFT: usize = 16_384;
const MOST_NAMES: usize = 4 << 20;

/// A folder that is to get its attributes.
#[derive(Debug)]
struct Filled {
    entry: Entry,
    /// How many entries to be answered were named before it, and before the first that is not in it.
    since: u64,
    until: u64,
}

/// Those in which something may still be written.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// Those that the source is in, the outermost first.
    inside: Vec<Filled>,
    /// Those that it has left, in that order.
    left: VecDeque<Filled>,
    /// Bytes of their names.
    names: usize,
    /// How many entries to be answered were named, how many of them were answered.
    named: u64,
    answered: u64,
    /// Which of those were taken and have not got their names, the oldest first.
    taken: VecDeque<u64>,
}

/// Whether there is room for one more that waits.
#[derive(PartialEq, Eq)]
enum Room {
    Some,
    None,
}

impl Folders {
    /// The source names something that is to be answered: its number.
    pub(super) fn name(&mut self) -> u64 {
        self.named += 1;
        self.named - 1
    }

    /// The oldest that is not answered is answered now: its number.
    pub(super) fn answer(&mut self) -> u64 {
        self.answered += 1;
        self.answered - 1
    }

    /// The one that was answered last is taken.
    pub(super) fn take(&mut self) {
        self.taken.push_back(self.answered - 1);
    }

    /// So many of those that were taken have not got their names, or failed to.
    pub(super) fn open(&mut self, open: usize) {
        while self.taken.len() > open {
            self.taken.pop_front();
        }
    }

    /// Whether nothing more will happen to the entry with this number.
    pub(super) fn is_done(&self, number: u64) -> bool {
        number < self.answered && self.taken.binary_search(&number).is_err()
    }

    /// How many entries, from the first on, nothing will happen to.
    fn done(&self) -> u64 {
        self.taken.front().copied().unwrap_or(self.answered)
    }

    /// This folder is filled from now on.
    fn enter(&mut self, entry: &Entry) {
        self.inside.push(Filled {
            entry: entry.clone(),
            since: self.named,
            until: self.named,
        });
    }

    /// The innermost folder that this name is not in, which is left.
    fn leave(&mut self, name: Option<&Name>) -> Option<Filled> {
        let innermost = self.inside.last()?;
        if name.is_some_and(|name| inner(name.as_bytes(), &innermost.entry.name).is_some()) {
            return None;
        }
        let mut left = self.inside.pop()?;
        left.until = self.named;
        Some(left)
    }

    fn wait(&mut self, left: Filled) -> Room {
        let length = left.entry.name.as_bytes().len();
        if self.left.len() >= MOST_LEFT || self.names + length > MOST_NAMES {
            return Room::None;
        }
        self.names += length;
        self.left.push_back(left);
        Room::Some
    }

    /// The next that waits no more.
    fn ended(&mut self) -> Option<Filled> {
        let done = self.done();
        let ended = self.left.pop_front_if(|left| left.until <= done)?;
        self.names -= ended.entry.name.as_bytes().len();
        Some(ended)
    }
}

impl Sink<'_> {
    /// Makes a folder, or sees that it can be filled.
    pub(super) fn make_folder(&mut self, folder: &Entry) {
        if self.manner.course == Course::Preview {
            return;
        }
        match self.try_folder(folder) {
            Ok(Fill::Ours) => self.folders.enter(folder),
            Ok(Fill::AsItIs) => {}
            Err(error) => self.fail(folder, &error.to_string()),
        }
    }

    fn try_folder(&mut self, folder: &Entry) -> Result<Fill, FolderError> {
        let Some(spot) = self.target.spot(&folder.name)? else {
            return Ok(Fill::AsItIs);
        };
        let overwrite = self.manner.existing == Existing::Overwrite;
        let made = match spot.folder.make_folder(&spot.name, FILLING) {
            Err(FolderError::NoFolder { found, .. }) if overwrite && found.gives_way() => {
                spot.folder.remove(&spot.name)?;
                spot.folder.make_folder(&spot.name, FILLING)?
            }
            made => made?,
        };
        match made {
            Made::New => {
                self.target.made(&folder.name)?;
                Ok(Fill::Ours)
            }
            Made::There(found) if overwrite || found.mode & 0o1777 == FILLING => {
                if !runtime::folder::Folder::is_writable(found.mode) {
                    spot.folder.permit(&spot.name)?;
                }
                Ok(Fill::Ours)
            }
            Made::There(_) => Ok(Fill::AsItIs),
        }
    }

    /// The source has come to this name: folders that it is not in are left.
    pub(super) fn come_to(&mut self, name: Option<&Name>) {
        while let Some(left) = self.folders.leave(name) {
            if left.since == left.until {
                self.end_folder(&left.entry);
                continue;
            }
            let entry = left.entry.clone();
            if self.folders.wait(left) == Room::None {
                let reason = "too many folders wait for their files to have its time set";
                self.fail(&entry, reason);
            }
        }
    }

    /// Gives folders what they are to have, all of whose files are there.
    pub(super) fn end_folders(&mut self) {
        let open = self.inbox.taken() + self.settling.len();
        self.folders.open(open);
        while let Some(ended) = self.folders.ended() {
            self.end_folder(&ended.entry);
        }
    }

    fn end_folder(&mut self, folder: &Entry) {
        if let Err(error) = self.try_end(folder) {
            let reason = format!("cannot set what the folder is to have: {error}");
            self.fail(folder, &reason);
        }
    }

    fn try_end(&mut self, entry: &Entry) -> Result<(), FolderError> {
        let Some(root) = self.target.root() else {
            return Ok(());
        };
        // A folder that is gone needs nothing.
        let Some(folder) = root.deeper(entry.name.parts())? else {
            return Ok(());
        };
        let found = folder.facts()?;
        let wanted = self.manner.preserve.of_folder(entry, &found);
        if let Some(missing) = missing(wanted, &found) {
            self.changed = true;
            folder.set(&missing)?;
        }
        Ok(())
    }
}

/// Whether a folder gets attributes at its end.
#[derive(PartialEq, Eq)]
enum Fill {
    Ours,
    /// It was there, and is not to be changed.
    AsItIs,
}

#[cfg(test)]
mod tests {
    use proto::filexfer::native::message::Kind;

    use super::*;

    fn named(name: &str) -> Name {
        Name::new(name.as_bytes()).unwrap()
    }

    fn folder(name: &str) -> Entry {
        Entry::new(named(name), Kind::Folder)
    }

    /// Goes on to this name, and tells the folders that have nothing more to wait for at once.
    fn come_to(folders: &mut Folders, name: &str) -> Vec<String> {
        let mut ended = Vec::new();
        while let Some(left) = folders.leave(Some(&named(name))) {
            match left.since == left.until {
                true => ended.push(left.entry.name.to_string()),
                false => assert!(folders.wait(left) == Room::Some),
            }
        }
        ended
    }

    fn ended(folders: &mut Folders) -> Vec<String> {
        std::iter::from_fn(|| folders.ended().map(|left| left.entry.name.to_string())).collect()
    }

    #[test]
    fn a_folder_ends_when_all_that_was_named_in_it_is_there() {
        let mut folders = Folders::default();
        folders.enter(&folder("a"));
        folders.enter(&folder("a/b"));
        let one = folders.name();
        assert!(come_to(&mut folders, "a/c").is_empty());
        folders.enter(&folder("a/c"));
        assert_eq!(come_to(&mut folders, "a/cc"), ["a/c"]);
        let two = folders.name();
        assert!(come_to(&mut folders, "d").is_empty());
        assert!(ended(&mut folders).is_empty());
        // The first is taken, the second is not.
        assert_eq!(folders.answer(), one);
        folders.take();
        assert_eq!(folders.answer(), two);
        assert!(folders.is_done(two) && !folders.is_done(one));
        folders.open(1);
        assert!(ended(&mut folders).is_empty());
        folders.open(0);
        assert!(folders.is_done(one) && !folders.is_done(two + 1));
        assert_eq!(ended(&mut folders), ["a/b", "a"]);
        assert_eq!(folders.names, 0);
    }

    #[test]
    fn no_more_wait_than_can_be_held() {
        for (part, most) in [(4, MOST_LEFT), (200, MOST_NAMES / 805)] {
            let mut folders = Folders::default();
            let deep = ["x".repeat(part).as_str(); 4].join("/");
            let mut waiting = 0;
            for number in 0.. {
                folders.enter(&folder(&format!("{number}/{deep}")));
                folders.name();
                let left = folders.leave(None).unwrap();
                if folders.wait(left) == Room::None {
                    break;
                }
                waiting += 1;
            }
            assert!(waiting <= most && waiting > most / 2, "{waiting} of {most}");
            (0..waiting).for_each(|_| {
                folders.answer();
            });
            assert_eq!(ended(&mut folders).len(), waiting);
        }
    }
}
