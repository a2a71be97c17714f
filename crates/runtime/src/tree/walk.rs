//! All that is beneath a folder, in order.

use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::io;
use std::vec;

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use super::{What, bytes};

/// Something that a [`Walk`] came to.
#[derive(Debug)]
pub struct Found {
    /// Where it is, from where the walk began: parts with `/` between them.
    pub path: Vec<u8>,
    /// What it is.
    pub what: What,
}

/// Goes through all that is beneath a folder: by name, each folder before what is in it.
///
/// It keeps a descriptor and some names for each folder on its way down, however many files there are: where a folder
/// has more names than that, it is read several times.
#[derive(Debug)]
pub struct Walk {
    levels: Vec<Level>,
    /// The folder that was found last, which is to be entered.
    next: Option<Vec<u8>>,
    names: usize,
}

#[derive(Debug)]
struct Level {
    folder: Dir,
    path: Vec<u8>,
    /// The next names, in order.
    names: vec::IntoIter<OsString>,
    /// The last name that was read, and whether there are more behind it.
    last: Option<OsString>,
    rest: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Unread,
    Nothing,
}

impl Walk {
    /// So many names of a folder are kept at once.
    const NAMES: usize = 16_384;

    pub(crate) fn new(folder: Dir) -> Self {
        Self::with_names(folder, Self::NAMES)
    }

    pub(super) fn with_names(folder: Dir, names: usize) -> Self {
        Self {
            levels: vec![Level::new(folder, Vec::new())],
            next: None,
            names,
        }
    }

    /// Does not enter the folder that was found last.
    pub fn stay_out(&mut self) {
        self.next = None;
    }

    fn enter(&mut self, path: Vec<u8>) -> io::Result<()> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = super::part(name)?;
        if let Some(level) = self.levels.last() {
            let folder = level.folder.open_dir_nofollow(&name)?;
            self.levels.push(Level::new(folder, path));
        }
        Ok(())
    }

    /// What the innermost folder has next; `None` where it has nothing more, or it was gone when it was looked at.
    fn look(&mut self) -> Option<Found> {
        let level = self.levels.last_mut()?;
        let name = match level.next(self.names) {
            Ok(Some(name)) => name,
            ended => {
                let path = self.levels.pop()?.path;
                let what = What::Unreadable(ended.err()?);
                return Some(Found { path, what });
            }
        };
        let what = match What::of(&level.folder, &name) {
            Ok(what) => what,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => What::Unreadable(error),
        };
        Some(level.found(&name, what))
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(path) = self.next.take()
            && let Err(error) = self.enter(path.clone())
        {
            let what = What::Unreadable(error);
            return Some(Found { path, what });
        }
        while !self.levels.is_empty() {
            if let Some(found) = self.look() {
                if let What::Folder(_) = found.what {
                    self.next = Some(found.path.clone());
                }
                return Some(found);
            }
        }
        None
    }
}

impl Level {
    fn new(folder: Dir, path: Vec<u8>) -> Self {
        Self {
            folder,
            path,
            names: Vec::new().into_iter(),
            last: None,
            rest: Rest::Unread,
        }
    }

    fn next(&mut self, most: usize) -> io::Result<Option<OsString>> {
        if self.names.len() == 0 && self.rest == Rest::Unread {
            self.read(most)?;
        }
        Ok(self.names.next())
    }

    /// Reads the first names behind the last one.
    fn read(&mut self, most: usize) -> io::Result<()> {
        let mut first = BinaryHeap::new();
        self.rest = Rest::Nothing;
        for entry in self.folder.entries()? {
            let name = entry?.file_name();
            if self.last.as_ref().is_some_and(|last| name <= *last) {
                continue;
            }
            first.push(name);
            if first.len() > most {
                first.pop();
                self.rest = Rest::Unread;
            }
        }
        let names = first.into_sorted_vec();
        self.last = names.last().cloned();
        self.names = names.into_iter();
        Ok(())
    }

    fn found(&self, name: &OsString, what: What) -> Found {
        let (part, what) = match bytes(name) {
            Some(part) => (part, what),
            None => (name.as_encoded_bytes(), not_unicode()),
        };
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(part);
        Found { path, what }
    }
}

fn not_unicode() -> What {
    What::Unreadable(io::Error::new(
        io::ErrorKind::InvalidData,
        "expected a name in Unicode",
    ))
}
