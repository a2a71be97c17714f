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

use std::fmt;

use blake3::Hash;
use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use thiserror::Error;

use super::record::{Cipher, Opener, Protection, Sealer, Secret};
use crate::filexfer::Key;

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

const CONNECTOR: &[u8] = b"plumbline filexfer connector";
const LISTENER: &[u8] = b"plumbline filexfer listener";

/// Whether a connection that starts with these bytes is a native one; `None` while too few came to tell.
pub fn is_native_start(received: &[u8]) -> Option<bool> {
    let length = received.len().min(MAGIC.len());
    match received[..length] == MAGIC[..length] {
        true if length < MAGIC.len() => None,
        same => Some(same),
    }
}

/// Whether a machine has hardware for AES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AesHardware {
    /// It has.
    Present,
    /// It has not: ChaCha20-Poly1305 is faster.
    Absent,
}

/// What a side wishes for, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// How records are protected. Both sides must agree.
    pub protection: Protection,
    /// What decides the cipher.
    pub aes: AesHardware,
}

impl Wishes {
    const PLAIN: u8 = 1;
    const AES: u8 = 2;

    fn encode(self) -> u8 {
        let plain = match self.protection {
            Protection::Plain => Self::PLAIN,
            Protection::Encrypted => 0,
        };
        let aes = match self.aes {
            AesHardware::Present => Self::AES,
            AesHardware::Absent => 0,
        };
        plain | aes
    }

    /// Bits that are unknown here are for later versions.
    fn decode(byte: u8) -> Self {
        Self {
            protection: match byte & Self::PLAIN {
                0 => Protection::Encrypted,
                _ => Protection::Plain,
            },
            aes: match byte & Self::AES {
                0 => AesHardware::Absent,
                _ => AesHardware::Present,
            },
        }
    }

    fn cipher(self, other: Self) -> Cipher {
        match (self.aes, other.aes) {
            (AesHardware::Present, AesHardware::Present) => Cipher::Aes,
            _ => Cipher::ChaCha,
        }
    }
}

/// Why a listener does not go on. It is the listener's word, unproven: a person is told, nothing else hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It speaks another version, this one.
    #[error(
        "the other side speaks version {0} of the wire, this one version {VERSION}: have the same filexfer on both sides"
    )]
    Version(u8),
    /// It encrypts, and was asked not to.
    #[error("the other side encrypts: leave --plain out here, or give it there too")]
    Encrypted,
    /// It does not encrypt, and was asked to.
    #[error("the other side does not encrypt: leave --plain out there, or give it here too")]
    Plain,
    /// The key is another one.
    #[error("the key is wrong: compare it with what the other side shows")]
    WrongKey,
    /// It has no room for another now, or the code is in use.
    #[error("the other side is busy with another: try again when that one is done")]
    Busy,
    /// The code was good for one, who has had all.
    #[error("the code is used up: start the other side again for a new one, or with --many")]
    UsedUp,
    /// Too many wrong keys came from this network.
    #[error("too many wrong keys came from here: wait a minute")]
    TooMany,
    /// The code ended by too many wrong tries, from wherever.
    #[error("the code ended by too many wrong tries: start the other side again for a new one")]
    Ended,
    /// For a reason that this version does not know.
    #[error("the other side refuses for reason {0}, which this version does not know")]
    Unknown(u8),
}

impl Refusal {
    fn encode(self) -> u8 {
        match self {
            Self::Version(_) => 1,
            Self::Encrypted => 2,
            Self::Plain => 3,
            Self::WrongKey => 4,
            Self::Busy => 5,
            Self::UsedUp => 6,
            Self::TooMany => 7,
            Self::Ended => 8,
            Self::Unknown(status) => status.max(9),
        }
    }

