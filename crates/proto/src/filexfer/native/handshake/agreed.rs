//! What both sides compute: shares, and all that is derived from them.

use blake3::Hash;
use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::{ANSWER, HELLO, HandshakeError, Keys, MAGIC, PROOF, SHARE, VERSION, Wishes};
use crate::filexfer::Key;
use crate::filexfer::native::record::{Cipher, Opener, Protection, Sealer, Secret};

const CONNECTOR: &[u8] = b"plumbline filexfer connector";
const LISTENER: &[u8] = b"plumbline filexfer listener";

/// The random numbers of one exchange, all from one seed.
struct Expanded(blake3::OutputReader);

impl Expanded {
    fn new(seed: &[u8; 64]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("plumbline filexfer 2026-11 share");
        Self(hasher.update(seed).finalize_xof())
    }
}

impl CryptoRng for Expanded {}

impl RngCore for Expanded {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

type Pake = Spake2<Ed25519Group>;

/// The secret of one side, until it has the other's share.
pub(super) struct Share(Pake);

impl Share {
    /// The connector's, and what to send of it.
    pub(super) fn of_connector(key: &Key, seed: &[u8; 64]) -> (Self, Vec<u8>) {
        let (connector, listener) = identities();
        let random = Expanded::new(seed);
        let (pake, share) = Pake::start_a_with_rng(&password(key), &connector, &listener, random);
        (Self(pake), share)
    }

    /// The listener's, and what to send of it.
    pub(super) fn of_listener(key: &Key, seed: &[u8; 64]) -> (Self, Vec<u8>) {
        let (connector, listener) = identities();
        let random = Expanded::new(seed);
        let (pake, share) = Pake::start_b_with_rng(&password(key), &connector, &listener, random);
        (Self(pake), share)
    }

    /// What the two have in common, if both know the key; the other's is in its hello or answer.
    pub(super) fn join(self, other: &[u8; HELLO]) -> Result<Vec<u8>, HandshakeError> {
        let joined = self.0.finish(&other[SHARE..]);
        joined.map_err(|_| HandshakeError::Share)
    }
}

fn identities() -> (Identity, Identity) {
    (Identity::new(CONNECTOR), Identity::new(LISTENER))
}

fn password(key: &Key) -> Password {
    let mut secret = Vec::new();
    key.encode(&mut secret);
    Password::new(secret)
}

/// A hello or an answer: they have the same parts.
pub(super) fn opening(status: u8, wishes: Wishes, share: &[u8]) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..11].copy_from_slice(&[VERSION, status, wishes.encode()]);
    bytes[SHARE..SHARE + share.len()].copy_from_slice(share);
    bytes
}

/// What the exchange agreed on, from which all else is derived.
pub(super) struct Agreed {
    root: [u8; 32],
    cipher: Cipher,
    protection: Protection,
}

impl Agreed {
    pub(super) fn new(
        shared: &[u8],
        hello: &[u8; HELLO],
        answer: &[u8; ANSWER],
        (connector, listener): (Wishes, Wishes),
    ) -> Self {
        let mut root = blake3::Hasher::new_derive_key("plumbline filexfer 2026-11 root");
        root.update(hello).update(answer).update(shared);
        Self {
            root: root.finalize().into(),
            cipher: connector.cipher(listener),
            protection: listener.protection,
        }
    }

    pub(super) fn connector_proof(&self) -> [u8; PROOF] {
        blake3::derive_key("plumbline filexfer 2026-11 connector's proof", &self.root)
    }

    pub(super) fn listener_proof(&self) -> [u8; PROOF] {
        blake3::derive_key("plumbline filexfer 2026-11 listener's proof", &self.root)
    }

    pub(super) fn connector_secret(&self) -> Secret {
        let context = "plumbline filexfer 2026-11 records from the connector";
        Secret::new(blake3::derive_key(context, &self.root))
    }

    pub(super) fn listener_secret(&self) -> Secret {
        let context = "plumbline filexfer 2026-11 records from the listener";
        Secret::new(blake3::derive_key(context, &self.root))
    }

    pub(super) fn keys(&self, out: &Secret, back: &Secret) -> Keys {
        Keys {
            sealer: Sealer::new(out, self.cipher, self.protection),
            opener: Opener::new(back, self.cipher, self.protection),
            cipher: self.cipher,
        }
    }
}

/// Compares in a time that tells nothing about where they differ.
pub(super) fn is_same(proof: &[u8; PROOF], other: &[u8; PROOF]) -> bool {
    Hash::from(*proof) == Hash::from(*other)
}
