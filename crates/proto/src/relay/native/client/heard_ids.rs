//! Which messages of each sender were heard, so that none is heard twice, whichever way it comes again.
//!
//! Order may change where a relay is lost: what it had not passed on yet comes later, from another one or out of its
//! mail. So each sender's numbers are remembered as runs, not only the last of them.

mod runs;

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::relay::native::MessageId;
use crate::relay::native::frames::Origin;
use runs::Runs;

/// The most senders that are remembered.
const SENDERS: usize = 4096;

/// How many runs all senders have together, before whoever says something more has no more than [`SHARE`] of them.
const ALL_RUNS: usize = 8 * runs::RUNS;

const SHARE: usize = 255;

/// What was heard of each sender; who was heard longest ago is forgotten first.
#[derive(Debug)]
pub(super) struct HeardIds {
    /// The place of who was looked for last, and found.
    latest: usize,
    senders: Vec<Sender>,
    /// Places of `senders`.
    table: HashTable<usize>,
    hasher: FixedState,
    turn: u64,
    /// How many runs there are below the highest one of each.
    runs: usize,
}

#[derive(Debug)]
struct Sender {
    who: Origin,
    runs: Runs,
    /// When it was heard last, counted in changes of who is heard.
    turn: u64,
}

impl HeardIds {
    /// `seed` is one that senders cannot guess.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            latest: 0,
            senders: Vec::new(),
            table: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            turn: 0,
            runs: 0,
        }
    }

    /// Whether this message was not heard. What is older than all that is remembered of its sender counts as heard;
    /// classic senders' messages have the number 0 and are always new.
    #[inline]
    pub(super) fn is_new(&mut self, who: Origin, id: MessageId) -> bool {
        id == MessageId(0) || self.find(who).is_none_or(|runs| runs.is_new(id.0))
    }

    /// This message was heard.
    #[inline]
    pub(super) fn heard(&mut self, who: Origin, id: MessageId) {
        if id == MessageId(0) {
            return;
        }
        let before = self.runs;
        let Some(runs) = self.find(who) else {
            return self.meet(who, id);
        };
        let others = before - runs.below();
        runs.note(id.0);
        if others + runs.below() > ALL_RUNS {
            runs.keep(SHARE);
        }
        self.runs = others + runs.below();
    }

    #[inline]
    fn find(&mut self, who: Origin) -> Option<&mut Runs> {
        let is_latest = self
            .senders
            .get(self.latest)
            .is_some_and(|sender| sender.who == who);
        if !is_latest {
            self.turn_to(who)?;
        }
        self.senders
            .get_mut(self.latest)
            .map(|sender| &mut sender.runs)
    }

    /// `None` for somebody who was not heard yet.
    fn turn_to(&mut self, who: Origin) -> Option<()> {
        let (hash, senders) = (self.hasher.hash_one(who), &self.senders);
        let is_it = |place: &usize| senders[*place].who == who;
        self.latest = *self.table.find(hash, is_it)?;
        self.turn += 1;
        self.senders[self.latest].turn = self.turn;
        Some(())
    }

    fn meet(&mut self, who: Origin, id: MessageId) {
        self.turn += 1;
        let sender = Sender {
            who,
            runs: Runs::of(id.0),
            turn: self.turn,
        };
        self.latest = match self.senders.len() {
            SENDERS => self.forget_oldest(),
            free => free,
        };
        match self.senders.get_mut(self.latest) {
            Some(place) => *place = sender,
            None => self.senders.push(sender),
        }
        let (hasher, senders) = (&self.hasher, &self.senders);
        self.table
            .insert_unique(hasher.hash_one(who), self.latest, |place| {
                hasher.hash_one(senders[*place].who)
            });
    }

    /// The place that is free now.
    fn forget_oldest(&mut self) -> usize {
        let turns = self.senders.iter().map(|sender| sender.turn).enumerate();
        let oldest = turns.min_by_key(|(_, turn)| *turn);
        let oldest = oldest.map_or(0, |(place, _)| place);
        self.runs -= self.senders[oldest].runs.below();
        let hash = self.hasher.hash_one(self.senders[oldest].who);
        if let Ok(entry) = self.table.find_entry(hash, |place| *place == oldest) {
            entry.remove();
        }
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: u16) -> Origin {
        Origin::Address(([127, 0, 0, 1], number).into())
    }

    #[test]
    fn each_message_of_a_sender_is_new_once() {
        let mut heard = HeardIds::new(1);
        for (number, id, is_new) in [
            (1, 5, true),
            (1, 5, false),
            (1, 8, true),
            (1, 6, true),
            (1, 6, false),
            (2, 5, true),
            (1, 8, false),
            (1, 7, true),
            (1, 9, true),
            (2, 5, false),
            (2, 4, true),
        ] {
            let (who, id) = (sender(number), MessageId(id));
            assert_eq!(heard.is_new(who, id), is_new, "{number} {id:?}");
            heard.heard(who, id);
        }
    }

    #[test]
    fn a_classic_senders_messages_are_always_new() {
        let mut heard = HeardIds::new(1);
        heard.heard(sender(3), MessageId(0));
        assert!(heard.is_new(sender(3), MessageId(0)));
        assert!(heard.senders.is_empty());
    }

    /// As when each message to somebody stands beside some to others.
    #[test]
    fn senders_share_the_runs_that_there_are() {
        let mut heard = HeardIds::new(1);
        for number in 0..9 {
            for id in 1..=runs::RUNS as u64 {
                heard.heard(sender(number), MessageId(2 * id));
            }
        }
        let sum: usize = heard.senders.iter().map(|one| one.runs.below()).sum();
        assert!(sum == heard.runs && sum <= ALL_RUNS + SHARE, "{sum}");
        assert!(heard.is_new(sender(0), MessageId(3)));
        assert!(!heard.is_new(sender(8), MessageId(3)));
        assert!(heard.is_new(sender(8), MessageId(2 * runs::RUNS as u64 - 1)));
    }

    #[test]
    fn who_was_heard_longest_ago_is_forgotten() {
        let mut heard = HeardIds::new(1);
        for number in 0..SENDERS as u16 {
            heard.heard(sender(number), MessageId(5));
        }
        heard.heard(sender(0), MessageId(6));
        for number in [SENDERS as u16, SENDERS as u16 + 1] {
            heard.heard(sender(number), MessageId(5));
        }
        assert_eq!((heard.senders.len(), heard.table.len()), (SENDERS, SENDERS));
        for (number, is_new) in [(0, false), (1, true), (2, true), (3, false), (4097, false)] {
            assert_eq!(
                heard.is_new(sender(number), MessageId(5)),
                is_new,
                "{number}"
            );
        }
    }
}
