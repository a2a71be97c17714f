//! The message relay (UDP): a client asks it to pass a text on, and the text comes out of the relay's own socket.
//!
//! A client learns its own address with [`HELLO`], then sends [`Message`]s. To the relay everything that arrives is an
//! [`Incoming`]; to a client it is a [`Reply`], and there the relay's answers and other people's messages come from one
//! and the same address. So a datagram with the shape of a reply is never answered: see [`is_answer`], and
//! [`crate::answer`] for the answers of other services.
//!
//! One addition to the classic text: an IPv6 address stands in brackets, `to : [2001:db8::7] / 50123 ; content : hi`,
//! and no colon or slash between a `[` and the next `]` of the header counts. A bracket without its partner is plain
//! text.
//!
//! What is not text is the [native wire](native); the [`hub`] serves both.
//!
//! White space is what Python's `str.strip` takes for it where the text is UTF-8, and ASCII white space elsewhere.
//!
//! # Example
//! A relay, and a client that sends a text to itself, so that the delivery and the status come to one socket. A relay
//! for strangers also asks a policy of its own before it sends to an address.
//!
//! ```
//! use std::{io, net::UdpSocket, thread, time::Duration};
//!
//! use proto::relay::{self, Incoming, Message, Reply, Status};
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
//!     let mut buffer = [0; relay::MAX_DATAGRAM + 1]; // one more, to tell what is too long
//!     loop {
//!         let (length, from) = server.recv_from(&mut buffer)?;
//!         let (datagram, mut out) = (&buffer[..length], Vec::new());
//!         let reply = match Incoming::decode(datagram) {
//!             Incoming::Answer | Incoming::TooLong => continue,
//!             Incoming::ExitServer => return Ok(()),
//!             Incoming::Hello => Reply::Address(from),
//!             Incoming::Rejected(status) => Reply::Status(status),
//!             Incoming::Message(Message { to, content }) => {
//!                 let fits = Reply::Delivery { from, content }.encode(&mut out);
//!                 let sent = fits.is_ok() && server.send_to(&out, to).is_ok();
//!                 Reply::Status(if sent { Status::Sent } else { Status::NotSent })
//!             }
//!         };
//!         out.clear();
//!         reply.encode(&mut out).map_err(io::Error::other)?;
//!         server.send_to(&out, from)?;
//!     }
//! });
//!
//! let (here, mut wire, mut buffer) = (client.local_addr()?, Vec::new(), [0; relay::MAX_DATAGRAM]);
//! Message { to: here, content: b"hi there" }.encode(&mut wire)?;
//! client.send(&wire)?;
//! for expected in [Reply::Delivery { from: here, content: b"hi there" }, Reply::Status(Status::Sent)] {
//!     let length = client.recv(&mut buffer)?;
//!     assert_eq!(Reply::decode(&buffer[..length]), Some(expected));
//! }
//! client.send(relay::EXIT_SERVER.as_bytes())?;
//! service.join().expect("the relay does not panic")?;
//! # Ok(())
//! # }
//! ```

pub mod client;
pub mod fleet;
pub mod hub;
pub mod letter;
pub mod mail;
mod message;
pub mod native;
mod reply;
mod text;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, SocketAddrV6};

pub use message::Message;
pub use reply::{Reply, Status, is_answer};

/// The port the relay listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 9000;

/// The longest datagram of this wire, in bytes, in every direction.
pub const MAX_DATAGRAM: usize = 1024;

/// What a client sends to learn the address that the relay sees it at; the relay takes it in any letter case.
pub const HELLO: &str = "hii";

/// What stops the relay, in exactly these letters.
pub const EXIT_SERVER: &str = "exit server";

/// Why something could not be put on this wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The relay would answer 401, because it counts the colons of content too. It holds the place of the first in the
    /// content, from 0.
    #[error("expected content without ':', found one at byte {0}")]
    Colon(usize),
    /// The relay would strip it, and another text would arrive.
    #[error("expected content without white space at its ends")]
    OuterSpace,
    /// The relay would answer 405.
    #[error("expected a port from 1 to 65535 in {0}")]
    PortZero(SocketAddr),
    /// The brackets hold an address and nothing else.
    #[error("expected an IPv6 address without scope and flow information, found {0}")]
    Scoped(SocketAddrV6),
    /// The datagram would have this many bytes.
    #[error("expected a datagram of at most {MAX_DATAGRAM} bytes, found {0}")]
    TooLong(usize),
}

/// What arrives at a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The sender asks for its own address: the answer is [`Reply::Address`].
    Hello,
    /// The relay is to stop, without an answer.
    ExitServer,
    /// A text to pass on, at most [`MAX_DATAGRAM`] bytes with its header.
    Message(Message<'a>),
    /// Not a message; the sender is to get this status, one of 400 to 405.
    Rejected(Status),
    /// It has the shape of a [`Reply`], or is an answer of another classic wire, in whatever letter case an upper-casing
    /// echo left it: never to be answered.
    Answer,
    /// More than [`MAX_DATAGRAM`] bytes. The classic wire has no status for it.
    TooLong,
}

impl<'a> Incoming<'a> {
    /// Reads a datagram, without allocating.
    ///
    /// Give it the whole datagram, or at least one byte more than [`MAX_DATAGRAM`]: one cut to that length would pass
    /// for a shorter message.
    pub fn decode(datagram: &'a [u8]) -> Self {
        if crate::answer::is_answer(datagram) {
            return Self::Answer;
        }
        if datagram.len() > MAX_DATAGRAM {
            return Self::TooLong;
        }
        if datagram.eq_ignore_ascii_case(HELLO.as_bytes()) {
            return Self::Hello;
        }
        if datagram == EXIT_SERVER.as_bytes() {
            return Self::ExitServer;
        }
        Message::decode(datagram).map_or_else(Self::Rejected, Self::Message)
    }
}
