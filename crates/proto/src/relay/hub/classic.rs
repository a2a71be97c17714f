//! The classic wire: texts between addresses.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Burst, Hub, Outbox, Settings, Via};

/// Who is known on the classic wire, and whom to answer what.
#[derive(Debug)]
pub(super) struct Classic {}

impl Classic {
    pub(super) fn new(_settings: &Settings) -> Self {
        Self {}
    }

    /// How many addresses were heard of in time.
    pub(super) fn clients(&self) -> usize {
        0
    }

    pub(super) fn has_answers(&self) -> bool {
        false
    }

    /// Where a registered address is reached; `None` if it is not registered.
    pub(super) fn find(&mut self, _to: SocketAddr, _now: Duration) -> Option<Via> {
        None
    }
}

impl Hub {
    /// A classic datagram came.
    pub(super) fn text(&mut self, _: &Burst<'_>, _: &[u8], _: Duration, _: &mut Outbox) {}

    pub(super) fn answer_texts(&mut self, _: Duration, _: &mut Outbox) {}
}
