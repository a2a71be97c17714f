//! Upper-case echo: over UDP one datagram is answered with its upper case, over TCP the whole stream is.
//!
//! Valid UTF-8 is mapped as Unicode full upper case (`"straße"` → `"STRASSE"`). Bytes that are not valid UTF-8 follow
//! the ASCII rule: `a-z` → `A-Z`, every other byte unchanged. [`Case::Ascii`] forces that rule for all input. A
//! datagram is judged as a whole, a stream character by character.
//!
//! There is no native form: the text says all there is to say.
//!
//! # Example over UDP
//! ```
//! use std::{io, net::UdpSocket, thread, time::Duration};
//!
//! use proto::datagram;
//! use proto::echo::{self, Case, Request, ReturnGuard};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = UdpSocket::bind("127.0.0.1:0")?;
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! for socket in [&server, &client] {
//!     socket.set_read_timeout(Some(Duration::from_secs(5)))?;
//! }
//! client.connect(server.local_addr()?)?;
//!
//! let service = thread::spawn(move || -> io::Result<()> {
//!     let (mut guard, mut buffer) = (ReturnGuard::default(), vec![0; datagram::MAX_V4]);
//!     loop {
//!         let (length, peer) = server.recv_from(&mut buffer)?;
//!         let (request, mut answer) = (Request::decode(&buffer[..length]), Vec::new());
//!         let fits = request.reply(Case::Unicode, datagram::max_payload(peer), &mut answer);
//!         let may_go_round = request.as_bytes() == answer;
//!         if fits.is_ok() && (!may_go_round || guard.admits(&answer)) {
//!             server.send_to(&answer, peer)?;
//!         }
//!         if request.is_quit() {
//!             return Ok(()); // its only client is gone
//!         }
//!     }
//! });
//!
//! let mut buffer = [0; echo::MAX_REQUEST];
//! for (request, expected) in [("straße", "STRASSE"), ("", ""), (echo::QUIT, "QUIT")] {
//!     client.send(request.as_bytes())?;
//!     let length = client.recv(&mut buffer)?;
//!     assert_eq!(&buffer[..length], expected.as_bytes());
//! }
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Example over TCP
//! The server answers what has come at once: it waits for no line end, only for the rest of a character.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::{net::{Shutdown, TcpListener, TcpStream}, thread, time::Duration};
//!
//! use proto::echo::{Case, Upper};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, _) = listener.accept()?;
//! for stream in [&client, &server] {
//!     stream.set_read_timeout(Some(Duration::from_secs(5)))?;
//! }
//! let service = thread::spawn(move || -> io::Result<()> {
//!     let (mut upper, mut buffer, mut answer) = (Upper::new(Case::Unicode), [0; 1024], Vec::new());
//!     loop {
//!         let length = server.read(&mut buffer)?;
//!         if length == 0 {
//!             upper.finish(&mut answer);
//!             return server.write_all(&answer); // and closes
//!         }
//!         upper.push(&buffer[..length], &mut answer);
//!         server.write_all(&answer)?;
//!         answer.clear();
//!     }
//! });
//!
//! let (mut begun, mut rest) = ([0; 4], String::new());
//! client.write_all(b"stra\xc3")?; // "ß" is the two bytes c3 9f
//! client.read_exact(&mut begun)?;
//! client.write_all(b"\x9fe")?;
//! client.shutdown(Shutdown::Write)?;
//! client.read_to_string(&mut rest)?;
//! assert_eq!((&begun, rest.as_str()), (b"STRA", "SSE"));
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```

mod answer;

use std::hash::{DefaultHasher, Hasher};

use thiserror::Error;

pub use answer::{AnswerLength, Answers, Awaited};

/// The port the echo services listen on unless told otherwise, UDP and TCP alike.
pub const DEFAULT_PORT: u16 = 12_000;

/// The longest datagram that classic programs read, in bytes: the request at the server, the reply at the client. The
/// rest of a longer one is lost to them. [`Request::decode`] takes whatever a datagram carries.
pub const MAX_REQUEST: usize = 2048;

/// The request that ends a conversation over UDP, in any letter case. It is echoed like any other.
pub const QUIT: &str = "quit";

/// Which letters have an upper case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// Unicode full upper case where the text is UTF-8, the ASCII rule where it is not.
    #[default]
    Unicode,
    /// `a-z` → `A-Z`, every other byte unchanged.
    Ascii,
}

/// The upper case would be longer than a datagram to this peer can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a reply of at most {limit} bytes, its upper case has {length}")]
pub struct ReplyTooLong {
    /// Length of the upper case in bytes.
    pub length: usize,
    /// The longest payload that was allowed, in bytes.
    pub limit: usize,
}

/// A classic server would not read all of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a request of at most {MAX_REQUEST} bytes, got {length}")]
pub struct RequestTooLong {
    /// Length of the request in bytes.
    pub length: usize,
}

/// What a client sends over UDP: any datagram is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a>(&'a [u8]);

impl<'a> Request<'a> {
    /// A client's request to any server, classic ones included.
    ///
    /// # Errors
    /// [`RequestTooLong`] over [`MAX_REQUEST`] bytes.
    pub fn new(text: &'a [u8]) -> Result<Self, RequestTooLong> {
        match text.len() {
            ..=MAX_REQUEST => Ok(Self(text)),
            length => Err(RequestTooLong { length }),
        }
    }

    /// What a server has received, at any length.
    pub fn decode(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }

    /// The text as it goes on the wire.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Appends the request as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }

    /// Whether it is [`QUIT`], in any letter case and with nothing around it: its client's conversation is over.
    pub fn is_quit(self) -> bool {
        self.0.eq_ignore_ascii_case(QUIT.as_bytes())
    }

    /// Appends the answer: the upper case, at most three times as long. An empty request has an empty answer.
    ///
    /// # Errors
    /// [`ReplyTooLong`] when it would take more than `limit` bytes (see [`crate::datagram::max_payload`]); `out` is then
    /// as it was. On the classic wire there is nothing to send then: the client is left without an answer.
    pub fn reply(self, case: Case, limit: usize, out: &mut Vec<u8>) -> Result<(), ReplyTooLong> {
        let start = out.len();
        match (case, std::str::from_utf8(self.0)) {
            (Case::Unicode, Ok(text)) => push_upper(text, out),
            _ => push_ascii_upper(self.0, out),
        }
        let length = out.len() - start;
        if length > limit {
            out.truncate(start);
            return Err(ReplyTooLong { length, limit });
        }
        Ok(())
    }

    /// Whether a server that follows either [`Case`] may have answered this request so.
    pub fn is_answered_by(self, answer: &[u8]) -> bool {
        [Case::Unicode, Case::Ascii].into_iter().any(|case| {
            let mut upper = Vec::new();
            self.reply(case, answer.len(), &mut upper).is_ok() && upper == answer
        })
    }
}

fn push_ascii_upper(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().map(u8::to_ascii_uppercase));
}

/// How many bytes at the start are ASCII. Blocks are judged at once, which takes a tenth of the time on plain text.
fn ascii_prefix(bytes: &[u8]) -> usize {
    const BLOCK: usize = 64;
    let plain = bytes.chunks(BLOCK).take_while(|block| block.is_ascii());
    let start = plain.map(<[u8]>::len).sum();
    let rest = &bytes[start..];
    let ascii = rest.iter().position(|byte| !byte.is_ascii());
    start + ascii.unwrap_or(rest.len())
}

fn push_upper(mut text: &str, out: &mut Vec<u8>) {
    while !text.is_empty() {
        let (plain, rest) = text.split_at(ascii_prefix(text.as_bytes()));
        push_ascii_upper(plain.as_bytes(), out);
        let mut chars = rest.chars();
        if let Some(first) = chars.next() {
            let mut utf8 = [0; 4];
            for upper in first.to_uppercase() {
                out.extend_from_slice(upper.encode_utf8(&mut utf8).as_bytes());
            }
        }
        text = chars.as_str();
    }
}

/// Upper-cases a stream as it arrives, in pieces of any size.
///
/// What [`push`](Self::push) is given comes out at once, but for a character whose last bytes have not come yet: up to
/// three bytes wait for the next piece. The output does not depend on how the stream was cut.
///
/// ```
/// # use proto::echo::{Case, Upper};
/// let mut upper = Upper::new(Case::Unicode);
/// let mut out = Vec::new();
/// for piece in "straße".as_bytes().chunks(5) { // cuts the ß in two
///     upper.push(piece, &mut out);
/// }
/// upper.finish(&mut out);
/// assert_eq!(out, b"STRASSE");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Upper {
    case: Case,
    partial: [u8; 4],
    held: usize,
}

