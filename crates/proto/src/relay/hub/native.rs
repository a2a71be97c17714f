//! The native wire: sessions, names and rooms.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Burst, Hub, Outbox, Settings};
use crate::relay::native::Name;
use crate::relay::native::identity::SigningKey;

/// Sessions, names and rooms.
#[derive(Debug)]
pub(super) struct Native {}

/// Whether a session took a classic message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the queue of the session at this address.
    Queued,
    /// Its queue is full.
    Behind,
    /// There is no session at this address.
    NoSession,
}

impl Native {
    pub(super) fn new(_settings: &Settings, _now: Duration) -> Self {
        Self {}
    }

    pub(super) fn remember(&mut self, _name: Name, _key: SigningKey) {}

    pub(super) fn deadline(&self) -> Option<Duration> {
        None
    }

    /// A classic message for the session at this address.
    pub(super) fn deliver_text(
        &mut self,
        _to: SocketAddr,
        _from: SocketAddr,
        _content: &[u8],
        _now: Duration,
    ) -> Taken {
        Taken::NoSession
    }
}

impl Hub {
    /// A datagram of the handshake came.
    pub(super) fn handshake(&mut self, _: &Burst<'_>, _: &[u8], _: Duration, _: &mut Outbox) {}

    /// A packet of a session came.
    pub(super) fn session(&mut self, _: &Burst<'_>, _: &[u8], _: Duration, _: &mut Outbox) {}

    pub(super) fn flush_sessions(&mut self, _: Duration, _: &mut Outbox) {}

    pub(super) fn close_sessions(&mut self, _: Duration, _: &mut Outbox) {}
}
