//! What a TCP server counts.

use std::fmt;
use std::iter::Sum;

use crate::metrics::Count;

/// What a server has done so far. Only the server's thread counts, without locks, so that whoever looks holds up
/// nobody.
#[derive(Debug, Default)]
pub struct Totals {
    accepted: Count,
    open: Count,
    received_bytes: Count,
    sent_bytes: Count,
    failed: Count,
    idle: Count,
    cut_off: Count,
    held_back: Count,
    stalled: Count,
    displaced: Count,
}

/// The same as it was at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections that are there now.
    pub open: u64,
    /// Bytes that conversations have taken.
    pub received_bytes: u64,
    /// Bytes that the system has taken to send.
    pub sent_bytes: u64,
    /// Connections that were reset, or failed otherwise.
    pub failed: u64,
    /// Connections that were closed because nothing came or went.
    pub idle: u64,
    /// Connections with something left to send when the server stopped.
    pub cut_off: u64,
    /// How often the system had no descriptor or memory for one more connection, which then waited.
    pub held_back: u64,
    /// Connections that were cut because their peers took too little of what they were sent.
    pub stalled: u64,
    /// Connections that had nothing to do and were closed because others waited for room.
    pub displaced: u64,
}

impl Totals {
    /// All of it. What is counted meanwhile may be in some counts and not yet in others.
    pub fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.get(),
            open: self.open.get(),
            received_bytes: self.received_bytes.get(),
            sent_bytes: self.sent_bytes.get(),
            failed: self.failed.get(),
            idle: self.idle.get(),
            cut_off: self.cut_off.get(),
            held_back: self.held_back.get(),
            stalled: self.stalled.get(),
            displaced: self.displaced.get(),
        }
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.add_alone(1);
    }

    pub(super) fn set_open(&self, connections: usize) {
        self.open.set(connections as u64);
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.received_bytes.add_alone(bytes as u64);
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.sent_bytes.add_alone(bytes as u64);
    }

    pub(super) fn count_failed(&self) {
        self.failed.add_alone(1);
    }

    pub(super) fn count_idle(&self) {
        self.idle.add_alone(1);
    }

    pub(super) fn count_cut_off(&self) {
        self.cut_off.add_alone(1);
    }

    pub(super) fn count_held_back(&self) {
        self.held_back.add_alone(1);
    }

    pub(super) fn count_stalled(&self) {
        self.stalled.add_alone(1);
    }

    pub(super) fn count_displaced(&self) {
        self.displaced.add_alone(1);
    }
}

/// What several servers have done together.
impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |one, other| Self {
            accepted: one.accepted + other.accepted,
            open: one.open + other.open,
            received_bytes: one.received_bytes + other.received_bytes,
            sent_bytes: one.sent_bytes + other.sent_bytes,
            failed: one.failed + other.failed,
            idle: one.idle + other.idle,
            cut_off: one.cut_off + other.cut_off,
            held_back: one.held_back + other.held_back,
            stalled: one.stalled + other.stalled,
            displaced: one.displaced + other.displaced,
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self;
        write!(
            f,
            "{} connections, {} bytes received, {} bytes sent",
            counts.accepted, counts.received_bytes, counts.sent_bytes
        )?;
        let rest = [
            (counts.failed, "connections reset or failed"),
            (counts.idle, "connections closed as idle"),
            (counts.cut_off, "connections cut off at the end"),
            (counts.held_back, "times without room for a connection"),
            (counts.stalled, "connections cut as stalled"),
            (counts.displaced, "idle connections closed for others"),
        ];
        for (number, what) in rest {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}
