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
    !begins_otherwise(datagram)
        && (measure::is_answer(datagram)
            || months::is_answer(datagram)
            || relay::is_answer(datagram))
}

/// Whether it begins as most of the relay's requests do and as no answer does: with a `t` or an `h`.
#[inline]
pub(crate) fn begins_otherwise(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(b't' | b'T' | b'h' | b'H'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked_one_by_one(datagram: &[u8]) -> bool {
        measure::is_answer(datagram) || months::is_answer(datagram) || relay::is_answer(datagram)
    }

    /// What every answer can begin with, and what is near it.
    fn datagram() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            "t",
            "T",
            "h",
            "to",
            " ",
            "\n",
            "\u{85}",
            "400",
            "200, UDP Packet Sent Successfully",
            "('::1', 1, 0, 0)",
            "('192.0.2.7', 1)",
            "::1/1",
            "[::1]/1",
            "192.0.2.7 / 1",
            "f::/1",
            " ; ",
            "content",
            "CONTENT",
            " : ",
            "hi",
            "Buffer Size Calibrated at Server.",
            "packet acknowledged",
            "Stopping the Server.",
            "Goodbye.",
            "Send an integer from 1 to 12, or 0 to end.",
            "\nAn integer from 1 to 12 gets the month's name.\n",
        ]);
        prop_oneof![
            any::<Vec<u8>>(),
            proptest::collection::vec(word, 0..6).prop_map(|words| words.concat().into_bytes()),
        ]
    }

    proptest! {
        #[test]
        fn a_short_cut_changes_nothing(datagram in datagram()) {
            prop_assert_eq!(is_answer(&datagram), asked_one_by_one(&datagram));
        }
    }
}
