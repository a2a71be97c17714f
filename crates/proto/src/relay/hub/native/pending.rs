//! The messages of a sender that were taken and have no verdict yet.

use std::collections::VecDeque;

use crate::relay::native::{MAX_UNANSWERED, MAX_UNANSWERED_BYTES, MessageId};

/// Messages of one sender without a verdict, in runs of those that follow each other; and how many of them are away.
#[derive(Debug, Default)]
pub(super) struct Pending {
    runs: VecDeque<(MessageId, MessageId)>,
    messages: usize,
    letters: usize,
    bytes: usize,
    /// How many letters of others are under way to it.
    pub(super) expected: u32,
}

impl Pending {
    /// How many messages of a sender may be without a verdict: as many as a client has, twice, since it may have ended
    /// and begun anew.
    pub(super) const MOST: usize = 2 * MAX_UNANSWERED;

    /// How many messages have no verdict.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages >= Self::MOST
    }

    /// Whether nothing of this sender, and nothing to it, is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.messages == 0 && self.letters == 0 && self.expected == 0
    }

    /// A message was taken; its number is greater than those before.
    #[inline]
    pub(super) fn add(&mut self, id: MessageId) {
        self.messages += 1;
        match self.runs.back_mut() {
            Some((_, last)) if last.0.checked_add(1) == Some(id.0) => *last = id,
            _ => self.runs.push_back((id, id)),
        }
    }

    /// Whether this message has no verdict yet.
    pub(super) fn has(&self, id: MessageId) -> bool {
        let at = self.runs.partition_point(|(_, last)| *last < id);
        self.runs.get(at).is_some_and(|(first, _)| *first <= id)
    }

    /// These messages have a verdict.
    pub(super) fn remove(&mut self, first: MessageId, last: MessageId) {
        let mut at = self.runs.partition_point(|(_, end)| *end < first);
        while let Some((from, to)) = self.runs.get(at).copied()
            && from <= last
        {
            self.messages -= (to.min(last).0 - from.max(first).0 + 1) as usize;
            let before = (from < first).then(|| (from, MessageId(first.0 - 1)));
            let after = (last < to).then(|| (MessageId(last.0 + 1), to));
            match (before, after) {
                (None, None) => drop(self.runs.remove(at)),
                (Some(run), None) | (None, Some(run)) => {
                    self.runs[at] = run;
                    at += 1;
                }
                (Some(before), Some(after)) => {
                    self.runs[at] = before;
                    self.runs.insert(at + 1, after);
                    return;
                }
            }
        }
    }

    /// Whether this sender may have one more letter away.
    pub(super) fn may_send(&self) -> bool {
        self.bytes < MAX_UNANSWERED_BYTES && self.letters < Self::MOST
    }

    /// A letter with so many bytes was sent away.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.letters += 1;
        self.bytes += bytes;
    }

    /// A letter with so many bytes was settled.
    pub(super) fn settled(&mut self, bytes: usize) {
        self.letters = self.letters.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It knows the same messages as a set of them.
        #[test]
        fn what_was_added_and_not_removed_is_there(
            steps in proptest::collection::vec((1..3u64, 0..40u64, 0..6u64, any::<bool>()), 1..60),
        ) {
            let (mut pending, mut expected, mut id) = (Pending::default(), BTreeSet::new(), 0);
            for (step, first, more, removes) in steps {
                id += step;
                pending.add(MessageId(id));
                expected.insert(id);
                if removes {
                    pending.remove(MessageId(first), MessageId(first + more));
                    expected.retain(|id| !(first..=first + more).contains(id));
                }
                prop_assert_eq!(pending.messages(), expected.len());
                for id in 0..130 {
                    prop_assert_eq!(pending.has(MessageId(id)), expected.contains(&id), "{}", id);
                }
            }
        }
    }
}
