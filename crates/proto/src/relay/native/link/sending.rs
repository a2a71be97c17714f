//! What goes to the other side, and what is to be sent again.

use std::time::Duration;

use super::super::packet::{Head, MAX_FRAME};
use super::busy::Busy;
use super::flight::Order;
use super::progress::Progress;
use super::round_trip::RoundTrip;
use super::window::Window;

/// How long the room for what waits is kept, and how long nothing is sent before the path is no longer known.
const REST: Duration = Duration::from_secs(1);

/// How long nothing may be acknowledged before the other side is lost.
const LOST: Duration = Duration::from_secs(10);

/// The side that sends. What only a busy one needs is given back when it rests.
#[derive(Debug)]
pub(super) struct Sending {
    next: u32,
    taken: u16,
    window: Window,
    round_trip: RoundTrip,
    order: Order,
    busy: Option<Box<Busy>>,
}

/// What the other side says has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'a> {
    /// The head that says so.
    pub(super) head: &'a Head,
    /// The words of the map behind it.
    pub(super) more: &'a [u8],
}

/// What is to be sent beside numbered packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Nothing.
    No,
    /// A head that asks: the other side took nothing any more when it was last heard.
    Ask,
}

impl Sending {
    pub(super) fn new() -> Self {
        Self {
            next: 1,
            taken: u16::MAX,
            window: Window::new(),
            round_trip: RoundTrip::default(),
            order: Order(1),
            busy: None,
        }
    }

    /// The lowest number that is not acknowledged.
    #[inline]
    pub(super) fn acknowledged(&self) -> u32 {
        self.busy.as_ref().map_or(self.next, |busy| busy.first())
    }

    /// The bytes of frames that are kept.
    #[inline]
    pub(super) fn backlog(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.bytes())
    }

    /// Appends a frame, and says in which packet it goes.
    #[inline]
    pub(super) fn push(&mut self, frame: &[u8]) -> u32 {
        if self.next == u32::MAX {
            return self.next;
        }
        if frame.is_empty() || frame.len() > MAX_FRAME {
            return self.next - 1;
        }
        let busy = self
            .busy
            .get_or_insert_with(|| Box::new(Busy::new(self.next, self.order)));
        let number = busy.push(frame);
        self.next = number + 1;
        number
    }

    /// Takes an acknowledgement; one of what was never sent says nothing.
    pub(super) fn acknowledge(&mut self, came: &Came<'_>, now: Duration) {
        let Some(busy) = &mut self.busy else {
            if came.head.expected == self.next {
                self.taken = came.head.window;
            }
            return;
        };
        if !busy.knows(came.head.expected) {
            return;
        }
        self.taken = came.head.window;
        let progress = busy.acknowledge(came, &mut self.round_trip, now);
        self.weigh(progress, now);
    }

    fn weigh(&mut self, progress: Progress, now: Duration) {
        let Some(busy) = &mut self.busy else { return };
        if progress.came > 0 {
            busy.moved(now, &self.round_trip);
            if busy.is_held_back() {
                self.window.grow(progress.came);
            }
        }
        if progress.is_reordered {
            self.window.restore();
        }
        if busy.find_lost(&self.round_trip, now) {
            self.window.halve();
        }
    }

    /// Hands out what may be sent now; `head` is what all heads have alike. Says whether there was anything.
    pub(super) fn transmit(
        &mut self,
        head: Head,
        now: Duration,
        mut send: impl FnMut(&[u8]),
    ) -> (bool, Probe) {
        let Some(busy) = &mut self.busy else {
            return (false, Probe::No);
        };
        let probe = busy.expire(now, &mut self.window);
        let mut any = false;
        while busy.send_next(self.window.packets(), self.taken, head, now, &mut send) {
            any = true;
        }
        busy.wind_up(now, &self.round_trip);
        self.order = busy.order();
        if busy.is_idle_since(now.saturating_sub(REST)) {
            self.window.rest();
        }
        if busy.is_older_than(now.saturating_sub(REST)) {
            self.busy = None;
        }
        (any, probe)
    }

    pub(super) fn unacknowledged(&mut self, take: impl FnMut(&[u8])) {
        if let Some(busy) = &mut self.busy {
            busy.unacknowledged(take);
        }
    }

    /// Numbers and sendings both begin with 1; what is ahead of the numbers was sent again.
    pub(super) fn resent(&self) -> u64 {
        let unsent = self.busy.as_ref().map_or(self.next, |busy| busy.unsent());
        self.order.0 - u64::from(unsent)
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.busy.as_ref().and_then(|busy| busy.alarm())
    }

    pub(super) fn moved_since(&self, moment: Duration) -> bool {
        let stands_since = self.busy.as_ref().and_then(|busy| busy.stands_since());
        stands_since.is_none_or(|since| since >= moment)
    }

    pub(super) fn is_lost(&self, now: Duration) -> bool {
        let stands_since = self.busy.as_ref().and_then(|busy| busy.stands_since());
        self.next == u32::MAX || stands_since.is_some_and(|since| since + LOST <= now)
    }

    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, number: u32) {
        self.next = number;
        self.order = Order(u64::from(number));
    }
}
