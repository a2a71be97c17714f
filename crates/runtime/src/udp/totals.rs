//! What a server counts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has done so far.
#[derive(Debug, Default)]
pub struct Totals {
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) over_rate: AtomicU64,
    pub(super) never_answered: AtomicU64,
    pub(super) no_room: AtomicU64,
    pub(super) failed: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Totals {
    /// Datagrams received.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Datagrams sent, duplicates included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Datagrams dropped because their source was over its rate.
    pub fn over_rate(&self) -> u64 {
        self.over_rate.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received, {} sent", self.received(), self.sent())?;
        let rest = [
            (&self.unanswered, "given no answer"),
            (&self.lost, "lost by emulation"),
            (&self.over_rate, "over the rate limit"),
            (
                &self.never_answered,
                "from or to an address that is never answered",
            ),
            (&self.no_room, "without room to be delayed"),
            (&self.failed, "that could not be sent"),
        ];
        for (counter, what) in rest {
            match counter.load(Ordering::Relaxed) {
                0 => {}
                number => write!(f, ", {number} {what}")?,
            }
        }
        Ok(())
    }
}
