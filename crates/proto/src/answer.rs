//! Telling answers from requests, so that no answer is ever answered.
//!
//! Two services that answer every datagram can be set on each other for ever by one datagram with a forged source
//! (CVE-2024-2169). The datagram servers of the workspace therefore ask [`is_answer`] first and stay silent where it
//! says yes. It knows the fixed sentences of all classic datagram wires, in whatever letter case an upper-casing echo
//! left them, so any two of these servers, and any of them with an echo service, fall silent after one exchange.
//!
//! Who has to ask: [`months::Conversation::reply`] does it by itself, [`relay::Incoming::decode`] knows the relay's own
//! answers only, and [`measure::Request::decode`] takes every answer for a probe. So a server of the relay or of the
//! measurement calls [`is_answer`] before it decodes.
//!
//! The upper-case echo answers any text there is, so it cannot ask: it has a [`ReturnGuard`](crate::echo::ReturnGuard).

use crate::{measure, months, relay};

/// Whether this datagram can only be an answer of one of the classic datagram wires: measurement, months or relay.
pub fn is_answer(datagram: &[u8]) -> bool {
    measure::is_answer(datagram) || months::is_answer(datagram) || relay::is_answer(datagram)
}
