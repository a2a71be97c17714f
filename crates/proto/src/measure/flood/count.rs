//! What has come of a flood.

use std::time::Duration;

use super::super::credentials::{Credentials, SessionId};
use super::super::native::{MIN_SIZE, u64_at};
use super::super::numbers::{Numbers, Place};
use super::train::Head;
use super::{RunId, Sender};

/// What one side has counted in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets received, duplicates left aside.
    pub received: u64,
    /// Their bytes of UDP payload.
    pub bytes: u64,
    /// One more than the highest number received.
    pub next: u64,
    /// Packets received again.
    pub duplicates: u64,
    /// Packets received after one with a higher number.
    pub reordered: u64,
    /// Packets left uncounted, since they came faster than the server allows.
    pub over_rate: u64,
    /// How often the system found no room in the socket: for a packet, or for as many as came as one.
    pub overflows: u64,
    /// When the first packet was received, in nanoseconds by the receiver's clock.
    pub first: u64,
    /// When the last one was.
    pub last: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets that were not sent, since their time had passed.
    pub missed: u64,
    /// Processor time of the thread that received or sent, in nanoseconds.
    pub processor: u64,
}

impl Counts {
    pub(super) const ON_WIRE: usize = 12;

    pub(super) fn on_wire(&self) -> [u64; Self::ON_WIRE] {
        [
            self.received,
            self.bytes,
            self.next,
            self.duplicates,
            self.reordered,
            self.over_rate,
            self.overflows,
            self.first,
            self.last,
            self.sent,
            self.missed,
            self.processor,
        ]
    }

    pub(super) fn from_wire(numbers: [u64; Self::ON_WIRE]) -> Self {
        let [
            received,
            bytes,
            next,
            duplicates,
            reordered,
            over_rate,
            overflows,
            first,
            last,
            sent,
            missed,
            processor,
        ] = numbers;
        Self {
            received,
            bytes,
            next,
            duplicates,
            reordered,
            over_rate,
            overflows,
            first,
            last,
            sent,
            missed,
            processor,
        }
    }

    /// From the first packet to the last.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.last.saturating_sub(self.first))
    }
}

/// Counts the packets of one run.
#[derive(Clone, Debug)]
pub struct Counter {
    head: Head,
    numbers: Numbers,
    counts: Counts,
}

impl Counter {
    /// Counts what `sender` sends in this run.
    pub fn new(sender: Sender, session: SessionId, run: RunId, credentials: &Credentials) -> Self {
        Self {
            head: Head::new(sender, session, run, credentials),
            numbers: Numbers::default(),
            counts: Counts::default(),
        }
    }

    /// A datagram came. Returned is when it was sent, by the clock of whoever sent it first; `None` where it is no true
    /// packet of this run.
    #[inline]
    pub fn take(&mut self, packet: &[u8]) -> Option<u64> {
        if packet.len() < MIN_SIZE || !self.head.is_on(packet) {
            return None;
        }
        let counts = &mut self.counts;
        match self.numbers.note(u64_at(packet, 12)?) {
            Place::Again => counts.duplicates += 1,
            place => {
                counts.received += 1;
                counts.bytes += packet.len() as u64;
                counts.reordered += u64::from(place == Place::Behind);
            }
        }
        u64_at(packet, 20)
    }

    /// What was taken since the last time had come by now, in nanoseconds.
    pub fn came(&mut self, now: u64) {
        if self.counts.first == 0 {
            self.counts.first = now;
        }
        self.counts.last = now;
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts {
            next: self.numbers.next(),
            ..self.counts
        }
    }

    /// What whoever drives this counts.
    pub fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }
}
