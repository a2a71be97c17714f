//! Content that only its receiver can read: Noise (<https://noiseprotocol.org/noise.html>), the one-way pattern X, as
//! `Noise_X_25519_ChaChaPoly_BLAKE2s`.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | 1 ([`KIND`]) |
//! | 1–192 | Noise's handshake message: `e`, `s`, and as payload the sender's signing key and binding |
//! | 193– | transport messages, each of 65,519 bytes of content but for the last, and a tag of 16 bytes |
//!
//! The prologue is the label `plumbline relay sealed 1`, then both names, the sender's first, each behind its length. The
//! nonce of a transport message is the [`MessageId`] times 64, plus twice its place in the message, plus 1 if it is the
//! last. So a content opens only as this message, from this name, to this name, whole.
//!
//! The handshake stands in every message: a receiver who has lost everything but its identity opens any of them alone,
//! and one who remembers the handshake only compares it. A sender makes a new one after [`MAX_MESSAGES`] or
//! [`MAX_AGE`], and at each start.
//!
//! # What it holds and what it does not
//! - The relay sees who writes to whom, when, and how long the content is. It can drop and delay messages. It can neither
//!   read one nor make, change or exchange one between two names that know each other's keys.
//! - It tells each the other's key. Who meets a name for the first time trusts it in that ([`Client`](super::Client) tells
//!   the key, so that people can compare), later never again.
//! - Messages come in the order of their numbers, and each at most once, as long as the receiver's program runs. To one
//!   that was restarted the relay can say again what it has kept.
//! - Who learns a sender's secret later reads nothing that it sealed before: it takes the ephemeral key, which is gone. Who
//!   learns a receiver's secret reads all that was ever sealed for it, and can seal for it in any name.
//! - That something was said can be denied before others: the receiver could have sealed it too.

mod made_of;

use std::fmt;
use std::time::Duration;

use made_of::Seeded;
use snow::{Builder, StatelessTransportState};

use super::identity::{PublicKeys, SealingKey, Signature, SigningKey};
use super::{Identity, MAX_CONTENT, MessageId, Name};

/// The first byte of sealed content.
pub const KIND: u8 = 1;

/// How many messages are sealed with one handshake.
pub const MAX_MESSAGES: u32 = 1 << 20;

/// How long a handshake is used.
pub const MAX_AGE: Duration = Duration::from_secs(3600);

/// The longest content that can be sealed, in bytes: 465 less than [`MAX_CONTENT`].
pub const MAX_SEALED_CONTENT: usize = MAX_CONTENT - START - 17 * TAG;

const PATTERN: &str = "Noise_X_25519_ChaChaPoly_BLAKE2s";
const LABEL: &[u8] = b"plumbline relay sealed 1";
const KEY: usize = 32;
const TAG: usize = 16;
const PAYLOAD: usize = 3 * KEY;
const HANDSHAKE: usize = KEY + (KEY + TAG) + (PAYLOAD + TAG);
const START: usize = 1 + HANDSHAKE;

/// The longest transport message of Noise, and what of it is content.
const CHUNK: usize = 65_535;
const CHUNK_CONTENT: usize = CHUNK - TAG;

/// Numbers from here on do not fit a nonce.
const MAX_ID: u64 = 1 << 58;

/// Seals what one name says to another.
pub struct Sealer {
    handshake: [u8; HANDSHAKE],
    transport: StatelessTransportState,
    sealed: u32,
    since: Duration,
}

/// Opens what one name says to another, as long as the sender keeps to one handshake.
pub struct Opener {
    handshake: [u8; HANDSHAKE],
    transport: StatelessTransportState,
    keys: PublicKeys,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(***)")
    }
}

impl Sealer {
    /// Makes a handshake; `seed` is 32 bytes that nobody can guess and that are used for nothing else. `None` where Noise
    /// refuses a key.
    pub fn new(
        (from, identity): (Name, &Identity),
        (to, key): (Name, SealingKey),
        seed: [u8; 32],
        now: Duration,
    ) -> Option<Self> {
        let secret = identity.sealing_secret();
        let prologue = prologue(from, to);
        let mut noise = builder(seed)?
            .local_private_key(&secret)
            .and_then(|builder| builder.remote_public_key(&key.0))
            .and_then(|builder| builder.prologue(&prologue))
            .and_then(Builder::build_initiator)
            .ok()?;
        let mut handshake = [0; HANDSHAKE];
        let written = noise.write_message(&payload(&identity.keys()), &mut handshake);
        written.ok().filter(|&length| length == HANDSHAKE)?;
        Some(Self {
            handshake,
            transport: noise.into_stateless_transport_mode().ok()?,
            sealed: 0,
            since: now,
        })
    }

    /// Whether it is time for a new one.
    pub fn is_worn(&self, now: Duration) -> bool {
        self.sealed >= MAX_MESSAGES || now.saturating_sub(self.since) >= MAX_AGE
    }

