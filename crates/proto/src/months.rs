//! The month service (UDP): an integer from 1 to 12 gets the English name of the month.
//!
//! The smallest protocol of the workspace and the one to copy. A client's first datagram, whatever it says, is
//! answered with an [introduction](Reply::Introduction); after that each datagram is a [`Request`]. The server keeps
//! one [`Conversation`] for each client.
//!
//! There is no native form: the text says all there is to say.
//!
//! # Example
//! What goes over the wire; for a server and a client with sockets see [the front page](crate#months).
//!
//! ```
//! use proto::months::{Conversation, Month, Reply, Request};
//!
//! let mut conversation = Conversation::default();
//! assert_eq!(conversation.reply(b"good morning"), Some(Reply::Introduction));
//!
//! let september = Month::new(9).expect("a month");
//! let mut wire = Vec::new();
//! Request::Name(september).encode(&mut wire);
//! assert_eq!(wire, b"9");
//! assert_eq!(conversation.reply(&wire), Some(Reply::Name(september)));
//! assert_eq!(Reply::decode(b"September"), Some(Reply::Name(september)));
//! ```

use std::fmt;

/// The port the service listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8091;

/// How many datagrams in a row that ask for nothing a [`Conversation`] answers, before it falls silent until an
/// integer from 0 to 12 arrives.
///
/// Two services that answer whatever they are sent could otherwise be set on each other for ever by one spoofed
/// datagram (CVE-2024-2169).
pub const MAX_REJECTED_IN_A_ROW: u8 = 64;

/// A month of the year, 1 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u8);

impl Month {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];

    /// The month with this number; `None` outside 1 to 12.
    pub fn new(number: u8) -> Option<Self> {
        (1..=12).contains(&number).then_some(Self(number))
    }

    /// 1 for January to 12 for December.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The English name, as it goes on the wire.
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.0 - 1)]
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        (1..=12)
            .map(Self)
            .find(|month| month.name().as_bytes() == name)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `"1"` to `"12"`: the name of this month.
    Name(Month),
    /// `"0"`: the conversation is over.
    End,
}

impl Request {
    /// Reads a datagram: a decimal integer from 0 to 12, an optional `+` and any zeros before it, ASCII white space
    /// around it.
    ///
    /// `None` is anything else, which the service answers with [`Reply::Usage`].
    pub fn decode(datagram: &[u8]) -> Option<Self> {
        let text = datagram.trim_ascii();
        let digits = text.strip_prefix(b"+").unwrap_or(text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = digits.iter().try_fold(0u8, |number, digit| {
            number.checked_mul(10)?.checked_add(digit - b'0')
        })?;
        match number {
            0 => Some(Self::End),
            number => Month::new(number).map(Self::Name),
        }
    }

    /// Appends the request as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        let number = match self {
            Self::Name(month) => month.number(),
            Self::End => 0,
        };
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

/// What the service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer to a client's first datagram.
    Introduction,
    /// The name that was asked for.
    Name(Month),
    /// The answer to [`Request::End`].
    Goodbye,
    /// The answer to anything that is not a [`Request`]: what is accepted.
    Usage,
}

impl Reply {
    /// The text of the reply, as it goes on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Introduction => "\nAn integer from 1 to 12 gets the month's name.\n",
            Self::Name(month) => month.name(),
            Self::Goodbye => "Goodbye.",
            Self::Usage => "Send an integer from 1 to 12, or 0 to end.",
        }
    }

    /// Appends the reply as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    /// Recognises a reply of this implementation, letter for letter; `None` is text of another server's, to be shown as
    /// it is. The classic wire fixes the names of the months and leaves the other sentences to each server.
    pub fn decode(datagram: &[u8]) -> Option<Self> {
        [Self::Introduction, Self::Goodbye, Self::Usage]
            .into_iter()
            .find(|reply| reply.as_str().as_bytes() == datagram)
            .or_else(|| Month::from_name(datagram).map(Self::Name))
    }
}

/// Whether this datagram can only be an answer of a month service, whatever became of its letters' case on the way.
///
/// A server that gets one stays silent (see [`crate::answer`]). The name of a month is not enough: a person may type
/// it.
pub fn is_answer(datagram: &[u8]) -> bool {
    [Reply::Introduction, Reply::Goodbye, Reply::Usage]
        .iter()
        .any(|reply| datagram.eq_ignore_ascii_case(reply.as_str().as_bytes()))
}

fn is_integer(datagram: &[u8]) -> bool {
    datagram.trim_ascii().iter().all(u8::is_ascii_digit)
}

/// The server's side of one client's conversation.
///
/// Feed it each datagram of that client with [`reply`](Self::reply). When the reply is [`Reply::Goodbye`] the
/// conversation is over: forget it, and the client's next datagram starts a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    introduced: bool,
    rejected: u8,
}

