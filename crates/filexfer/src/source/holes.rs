//! Holes of files: zeros that are told, and neither read nor sent.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;

use proto::filexfer::native::blocks::{FileHash, zeros};
use proto::filexfer::native::message::Hole;
use runtime::tree::{Facts, next_hole};

use super::send::Source;
use crate::transfer::TransferError;

/// Shorter ones are sent as what they read as.
const LEAST: u64 = 64 * 1024;

/// So much of a hole is told at once: the other side has to hash it too.
const PIECE: u64 = 64 << 20;

/// Where the holes of a file are, as it is gone through.
pub(super) struct Holes {
    /// The next one; it is empty where the next has not been looked for, or at the end of the file.
    next: Range<u64>,
    size: u64,
}

impl Holes {
    /// They are looked for only where the disk has less room for the file than it has bytes.
    pub(super) fn of(facts: &Facts) -> Self {
        let size = facts.size;
        let end = match facts.may_have_holes() {
            true => 0,
            false => size,
        };
        let next = end..end;
        Self { next, size }
    }

    /// The next hole around or behind this place, at which the file is read; the empty end of the file where there is none.
    pub(super) fn next(&mut self, mut file: &File, at: u64) -> io::Result<Range<u64>> {
        if self.next.end <= at && at < self.size && self.next.start < self.size {
            let end = self.size..self.size;
            self.next = next_hole(file, at, self.size, LEAST)?.unwrap_or(end);
            file.seek(SeekFrom::Start(at))?;
        }
        Ok(self.next.clone())
    }
}

impl Source<'_> {
    /// Tells a hole of the file that is sent.
    pub(super) fn send_hole(
        &mut self,
        hole: Range<u64>,
        hash: &mut FileHash,
    ) -> Result<(), TransferError> {
        self.packer.finish(&mut self.outlet)?;
        let mut at = hole.start;
        while at < hole.end {
            let length = (hole.end - at).min(PIECE);
            self.outlet.say(&Hole { length })?;
            self.outlet.flush()?;
            self.hash_zeros(at..at + length, hash)?;
            self.reused(length)?;
            at += length;
        }
        self.packer.resume(&self.outlet);
        Ok(())
    }

    fn hash_zeros(&mut self, place: Range<u64>, hash: &mut FileHash) -> Result<(), TransferError> {
        for bytes in zeros(place) {
            hash.update(bytes, |_| ());
            self.take_answers()?;
            self.outlet.stay_alive()?;
        }
        Ok(())
    }
}
