//! A text for somebody else, and the checks that its sender is told about.

use std::net::SocketAddr;

use super::text::{CONTENT, address, append_content, has, in_brackets, split_once, strip};
use super::{EncodeError, Incoming, MAX_DATAGRAM, Status};

const TO: &[u8] = b"to";

/// A text for somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whom it is for.
    pub to: SocketAddr,
    /// The text: no white space at its ends, no `:`. A `;` is fine, and so are bytes that are not UTF-8.
    pub content: &'a [u8],
}

impl<'a> Message<'a> {
    /// Appends the message as it goes on the wire.
    ///
    /// # Errors
    /// [`EncodeError`] where the relay could not read the same message from it; `out` is then as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Some(at) = self.content.iter().position(|byte| *byte == b':') {
            return Err(EncodeError::Colon(at));
        }
        if self.to.port() == 0 {
            return Err(EncodeError::PortZero(self.to));
        }
        if let SocketAddr::V6(to) = self.to
            && (to.scope_id(), to.flowinfo()) != (0, 0)
        {
            return Err(EncodeError::Scoped(to));
        }
        let (ip, port) = (in_brackets(self.to.ip()), self.to.port());
        append_content(
            out,
            format!("to : {ip} / {port} ; content : ").as_bytes(),
            self.content,
        )
    }

    /// The documented checks, in the documented order: the first that fails is the status.
    pub(super) fn decode(datagram: &'a [u8]) -> Result<Self, Status> {
        let (header, data) = split_once(datagram, b';').ok_or(Status::NoSemicolon)?;
        let (to, ip, port) = split_header(header).ok_or(Status::Separators)?;
        let (keyword, content) = split_once(data, b':').ok_or(Status::Separators)?;
        if has(content, b':') {
            return Err(Status::Separators);
        }
        if !strip(to).eq_ignore_ascii_case(TO) {
            return Err(Status::NotTo);
        }
        let port = integer(strip(port)).ok_or(Status::PortNotInteger)?;
        if !strip(keyword).eq_ignore_ascii_case(CONTENT) {
            return Err(Status::NotContent);
        }
        let port = u16::try_from(port).ok().filter(|port| *port != 0);
        let (port, ip) = port.zip(address(strip(ip))).ok_or(Status::NotSent)?;
        Ok(Self {
            to: SocketAddr::new(ip, port),
            content: strip(content),
        })
    }
}

/// How a message begins, up to its content: one that begins with the same bytes is for the same receiver, and is read at
/// once.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    to: Option<SocketAddr>,
}

impl Head {
    /// Keeps the head of the message that this datagram is.
    pub(super) fn keep(&mut self, datagram: &[u8], message: &Message<'_>) {
        self.to = None;
        if crate::answer::begins_otherwise(datagram)
            && let Some((header, data)) = split_once(datagram, b';')
            && let Some((keyword, _)) = split_once(data, b':')
        {
            let length = header.len() + 1 + keyword.len() + 1;
            self.bytes.clear();
            self.bytes.extend_from_slice(&datagram[..length]);
            self.to = Some(message.to);
        }
    }

    /// The content of a message that begins with the same bytes; `None` is anything else.
    #[inline]
    pub(super) fn content<'a>(&self, datagram: &'a [u8]) -> Option<&'a [u8]> {
        self.to?;
        let content = datagram.strip_prefix(&self.bytes[..])?;
        let is_message = datagram.len() <= MAX_DATAGRAM && !has(content, b':');
        is_message.then(|| strip(content))
    }

    /// What [`Incoming::decode`] makes of this datagram.
    pub(super) fn decode<'a>(&self, datagram: &'a [u8]) -> Incoming<'a> {
        match self.to.zip(self.content(datagram)) {
            Some((to, content)) => Incoming::Message(Message { to, content }),
            None => Incoming::decode(datagram),
        }
    }
}

/// An integer of any length; one too long for the type is the greatest or the least of it.
fn integer(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text.split_first()? {
        (b'-', rest) => (-1, rest),
        (b'+', rest) => (1, rest),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0i64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(sign * i64::from(digit - b'0'))
    }))
}

/// The keyword, the address and the port; `None` unless exactly one `:` and one `/` of the header count.
///
/// Where the `/` comes first, the keyword holds it and the address is empty.
fn split_header(header: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let colon = only(header, b':')?;
    let slash = only(header, b'/')?;
    Some((
        header.get(..colon)?,
        header.get(colon + 1..slash).unwrap_or_default(),
        header.get(slash + 1..)?,
    ))
}

/// Where the byte stands, if it stands in the header exactly once outside brackets.
fn only(header: &[u8], wanted: u8) -> Option<usize> {
    if !has(header, b'[') {
        let place = header.iter().position(|byte| *byte == wanted)?;
        return (!has(&header[place + 1..], wanted)).then_some(place);
    }
    only_outside_brackets(header, wanted)
}

fn only_outside_brackets(header: &[u8], wanted: u8) -> Option<usize> {
    let last_close = header.iter().rposition(|byte| *byte == b']');
    let mut inside = false;
    let mut places = header.iter().enumerate().filter(|&(at, &byte)| {
        if inside {
            inside = byte != b']';
            return false;
        }
        inside = byte == b'[' && last_close > Some(at);
        byte == wanted
    });
    let (place, _) = places.next()?;
    places.next().is_none().then_some(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::strip_rarities;
    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b":"[..],
            b"/",
            b"[",
            b"]",
            b" ",
            b"\t",
            b"\x0b",
            b"\x1c",
            b"\xff",
            "\u{85}".as_bytes(),
            "\u{2003}".as_bytes(),
            b"a",
            b"content",
        ]);
        prop_oneof![
            any::<Vec<u8>>(),
            proptest::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat()),
        ]
    }

    proptest! {
        #[test]
        fn short_cuts_change_nothing(text in text()) {
            prop_assert_eq!(strip(&text), strip_rarities(&text));
            for wanted in *b":/" {
                prop_assert_eq!(has(&text, wanted), text.contains(&wanted));
                prop_assert_eq!(only(&text, wanted), only_outside_brackets(&text, wanted));
            }
        }

        #[test]
        fn what_begins_alike_is_read_alike(one in text(), other in text()) {
            let mut head = Head::default();
            let first = [b"to : 192.0.2.7 / 1 ; content :", &one[..]].concat();
            if let Incoming::Message(message) = Incoming::decode(&first) {
                head.keep(&first, &message);
            }
            let alike = [b"to : 192.0.2.7 / 1 ; content :", &other[..]].concat();
            for datagram in [&alike[..], &other[..]] {
                prop_assert_eq!(head.decode(datagram), Incoming::decode(datagram));
            }
        }
    }
}
