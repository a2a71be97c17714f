//! By which number the caller knows a message that travels under another.
//!
//! A message that waits for its receiver's key has its number from [`send`](super::Client::send) on, but those on the
//! link grow: when its turn comes it travels under a later one.

use std::collections::BTreeMap;

use crate::relay::native::{MAX_UNANSWERED, MessageId};

/// The most numbers that are remembered.
const MOST: usize = 4 * MAX_UNANSWERED;

/// Numbers that are not simply themselves.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// `None`: the caller's, with which nothing travels. Else: what the caller knows this one by.
    numbers: BTreeMap<MessageId, Option<MessageId>>,
}

impl Aliases {
    /// The message that the caller knows by this number waits.
    pub(super) fn wait(&mut self, caller: MessageId) {
        self.enter(caller, None);
    }

    /// It travels under this one.
    pub(super) fn travels(&mut self, caller: MessageId, wire: MessageId) {
        self.enter(wire, Some(caller));
    }

    fn enter(&mut self, number: MessageId, caller: Option<MessageId>) {
        if self.numbers.len() >= MOST {
            self.numbers.pop_first();
        }
        self.numbers.insert(number, caller);
    }

    /// Tells of the messages that travelled under the numbers from `first` to `last` by those that the caller knows.
    pub(super) fn tell(
        &self,
        first: MessageId,
        last: MessageId,
        mut tell: impl FnMut(MessageId, MessageId),
    ) {
        if first > last {
            return;
        }
        let mut next = first.0;
        for (&MessageId(number), &caller) in self.numbers.range(first..=last) {
            if next < number {
                tell(MessageId(next), MessageId(number - 1));
            }
            if let Some(caller) = caller {
                tell(caller, caller);
            }
            next = number.saturating_add(1);
        }
        if next <= last.0 {
            tell(MessageId(next), last);
        }
    }
}
