//! Clients whose messages are counted: what each said, what it was answered, and who heard it how often.

mod play;
mod program;
mod tally;

pub(super) use play::{Habit, Play};
pub(super) use program::{Place, Program};
pub(super) use tally::{Count, Tally};

use std::ops::Range;

/// Numbers that look random (splitmix64), always the same ones.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// One of these.
    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.within(0..all.len() as u64) as usize]
    }

    /// A length of a message: most are short, some come in parts, few are long.
    pub(super) fn length(&mut self) -> usize {
        let length = match self.within(0..100) {
            0 => self.within(20_000..100_000),
            1..10 => self.within(1000..5000),
            _ => self.within(20..200),
        };
        length as usize
    }
}

/// How many rounds a story has: what this variable of the environment says, or those that are enough for every day.
pub(super) fn rounds(variable: &str, usual: usize) -> usize {
    let said = std::env::var(variable).ok();
    said.map_or(usual, |said| said.parse().expect("a number of rounds"))
}
