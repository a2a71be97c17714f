//! How long an answer takes, and how long to wait for one (RFC 6298).

use std::time::Duration;

/// The least time to wait before a packet is thought lost.
const LEAST: Duration = Duration::from_millis(20);

/// The longest.
const MOST: Duration = Duration::from_secs(2);

/// The time to wait while nothing was measured: RFC 6298 says a second; here a handshake has just come through.
const FIRST: Duration = Duration::from_millis(300);

/// The round trip as it is measured, in microseconds; 0 is not measured yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: u32,
    variation: u32,
}

impl RoundTrip {
    /// A packet was answered after this time.
    pub(super) fn measured(&mut self, time: Duration) {
        let time = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1);
        if self.smoothed == 0 {
            (self.smoothed, self.variation) = (time, time / 2);
            return;
        }
        let apart = self.smoothed.abs_diff(time);
        self.variation = self.variation - self.variation / 4 + apart / 4;
        self.smoothed = (self.smoothed - self.smoothed / 8 + time / 8).max(1);
    }

    /// How long to wait for an answer, when that was in vain so many times before.
    pub(super) fn patience(&self, in_vain: u32) -> Duration {
        let once = match self.smoothed {
            0 => FIRST,
            smoothed => micros(u64::from(smoothed) + 4 * u64::from(self.variation)),
        };
        (once.max(LEAST) * (1 << in_vain.min(7))).min(MOST)
    }
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}
