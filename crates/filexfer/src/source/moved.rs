//! Bytes of a file that are elsewhere in its basis: found by chunks, then followed part by part.

use std::ops::Range;

use proto::filexfer::native::blocks::{BLOCK, part_hash, to_border};
use proto::filexfer::native::chunks::{Cutting, Rest, chunk_hash};
use proto::filexfer::native::message::AskChunks;

use super::delta::{Compared, Stop, short};
use super::send::Source;
use crate::transfer::TransferError;

/// So much of the basis is asked for around the place where a chunk may be: what was moved is mostly near.
const NEAR: u64 = 32 << 20;

/// How much of that is before the place.
const BEFORE: u64 = 8 << 20;

/// After so many bytes in a row that are not found all of the basis is asked for.
const MISSED: u64 = 1 << 20;

/// What is known of bytes that were moved.
#[derive(Default)]
pub(super) struct Moved {
    /// How many bytes in a row were not found.
    missed: u64,
    /// How far the sink was asked, from its first question on, and for how many bytes.
    asked: Range<u64>,
    total: u64,
}

impl Source<'_> {
    /// Sends what follows from this byte on, wherever it is in the basis: a chunk that is found there tells how far bytes
    /// were moved, and those that follow are compared with the parts that follow there.
    pub(super) fn send_moved(
        &mut self,
        compared: &mut Compared<'_>,
        from: u64,
    ) -> Result<(), Stop> {
        let cutting = Cutting::of(compared.basis.size);
        let mut window = Window::new(from, cutting.most());
        self.ask_near(compared, from)?;
        while let Some(length) = self.cut(compared, &mut window, cutting)? {
            let bytes = &window.rest()[..length];
            let found = self.find(compared, window.at(), bytes)?;
            if let Some(place) = found {
                self.send_missed(compared, &mut window)?;
                self.same(compared, place, length as u64)?;
                window.pass(length);
                self.step(compared, &mut window, place + length as u64)?;
            } else {
                window.miss(length);
                if window.missed.len() >= BLOCK {
                    self.send_missed(compared, &mut window)?;
                }
            }
        }
        Ok(self.send_missed(compared, &mut window)?)
    }

    /// How long the next chunk is; `None` at the end of the file.
    fn cut(
        &mut self,
        compared: &mut Compared<'_>,
        window: &mut Window,
        cutting: Cutting,
    ) -> Result<Option<usize>, Stop> {
        self.fill(compared, window, cutting.most())?;
        Ok(cutting.next(window.rest(), window.more(compared.size)))
    }

    /// Reads more where less than so many bytes are there.
    fn fill(
        &mut self,
        compared: &mut Compared<'_>,
        window: &mut Window,
        least: usize,
    ) -> Result<(), Stop> {
        if window.lacks(least, compared.size) {
            self.send_missed(compared, window)?;
            window.fill(compared)?;
        }
        Ok(())
    }

    fn send_missed(
        &mut self,
        compared: &mut Compared<'_>,
        window: &mut Window,
    ) -> Result<(), TransferError> {
        self.send_range(compared, &window.room, &mut window.missed)
    }

    /// Compares part by part with what follows in the basis from this place on, as long as it is the same. What is before
    /// the next part there is sent.
    fn step(
        &mut self,
        compared: &mut Compared<'_>,
        window: &mut Window,
        mut place: u64,
    ) -> Result<(), Stop> {
        let size = compared.part.bytes();
        let gap = place.next_multiple_of(size as u64) - place;
        self.fill(compared, window, size + gap as usize)?;
        if (window.rest().len() as u64) <= gap {
            return Ok(());
        }
        window.miss(gap as usize);
        place += gap;
        loop {
            self.fill(compared, window, size)?;
            let left = compared.basis.size.saturating_sub(place);
            let length = left.min(size as u64) as usize;
            let bytes = match window.rest().get(..length) {
                Some(bytes) if length > 0 => bytes,
                _ => return Ok(()),
            };
            let row = self.row(compared, place)?;
            if row.is_none_or(|row| row != short(&part_hash(place, bytes))) {
                return self.ask_near(compared, place);
            }
            self.send_missed(compared, window)?;
            self.same(compared, place, length as u64)?;
            window.pass(length);
            place += length as u64;
        }
    }

    /// Where a chunk is in the basis, as far as it was asked for. After many that are not found it is asked for all of it.
    fn find(
        &mut self,
        compared: &mut Compared<'_>,
        at: u64,
        bytes: &[u8],
    ) -> Result<Option<u64>, Stop> {
        let (hash, length) = (chunk_hash(bytes), bytes.len() as u64);
        loop {
            let Some(known) = self.outbox.known() else {
                return Ok(None);
            };
            if let Some(found) = known.chunks().find(&hash, bytes.len()) {
                compared.moved.missed = 0;
                return Ok(Some(found));
            }
            if !known.awaits_chunks() {
                compared.moved.missed += length;
                if compared.moved.missed >= MISSED {
                    self.ask_all(compared)?;
                } else {
                    self.ask_near(compared, at)?;
                }
                return Ok(None);
            }
            self.wait_for_rows(compared)?;
        }
    }

    /// Asks for what is around a place in the basis, as far as it was not asked for.
    fn ask_near(&mut self, compared: &mut Compared<'_>, place: u64) -> Result<(), Stop> {
        let size = compared.basis.size;
        let asked = &compared.moved.asked;
        let from = match asked.contains(&place) {
            _ if asked.is_empty() => place.saturating_sub(BEFORE),
            true if asked.end - place < BEFORE => asked.end,
            true => return Ok(()),
            false => place,
        };
        let end = from.saturating_add(NEAR).min(size);
        if from < end && compared.moved.total + (end - from) <= size {
            self.ask(compared, from..end)?;
        }
        Ok(())
    }

    /// Asks for all of the basis, once.
    fn ask_all(&mut self, compared: &mut Compared<'_>) -> Result<(), Stop> {
        let all = 0..compared.basis.size;
        match compared.moved.asked == all {
            true => Ok(()),
            false => self.ask(compared, all),
        }
    }

    fn ask(&mut self, compared: &mut Compared<'_>, stretch: Range<u64>) -> Result<(), Stop> {
        if !self.outbox.ask_chunks(stretch.start) {
            return Ok(());
        }
        let (from, length) = (stretch.start, stretch.end - stretch.start);
        compared.moved.total += length;
        compared.moved.asked = match compared.moved.asked.end == from && from > 0 {
            true => compared.moved.asked.start..stretch.end,
            false => stretch,
        };
        self.say_run(compared)?;
        self.outlet.say(&AskChunks { from, length })?;
        Ok(self.outlet.flush()?)
    }
}

