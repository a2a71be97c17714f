//! The last number that was heard of each sender: what is not greater was heard before.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::relay::native::MessageId;
use crate::relay::native::frames::Origin;

/// The most senders that are remembered.
const SENDERS: usize = 4096;

/// The last number of each sender; who was heard longest ago is forgotten first.
#[derive(Debug)]
pub(super) struct LastIds {
    /// Who was heard last; the table may not know of it yet.
    latest: Option<(Origin, MessageId)>,
    table: HashTable<Last>,
    hasher: FixedState,
    turn: u64,
}

#[derive(Debug)]
struct Last {
    sender: Origin,
    id: MessageId,
    turn: u64,
}

impl LastIds {
    /// `seed` is one that senders cannot guess.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            latest: None,
            table: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            turn: 0,
        }
    }

    /// Whether nothing was heard of this sender that has this number or a greater one. Classic senders' messages have
    /// the number 0 and are always new.
    #[inline]
    pub(super) fn is_new(&self, sender: Origin, id: MessageId) -> bool {
        match self.latest {
            _ if id == MessageId(0) => true,
            Some((latest, last)) if latest == sender => id > last,
            _ => self.find(sender).is_none_or(|last| id > last),
        }
    }

    /// A message with this number was heard.
    #[inline]
    pub(super) fn heard(&mut self, sender: Origin, id: MessageId) {
        match &mut self.latest {
            _ if id == MessageId(0) => {}
            Some((latest, last)) if *latest == sender => *last = id,
            _ => self.turn_to(sender, id),
        }
    }

    fn find(&self, sender: Origin) -> Option<MessageId> {
        let hash = self.hasher.hash_one(sender);
        let last = self.table.find(hash, |last| last.sender == sender);
        last.map(|last| last.id)
    }

    fn turn_to(&mut self, sender: Origin, id: MessageId) {
        if let Some((before, id)) = self.latest.replace((sender, id)) {
            self.keep(before, id);
        }
    }

    fn keep(&mut self, sender: Origin, id: MessageId) {
        self.turn += 1;
        let (turn, hash) = (self.turn, self.hasher.hash_one(sender));
        match self.table.find_mut(hash, |last| last.sender == sender) {
            Some(last) => (last.id, last.turn) = (id, turn),
            None => self.insert(hash, Last { sender, id, turn }),
        }
    }

    fn insert(&mut self, hash: u64, last: Last) {
        if self.table.len() >= SENDERS {
            self.forget_oldest();
        }
        let hasher = &self.hasher;
        self.table
            .insert_unique(hash, last, |last| hasher.hash_one(last.sender));
    }

    fn forget_oldest(&mut self) {
        let oldest = self.table.iter().map(|last| last.turn).min();
        self.table.retain(|last| Some(last.turn) != oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: u16) -> Origin {
        Origin::Address(([127, 0, 0, 1], number).into())
    }

    #[test]
    fn what_is_not_greater_was_heard() {
        let mut last = LastIds::new(1);
        assert!(last.is_new(sender(1), MessageId(5)));
        last.heard(sender(1), MessageId(5));
        assert!(!last.is_new(sender(1), MessageId(4)));
        assert!(!last.is_new(sender(1), MessageId(5)));
        assert!(last.is_new(sender(1), MessageId(6)));
        assert!(last.is_new(sender(2), MessageId(5)));
        last.heard(sender(3), MessageId(0));
        assert!(last.is_new(sender(3), MessageId(0)), "a classic sender's");
    }

    #[test]
    fn who_was_heard_longest_ago_is_forgotten() {
        let mut last = LastIds::new(1);
        for number in 0..SENDERS as u16 {
            last.heard(sender(number), MessageId(5));
        }
        last.heard(sender(0), MessageId(6));
        for number in [SENDERS as u16, SENDERS as u16 + 1] {
            last.heard(sender(number), MessageId(5));
        }
        assert_eq!(last.table.len(), SENDERS);
        assert!(!last.is_new(sender(0), MessageId(6)));
        assert!(last.is_new(sender(1), MessageId(5)));
    }
}