impl Upper {
    /// A fresh stream.
    pub fn new(case: Case) -> Self {
        Self {
            case,
            ..Self::default()
        }
    }

    /// Appends the upper case of the next piece of the stream.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        if self.case == Case::Ascii {
            return push_ascii_upper(piece, out);
        }
        while self.held > 0
            && let Some((&next, rest)) = piece.split_first()
        {
            self.partial[self.held] = next;
            self.held += 1;
            piece = rest;
            let joined = self.partial;
            self.hold(push_complete(&joined[..self.held], out));
        }
        if self.held == 0 {
            self.hold(push_complete(piece, out));
        }
    }

    /// Ends the stream: a character that was never completed is appended as it is. A next stream may begin.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.partial[..self.held]);
        self.held = 0;
    }

    fn hold(&mut self, incomplete: &[u8]) {
        self.partial[..incomplete.len()].copy_from_slice(incomplete);
        self.held = incomplete.len();
    }
}

/// Appends the upper case of all but an incomplete character at the end, which is returned (at most three bytes).
fn push_complete<'a>(mut bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    loop {
        let (plain, mixed) = bytes.split_at(ascii_prefix(bytes));
        push_ascii_upper(plain, out);
        bytes = mixed;
        let (valid, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                let text = std::str::from_utf8(valid).unwrap_or_default();
                (text, Some((rest, error.error_len())))
            }
        };
        push_upper(valid, out);
        match rest {
            None => return &[],
            Some((incomplete, None)) => return incomplete,
            Some((rest, Some(invalid))) => {
                let (invalid, rest) = rest.split_at(invalid);
                out.extend_from_slice(invalid);
                bytes = rest;
            }
        }
    }
}

