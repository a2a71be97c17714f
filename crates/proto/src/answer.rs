//! Telling answers from requests, so that no answer is ever answered.
//!
//! Two services that answer every datagram can be set on each other for ever by one datagram with a forged source
//! (CVE-2024-2169). The datagram servers of the workspace therefore stay silent where [`is_answer`] says yes. It knows
//! the fixed sentences of all classic datagram wires, in whatever letter case an upper-casing echo left them, and the
//! answers of the native ones, so any two of these servers, and any of them with an echo service, fall silent after one
//! exchange.
//!
//! The decoders of requests ask by themselves: [`months::Conversation::reply`] and [`measure::Request::decode`] give
//! `None`, [`relay::Incoming::decode`] gives [`Answer`](relay::Incoming::Answer).
//!
//! A reflector of STAMP asks as well, and knows its own kind's replies besides: they cannot be told from text here
//! ([`crate::stamp`]).
//!
//! The upper-case echo answers any text there is, so it cannot ask: it has a [`ReturnGuard`](crate::echo::ReturnGuard).

use crate::{measure, months, relay};

/// Whether this datagram can only be an answer of one of the classic datagram wires: measurement, months or relay.
pub fn is_answer(datagram: &[u8]) -> bool {
    measure::is_answer(datagram) || months::is_answer(datagram) || relay::is_answer(datagram)
}
