//! STAMP, the Simple Two-way Active Measurement Protocol (UDP): the packets with which routers and probes of all makers
//! measure a path, as RFC 8762 has them, and what of RFC 8972 and of TWAMP Light goes with them.
//!
//! A *sender* sends [`Request`]s, a *reflector* answers each with a [`Reply`] of the same length; between them they take
//! four times. What of it is ours to choose:
//!
//! - **Modes.** Without a key packets are as in figures 2 and 5 of RFC 8762, of [`Mode::OPEN_BASE`] bytes at least. With
//!   one they are as in figures 4 and 6, of [`Mode::KEYED_BASE`] bytes at least, the last 16 of which are a code over the
//!   96 before them. What follows the base is under no code.
//! - **Reflectors count** ([`Session`], the stateful mode): the number of a reply says how many were sent before it, so
//!   that a sender knows losses there from losses back ([`Ledger`]). Senders take reflectors of either
//!   [`Numbering`], and of TWAMP Light (RFC 5357, appendix I), whose packets are the same.
//! - **No reply is longer than its request**, so that nobody is flooded through a reflector. RFC 8762, section 4.6, has a
//!   sender of TWAMP answered with 44 bytes for as little as 14; here 41 to 43 bytes get as many, which holds all but
//!   the zeroes at the end, and fewer get nothing: TWAMP's own rule of padding (RFC 6038, section 3) makes 41 of 14.
//! - **No reply is answered.** By its layout alone a reply could be a request, since what must be zero there is not to be
//!   looked at, and is padding with TWAMP. But it has two times of one clock that are moments apart, where a request has
//!   one and then padding ([`Incoming::decode`]); and another reflector's names a reply that this one sent to it before
//!   ([`Session::reflect`]). So two reflectors fall silent after one exchange, whatever the other's clock says. The fixed
//!   answers of this project's other servers are left alone as well ([`crate::answer`]).
//! - **Times** are sent in NTP's format, the default, and taken in both. What their error is nobody knows, so the estimate
//!   is a second of a clock that follows no other.
//! - **Extensions** (RFC 8972): a session has its identifier (SSID). Padding beyond the base is an Extra Padding TLV. All
//!   others come back marked as unknown, also the one with a code of its own; those of a sender that does not set the
//!   U flag are its padding, and come back as they are.
//!
//! | bytes, open | keyed | request | reply |
//! |---|---|---|---|
//! | 0–3 | 0–3 | number | number |
//! | 4–11 | 16–23 | time of sending | time of sending |
//! | 12, 13 | 24, 25 | error estimate | error estimate |
//! | 14, 15 | 26, 27 | SSID | SSID |
//! | 16–23 | 32–39 | 0 | time of receiving |
//! | 24–27 | 48–51 | 0 | number of the request |
//! | 28–35 | 64–71 | 0 | its time of sending |
//! | 36, 37 | 72, 73 | 0 | its error estimate |
//! | 40 | 80 | 0 | the time to live with which it came |
//! | | 96–111 | code | code |
//! | 44– | 112– | extensions | the same |
//!
//! # Example
//! Both sides, without a key. The reflector keeps a [`Session`] for whoever sends to it, here for one sender.
//!
//! ```
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//! use std::{io, net::UdpSocket, thread};
//!
//! use proto::stamp::{self, Arrived, Incoming, Mode, Reply, Sender, Session, Timestamp};
//!
//! fn unix_nanos() -> u64 {
//!     SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let patience = Some(Duration::from_secs(5));
//! let (reflector, client) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
//! reflector.set_read_timeout(patience)?;
//! client.set_read_timeout(patience)?;
//! client.connect(reflector.local_addr()?)?;
//! let reflecting = thread::spawn(move || -> io::Result<()> {
//!     let (mut session, mut buffer) = (Session::default(), [0; 1500]);
//!     let (length, peer) = reflector.recv_from(&mut buffer)?;
//!     let (packet, arrived) = (&buffer[..length], Arrived { at: unix_nanos(), ttl: None });
//!     let mut answer = Vec::new();
//!     if let Ok(incoming) = Incoming::decode(packet, &Mode::Open)
//!         && let Some(reply) = session.reflect(&incoming, arrived)
//!     {
//!         reply.encode(packet, &Mode::Open, &mut answer);
//!         let now = Timestamp::of_unix(unix_nanos(), reply.error.format());
//!         stamp::complete(&mut answer, now, &Mode::Open);
//!         reflector.send_to(&answer, peer)?;
//!     }
//!     Ok(())
//! });
//!
//! let (sender, mut packet, mut buffer) = (Sender::new(4711), Vec::new(), [0; 1500]);
//! sender.request(0, unix_nanos()).encode(100, &Mode::Open, &mut packet);
//! client.send(&packet)?;
//! let length = client.recv(&mut buffer)?;
//! let reply = Reply::decode(&buffer[..length], &Mode::Open).ok_or("no reflector")?;
//! assert!(length == 100 && sender.asked(&reply) && reply.asked.sequence == 0);
//! assert!(reply.received.unix_nanos(reply.error.format()) <= unix_nanos());
//! reflecting.join().expect("the reflector does not panic")?;
//! # Ok(())
//! # }
//! ```

mod extension;
mod key;
mod packet;
mod reflector;
mod sender;
#[cfg(test)]
mod tests;
mod time;

pub use key::{Key, KeyLength};
pub use packet::{Incoming, Mode, NoRequest, Reply, Request, complete};
pub use reflector::{Arrived, Session};
pub use sender::{Gap, Ledger, Numbering, Sender, place};
pub use time::{Clock, ErrorEstimate, Format, Timestamp};

/// The port that a reflector listens on unless told otherwise (RFC 8762, section 4.1; RFC 8545).
pub const DEFAULT_PORT: u16 = 862;
