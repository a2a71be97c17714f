//! The packets that are on their way, in the order in which they were sent.

use std::collections::VecDeque;
use std::time::Duration;

/// Which sending of a session it is, from 1. A packet that is sent again has a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(pub(super) u64);

impl Order {
    /// What stands in the head.
    pub(super) fn serial(self) -> u16 {
        self.0 as u16
    }

    /// The one after it.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The last one before this that has such a serial.
    fn last_with(self, serial: u16) -> Option<Self> {
        let back = self.serial().wrapping_sub(serial);
        (back > 0)
            .then(|| self.0.checked_sub(u64::from(back)))?
            .map(Self)
    }
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// Its number.
    pub(super) number: u32,
    /// When it was sent.
    pub(super) at: Duration,
}

/// What was sent and may still come, the oldest first.
#[derive(Debug)]
pub(super) struct Flight {
    sent: VecDeque<Sent>,
    first: Order,
    newest: Order,
}

impl Flight {
    /// Nothing was sent; this is the next.
    pub(super) fn new(next: Order) -> Self {
        Self {
            sent: VecDeque::new(),
            first: next,
            newest: Order(next.0 - 1),
        }
    }

    /// Sends one more, which is to be in this order behind the last.
    pub(super) fn push(&mut self, number: u32, at: Duration) {
        self.sent.push_back(Sent { number, at });
    }

    /// The next one's order.
    pub(super) fn next(&self) -> Order {
        Order(self.first.0 + self.sent.len() as u64)
    }

    /// The other side says that this is the newest that has come; if that is news, when it was sent.
    pub(super) fn came(&mut self, serial: u16) -> Option<Duration> {
        let order = self.next().last_with(serial)?;
        let behind = order.0.checked_sub(self.first.0)?;
        if order <= self.newest {
            return None;
        }
        self.newest = order;
        self.sent.get(behind as usize).map(|sent| sent.at)
    }

    /// The newest that is known to have come.
    pub(super) fn newest(&self) -> Order {
        self.newest
    }

    /// The oldest.
    pub(super) fn oldest(&self) -> Option<(Order, Sent)> {
        self.sent.front().map(|sent| (self.first, *sent))
    }

    /// Forgets the oldest.
    pub(super) fn pop(&mut self) {
        if self.sent.pop_front().is_some() {
            self.first = self.first.next();
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.first = self.next();
        self.sent.clear();
    }
}
