//! What changed in a file of which the sink has something alike, its basis: parts that are the same are not sent.
//!
//! Part by part first, each compared with the part of the same place: what was changed in place, appended or cut off. Where
//! part after part differs something was moved: from there on the file is cut into chunks, which are found wherever they
//! are in the basis.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use proto::filexfer::native::blocks::{BLOCK, FileHash, PartSize, part_hash, to_border};
use proto::filexfer::native::chunks::ShortHash;
use proto::filexfer::native::known::Row;
use proto::filexfer::native::message::{Basis, Finish, FromBasis, SHORT_HASH};
use runtime::folder::read_at;
use runtime::tree::Facts;

use super::content::{Ended, ending, failed};
use super::holes::Holes;
use super::moved::Moved;
use super::send::Source;
use crate::transfer::TransferError;

/// So much is said at once to be alike, so that the sink works on it meanwhile.
const RUN: u64 = 16 << 20;

/// After so many parts in a row that differ it is asked whether something was moved.
const ODD: u32 = 16;

/// How far after them there is looked for parts that are the same, which tell that nothing was moved.
const SAMPLES: [u64; 5] = [1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20];

/// A file that is compared.
pub(super) struct Compared<'a> {
    file: &'a File,
    pub(super) size: u64,
    pub(super) basis: Basis,
    pub(super) part: PartSize,
    holes: Holes,
    hash: FileHash,
    /// How far it was hashed.
    hashed: u64,
    /// What is the same and was not said yet: where it is in the basis, and how much.
    pub(super) run: (u64, u64),
    /// How many parts in a row differ.
    odd: u32,
    /// Where it is looked next whether something was moved.
    look: u64,
    pub(super) moved: Moved,
}

/// Why a comparison ends.
pub(super) enum Stop {
    Lost(TransferError),
    /// The file cannot be read.
    Failed(io::Error),
    /// It has fewer bytes than it had.
    Short,
}

impl From<TransferError> for Stop {
    fn from(lost: TransferError) -> Self {
        Self::Lost(lost)
    }
}

/// How far the parts were compared.
enum Parts {
    All,
    /// From this byte on something was moved.
    Moved(u64),
}

impl Compared<'_> {
    pub(super) fn read(&self, room: &mut [u8], at: u64) -> Result<(), Stop> {
        match read_at(self.file, room, at) {
            Ok(filled) if filled == room.len() => Ok(()),
            Ok(_) => Err(Stop::Short),
            Err(error) => Err(Stop::Failed(error)),
        }
    }

    /// Adds a part to the hash of the file. The first is read as every byte: it may be all of it.
    fn add(&mut self, part: [u8; 32], bytes: &[u8]) {
        match self.hashed > 0 && bytes.len() == self.part.bytes() {
            true => drop(self.hash.add_part(part)),
            false => self.hash.update(bytes, |_| ()),
        }
        self.hashed += bytes.len() as u64;
    }

    /// Adds bytes from this one on, as far as they are new.
    pub(super) fn add_bytes(&mut self, at: u64, bytes: &[u8]) {
        let known = (self.hashed - at).min(bytes.len() as u64);
        let rest = &bytes[known as usize..];
        self.hash.update(rest, |_| ());
        self.hashed += rest.len() as u64;
    }
}

pub(super) fn short(hash: &[u8; 32]) -> &[u8] {
    &hash[..SHORT_HASH]
}