    /// Seals the content of a message. No number is used twice. `None` where the number or the content is too large.
    pub fn seal(&mut self, id: MessageId, content: &[u8]) -> Option<Vec<u8>> {
        if id.0 >= MAX_ID || content.len() > MAX_SEALED_CONTENT {
            return None;
        }
        self.sealed += 1;
        let chunks = content.len().div_ceil(CHUNK_CONTENT).max(1);
        let mut sealed = Vec::with_capacity(START + content.len() + chunks * TAG);
        sealed.push(KIND);
        sealed.extend_from_slice(&self.handshake);
        for place in 0..chunks {
            let from = place * CHUNK_CONTENT;
            let chunk = &content[from..content.len().min(from + CHUNK_CONTENT)];
            let nonce = nonce(id, place, place + 1 == chunks);
            let start = sealed.len();
            sealed.resize(start + chunk.len() + TAG, 0);
            self.transport
                .write_message(nonce, chunk, &mut sealed[start..])
                .ok()?;
        }
        Some(sealed)
    }
}

impl Opener {
    /// Reads the handshake of a sealed content. `None` where it is none, or not from who it says, or not for this
    /// receiver. Whose its [`keys`](Self::keys) are is for the caller to know.
    pub fn new(from: Name, (to, identity): (Name, &Identity), sealed: &[u8]) -> Option<Self> {
        let handshake = handshake_of(sealed)?;
        let secret = identity.sealing_secret();
        let prologue = prologue(from, to);
        let mut noise = builder([0; 32])? // the receiver draws nothing
            .local_private_key(&secret)
            .and_then(|builder| builder.prologue(&prologue))
            .and_then(Builder::build_responder)
            .ok()?;
        let mut payload = [0; PAYLOAD];
        let read = noise.read_message(handshake, &mut payload);
        read.ok().filter(|&length| length == PAYLOAD)?;
        let keys = read_payload(&payload, noise.get_remote_static()?)?;
        keys.is_bound().then_some(())?;
        Some(Self {
            handshake: *handshake,
            transport: noise.into_stateless_transport_mode().ok()?,
            keys,
        })
    }

    /// Who has sealed.
    pub fn keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// Whether this content has the same handshake.
    pub fn fits(&self, sealed: &[u8]) -> bool {
        handshake_of(sealed) == Some(&self.handshake)
    }

    /// Opens the content of the message with this number; `None` where it is not as it was sealed.
    pub fn open(&self, id: MessageId, sealed: &[u8]) -> Option<Vec<u8>> {
        let chunks = sealed.get(START..).filter(|_| self.fits(sealed))?;
        if id.0 >= MAX_ID || chunks.is_empty() || chunks.len() > MAX_CONTENT {
            return None;
        }
        let mut content = vec![0; chunks.len()];
        let (mut length, count) = (0, chunks.len().div_ceil(CHUNK));
        for (place, chunk) in chunks.chunks(CHUNK).enumerate() {
            let nonce = nonce(id, place, place + 1 == count);
            let room = content.get_mut(length..)?;
            length += self.transport.read_message(nonce, chunk, room).ok()?;
        }
        content.truncate(length);
        Some(content)
    }
}

fn handshake_of(sealed: &[u8]) -> Option<&[u8; HANDSHAKE]> {
    match sealed.split_first() {
        Some((&KIND, rest)) => rest.first_chunk(),
        _ => None,
    }
}

fn nonce(id: MessageId, place: usize, is_last: bool) -> u64 {
    (id.0 << 6) | ((place as u64) << 1) | u64::from(is_last)
}

fn prologue(from: Name, to: Name) -> Vec<u8> {
    let mut prologue = LABEL.to_vec();
    for name in [from, to] {
        prologue.push(name.as_bytes().len() as u8);
        prologue.extend_from_slice(name.as_bytes());
    }
    prologue
}

/// The signing key and what binds the sealing key to it; that one is in the handshake already.
fn payload(keys: &PublicKeys) -> [u8; PAYLOAD] {
    let mut payload = [0; PAYLOAD];
    let parts = [&keys.signing.0, &keys.binding.0, &keys.binding.1];
    for (place, part) in payload.chunks_exact_mut(KEY).zip(parts) {
        place.copy_from_slice(part);
    }
    payload
}

fn read_payload(payload: &[u8; PAYLOAD], sealing: &[u8]) -> Option<PublicKeys> {
    let part = |place: usize| payload[place * KEY..].first_chunk().copied();
    Some(PublicKeys {
        signing: SigningKey(part(0)?),
        sealing: SealingKey(sealing.first_chunk().copied()?),
        binding: Signature(part(1)?, part(2)?),
    })
}

fn builder<'a>(seed: [u8; 32]) -> Option<Builder<'a>> {
    let resolver = Box::new(Seeded(seed));
    Some(Builder::with_resolver(PATTERN.parse().ok()?, resolver))
}

#[cfg(test)]
mod tests;
