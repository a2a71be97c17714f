//! The key exchange that opens a connection: SPAKE2 (the library `spake2`, on edwards25519), and a proof of the key in
//! both directions.
//!
//! ```text
//! connector                                   listener
//!   hello: what it wishes, its share  ─────────────▶
//!                                     ◀─────────────  answer: go on or a refusal, what it wishes, its share
//!   proof of the key                  ─────────────▶
//!                                     ◀─────────────  verdict: welcome or a refusal, proof of the key
//! ```
//!
//! Whoever sees all of this, or answers it, learns nothing about the key but whether one guess was right: a key is worth
//! as many tries as the listener allows, however short it is. So it is not stretched: stretching makes guesses dear that
//! are made off line, and there are none. The connector proves first: a listener knows of each wrong guess, and can
//! count them ([`Exchange::check`]). A listener that is none has one guess for each time that somebody connects to it.
//!
//! Both messages, with versions and wishes, and the role of each side go into all that is derived from the exchange
//! (blake3, key derivation): changed on their way they make a wrong key.
//!
//! | bytes | hello | answer |
//! |---|---|---|
//! | 0–7 | [`MAGIC`] | the same |
//! | 8 | version, [`VERSION`] | the listener's |
//! | 9 | 0 | status: 0 go on, else the refusal |
//! | 10 | wishes: 1 plain, 2 has AES hardware | the same |
//! | 11–30 | 0 | 0 |
//! | 31–63 | share of SPAKE2, with its side | the same, 0 in a refusal |
//!
//! A proof is 32 bytes; a verdict is a byte of status and the proof, 0 in a refusal. Every version has a hello and an
//! answer of this length, with magic, version and status in these places, so that each can tell the other what it speaks.

mod agreed;
mod connector;
mod listener;
mod refusal;
#[cfg(test)]
mod tests;
mod wishes;

use std::fmt;

use thiserror::Error;

use super::record::{Cipher, Opener, Sealer};

pub use connector::{Connector, Proving};
pub use listener::{Exchange, Welcome, refuse, reject};
pub use refusal::Refusal;
pub use wishes::{AesHardware, Wishes};

/// What native connections start with. It is no UTF-8, as the keys of classic clients are.
pub const MAGIC: [u8; 8] = *b"\xf1PLUMBFX";

/// The version that this crate speaks.
pub const VERSION: u8 = 1;

/// The length of a hello in bytes.
pub const HELLO: usize = 64;

/// The length of an answer in bytes.
pub const ANSWER: usize = 64;

/// The length of a proof in bytes.
pub const PROOF: usize = 32;

/// The length of a verdict in bytes.
pub const VERDICT: usize = 1 + PROOF;

/// Where the share is in a hello and an answer.
const SHARE: usize = 31;

/// Whether a connection that starts with these bytes is a native one; `None` while too few came to tell.
pub fn is_native_start(received: &[u8]) -> Option<bool> {
    let length = received.len().min(MAGIC.len());
    match received[..length] == MAGIC[..length] {
        true if length < MAGIC.len() => None,
        same => Some(same),
    }
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The other side is something else.
    #[error("the other side is no filexfer, or only speaks the classic wire (--classic)")]
    NotNative,
    /// The listener refuses. On the listening side: what it has to answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The share is none.
    #[error("expected a share of the key exchange")]
    Share,
    /// The listener let this side in and does not know the key.
    #[error("the other side does not know the key: is it the one that was meant?")]
    Impostor,
}

/// What both sides have when all went well.
pub struct Keys {
    /// What seals the records of this side.
    pub sealer: Sealer,
    /// What opens those of the other.
    pub opener: Opener,
    /// The cipher that both have hardware for, or can do without.
    pub cipher: Cipher,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?})", self.cipher)
    }
}