/// How many texts a peer may return unchanged before one reply is withheld.
pub const MAX_RETURNS: u16 = 256;

/// Notices a peer that returns, unchanged, whatever it is answered: another echo service, set on this one by datagrams
/// with a forged source (CVE-2024-2169).
///
/// It watches one text that went out. Where that comes back, all that came since is taken to go round as well. A client
/// that sends the same upper-case text again and again looks just like that, so nothing is withheld until some
/// [`MAX_RETURNS`] texts have gone round, and then one reply: each ends one exchange that feeds on itself, and is one
/// lost packet in so many to a client. A text that is watched in vain speaks for a client.
///
/// Keep one for each peer.
#[derive(Clone, Debug, Default)]
pub struct ReturnGuard {
    watched: Option<u32>,
    /// Texts that were their own upper case since the watched one.
    since: u16,
    returns: u16,
}

impl ReturnGuard {
    /// How many other texts may come before the watched one is watched in vain.
    const PATIENCE: u16 = 1024;
    /// The most that one return stands for: a client may well repeat a text after a while.
    const AT_ONCE: u16 = 64;
    /// Enough bytes to tell texts apart, so that a long one costs no more than a short one.
    const HASHED: usize = 1024;

    /// Whether a request of the peer that is its own upper case should be answered. Ask once for each such request, in
    /// order; others can not go round.
    pub fn admits(&mut self, text: &[u8]) -> bool {
        let text = Some(Self::digest(text));
        self.since += 1;
        if self.watched == text {
            self.returns += self.since.min(Self::AT_ONCE);
            self.since = 0;
        } else if self.watched.is_none() || self.since > Self::PATIENCE {
            *self = Self::default();
            self.watched = text;
        }
        let admitted = self.returns <= MAX_RETURNS;
        if !admitted {
            *self = Self::default();
        }
        admitted
    }

