//! Who somebody is: a pair of keys that a name belongs to, and how that is proven.
//!
//! An identity is 32 secret bytes. Two keys follow from them: one that signs (Ed25519, RFC 8032) and holds the name, and
//! one that messages are sealed for (X25519, RFC 7748), which is signed by the first ([`Binding`](PublicKeys::binding)).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;

/// The secret of somebody. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl Identity {
    /// Takes 32 bytes that nobody can guess.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }
}

/// An Ed25519 public key, which a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SigningKey(pub [u8; 32]);

/// An X25519 public key, which messages are sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey(pub [u8; 32]);

/// An Ed25519 signature, in two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(pub [u8; 32], pub [u8; 32]);

/// What others know somebody by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// What the name belongs to.
    pub signing: SigningKey,
    /// What messages are sealed for.
    pub sealing: SealingKey,
    /// The signature of the first over the second.
    pub binding: Signature,
}

/// A name that a client goes by, and the proof that it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The name.
    pub name: Name,
    /// The keys that it belongs to.
    pub keys: PublicKeys,
    /// The signing key's signature over nonce, cookie and name of this registration.
    pub proof: Signature,
}
