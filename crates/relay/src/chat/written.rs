//! What was written, until it is known what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use proto::relay::native::MessageId;
use proto::relay::native::frames::{Stage, To};

/// How many messages are remembered until they are delivered.
const REMEMBERED: usize = 20_000;

/// Messages on their way.
#[derive(Debug, Default)]
pub(super) struct Written {
    messages: BTreeMap<MessageId, (To, Vec<u8>)>,
    unjudged: BTreeSet<MessageId>,
    /// Since when the relay has something for somebody that is not delivered; `None` where that was told.
    waits: BTreeMap<To, Option<Instant>>,
}

impl Written {
    pub(super) fn add(&mut self, id: MessageId, to: To, content: Vec<u8>) {
        self.unjudged.insert(id);
        self.messages.insert(id, (to, content));
        if self.messages.len() > REMEMBERED {
            self.messages.pop_first();
        }
    }

    /// How many have no verdict.
    pub(super) fn unjudged(&self) -> u64 {
        self.unjudged.len() as u64
    }

    /// Takes a receipt; gives the messages of which no more is to be heard. A name's are heard of again when they are
    /// delivered.
    pub(super) fn judge(
        &mut self,
        first: MessageId,
        last: MessageId,
        stage: Stage,
        now: Instant,
    ) -> Vec<(To, Vec<u8>)> {
        if first > last {
            return Vec::new();
        }
        self.unjudged.retain(|id| !(first..=last).contains(id));
        let is_over = |to: &To| !(stage == Stage::Queued && matches!(to, To::Name(_)));
        let range = self.messages.range(first..=last);
        let over: Vec<_> = range
            .filter(|(_, (to, _))| is_over(to))
            .map(|(id, _)| *id)
            .collect();
        if stage == Stage::Queued {
            let queued = self.messages.range(first..=last);
            let names = queued.filter(|(_, (to, _))| !is_over(to));
            for (_, (to, _)) in names {
                self.waits.entry(*to).or_insert(Some(now));
            }
        }
        let messages = over.iter().filter_map(|id| self.messages.remove(id));
        let messages: Vec<_> = messages.collect();
        for (to, _) in &messages {
            self.waits.remove(to);
        }
        messages
    }

    /// Since when the first of those waits who have not taken what the relay has, and of whom that was not told.
    pub(super) fn first_waits(&self) -> Option<Instant> {
        self.waits.values().flatten().min().copied()
    }

    /// Those who have not taken what the relay has had for them since this moment, or before. Told once.
    pub(super) fn waits_since(&mut self, moment: Instant) -> Vec<To> {
        let waits = self.waits.iter_mut();
        let due = waits.filter(|(_, since)| since.is_some_and(|since| since <= moment));
        due.map(|(to, since)| {
            *since = None;
            *to
        })
        .collect()
    }

    /// No verdict will come for this one.
    pub(super) fn give_up(&mut self, id: MessageId) -> Option<(To, Vec<u8>)> {
        self.unjudged.remove(&id);
        self.messages.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use proto::relay::native::frames::Why;

    use super::*;

    #[test]
    fn each_message_is_heard_of_until_its_end() {
        let (bob, den) = (
            To::Name("bob".parse().unwrap()),
            To::Room("den".parse().unwrap()),
        );
        let (mut written, now) = (Written::default(), Instant::now());
        for (id, to) in [(1, bob), (2, den), (3, bob), (4, den)] {
            written.add(MessageId(id), to, vec![id as u8]);
        }
        let queued = written.judge(MessageId(1), MessageId(2), Stage::Queued, now);
        assert_eq!(queued, [(den, vec![2])]);
        assert_eq!(written.unjudged(), 2);
        let delivered = written.judge(MessageId(0), MessageId(1), Stage::Delivered, now);
        assert_eq!(delivered, [(bob, vec![1])]);
        assert_eq!(
            written.judge(MessageId(9), MessageId(1), Stage::Queued, now),
            []
        );
        let refused = written.judge(MessageId(3), MessageId(3), Stage::Refused(Why::Away), now);
        assert_eq!(refused, [(bob, vec![3])]);
        assert_eq!(written.give_up(MessageId(4)), Some((den, vec![4])));
        assert_eq!(written.unjudged(), 0);
    }

    #[test]
    fn who_has_not_taken_what_the_relay_has_is_told_once() {
        let bob = To::Name("bob".parse().unwrap());
        let (mut written, now) = (Written::default(), Instant::now());
        for id in 1..4 {
            written.add(MessageId(id), bob, Vec::new());
        }
        assert_eq!(written.first_waits(), None);
        written.judge(MessageId(1), MessageId(1), Stage::Queued, now);
        assert_eq!(written.first_waits(), Some(now));
        assert_eq!(
            (written.waits_since(now), written.waits_since(now)),
            (vec![bob], vec![])
        );
        written.judge(MessageId(2), MessageId(2), Stage::Queued, now);
        assert_eq!(written.first_waits(), None, "it was told");
        written.judge(MessageId(1), MessageId(2), Stage::Delivered, now);
        written.judge(MessageId(3), MessageId(3), Stage::Queued, now);
        assert_eq!(written.first_waits(), Some(now), "it waits anew");
    }
}
