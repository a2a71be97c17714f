//! What was written, until it is known what became of it.

use std::collections::{BTreeMap, BTreeSet};

use proto::relay::native::MessageId;
use proto::relay::native::frames::{Stage, To};

/// How many messages are remembered until they are delivered.
const REMEMBERED: usize = 20_000;

/// Messages on their way.
#[derive(Debug, Default)]
pub(super) struct Written {
    messages: BTreeMap<MessageId, (To, Vec<u8>)>,
    unjudged: BTreeSet<MessageId>,
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
        let messages = over.iter().filter_map(|id| self.messages.remove(id));
        messages.collect()
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
        let mut written = Written::default();
        for (id, to) in [(1, bob), (2, den), (3, bob), (4, den)] {
            written.add(MessageId(id), to, vec![id as u8]);
        }
        let queued = written.judge(MessageId(1), MessageId(2), Stage::Queued);
        assert_eq!(queued, [(den, vec![2])]);
        assert_eq!(written.unjudged(), 2);
        let delivered = written.judge(MessageId(0), MessageId(1), Stage::Delivered);
        assert_eq!(delivered, [(bob, vec![1])]);
        assert_eq!(written.judge(MessageId(9), MessageId(1), Stage::Queued), []);
        let refused = written.judge(MessageId(3), MessageId(3), Stage::Refused(Why::Away));
        assert_eq!(refused, [(bob, vec![3])]);
        assert_eq!(written.give_up(MessageId(4)), Some((den, vec![4])));
        assert_eq!(written.unjudged(), 0);
    }
}