    /// What this status says, in an answer or verdict of this version.
    fn decode(status: u8, version: u8) -> Result<(), Self> {
        Err(match status {
            0 => return Ok(()),
            1 => Self::Version(version),
            2 => Self::Encrypted,
            3 => Self::Plain,
            4 => Self::WrongKey,
            5 => Self::Busy,
            6 => Self::UsedUp,
            7 => Self::TooMany,
            8 => Self::Ended,
            other => Self::Unknown(other),
        })
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

fn password(key: &Key) -> Password {
    let mut secret = Vec::new();
    key.encode(&mut secret);
    Password::new(secret)
}

/// A hello or an answer: they have the same parts.
fn opening(status: u8, wishes: Wishes, share: &[u8]) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..11].copy_from_slice(&[VERSION, status, wishes.encode()]);
    bytes[SHARE..SHARE + share.len()].copy_from_slice(share);
    bytes
}

/// What the exchange agreed on, from which all else is derived.
struct Agreed {
    root: [u8; 32],
    cipher: Cipher,
    protection: Protection,
}

impl Agreed {
    fn new(
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

    fn connector_proof(&self) -> [u8; PROOF] {
        blake3::derive_key("plumbline filexfer 2026-11 connector's proof", &self.root)
    }

    fn listener_proof(&self) -> [u8; PROOF] {
        blake3::derive_key("plumbline filexfer 2026-11 listener's proof", &self.root)
    }

    fn from_connector(&self) -> Secret {
        let context = "plumbline filexfer 2026-11 records from the connector";
        Secret(blake3::derive_key(context, &self.root))
    }

    fn from_listener(&self) -> Secret {
        let context = "plumbline filexfer 2026-11 records from the listener";
        Secret(blake3::derive_key(context, &self.root))
    }

    fn keys(&self, out: &Secret, back: &Secret) -> Keys {
        Keys {
            sealer: Sealer::new(out, self.cipher, self.protection),
            opener: Opener::new(back, self.cipher, self.protection),
            cipher: self.cipher,
        }
    }
}

/// Compares in a time that tells nothing about where they differ.
fn is_same(proof: &[u8; PROOF], other: &[u8; PROOF]) -> bool {
    Hash::from(*proof) == Hash::from(*other)
}

/// The side that has connected, and waits for the answer to its hello.
pub struct Connector {
    pake: Pake,
    wishes: Wishes,
    hello: [u8; HELLO],
}

impl Connector {
    /// Starts, with a seed that nobody else knows and that is never used again. The hello is to be sent.
    pub fn new(key: &Key, wishes: Wishes, seed: &[u8; 64]) -> (Self, [u8; HELLO]) {
        let (connector, listener) = (Identity::new(CONNECTOR), Identity::new(LISTENER));
        let random = Expanded::new(seed);
        let (pake, share) = Pake::start_a_with_rng(&password(key), &connector, &listener, random);
        let hello = opening(0, wishes, &share);
        let connector = Self {
            pake,
            wishes,
            hello,
        };
        (connector, hello)
    }

