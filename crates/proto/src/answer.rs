//! Telling answers from requests, so that no answer is ever answered.
//!
//! Two services that answer every datagram can be set on each other for ever by one datagram with a forged source
//! (CVE-2024-2169). Every datagram server of the workspace therefore asks [`is_answer`] first and stays silent where it
//! says yes. It knows the fixed sentences of all classic wires, in whatever letter case an upper-casing echo left them,
//! so any two of these servers, and any of them with an echo service, fall silent after one exchange.

use crate::months;

/// Whether this datagram can only be an answer of one of the classic wires.
pub fn is_answer(datagram: &[u8]) -> bool {
    months::is_answer(datagram)
}
