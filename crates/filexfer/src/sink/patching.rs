//! A file that is made of one that is here, as far as that is the same: a new one that takes its name when it is complete, or
//! the old one, changed where it is.

use std::io;
use std::rc::Rc;

use proto::filexfer::native::blocks::BLOCK;
use proto::filexfer::native::message::{Basis, Entry, FromBasis, Take};
use runtime::folder::{FolderError, read_at};

use super::bases::{Base, Lies};
use super::in_place::{InPlace, NEITHER};
use super::journal::Boot;
use super::saving::{Care, Saving, Spot};
use super::settle::How;
use super::{Preserve, Update};

/// The most bytes that are copied in one go.
const PIECE: u64 = 8 << 20;

/// The most bytes that are read at once where they move: they are written and hashed while they are near.
const MOVED: usize = 256 << 10;

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
            Way::InPlace(_) => Take::default(),
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
        let file = self.base.file.try_clone();
        let touched = file.and_then(|file| {
            let way = Way::InPlace(InPlace::same(file, &self.base, self.preserve));
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

fn changed() -> io::Error {
    io::Error::other("the file here that it is made from changed meanwhile")
}
