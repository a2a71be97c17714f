//! A file that is made of one that is here, as far as that is the same: a new one that takes its name when it is complete, or
//! the old one, changed where it is.

use std::fs::File;
use std::io;
use std::rc::Rc;

use proto::filexfer::native::blocks::{BLOCK, FileHash};
use proto::filexfer::native::message::{Basis, Entry, FromBasis, Take};
use runtime::folder::{self, FolderError, read_at, write_at};

use super::bases::{Base, Lies};
use super::journal::Boot;
use super::saving::{ANOTHER_HASH, Care, Saving, Spot, ZEROS};
use super::settle::How;
use super::writeback::Writeback;
use super::{Preserve, Update};

/// The most bytes that are copied in one go.
const PIECE: u64 = 8 << 20;

/// The most bytes that are read at once where they move: they are written and hashed while they are near.
const MOVED: usize = 256 << 10;

/// What a file that was changed where it is can be told to be when that went wrong.
const NEITHER: &str = "it is neither the old file nor the new one now: transfer it again";

/// Such a file.
pub(super) struct Patching {
    base: Rc<Base>,
    spot: Spot,
    /// Where the next byte belongs.
    at: u64,
    preserve: Preserve,
    way: Way,
    room: Vec<u8>,
}

enum Way {
    Anew(Anew),
    InPlace(InPlace),
}

/// A new file.
struct Anew {
    saving: Saving,
    /// How much from the beginning on is the same as what is there, and was not copied: if that is all, nothing has to be.
    same: Option<u64>,
}

/// The old one.
struct InPlace {
    file: File,
    hash: FileHash,
    writeback: Writeback,
    preserve: Preserve,
    /// Whether something was written to it.
    touched: bool,
}

impl Patching {
    /// `alive` is called now and then.
    pub(super) fn open(
        spot: Spot,
        entry: &Entry,
        base: Rc<Base>,
        (care, update): (Care, Update),
        alive: &mut dyn FnMut(),
    ) -> Result<Self, FolderError> {
        // What is copied is what the basis had when it was looked at, if nobody has written to it since. After the sudden
        // end of this program nobody can tell: all of it is read again then.
        let boot = Boot::named(None);
        let in_place = match (update, base.lies) {
            (Update::InPlace, Lies::There) => InPlace::open(&spot, &base, care, alive)?,
            _ => None,
        };
        let (at, way) = match in_place {
            Some(in_place) => (0, Way::InPlace(in_place)),
            None => {
                let mut saving = Saving::resume(&spot, entry, Care { boot, ..care }, alive)?;
                saving.by_parts(base.part);
                let at = saving.take().from;
                let may_be_same =
                    at == 0 && base.lies == Lies::There && entry.size() == Some(base.size);
                let same = may_be_same.then_some(0);
                (at, Way::Anew(Anew { saving, same }))
            }
        };
        Ok(Self {
            base,
            spot,
            at,
            preserve: care.preserve,
            way,
            room: Vec::new(),
        })
    }

    pub(super) fn base(&self) -> &Rc<Base> {
        &self.base
    }

    /// What is wanted of it.
    pub(super) fn take(&self) -> Take {
        let basis = Basis {
            size: self.base.size,
            part: self.base.part.bytes() as u32,
            moves: matches!(self.way, Way::Anew(_)),
        };
        let take = match &self.way {
            Way::Anew(anew) => anew.saving.take(),
            Way::InPlace(_) => Take {
                from: 0,
                stack: Vec::new(),
                basis: None,
            },
        };
        let basis = Some(basis);
        Take { basis, ..take }
    }

    /// Adds what comes next, at most a block. After an error it cannot go on.
    pub(super) fn write(&mut self, bytes: &[u8], alive: &mut dyn FnMut()) -> io::Result<()> {
        self.settle(alive)?;
        self.put(bytes, alive)
    }