    /// Takes the answer to the hello. The proof is to be sent.
    ///
    /// # Errors
    /// [`HandshakeError`]: there is nothing more to send.
    pub fn answer(self, answer: &[u8; ANSWER]) -> Result<(Proving, [u8; PROOF]), HandshakeError> {
        if is_native_start(answer) != Some(true) {
            return Err(HandshakeError::NotNative);
        }
        let [version, status, wishes] = [answer[8], answer[9], answer[10]];
        Refusal::decode(status, version)?;
        if version != VERSION {
            return Err(Refusal::Version(version).into());
        }
        let listener = Wishes::decode(wishes);
        check_protection(self.wishes, listener)?;
        let shared = self.pake.finish(&answer[SHARE..]);
        let shared = shared.map_err(|_| HandshakeError::Share)?;
        let agreed = Agreed::new(&shared, &self.hello, answer, (self.wishes, listener));
        let proof = agreed.connector_proof();
        Ok((Proving(agreed), proof))
    }
}

/// Whether both wish for the same; what the listener refuses it with where they do not.
fn check_protection(connector: Wishes, listener: Wishes) -> Result<(), Refusal> {
    match listener.protection {
        same if same == connector.protection => Ok(()),
        Protection::Encrypted => Err(Refusal::Encrypted),
        Protection::Plain => Err(Refusal::Plain),
    }
}

/// The side that has connected, and waits for the verdict on its proof.
pub struct Proving(Agreed);

impl Proving {
    /// Takes the verdict: the listener knows the key.
    ///
    /// # Errors
    /// [`HandshakeError::Refused`], or [`HandshakeError::Impostor`] where it does not know the key.
    pub fn verdict(self, verdict: &[u8; VERDICT]) -> Result<Keys, HandshakeError> {
        let [status, proof @ ..] = verdict;
        Refusal::decode(*status, VERSION)?;
        if !is_same(proof, &self.0.listener_proof()) {
            return Err(HandshakeError::Impostor);
        }
        let (out, back) = (self.0.from_connector(), self.0.from_listener());
        Ok(self.0.keys(&out, &back))
    }
}

/// The answer of a listener that does not go on.
pub fn refuse(refusal: Refusal, wishes: Wishes) -> [u8; ANSWER] {
    opening(refusal.encode(), wishes, &[])
}

/// The verdict of a listener that does not go on, whatever the proof is.
pub fn reject(refusal: Refusal) -> [u8; VERDICT] {
    let mut verdict = [0; VERDICT];
    verdict[0] = refusal.encode();
    verdict
}

/// The side that was listening, and waits for a proof.
pub struct Exchange(Agreed);

impl Exchange {
    /// Takes a hello, with a seed that nobody else knows and that is never used again. The answer is to be sent.
    ///
    /// # Errors
    /// [`HandshakeError`]: for a [`HandshakeError::Refused`] [`refuse`] makes the answer, for the others there is none.
    pub fn new(
        key: &Key,
        wishes: Wishes,
        seed: &[u8; 64],
        hello: &[u8; HELLO],
    ) -> Result<(Self, [u8; ANSWER]), HandshakeError> {
        if is_native_start(hello) != Some(true) {
            return Err(HandshakeError::NotNative);
        }
        if hello[8] != VERSION {
            return Err(Refusal::Version(hello[8]).into());
        }
        let connector_wishes = Wishes::decode(hello[10]);
        check_protection(connector_wishes, wishes)?;
        let (connector, listener) = (Identity::new(CONNECTOR), Identity::new(LISTENER));
        let random = Expanded::new(seed);
        let (pake, share) = Pake::start_b_with_rng(&password(key), &connector, &listener, random);
        let shared = pake.finish(&hello[SHARE..]);
        let shared = shared.map_err(|_| HandshakeError::Share)?;
        let answer = opening(0, wishes, &share);
        let agreed = Agreed::new(&shared, hello, &answer, (connector_wishes, wishes));
        Ok((Self(agreed), answer))
    }

    /// Takes the proof: whether the connector knows the key. A wrong one is one wrong guess.
    ///
    /// # Errors
    /// [`Refusal::WrongKey`]; [`reject`] makes the verdict.
    pub fn check(self, proof: &[u8; PROOF]) -> Result<Welcome, Refusal> {
        match is_same(proof, &self.0.connector_proof()) {
            true => Ok(Welcome(self.0)),
            false => Err(Refusal::WrongKey),
        }
    }
}

/// The side that was listening, and knows that the connector has the key.
pub struct Welcome(Agreed);

impl Welcome {
    /// Lets the connector in. The verdict is to be sent.
    pub fn accept(self) -> (Keys, [u8; VERDICT]) {
        let mut verdict = [0; VERDICT];
        verdict[1..].copy_from_slice(&self.0.listener_proof());
        let (out, back) = (self.0.from_listener(), self.0.from_connector());
        (self.0.keys(&out, &back), verdict)
    }
}
