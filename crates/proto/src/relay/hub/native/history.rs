//! What was said in a room, for those who come later.

use std::collections::VecDeque;

/// The last messages of a room, as the frames that they were delivered in.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    place: u64,
    frames: Box<[u8]>,
}

impl History {
    /// The most bytes that a room keeps.
    pub(super) const MAX: usize = 64 * 1024;

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a message, and forgets the first ones beyond `messages` or `bytes`.
    pub(super) fn keep(&mut self, place: u64, frames: &[u8], messages: usize, bytes: usize) {
        let before = self.kept.iter().rev().take_while(|kept| kept.place > place);
        let at = self.kept.len() - before.count();
        self.bytes += frames.len();
        let frames = frames.into();
        self.kept.insert(at, Kept { place, frames });
        while self.kept.len() > messages || self.bytes > bytes {
            match self.kept.pop_front() {
                Some(kept) => self.bytes -= kept.frames.len(),
                None => break,
            }
        }
    }

    /// What is kept and was said after this place, in order.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let kept = self.kept.iter().filter(move |kept| kept.place > place);
        kept.map(|kept| (kept.place, &*kept.frames))
    }
}
