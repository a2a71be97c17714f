//! Sending on schedule.

use std::io;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use runtime::shutdown::Shutdown;
use runtime::timing::Pacer;

use super::schedule::Slot;

/// What the sending side tells the counting one.
#[derive(Debug)]
pub(super) enum Message {
    /// The next packet goes out now.
    Sent(Duration),
    /// This packet truly left then.
    Left(u64, Duration),
    /// This packet could not be sent.
    NotSent(u64, io::Error),
    /// This machine's clock was set by so many nanoseconds.
    ClockSet(i64),
}

/// What carries packets.
pub(super) trait Line {
    /// Sends the packet of this number, now: so long after the start.
    fn send(&mut self, number: u64, at: Duration) -> io::Result<()>;

    /// Tells of what was sent before. It is called after each packet, and when there are no more.
    fn look_back(&mut self, _is_last: bool, _to_count: &Sender<Message>) {}
}

/// How well the schedule was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Slots of the schedule that came.
    pub(crate) slots: u64,
    /// Slots in which no packet was sent, because the next one had come before this machine got round to it.
    pub(crate) missed: u64,
    /// When the first packet was sent, and the last, since the start.
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    /// The slots of these two.
    pub(crate) first_slot: u64,
    pub(crate) last_slot: u64,
}

impl Pace {
    /// The mean time between two slots as it was kept; `None` with fewer than two packets.
    pub(crate) fn interval(&self) -> Option<Duration> {
        let slots = self.last_slot.checked_sub(self.first_slot)?;
        let nanos = (self.last - self.first).as_nanos() as f64 / slots as f64;
        (slots > 0).then(|| Duration::from_secs_f64(nanos / 1e9))
    }

    /// A packet was sent in this slot, which is still to be counted.
    pub(super) fn sent(&mut self, slot: u64, at: Duration) {
        if self.slots == self.missed {
            (self.first, self.first_slot) = (at, slot);
        }
        (self.last, self.last_slot) = (at, slot);
    }
}

/// Sends a packet in each slot. One that comes late is sent at once, one whose successor is due as well is left out:
/// nothing is sent in bursts to catch up. The first is sent however late it is, so that there is something to measure.
pub(super) fn send(
    slots: impl Iterator<Item = Slot>,
    start: Instant,
    line: &mut impl Line,
    to_count: &Sender<Message>,
    shutdown: &Shutdown,
) -> Pace {
    let (mut pacer, mut pace, mut number) = (Pacer::default(), Pace::default(), 0);
    for (place, slot) in (0..).zip(slots) {
        if pacer.wait_until(start + slot.due, shutdown) {
            break;
        }
        let at = start.elapsed();
        let is_missed = place > 0 && at >= slot.due + slot.interval;
        if is_missed {
            pace.slots += 1;
            pace.missed += 1;
            continue;
        }
        pace.sent(place, at);
        pace.slots += 1;
        // The counting side must be told before an answer can come.
        let at = start.elapsed();
        if to_count.send(Message::Sent(at)).is_err() {
            return pace;
        }
        if let Err(error) = line.send(number, at) {
            let _ = to_count.send(Message::NotSent(number, error));
        }
        line.look_back(false, to_count);
        number += 1;
    }
    line.look_back(true, to_count);
    pace
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Keeps the numbers of what is sent.
    #[derive(Default)]
    struct Numbers(Vec<u64>);

    impl Line for Numbers {
        fn send(&mut self, number: u64, _: Duration) -> io::Result<()> {
            self.0.push(number);
            Ok(())
        }
    }

    #[test]
    fn slots_that_have_passed_are_missed_but_for_the_first() {
        let interval = Duration::from_millis(1);
        let slots = (0..10).map(|place| Slot {
            due: interval * place,
            interval,
        });
        let passed = Instant::now()
            .checked_sub(Duration::from_secs(1))
            .expect("the clock is older than that");
        let (to_count, counting) = mpsc::channel();
        let mut line = Numbers::default();
        let pace = send(slots, passed, &mut line, &to_count, &Shutdown::new());
        assert_eq!(line.0, [0]);
        assert_eq!((pace.slots, pace.missed, pace.first_slot), (10, 9, 0));
        assert_eq!(counting.try_iter().count(), 1);
    }
}
