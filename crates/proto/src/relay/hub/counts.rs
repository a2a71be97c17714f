//! What a relay counts.

use std::time::Duration;

use super::Hub;
use crate::relay::Status;

/// What a relay has done since it started, and what it has now. Datagrams and messages, unless it says bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that came, on both wires.
    pub received: u64,
    /// Classic datagrams with the shape of an answer, which are never answered.
    pub answers_dropped: u64,
    /// Classic datagrams that are too long.
    pub too_long: u64,
    /// Addresses that asked for theirs (`hii`).
    pub hellos: u64,
    /// Classic messages that were no messages: 400 to 404.
    pub malformed: u64,
    /// Answers that were not given because their receiver had too many, or because they would be too much longer than
    /// what they answer.
    pub withheld: u64,
    /// Native datagrams that mean nothing.
    pub native_malformed: u64,
    /// Registrations on the native wire.
    pub registered: u64,
    /// Registrations that were refused.
    pub registrations_refused: u64,
    /// Messages taken, on both wires.
    pub messages: u64,
    /// Messages that had come before.
    pub duplicates: u64,
    /// Messages refused: 405, and every [`Why`](crate::relay::native::frames::Why); those too that were taken first.
    pub refused: u64,
    /// Deliveries of messages, to each receiver.
    pub deliveries: u64,
    /// Deliveries that passed slow members by.
    pub dropped: u64,
    /// Packets that were sent again.
    pub resent: u64,
    /// Now: addresses on the classic wire that were heard of in the last 300 s.
    pub classic_clients: u64,
    /// Now: sessions on the native wire.
    pub sessions: u64,
    /// Now: names that are known, present or not.
    pub names: u64,
    /// Now: rooms.
    pub rooms: u64,
    /// Now: bytes that wait in queues.
    pub waiting: u64,
    /// Now: sessions whose queue stands still.
    pub stuck: u64,
    /// Now: messages whose senders have no verdict yet, where mail is kept.
    pub pending: u64,
    /// Now: those of them that are with a store or another relay.
    pub away: u64,
    /// Their size in bytes.
    pub away_bytes: u64,
    /// For how long it has run, in seconds.
    pub uptime: u64,
}

impl Counts {
    /// Where what was answered so is counted.
    pub(super) fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Sent => &mut self.messages,
            Status::NotSent => &mut self.refused,
            _ => &mut self.malformed,
        }
    }
}

impl Hub {
    pub(super) fn count(&self, now: Duration) -> Counts {
        let native = self.native.now(now);
        Counts {
            deliveries: self.counts.deliveries + native.spread,
            dropped: native.dropped,
            resent: native.resent,
            classic_clients: self.classic.clients() as u64,
            sessions: native.sessions as u64,
            names: native.names as u64,
            rooms: native.rooms as u64,
            waiting: native.waiting as u64,
            stuck: native.stuck as u64,
            refused: self.counts.refused + native.refused,
            pending: native.pending as u64,
            away: native.away.0 as u64,
            away_bytes: native.away.1 as u64,
            uptime: native.uptime.as_secs(),
            ..self.counts
        }
    }
}
