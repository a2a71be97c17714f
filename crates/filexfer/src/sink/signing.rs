//! Telling the source what is in the files that are here, piece by piece, while nothing else comes.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use proto::filexfer::native::blocks::{BLOCK, part_hash};
use proto::filexfer::native::chunks::{Cutting, Rest, chunk_hash, encode_row};
use proto::filexfer::native::message::{
    AskChunks, Chunks, MAX_BASIS_ROWS, MAX_OPEN_ROWS, Parts, SHORT_HASH,
};
use runtime::folder::read_at;

use super::bases::Base;
use crate::session::Sending;
use crate::transfer::TransferError;

/// The most rows of parts that are open: the chunks of one basis have to find room beside them.
const MOST_PARTS: u64 = MAX_OPEN_ROWS - MAX_BASIS_ROWS;

/// What was read goes out after so many bytes, since each time both sides wake up, or after so long. What is read first goes
/// out at once.
const GATHERED: u64 = 16 << 20;
const LONG: Duration = Duration::from_millis(100);
const FIRST: u64 = 4 << 20;

/// What is still to be told.
#[derive(Default)]
pub(super) struct Signing {
    jobs: VecDeque<Job>,
    /// Room for the rows of parts that were told or are to be, of files that are not finished.
    rows: u64,
    room: Vec<u8>,
    frame: Vec<u8>,
    /// When something went out last.
    sent: Option<Instant>,
}

struct Job {
    base: Rc<Base>,
    /// What is read next, and where the rows end.
    at: u64,
    end: u64,
    list: List,
}

enum List {
    Parts(Begun),
    Chunks(Cut),
}

/// Whether there was room for the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

/// Bytes that are to be cut.
struct Cut {
    cutting: Cutting,
    /// Room for the longest chunk and what is read at once, and how much of it is filled.
    held: Vec<u8>,
    filled: usize,
    rows: u64,
}

impl Job {
    fn rows(&self) -> u64 {
        self.end
            .saturating_sub(self.at)
            .div_ceil(self.base.part.bytes() as u64)
    }
}

impl Signing {
    /// Whether the source waits for something.
    pub(super) fn has_work(&self) -> bool {
        self.jobs.front().is_some_and(|job| match job.list {
            List::Parts(Begun::No) => self.rows + job.rows() <= MOST_PARTS,
            List::Parts(Begun::Yes) | List::Chunks(_) => true,
        })
    }

    /// The parts of a basis are to be told, from this byte on.
    pub(super) fn parts(&mut self, base: &Rc<Base>, from: u64) {
        let most = MAX_BASIS_ROWS * base.part.bytes() as u64;
        base.begin(from);
        self.jobs.push_back(Job {
            base: Rc::clone(base),
            at: from,
            end: base.size.min(from.saturating_add(most)),
            list: List::Parts(Begun::No),
        });
    }

    /// The source waits for chunks of the basis of the file that it sends: its parts come after them.
    pub(super) fn chunks(&mut self, base: &Rc<Base>, ask: AskChunks) {
        let cutting = Cutting::of(base.size);
        self.jobs.push_front(Job {
            base: Rc::clone(base),
            at: ask.from,
            end: ask.from.saturating_add(ask.length),
            list: List::Chunks(Cut {
                cutting,
                held: vec![0; cutting.most() + BLOCK],
                filled: 0,
                rows: 0,
            }),
        });
    }

    /// The file is finished: what is not told of its basis need not be.
    pub(super) fn end(
        &mut self,
        base: &Rc<Base>,
        sending: &mut Sending,
    ) -> Result<(), TransferError> {
        self.stop(base, sending)?;
        self.rows -= base.held();
        Ok(())
    }

    fn stop(&mut self, base: &Rc<Base>, sending: &mut Sending) -> Result<(), TransferError> {
        let is_its = |job: &Job| Rc::ptr_eq(&job.base, base);
        let is_last = true;
        while let Some(place) = self.jobs.iter().position(is_its) {
            match self.jobs.remove(place).map(|job| job.list) {
                Some(List::Parts(_)) => sending.say(&Parts { is_last })?,
                Some(List::Chunks(_)) => sending.say(&Chunks { is_last })?,
                None => {}
            }
        }
        Ok(())
    }

    /// Reads, hashes and tells one more piece.
    pub(super) fn step(&mut self, sending: &mut Sending) -> Result<(), TransferError> {
        let Some(job) = self.jobs.front_mut() else {
            return Ok(());
        };
        self.frame.clear();
        if job.list.begin() {
            let rows = job.rows();
            self.rows += rows;
            job.base.hold(rows);
        }
        let wanted = job.end.saturating_sub(job.at).min(BLOCK as u64) as usize;
        let start = job.at;
        let room = match &mut job.list {
            List::Parts(_) => {
                self.room.resize(BLOCK, 0);
                &mut self.room[..wanted]
            }
            List::Chunks(cut) => &mut cut.held[cut.filled..cut.filled + wanted],
        };
        // What cannot be read is not told: the source sends it.
        let filled = read_at(&job.base.file, room, start).unwrap_or(0);
        job.at += filled as u64;
        let mut is_last = job.at >= job.end || filled < wanted;
        match &mut job.list {
            List::Parts(_) => {
                parts(&job.base, start, &self.room[..filled], &mut self.frame);
                sending.say_with(&Parts { is_last }, &self.frame)?;
            }
            List::Chunks(cut) => {
                is_last |= cut.add(filled, is_last, &mut self.frame);
                sending.say_with(&Chunks { is_last }, &self.frame)?;
            }
        }
        let is_late = self.sent.is_none_or(|sent| sent.elapsed() >= LONG);
        if is_last || is_late || start < FIRST || job.at.is_multiple_of(GATHERED) {
            sending.flush()?;
            self.sent = Some(Instant::now());
        }
        if is_last {
            self.jobs.pop_front();
        }
        Ok(())
    }
}

impl List {
    /// Whether this is where it begins.
    fn begin(&mut self) -> bool {
        match self {
            Self::Parts(begun) => std::mem::replace(begun, Begun::Yes) == Begun::No,
            Self::Chunks(_) => false,
        }
    }
}

fn parts(base: &Base, start: u64, bytes: &[u8], frame: &mut Vec<u8>) {
    let size = base.part.bytes();
    for (at, part) in (start..).step_by(size).zip(bytes.chunks(size)) {
        let hash = part_hash(at, part);
        frame.extend_from_slice(&hash[..SHORT_HASH]);
        if part.len() == size {
            base.learn(hash);
        }
    }
}

impl Cut {
    /// So many bytes more are held: the rows of the chunks that they complete, and whether there are as many now as there
    /// may be.
    fn add(&mut self, bytes: usize, is_end: bool, frame: &mut Vec<u8>) -> bool {
        self.filled += bytes;
        let rest = match is_end {
            true => Rest::Nothing,
            false => Rest::More,
        };
        let held = &self.held[..self.filled];
        let mut begin = 0;
        while self.rows < MAX_BASIS_ROWS
            && let Some(length) = self.cutting.next(&held[begin..], rest)
        {
            let chunk = &held[begin..begin + length];
            encode_row(length as u32, &chunk_hash(chunk), frame);
            self.rows += 1;
            begin += length;
        }
        self.held.copy_within(begin..self.filled, 0);
        self.filled -= begin;
        self.rows >= MAX_BASIS_ROWS
    }
}
