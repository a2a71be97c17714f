//! What other relays want, and what they are told.

pub(super) mod claims;

use std::time::Duration;

use crate::relay::fleet::{Asked, Listed, Said};
use crate::relay::hub::elsewhere::{ReplyTo, Ticket};
use crate::relay::hub::{Hub, Outbox};
use crate::relay::letter::Letter;
use crate::relay::native::Name;
use crate::relay::native::frames::{Happened, Receipt, RelayState};
use crate::relay::native::identity::PublicKeys;

impl Hub {
    /// What is known elsewhere of a name.
    pub(in crate::relay::hub) fn found(&mut self, _name: &Name, _keys: Option<&PublicKeys>) {}

    /// Another relay passes a letter on to somebody here.
    pub(in crate::relay::hub) fn letter_came(
        &mut self,
        _reply: ReplyTo,
        _letter: &Letter,
        _content: &[u8],
        _now: Duration,
    ) {
    }

    /// Another relay says what became of messages.
    pub(in crate::relay::hub) fn told(&mut self, _to: &Name, _receipt: &Receipt) {}

    /// A name has a younger session elsewhere.
    pub(in crate::relay::hub) fn superseded(
        &mut self,
        _name: &Name,
        _now: Duration,
        _out: &mut Outbox,
    ) {
    }

    /// Something was said in a room at another relay.
    pub(in crate::relay::hub) fn said_elsewhere(
        &mut self,
        _said: &Said,
        _content: &[u8],
        _now: Duration,
    ) {
    }

    /// Something happened in a room at another relay.
    pub(in crate::relay::hub) fn happened_elsewhere(&mut self, _happened: Happened) {}

    /// Another relay asks.
    pub(in crate::relay::hub) fn asked_elsewhere(&mut self, _reply: ReplyTo, _asked: &Asked) {}

    /// Other relays have answered.
    pub(in crate::relay::hub) fn gathered(
        &mut self,
        _ticket: Ticket,
        _listed: Option<Listed>,
        _is_all: bool,
    ) {
    }

    /// Answers how the relays are.
    pub(super) fn tell_relays(&mut self, _index: u32, _number: u32, _now: Duration) {}

    /// How the relays are.
    pub(in crate::relay::hub) fn fleet_is(&mut self, _relays: Vec<RelayState>) {}
}