    fn digest(text: &[u8]) -> u32 {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(text.len());
        hasher.write(&text[..text.len().min(Self::HASHED)]);
        hasher.finish() as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datagram;

    fn upper(request: &[u8], case: Case) -> Vec<u8> {
        let mut out = Vec::new();
        let request = Request::decode(request);
        request.reply(case, datagram::MAX_V4, &mut out).unwrap();
        out
    }

    fn streamed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, case: Case) -> Vec<u8> {
        let mut upper = Upper::new(case);
        let mut out = Vec::new();
        for piece in pieces {
            upper.push(piece, &mut out);
        }
        upper.finish(&mut out);
        out
    }

    #[test]
    fn datagrams_of_the_table() {
        let table: &[(&[u8], &[u8], &[u8])] = &[
            // request, Unicode, ASCII
            (b"", b"", b""),
            (b"Hello, 42!", b"HELLO, 42!", b"HELLO, 42!"),
            ("straße".as_bytes(), b"STRASSE", "STRA\u{df}E".as_bytes()),
            (
                "\u{149}".as_bytes(),
                "\u{2bc}N".as_bytes(),
                "\u{149}".as_bytes(),
            ),
            (
                "ὀδυσσεύς".as_bytes(),
                "ὈΔΥΣΣΕΎΣ".as_bytes(),
                "ὀδυσσεύς".as_bytes(),
            ),
            (
                b"abc\xff\xc3\xa9z",
                b"ABC\xff\xc3\xa9Z",
                b"ABC\xff\xc3\xa9Z",
            ),
            (b"qUiT", b"QUIT", b"QUIT"),
        ];
        for (request, unicode, ascii) in table {
            assert_eq!(upper(request, Case::Unicode), *unicode, "{request:?}");
            assert_eq!(upper(request, Case::Ascii), *ascii, "{request:?}");
        }
    }

    #[test]
    fn plain_text_of_any_length_before_a_letter_that_is_not() {
        for length in 0..200 {
            let text = "x".repeat(length) + "é" + &"y".repeat(200 - length);
            let expected = text.to_uppercase().into_bytes();
            assert_eq!(upper(text.as_bytes(), Case::Unicode), expected);
            assert_eq!(streamed([text.as_bytes()], Case::Unicode), expected);
        }
    }

