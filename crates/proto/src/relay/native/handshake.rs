//! How a session begins, and how one ends that the relay knows nothing of.
//!
//! | frame | who says it | what follows |
//! |---|---|---|
//! | [`Hello`] | a client, at least as long as the answer | [`Challenge`]; the relay remembers nothing |
//! | [`Challenge`] | the relay | [`Register`] with the cookie in it |
//! | [`Register`] | a client, whose address is proven by it | [`Registered`] or [`Refused`]; said again, the same answer |
//! | [`Registered`], [`Refused`] | the relay | packets, or nothing |
//! | [`Gone`] | the relay, to a packet of a session that it does not have | [`Hello`] |
//!
//! A classic relay answers a [`Hello`] by 400, from which a client knows it. Some of those read text alone, and end where
//! bytes are none: a client makes its nonce of the bytes 64 to 127, and so all of its first word is text.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::identity::Claim;
use super::{MessageId, Token};
use crate::frame::Message;

/// The version of what is said in sessions.
pub const VERSION: u8 = 1;

/// How many zero bytes follow a [`Hello`]: with them it is longer than what answers it.
pub const HELLO_PADDING: usize = 64;

/// What a client makes up for one registration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Nonce(pub [u8; 16]);

/// What the relay gives to whoever receives at an address; it is good there for a minute or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookie(pub [u8; 16]);

/// A client would like to register. [`HELLO_PADDING`] zero bytes follow as bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u8,
    /// The client's choice.
    pub nonce: Nonce,
}

/// Prove that you receive there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The client's.
    pub nonce: Nonce,
    /// To be said again, from the same address.
    pub cookie: Cookie,
}

/// A client registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// [`VERSION`].
    pub version: u8,
    /// The one of the [`Hello`].
    pub nonce: Nonce,
    /// The one of the [`Challenge`].
    pub cookie: Cookie,
    /// The name that it goes by; without one it is known by its address.
    pub claim: Option<Claim>,
    /// What it comes for.
    pub purpose: Purpose,
}

/// What a client comes for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To hear what is for it, and to speak.
    #[default]
    Hear,
    /// To speak. Where mail is kept, what is for its name stays there, and goes there, until it comes to hear.
    Speak,
}

/// The client is registered: a session has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The client's.
    pub nonce: Nonce,
    /// What stands in every packet.
    pub token: Token,
    /// Where the relay sees the client.
    pub at: SocketAddr,
    /// Chosen at random when the relay started: with another one, it has forgotten what rooms said.
    pub epoch: u64,
    /// The last message that was taken from this name: new ones have greater numbers, whatever the client's clock says.
    pub last: MessageId,
}

/// The client is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The client's.
    pub nonce: Nonce,
    /// Why.
    pub why: Refusal,
}

/// Why a client is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Another key holds the name.
    NameTaken,
    /// The claim is not signed as it has to be.
    NotProven,
    /// The relay has no room for more.
    Full,
    /// Too many of this network register at once.
    TooFast,
    /// The relay speaks another version.
    Version,
    /// Whose the name is cannot be found out at the moment: the relay is cut off from what knows.
    CutOff,
}

/// The relay has no session with this token at this address: register anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The packet's.
    pub token: Token,
}

impl Message for Hello {
    const KIND: u8 = 1;
    const MAX_HEADER: u32 = 17;
    const MAX_BULK: u32 = HELLO_PADDING as u32;
}

impl Message for Challenge {
    const KIND: u8 = 2;
    const MAX_HEADER: u32 = 32;
}

impl Message for Register {
    const KIND: u8 = 3;
    const MAX_HEADER: u32 = 320;
}

impl Message for Registered {
    const KIND: u8 = 4;
    const MAX_HEADER: u32 = 64;
}

impl Message for Refused {
    const KIND: u8 = 5;
    const MAX_HEADER: u32 = 24;
}

impl Message for Gone {
    const KIND: u8 = 6;
    const MAX_HEADER: u32 = 8;
}
