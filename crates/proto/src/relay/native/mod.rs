//! The relay's native wire: what the programs of this project say to a relay, and it to them.
//!
//! Every datagram begins with a byte that no text begins with, so that one port serves the classic wire and this one:
//!
//! | first byte | the datagram |
//! |---|---|
//! | 1 | one [frame](crate::frame) of the [`handshake`], or [`Gone`](handshake::Gone) |
//! | 2 | a [`packet`] of a session: a head of fixed places, then any number of frames |
//!
//! A session begins with a cookie, for which the relay remembers nothing ([`handshake`]). From then on both sides have a
//! [`link`](link::Link): what is said on it arrives once and in order, whatever the path does. What is said are the
//! [`frames`], as many to a packet as fit it. Names are held by [keys](identity), and what one name says to another is
//! [sealed], so that the relay cannot read it.
//!
//! # Messages
//! A client numbers its messages upwards ([`MessageId`]), beginning with the time, and keeps each until its verdict has
//! come: [`Queued`](frames::Stage::Queued) or [`Refused`](frames::Stage::Refused). After a lost session it says those
//! without a verdict again, and whoever has heard one before drops it. The order of one sender's messages is kept.
//! Content of up to [`MAX_CONTENT`] bytes travels in fragments, one after the other.
//!
//! A relay whose queue for somebody is long withholds the verdicts of those who write to them, and a client has at most
//! [`MAX_UNANSWERED`] messages of [`MAX_UNANSWERED_BYTES`] without a verdict: so a sender is as slow as who it writes to.
//! Who takes nothing for [`STUCK`] is no longer waited for: messages to them are refused, those to a room pass them by
//! and are counted, and the room is told who that is.

pub mod client;
pub mod frames;
pub mod handshake;
pub mod identity;
pub mod link;
pub mod name;
pub mod packet;
pub mod sealed;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::Client;
pub use identity::Identity;
pub use name::Name;

/// The longest datagram in bytes: it fits every IPv6 path in one piece (RFC 8200, 1280 bytes with both headers).
pub const MAX_DATAGRAM: usize = 1232;

/// The longest content of a message in bytes: 1 MiB.
pub const MAX_CONTENT: usize = 1024 * 1024;

/// The longest part of a content that travels in one frame, in bytes.
pub const MAX_FRAGMENT: usize = 1024;

/// How many messages of a client may be without a verdict.
pub const MAX_UNANSWERED: usize = 16_384;

/// How many bytes of content may be without a verdict, or one message.
pub const MAX_UNANSWERED_BYTES: usize = 2 * 1024 * 1024;

/// How long somebody's queue may stand still before they are no longer waited for.
pub const STUCK: Duration = Duration::from_millis(500);

/// How long a client lets its session be silent before it says that it is still there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a relay remembers an address that it has heard nothing of, in seconds.
pub const LIFETIME: Duration = Duration::from_secs(300);

/// The number of a message among those of its sender: each is greater than the one before, also across restarts, since
/// they begin with the time in microseconds since 1970.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MessageId(pub u64);

/// What only whoever receives at the client's address knows; it stands in every packet of a session, both ways.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub [u8; 8]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}
