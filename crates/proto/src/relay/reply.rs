//! What a client receives: status lines, its own address, and other people's messages.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::text::{
    CONTENT, address, append_address, append_content, append_number, digits, parse, split_once,
    strip,
};
use super::{EncodeError, MAX_DATAGRAM};

/// What the sender of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200: the message was handed to the network.
    Sent,
    /// 400: no `;` divides the header from the data.
    NoSemicolon,
    /// 401: the header has not exactly one `:` and one `/`, or the data has not exactly one `:`.
    Separators,
    /// 402: the header's keyword is not `to`.
    NotTo,
    /// 403: the port is not an integer.
    PortNotInteger,
    /// 404: the data's keyword is not `content`.
    NotContent,
    /// 405: no such address, a port outside 1 to 65535, out of reach, or refused by policy.
    NotSent,
}

impl Status {
    pub(super) const ALL: [Self; 7] = [
        Self::Sent,
        Self::NoSemicolon,
        Self::Separators,
        Self::NotTo,
        Self::PortNotInteger,
        Self::NotContent,
        Self::NotSent,
    ];

    /// The number that the text starts with.
    pub fn code(self) -> u16 {
        match self {
            Self::Sent => 200,
            Self::NoSemicolon => 400,
            Self::Separators => 401,
            Self::NotTo => 402,
            Self::PortNotInteger => 403,
            Self::NotContent => 404,
            Self::NotSent => 405,
        }
    }

    /// The status line, as it goes on the wire: for 400 to 404 the number alone.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "200, UDP Packet Sent Successfully",
            Self::NoSemicolon => "400",
            Self::Separators => "401",
            Self::NotTo => "402",
            Self::PortNotInteger => "403",
            Self::NotContent => "404",
            Self::NotSent => "405, Could not send the message to the requested address",
        }
    }

    /// Appends the status line as it goes on the wire.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    /// Recognises a status line, in any letter case and with white space around it.
    pub fn decode(datagram: &[u8]) -> Option<Self> {
        let line = strip(datagram);
        Self::ALL
            .into_iter()
            .find(|status| line.eq_ignore_ascii_case(status.as_str().as_bytes()))
    }
}

/// What a client receives from the relay's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The client's own address as the relay sees it, written as a Python tuple: the answer to [`HELLO`](super::HELLO).
    Address(SocketAddr),
    /// What became of a message.
    Status(Status),
    /// Somebody else's message.
    Delivery {
        /// Who sent it. An IPv6 scope and flow information do not go on the wire: they mean nothing to another host.
        from: SocketAddr,
        /// The text: no white space at its ends.
        content: &'a [u8],
    },
}

impl<'a> Reply<'a> {
    /// Appends the reply as it goes on the wire.
    ///
    /// # Errors
    /// Only a delivery can fail; `out` is then as it was. It may be longer than its message was, because the source's
    /// address takes more room than the destination's did. One that does not fit is [`EncodeError::TooLong`]: it could
    /// not be sent, 405. [`EncodeError::OuterSpace`] cannot happen to the content of a decoded message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Address(address) => out.extend_from_slice(tuple(address).as_bytes()),
            Self::Status(status) => status.encode(out),
            Self::Delivery { from, content } => {
                let mut source = Vec::new();
                append_source(from, &mut source);
                append_content(out, &source, content)?;
            }
        }
        Ok(())
    }

    /// Reads a datagram; `None` is text of another server's, or over [`MAX_DATAGRAM`] bytes.
    ///
    /// Letter case and white space between the parts are as free as in a message, and an IPv6 source need not stand in
    /// brackets.
    pub fn decode(datagram: &'a [u8]) -> Option<Self> {
        if datagram.len() > MAX_DATAGRAM {
            return None;
        }
        Self::of_any_length(datagram)
    }

    fn of_any_length(datagram: &'a [u8]) -> Option<Self> {
        Status::decode(datagram)
            .map(Self::Status)
            .or_else(|| decode_tuple(datagram).map(Self::Address))
            .or_else(|| Self::delivery(datagram))
    }

    fn delivery(datagram: &'a [u8]) -> Option<Self> {
        let (source, data) = split_once(datagram, b';')?;
        let (ip, port) = split_once(source, b'/')?;
        let (keyword, content) = split_once(data, b':')?;
        let from = SocketAddr::new(address(strip(ip))?, digits(strip(port))?);
        strip(keyword)
            .eq_ignore_ascii_case(CONTENT)
            .then(|| Self::Delivery {
                from,
                content: strip(content),
            })
    }
}

/// Whether this datagram has the shape of a reply on this wire, at any length and in any letter case.
///
/// A server that gets one stays silent (see [`crate::answer`]).
pub fn is_answer(datagram: &[u8]) -> bool {
    Reply::of_any_length(datagram).is_some()
}

/// Appends what stands before the text in a delivery.
pub(super) fn append_source(from: &SocketAddr, out: &mut Vec<u8>) {
    append_address(out, from.ip());
    out.push(b'/');
    append_number(out, from.port());
    out.extend_from_slice(b" ; content : ");
}

fn tuple(address: &SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    match address {
        SocketAddr::V4(_) => format!("('{ip}', {port})"),
        SocketAddr::V6(v6) => format!("('{ip}', {port}, {}, {})", v6.flowinfo(), v6.scope_id()),
    }
}

fn decode_tuple(datagram: &[u8]) -> Option<SocketAddr> {
    let inner = strip(datagram).strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut parts = inner.split(|byte| *byte == b',').map(strip);
    let ip = parts.next()?.strip_prefix(b"'")?.strip_suffix(b"'")?;
    let port = digits(parts.next()?)?;
    let address = match parse(ip)? {
        IpAddr::V4(ip) => SocketAddr::V4(SocketAddrV4::new(ip, port)),
        IpAddr::V6(ip) => {
            let (flowinfo, scope) = (digits(parts.next()?)?, digits(parts.next()?)?);
            SocketAddr::V6(SocketAddrV6::new(ip, port, flowinfo, scope))
        }
    };
    parts.next().is_none().then_some(address)
}
