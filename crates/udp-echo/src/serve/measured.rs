//! What the measurement server counts of its sessions.

use std::sync::atomic::{AtomicU64, Ordering};

use runtime::peers::Changes;

/// The counts of all sockets. They are read without holding up who counts.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(super) native: Wire,
    pub(super) classic: Wire,
    pub(super) sessions: Sessions,
    pub(super) unknown: Counter,
    pub(super) wrong_proofs: Counter,
    pub(super) exits_refused: Counter,
    pub(super) floods: Floods,
}

/// What went through floods.
#[derive(Debug, Default)]
pub(super) struct Floods {
    pub(super) begun: Counter,
    pub(super) ended: Counter,
    /// Packets and their bytes that were counted, and that were sent.
    pub(super) received: Counter,
    pub(super) received_bytes: Counter,
    pub(super) sent: Counter,
    pub(super) sent_bytes: Counter,
}

/// What came over one of the wires.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Packets that have the form of this wire.
    pub(super) requests: Counter,
    /// Those that ask for a calibration; on the native wire, for a session too.
    pub(super) calibrations: Counter,
}

/// How many sessions there are, and how that came to be.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) begun: Counter,
    pub(super) expired: Counter,
    pub(super) displaced: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn count(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Sessions {
    /// Counts those of a table that have ended between two moments.
    pub(super) fn count_ended(&self, before: Changes, now: Changes) {
        self.expired.add(now.expired - before.expired);
        self.displaced.add(now.displaced - before.displaced);
    }

    /// How many there are; those that end are counted once a second.
    pub(super) fn now(&self) -> u64 {
        let ended = self.expired.get() + self.displaced.get();
        self.begun.get().saturating_sub(ended)
    }
}