impl Source<'_> {
    /// Sends what differs of a file, and where the rest is in its basis.
    pub(super) fn send_changed(
        &mut self,
        mut file: File,
        facts: &Facts,
        from: u64,
        mut hash: FileHash,
    ) -> Result<Ended, TransferError> {
        let known = self.outbox.known();
        let Some((basis, part)) = known.map(|known| (known.basis(), known.part())) else {
            return Ok((from, Finish::Changed)); // a file with a basis has one
        };
        hash.by_parts(part);
        let mut compared = Compared {
            file: &file,
            size: facts.size,
            basis,
            part,
            holes: Holes::of(facts),
            hash,
            hashed: from,
            run: (0, 0),
            odd: 0,
            look: from,
            moved: Moved::default(),
        };
        self.packer.begin(facts.size - from);
        let sent = self.compare(&mut compared, from);
        let (hash, hashed) = (compared.hash, compared.hashed);
        match sent {
            Ok(()) => match file.seek(SeekFrom::Start(facts.size)) {
                Ok(_) => Ok((facts.size, ending(&mut file, facts, hash))),
                Err(error) => Ok((hashed, failed(&error))),
            },
            Err(Stop::Short) => Ok((hashed, Finish::Changed)),
            Err(Stop::Failed(error)) => Ok((hashed, failed(&error))),
            Err(Stop::Lost(error)) => Err(error),
        }
    }

    fn compare(&mut self, compared: &mut Compared<'_>, from: u64) -> Result<(), Stop> {
        let mut room = vec![0; BLOCK];
        let mut at = from;
        while at < compared.size {
            if let Some(end) = self.pass_hole(compared, at)? {
                at = end;
                continue;
            }
            let block = &mut room[..to_border(at, compared.size)];
            compared.read(block, at)?;
            if let Parts::Moved(at) = self.compare_block(compared, block, at)? {
                self.send_moved(compared, at)?;
                break;
            }
            at += block.len() as u64;
        }
        self.say_run(compared)?;
        Ok(())
    }

    /// Tells the blocks of a hole that begin here, so that they take no room at the sink either: where they end.
    fn pass_hole(&mut self, compared: &mut Compared<'_>, at: u64) -> Result<Option<u64>, Stop> {
        let hole = compared.holes.next(compared.file, at);
        let hole = hole.map_err(Stop::Failed)?;
        let end = match hole.end == compared.size {
            true => hole.end,
            false => hole.end / BLOCK as u64 * BLOCK as u64,
        };
        if hole.start > at || end <= at {
            return Ok(None);
        }
        self.say_run(compared)?;
        self.send_hole(at..end, &mut compared.hash)?;
        compared.hashed = end;
        compared.odd = 0;
        Ok(Some(end))
    }

    /// Compares a block, part by part, and says what came of it.
    fn compare_block(
        &mut self,
        compared: &mut Compared<'_>,
        block: &[u8],
        start: u64,
    ) -> Result<Parts, Stop> {
        let size = compared.part.bytes();
        // What differs before the next part and was not sent yet; where in this block what differs began.
        let (mut differs, mut odd) = (0..0, None);
        for offset in (0..block.len()).step_by(size) {
            let bytes = &block[offset..block.len().min(offset + size)];
            let at = start + offset as u64;
            let row = self.row(compared, at)?;
            let hash = part_hash(at, bytes);
            compared.add(hash, bytes);
            let end = at + bytes.len() as u64;
            let is_same = row.is_some_and(|row| row == short(&hash)) && end <= compared.basis.size;
            if is_same {
                self.send_range(compared, block, &mut differs)?;
                self.same(compared, at, bytes.len() as u64)?;
                compared.odd = 0;
                odd = None;
                continue;
            }
            if differs.is_empty() {
                differs.start = offset;
            }
            differs.end = offset + bytes.len();
            compared.odd = match row {
                Some(_) => compared.odd + 1,
                None => 0,
            };
            if row.is_none() {
                odd = None;
            }
            let since = *odd.get_or_insert(offset);
            let moved = start + since as u64;
            if compared.odd >= ODD && self.is_moved(compared, moved)? {
                differs.end = since;
                self.send_range(compared, block, &mut differs)?;
                return Ok(Parts::Moved(moved));
            }
        }
        self.send_range(compared, block, &mut differs)?;
        Ok(Parts::All)
    }

    /// The sink's hash of the part that begins here, waited for where it is to come.
    pub(super) fn row(
        &mut self,
        compared: &mut Compared<'_>,
        at: u64,
    ) -> Result<Option<ShortHash>, Stop> {
        loop {
            match self.outbox.known().map(|known| known.row(at)) {
                Some(Row::Is(hash)) => return Ok(Some(*hash)),
                Some(Row::Awaited) => {}
                Some(Row::None) | None => return Ok(None),
            }
            self.wait_for_rows(compared)?;
        }
    }

    /// Waits for more of the basis, unless some of it came while what is the same was said.
    pub(super) fn wait_for_rows(&mut self, compared: &mut Compared<'_>) -> Result<(), Stop> {
        match compared.run.1 {
            0 => {
                self.packer.finish(&mut self.outlet)?;
                self.wait()?;
            }
            _ => self.say_run(compared)?,
        }
        Ok(())
    }

    /// Whether something was moved, since what follows differs too.
    fn is_moved(&mut self, compared: &mut Compared<'_>, at: u64) -> Result<bool, Stop> {
        if !compared.basis.moves || at < compared.look {
            return Ok(false);
        }
        let size = compared.part.bytes();
        let mut room = vec![0; size];
        for ahead in SAMPLES {
            let place = (at + ahead) / size as u64 * size as u64;
            if place + size as u64 > compared.size.min(compared.basis.size) {
                break;
            }
            let Some(row) = self.row(compared, place)? else {
                break;
            };
            compared.read(&mut room, place)?;
            if row == short(&part_hash(place, &room)) {
                compared.look = place;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// So many bytes are in the basis, at this place there.
    pub(super) fn same(
        &mut self,
        compared: &mut Compared<'_>,
        at: u64,
        length: u64,
    ) -> Result<(), Stop> {
        let (from, known) = compared.run;
        match known > 0 && from + known == at {
            true => compared.run.1 += length,
            false => {
                self.say_run(compared)?;
                compared.run = (at, length);
            }
        }
        if compared.run.1 >= RUN {
            self.say_run(compared)?;
            self.outlet.flush()?;
        }
        Ok(())
    }

    /// Says what is the same and was not said yet.
    pub(super) fn say_run(&mut self, compared: &mut Compared<'_>) -> Result<(), TransferError> {
        self.packer.finish(&mut self.outlet)?;
        let (from, length) = std::mem::take(&mut compared.run);
        if length == 0 {
            return Ok(());
        }
        self.outlet.say(&FromBasis { from, length })?;
        self.reused(length)
    }

    /// Sends a range of these bytes, which is empty then.
    pub(super) fn send_range(
        &mut self,
        compared: &mut Compared<'_>,
        bytes: &[u8],
        range: &mut std::ops::Range<usize>,
    ) -> Result<(), TransferError> {
        let range = std::mem::take(range);
        if range.is_empty() {
            return Ok(());
        }
        if compared.run.1 > 0 {
            self.say_run(compared)?;
        }
        let mut rest = &bytes[range];
        while !rest.is_empty() {
            let left = rest.len();
            let mut read = |room: &mut [u8]| rest.read(room);
            let sent = self.packer.send(&mut self.outlet, left, &mut read)?;
            self.moved(sent.unwrap_or(0))?;
        }
        Ok(())
    }
}