impl Conversation {
    /// The answer to the client's next datagram; `None` where silence is the answer, because the datagram is an
    /// answer itself or the client has sent [`MAX_REJECTED_IN_A_ROW`] that ask for nothing.
    pub fn reply(&mut self, datagram: &[u8]) -> Option<Reply> {
        // A bare integer is a status of the relay, but a person may mean it: the limit below covers that case.
        if !is_integer(datagram) && crate::answer::is_answer(datagram) {
            return None;
        }
        if !self.introduced {
            self.introduced = true;
            return Some(Reply::Introduction);
        }
        let Some(request) = Request::decode(datagram) else {
            let answered = self.rejected < MAX_REJECTED_IN_A_ROW;
            self.rejected = self.rejected.saturating_add(1);
            return answered.then_some(Reply::Usage);
        };
        self.rejected = 0;
        Some(match request {
            Request::Name(month) => Reply::Name(month),
            Request::End => Reply::Goodbye,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(request: Request) -> Vec<u8> {
        let mut out = Vec::new();
        request.encode(&mut out);
        out
    }

    #[test]
    fn requests_of_the_table() {
        let month = |number| Month::new(number).map(Request::Name);
        let table: &[(&[u8], Option<Request>)] = &[
            (b"1", month(1)),
            (b"12", month(12)),
            (b"007", month(7)),
            (b" 5\r\n", month(5)),
            (b"+5", month(5)),
            (b"0", Some(Request::End)),
            (b"000", Some(Request::End)),
            (b"13", None),
            (b"256", None),
            (b"257", None),
            (b"99999999999999999999", None),
            (b"-1", None),
            (b"1.5", None),
            (b"++1", None),
            (b"+", None),
            (b"", None),
            (b"May", None),
            ("\u{0661}".as_bytes(), None),
            (b"\xff\xfe", None),
        ];
        for (datagram, expected) in table {
            assert_eq!(Request::decode(datagram), *expected, "{datagram:?}");
        }
    }

    #[test]
    fn every_month_has_its_name() {
        let names: Vec<_> = (0..=255)
            .filter_map(Month::new)
            .map(|m| m.to_string())
            .collect();
        assert_eq!(names.len(), 12);
        assert_eq!(
            (names[0].as_str(), names[11].as_str()),
            ("January", "December")
        );
    }

    #[test]
    fn a_conversation() {
        let mut client = Conversation::default();
        let said: &[(&[u8], Reply)] = &[
            (b"5", Reply::Introduction),
            (b"5", Reply::Name(Month(5))),
            (b"hello", Reply::Usage),
            (b"December", Reply::Usage),
            (b"0", Reply::Goodbye),
        ];
        for (datagram, expected) in said {
            assert_eq!(client.reply(datagram), Some(*expected), "{datagram:?}");
        }
    }

    #[test]
    fn answers_get_no_answer() {
        for reply in [Reply::Introduction, Reply::Goodbye, Reply::Usage] {
            let text = reply.as_str();
            for echoed in [text.to_owned(), text.to_uppercase(), text.to_lowercase()] {
                let mut fresh = Conversation::default();
                assert_eq!(fresh.reply(echoed.as_bytes()), None, "{echoed:?}");
            }
        }
    }

    #[test]
    fn nonsense_without_end_falls_silent_until_a_request_comes() {
        let mut client = Conversation::default();
        client.reply(b"hello");
        let answered = (0..1000).filter_map(|_| client.reply(b"400")).count();
        assert_eq!(answered, usize::from(MAX_REJECTED_IN_A_ROW));
        assert_eq!(client.reply(b"2"), Some(Reply::Name(Month(2))));
        assert_eq!(client.reply(b"400"), Some(Reply::Usage));
    }

    proptest! {
        #[test]
        fn requests_survive_the_wire(number in 0u8..=12) {
            let request = Month::new(number).map_or(Request::End, Request::Name);
            prop_assert_eq!(Request::decode(&encoded(request)), Some(request));
        }

        #[test]
        fn replies_survive_the_wire(number in 1u8..=12, which in 0usize..4) {
            let name = Reply::Name(Month::new(number).unwrap());
            let reply = [Reply::Introduction, name, Reply::Goodbye, Reply::Usage][which];
            let mut out = Vec::new();
            reply.encode(&mut out);
            prop_assert_eq!(Reply::decode(&out), Some(reply));
        }

        #[test]
        fn any_bytes_are_taken(datagrams: Vec<Vec<u8>>) {
            let mut client = Conversation::default();
            for datagram in &datagrams {
                client.reply(datagram);
                Reply::decode(datagram);
            }
        }
    }
}