/// What was read of a file and is to be cut.
struct Window {
    room: Vec<u8>,
    /// Where in it the next chunk begins.
    begin: usize,
    /// What is before that and was not found, nor sent yet.
    missed: Range<usize>,
    /// Where the room ends in the file.
    end: u64,
}

impl Window {
    fn new(from: u64, most: usize) -> Self {
        Self {
            room: Vec::with_capacity(most + 2 * BLOCK),
            begin: 0,
            missed: 0..0,
            end: from,
        }
    }

    /// So many bytes are in the basis.
    fn pass(&mut self, length: usize) {
        self.begin += length;
    }

    /// So many bytes are not.
    fn miss(&mut self, length: usize) {
        if self.missed.is_empty() {
            self.missed.start = self.begin;
        }
        self.begin += length;
        self.missed.end = self.begin;
    }

    fn rest(&self) -> &[u8] {
        &self.room[self.begin..]
    }

    /// Where the next chunk begins in the file.
    fn at(&self) -> u64 {
        self.end - self.rest().len() as u64
    }

    fn more(&self, size: u64) -> Rest {
        match self.end < size {
            true => Rest::More,
            false => Rest::Nothing,
        }
    }

    fn lacks(&self, most: usize, size: u64) -> bool {
        self.rest().len() < most && self.end < size
    }

    /// Drops what was cut, and reads as much as fits.
    fn fill(&mut self, compared: &mut Compared<'_>) -> Result<(), Stop> {
        self.room.drain(..self.begin);
        self.begin = 0;
        while self.room.capacity() - self.room.len() >= BLOCK && self.end < compared.size {
            let filled = self.room.len();
            let length = to_border(self.end, compared.size);
            self.room.resize(filled + length, 0);
            let read = &mut self.room[filled..];
            compared.read(read, self.end)?;
            compared.add_bytes(self.end, read);
            self.end += length as u64;
        }
        Ok(())
    }
}
