//! Values in numbered places, which are used again.

use std::ops::{Index, IndexMut};

/// Values, each in a place of its own. Those that were taken out are left as they were: nobody asks for them.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<T>,
    free: Vec<u32>,
    /// Which places are free, a bit for each, so that all that are not can be gone through.
    taken: Vec<u64>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        let (slots, free, taken) = (Vec::new(), Vec::new(), Vec::new());
        Self { slots, free, taken }
    }
}

impl<T> Slots<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Puts a value somewhere.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = value;
                at
            }
            None => {
                self.slots.push(value);
                (self.slots.len() - 1) as u32
            }
        };
        let word = at as usize / 64;
        if word == self.taken.len() {
            self.taken.push(0);
        }
        self.taken[word] |= 1 << (at % 64);
        at
    }

    /// Takes a value out that is there. When the last one goes, so does all memory.
    pub(super) fn remove(&mut self, at: u32) {
        self.taken[at as usize / 64] &= !(1 << (at % 64));
        self.free.push(at);
        if self.len() == 0 {
            *self = Self::default();
        }
    }

    /// All that are there.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let slots = self.slots.iter().enumerate();
        let is_taken = |at: usize| self.taken[at / 64] >> (at % 64) & 1 == 1;
        slots.filter_map(move |(at, slot)| is_taken(at).then_some(slot))
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        &self.slots[at as usize]
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.slots[at as usize]
    }
}
