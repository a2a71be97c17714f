//! Finding the slot of a sweep that a time belongs to.

use std::time::Duration;

use proto::measure::{Falling, Slot, Slots};

/// Goes along the slots of a sweep; times that do not go back are looked up.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    slots: Slots<'a>,
    slot: Slot,
}

impl<'a> Walk<'a> {
    pub(super) fn new(sweep: &'a Falling) -> Self {
        let mut slots = sweep.slots();
        let first = Slot {
            step: 0,
            due: Duration::ZERO,
            interval: Duration::ZERO,
        };
        Self {
            slot: slots.next().unwrap_or(first),
            slots,
        }
    }

    /// The slot in which this time is: from the moment at which its packet is due until the next one is. Times after the
    /// end are in the last slot.
    ///
    /// A packet that was sent just before the end of its slot may be stamped just after it, if this machine was busy
    /// with something else in between. It is then counted in the next slot: nobody can tell.
    pub(super) fn to(&mut self, at: Duration) -> Slot {
        while at >= self.slot.due.saturating_add(self.slot.interval) {
            match self.slots.next() {
                Some(next) => self.slot = next,
                None => break,
            }
        }
        self.slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_slot_that_has_begun() {
        let ms = Duration::from_millis;
        // Due at 0, 4, then 8, 10, then 12, 13.
        let sweep = Falling::new(ms(4), 0.5, 2, ms(1)).unwrap();
        let mut walk = Walk::new(&sweep);
        let table = [
            (0, 0, 0, 4),
            (3, 0, 0, 4),
            (4, 0, 4, 4),
            (8, 1, 8, 2),
            (9, 1, 8, 2),
            (9, 1, 8, 2),
            (12, 2, 12, 1),
            (13, 2, 13, 1),
            (99, 2, 13, 1),
        ];
        for (at, step, due, interval) in table {
            let slot = walk.to(ms(at));
            let expected = Slot {
                step,
                due: ms(due),
                interval: ms(interval),
            };
            assert_eq!(slot, expected, "at {at} ms");
        }
    }
}