    fn put(&mut self, bytes: &[u8], alive: &mut dyn FnMut()) -> io::Result<()> {
        match &mut self.way {
            Way::Anew(anew) => anew.saving.write(bytes, alive)?,
            Way::InPlace(in_place) => in_place.write(bytes, self.at, alive)?,
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds zeros that take no room on a file system that can do without. After an error it cannot go on.
    pub(super) fn hole(&mut self, length: u64, alive: &mut dyn FnMut()) -> io::Result<()> {
        self.settle(alive)?;
        match &mut self.way {
            Way::Anew(anew) => anew.saving.hole(length, alive)?,
            Way::InPlace(in_place) => in_place.hole(length, self.at, alive)?,
        }
        self.at += length;
        Ok(())
    }

    /// Adds what is in the basis.
    pub(super) fn reuse(&mut self, piece: FromBasis, alive: &mut dyn FnMut()) -> io::Result<()> {
        if let Way::Anew(Anew {
            same: Some(same), ..
        }) = &mut self.way
            && piece.from == *same
        {
            *same += piece.length;
            return Ok(());
        }
        self.settle(alive)?;
        self.copy(piece, alive)
    }

    /// Copies what was put off.
    fn settle(&mut self, alive: &mut dyn FnMut()) -> io::Result<()> {
        match &mut self.way {
            Way::Anew(anew) => match anew.same.take() {
                Some(length) => self.copy(FromBasis { from: 0, length }, alive),
                None => Ok(()),
            },
            Way::InPlace(_) => Ok(()),
        }
    }

    fn copy(&mut self, piece: FromBasis, alive: &mut dyn FnMut()) -> io::Result<()> {
        let FromBasis {
            mut from,
            length: mut left,
        } = piece;
        while left > 0 {
            alive();
            let done = match self.copy_parts(from, left, alive)? {
                0 => self.copy_bytes(from, left, alive)?,
                done => done,
            };
            from += done;
            left -= done;
        }
        Ok(())
    }

    /// Adds whole parts that keep their place and whose hashes are known; how many bytes that were.
    fn copy_parts(&mut self, from: u64, left: u64, alive: &mut dyn FnMut()) -> io::Result<u64> {
        if from != self.at || !self.is_between_parts() {
            return Ok(0);
        }
        let parts = self.base.parts(from, left.min(PIECE));
        let length = (parts.len() * self.base.part.bytes()) as u64;
        if length == 0 {
            return Ok(0);
        }
        match &mut self.way {
            Way::Anew(anew) => {
                let from = (&self.base.file, from);
                anew.saving.copy(from, length, &parts, alive)?;
            }
            Way::InPlace(in_place) => {
                for part in parts {
                    in_place.hash.add_part(part);
                }
            }
        }
        self.at += length;
        Ok(length)
    }

    fn is_between_parts(&self) -> bool {
        match &self.way {
            Way::Anew(anew) => anew.saving.is_between_parts(),
            Way::InPlace(in_place) => in_place.hash.is_between_parts(),
        }
    }

    /// Adds bytes that have to be read, at most to the end of a part; how many.
    fn copy_bytes(&mut self, from: u64, left: u64, alive: &mut dyn FnMut()) -> io::Result<u64> {
        let size = self.base.part.bytes() as u64;
        let most = match from == self.at {
            true => size - from % size,
            false => MOVED as u64,
        };
        let length = left.min(most) as usize;
        let mut room = std::mem::take(&mut self.room);
        room.resize(BLOCK, 0);
        let bytes = &mut room[..length];
        let done = match read_at(&self.base.file, bytes, from) {
            Ok(filled) if filled == length => self.stay(bytes, alive),
            Ok(_) => Err(changed()),
            Err(error) => Err(error),
        };
        self.room = room;
        done.map(|()| length as u64)
    }

    /// Adds bytes of the basis.
    fn stay(&mut self, bytes: &[u8], alive: &mut dyn FnMut()) -> io::Result<()> {
        match &mut self.way {
            Way::Anew(_) => self.put(bytes, alive),
            Way::InPlace(in_place) => {
                in_place.hash.update(bytes, |_| ());
                self.at += bytes.len() as u64;
                Ok(())
            }
        }
    }

    /// What went wrong, with what became of the file.
    pub(super) fn failed(&self, reason: &str) -> String {
        match &self.way {
            Way::InPlace(InPlace { touched: true, .. }) => format!("{reason}; {NEITHER}"),
            Way::InPlace(_) | Way::Anew(_) => reason.to_owned(),
        }
    }

    /// Leaves it for another time. What its journal tells of a basis that changed meanwhile is worth nothing.
    pub(super) fn keep(self) {
        match self.way {
            Way::Anew(anew) if self.base.is_unchanged() => anew.saving.keep(),
            Way::Anew(anew) => anew.saving.discard(),
            Way::InPlace(_) => {}
        }
    }

    /// Gives it up, for this reason; gives that back with what became of the file.
    pub(super) fn discard(self, reason: &str) -> String {
        let reason = self.failed(reason);
        if let Way::Anew(anew) = self.way {
            anew.saving.discard();
        }
        reason
    }

    /// All of it came.
    pub(super) fn complete(
        mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> How {
        if self.is_as_it_was(entry) {
            return self.touch(entry, expected, alive);
        }
        let settled = self.settle(alive);
        if let Err(error) = settled {
            return How::Failed(self.discard(&error.to_string()));
        }
        if matches!(self.way, Way::Anew(_)) && !self.base.is_unchanged() {
            return How::Failed(self.discard(&changed().to_string()));
        }
        let ended = match self.way {
            Way::Anew(anew) => {
                let complete = anew.saving.complete(entry, expected, alive);
                complete.map(|complete| How::Complete(complete, expected))
            }
            Way::InPlace(in_place) => {
                let done = in_place.complete(entry, expected, alive);
                done.map(|()| How::Streamed(expected)).map_err(Into::into)
            }
        };
        ended.unwrap_or_else(|error| How::Failed(error.to_string()))
    }

    /// Whether it is the file that is there, to the last byte.
    fn is_as_it_was(&self, entry: &Entry) -> bool {
        let is_all = matches!(&self.way, Way::Anew(anew) if anew.same == entry.size());
        let is_there = || self.spot.folder.holds(&self.spot.name, &self.base.file);
        is_all && self.base.is_unchanged() && is_there().unwrap_or(false)
    }

    /// Only its time and permissions differ.
    fn touch(mut self, entry: &Entry, expected: [u8; 32], alive: &mut dyn FnMut()) -> How {
        let mut hash = FileHash::new();
        hash.by_parts(self.base.part);
        let file = self.base.file.try_clone();
        let touched = file.and_then(|file| {
            let way = Way::InPlace(InPlace {
                file,
                hash,
                writeback: Writeback::new(super::Sync::No),
                preserve: self.preserve,
                touched: false,
            });
            let anew = std::mem::replace(&mut self.way, way);
            if let Way::Anew(anew) = anew {
                anew.saving.discard();
            }
            let length = self.base.size;
            self.copy(FromBasis { from: 0, length }, alive)?;
            match self.way {
                Way::InPlace(in_place) => in_place.complete(entry, expected, alive),
                Way::Anew(_) => Ok(()),
            }
        });
        match touched {
            Ok(()) => How::Streamed(expected),
            Err(error) => How::Failed(error.to_string()),
        }
    }
}

impl InPlace {
    /// `None` where it may not be changed, or has other names: then a new one is made.
    fn open(
        spot: &Spot,
        base: &Base,
        care: Care,
        alive: &mut dyn FnMut(),
    ) -> Result<Option<Self>, FolderError> {
        let opened = care.patiently(alive, |_| spot.folder.change(&spot.name));
        let file = match opened {
            Ok(Some(file)) => file,
            Err(FolderError::Busy) => return Err(FolderError::Busy),
            Ok(None) | Err(_) => return Ok(None),
        };
        if !base.is_unchanged() || !spot.folder.holds(&spot.name, &base.file)? {
            return Ok(None);
        }
        // What an earlier transfer began is worth nothing once this one has changed the file.
        let _ = spot.tidy();
        let mut hash = FileHash::new();
        hash.by_parts(base.part);
        Ok(Some(Self {
            file,
            hash,
            writeback: Writeback::new(care.sync),
            preserve: care.preserve,
            touched: false,
        }))
    }

    fn write(&mut self, bytes: &[u8], at: u64, alive: &mut dyn FnMut()) -> io::Result<()> {
        self.touched = true;
        write_at(&self.file, bytes, at)?;
        self.hash.update(bytes, |_| ());
        self.writeback.wrote(&self.file, bytes.len(), alive)
    }

    fn hole(&mut self, length: u64, at: u64, alive: &mut dyn FnMut()) -> io::Result<()> {
        self.touched = true;
        folder::zero(&self.file, at, length)?;
        let mut left = length;
        while left > 0 {
            let now = left.min(BLOCK as u64);
            self.hash.update(&ZEROS[..now as usize], |_| ());
            left -= now;
            alive();
        }
        Ok(())
    }

    fn complete(
        mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        let touched = self.touched;
        let done = self.try_complete(entry, expected, alive);
        done.map_err(|error| match touched {
            true => io::Error::new(error.kind(), format!("{error}; {NEITHER}")),
            false => error,
        })
    }

    fn try_complete(
        &mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        if self.hash.clone().finish() != expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, ANOTHER_HASH));
        }
        if let Some(size) = entry.size()
            && self.file.metadata()?.len() != size
        {
            self.file.set_len(size)?;
            self.touched = true;
        }
        self.preserve.dress(&self.file, entry);
        match self.touched {
            true => self.writeback.finish(&self.file, alive),
            false => Ok(()),
        }
    }
}

fn changed() -> io::Error {
    io::Error::other("the file here that it is made from changed meanwhile")
}