    #[test]
    fn quit_in_any_letter_case() {
        for (request, quits) in [
            ("quit", true),
            ("QUIT", true),
            ("qUIt", true),
            ("quit\n", false),
            ("quits", false),
            ("", false),
        ] {
            assert_eq!(
                Request::decode(request.as_bytes()).is_quit(),
                quits,
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_reply_too_long_leaves_the_buffer_alone() {
        let request = "\u{390}".repeat(30_000); // three code points each: 6 bytes for 2
        let mut out = b"before".to_vec();
        let refused =
            Request::decode(request.as_bytes()).reply(Case::Unicode, datagram::MAX_V4, &mut out);
        assert_eq!(
            refused,
            Err(ReplyTooLong {
                length: 180_000,
                limit: 65_507
            })
        );
        assert_eq!(out, b"before");
    }

    #[test]
    fn requests_to_any_server_have_a_limit() {
        let longest = [b'x'; MAX_REQUEST + 1];
        assert_eq!(Request::new(&longest), Err(RequestTooLong { length: 2049 }));
        let mut wire = Vec::new();
        Request::new(&longest[1..]).unwrap().encode(&mut wire);
        assert_eq!(Request::decode(&wire).as_bytes(), &longest[1..]);
    }

    #[test]
    fn answers_that_fit_a_request() {
        let request = Request::decode("straße".as_bytes());
        for (answer, fits) in [
            ("STRASSE", true),
            ("STRAßE", true),
            ("STRAẞE", false),
            ("", false),
        ] {
            assert_eq!(request.is_answered_by(answer.as_bytes()), fits, "{answer}");
        }
    }

    #[test]
    fn a_stream_cut_anywhere() {
        let text = "aß\u{390}漢\u{149}𐐨z".as_bytes();
        let whole = streamed([text], Case::Unicode);
        assert_eq!(whole, upper(text, Case::Unicode));
        for cut in 0..=text.len() {
            let (one, two) = text.split_at(cut);
            assert_eq!(streamed([one, two], Case::Unicode), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_has_arrived_is_answered_at_once() {
        let mut upper = Upper::new(Case::Unicode);
        let mut out = Vec::new();
        upper.push(b"no newline\xe6\xbc", &mut out);
        assert_eq!(out, b"NO NEWLINE");
        upper.push(b"\xa2", &mut out);
        assert_eq!(out, "NO NEWLINE漢".as_bytes());
    }

    #[test]
    fn a_stream_judges_character_by_character() {
        let table: &[(&[u8], &[u8])] = &[
            (b"a\xffb", b"A\xffB"),
            (b"\xc3a", b"\xc3A"),
            (b"\xf0\x90a\xc3\xa9", b"\xf0\x90A\xc3\x89"),
            (b"end\xe6\xbc", b"END\xe6\xbc"),
            (b"\xe6\xe6\xbc\xa2", b"\xe6\xe6\xbc\xa2"),
        ];
        for (stream, expected) in table {
            let bytewise = stream.chunks(1);
            assert_eq!(streamed([*stream], Case::Unicode), *expected, "{stream:?}");
            assert_eq!(streamed(bytewise, Case::Unicode), *expected, "{stream:?}");
        }
    }

    #[test]
    fn two_echo_services_fall_silent() {
        for circulating in [1, 2, 3, 16, 17, 63, 64, 65, 300usize] {
            // Each guard may watch in vain for what the other has withheld.
            let (mut ours, mut theirs) = (ReturnGuard::default(), ReturnGuard::default());
            let mut on_the_wire: Vec<Vec<u8>> = (0..circulating)
                .map(|n| format!("SPOOFED {n}").into_bytes())
                .collect();
            let mut exchanges = 0;
            while !on_the_wire.is_empty() {
                on_the_wire.retain(|text| ours.admits(text));
                on_the_wire.retain(|text| theirs.admits(text));
                exchanges += 1;
                assert!(exchanges < 8000, "{circulating} never end");
            }
        }
    }

    #[test]
    fn a_client_is_not_taken_for_an_echo() {
        let mut guard = ReturnGuard::default();
        for n in 0..10_000 {
            let numbered = n.to_string();
            assert!(guard.admits(numbered.as_bytes()));
        }
        let mut guard = ReturnGuard::default();
        let lost = (0..10_000).filter(|_| !guard.admits(b"PING"));
        assert_eq!(lost.count(), 10_000 / (usize::from(MAX_RETURNS) + 2));
    }

    fn pieces(bytes: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
        cuts.iter_mut().for_each(|cut| *cut %= bytes.len() + 1);
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
    }

    proptest! {
        #[test]
        fn text_is_what_std_makes_of_it(text: String, cuts: Vec<usize>) {
            let expected = text.to_uppercase().into_bytes();
            prop_assert_eq!(upper(text.as_bytes(), Case::Unicode), expected.clone());
            prop_assert_eq!(streamed(pieces(text.as_bytes(), cuts), Case::Unicode), expected);
        }

        #[test]
        fn chunking_changes_nothing(bytes: Vec<u8>, cuts: Vec<usize>) {
            for case in [Case::Unicode, Case::Ascii] {
                let whole = streamed([bytes.as_slice()], case);
                prop_assert_eq!(streamed(pieces(&bytes, cuts.clone()), case), whole.clone());
                prop_assert!(whole.len() <= 3 * bytes.len());
            }
        }

        #[test]
        fn ascii_changes_no_other_byte(bytes: Vec<u8>) {
            prop_assert_eq!(upper(&bytes, Case::Ascii), bytes.to_ascii_uppercase());
        }
    }
}
