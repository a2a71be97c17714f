//! What a server counts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has done so far. It is counted without locks, so that whoever looks holds up nobody.
#[derive(Debug, Default)]
pub struct Totals {
    pub(super) received: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) over_rate: AtomicU64,
    pub(super) never_answered: AtomicU64,
    pub(super) no_room: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// The same as it was at one moment, or what was added between two. Bytes are those of UDP payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams received.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Datagrams sent, duplicates included.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Datagrams to which the service had nothing to say.
    pub unanswered: u64,
    /// Replies that the emulated impairment lost.
    pub lost: u64,
    /// Datagrams dropped because their source was over its rate.
    pub over_rate: u64,
    /// Datagrams from or to an address that is never answered.
    pub never_answered: u64,
    /// Replies for whose emulated delay there was no room.
    pub no_room: u64,
    /// Replies that the system did not send.
    pub failed: u64,
    /// Datagrams that found no room in the sockets' queues, as far as the system has told (Linux): it tells with the
    /// next datagram that finds room.
    pub dropped: u64,
}

impl Counts {
    /// What was added since an earlier moment of the same server.
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    /// Those of two servers together.
    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn with(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            received: join(self.received, other.received),
            received_bytes: join(self.received_bytes, other.received_bytes),
            sent: join(self.sent, other.sent),
            sent_bytes: join(self.sent_bytes, other.sent_bytes),
            unanswered: join(self.unanswered, other.unanswered),
            lost: join(self.lost, other.lost),
            over_rate: join(self.over_rate, other.over_rate),
            never_answered: join(self.never_answered, other.never_answered),
            no_room: join(self.no_room, other.no_room),
            failed: join(self.failed, other.failed),
            dropped: join(self.dropped, other.dropped),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
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

    /// All of it. What is counted meanwhile may be in some counts and not yet in others.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            received: read(&self.received),
            received_bytes: read(&self.received_bytes),
            sent: read(&self.sent),
            sent_bytes: read(&self.sent_bytes),
            unanswered: read(&self.unanswered),
            lost: read(&self.lost),
            over_rate: read(&self.over_rate),
            never_answered: read(&self.never_answered),
            no_room: read(&self.no_room),
            failed: read(&self.failed),
            dropped: read(&self.dropped),
        }
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.count_many_received(1, bytes);
    }

    pub(super) fn count_many_received(&self, datagrams: usize, bytes: usize) {
        add(&self.received, datagrams as u64);
        add(&self.received_bytes, bytes as u64);
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.count_many_sent(1, bytes);
    }

    pub(super) fn count_many_sent(&self, datagrams: usize, bytes: usize) {
        add(&self.sent, datagrams as u64);
        add(&self.sent_bytes, bytes as u64);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        write!(f, "{} received, {} sent", counts.received, counts.sent)?;
        let rest = [
            (counts.unanswered, "given no answer"),
            (counts.lost, "lost by emulation"),
            (counts.over_rate, "over the rate limit"),
            (
                counts.never_answered,
                "from or to an address that is never answered",
            ),
            (counts.no_room, "without room to be delayed"),
            (counts.failed, "that could not be sent"),
            (counts.dropped, "without room in the system's queue"),
        ];
        for (number, what) in rest {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}
