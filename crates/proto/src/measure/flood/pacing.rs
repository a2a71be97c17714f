//! When the packets of a flood are due.

use std::time::Duration;

use super::Rate;

/// Says how many packets are due, with the time in hand. What is overdue by more than [`Pacing::LATEST`] is missed and
/// not made up for, so that a pause of the sender is followed by no burst.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// Nanoseconds between two packets; 0 for no pause at all.
    interval: f64,
    /// Packets due so far: sent or missed.
    passed: u64,
    missed: u64,
}

impl Pacing {
    /// How late a packet is sent at the latest.
    pub const LATEST: Duration = Duration::from_micros(500);

    /// One packet after the other at this rate; `None` sets none.
    pub fn new(rate: Option<Rate>) -> Self {
        Self {
            interval: rate.map_or(0.0, |rate| 1e9 / rate.packets()),
            passed: 0,
            missed: 0,
        }
    }

    /// How many packets are to be sent at this time since the start, at most `most`; they count as sent.
    pub fn due(&mut self, now: Duration, most: usize) -> usize {
        if self.interval == 0.0 {
            return most;
        }
        let due = (now.as_nanos() as f64 / self.interval) as u64 + 1;
        let waiting = due.saturating_sub(self.passed);
        let kept = (Self::LATEST.as_nanos() as f64 / self.interval) as u64 + 1;
        let missed = waiting.saturating_sub(kept);
        let sent = (waiting - missed).min(most as u64);
        self.missed += missed;
        self.passed += missed + sent;
        sent as usize
    }

    /// When the next packet is due, since the start.
    pub fn next(&self) -> Duration {
        Duration::from_nanos((self.passed as f64 * self.interval).ceil() as u64)
    }

    /// Packets whose time passed before they were sent.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
