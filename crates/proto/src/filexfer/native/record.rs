//! Records: what is on the wire after the key exchange.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | version of this layout, [`VERSION`] |
//! | 1 | what it is: 0 whole frames, 1 the final record |
//! | 2–3 | 0 |
//! | 4–7 | length of all that follows in bytes, big-endian: body and tag |
//! | … | the body, at most [`MAX_BODY`] bytes; the final record has none |
//! | … | the tag, [`TAG`] bytes |
//!
//! A body is sealed by AES-256-GCM (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439), with the header as associated data.
//! [`Protection::Plain`] leaves the body as it is and makes it associated data too: nobody can change it, anybody can
//! read it. Each direction has a key of its own. The nonce is the number of the record in its direction, from 0, as 12
//! bytes big-endian; it is not sent, so a record that is repeated, lost or out of order does not open. There are at most
//! 2³² records in a direction: after that nothing is sealed any more, and who has more to say makes a new connection.
//!
//! The final record says that nothing more comes. A stream that ends without it was cut off.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;

use super::message::MAX_DATA;

/// The version of the layout that this crate speaks.
pub const VERSION: u8 = 1;

/// The length of the header in bytes.
pub const HEADER: usize = 8;

/// The length of the tag in bytes.
pub const TAG: usize = 16;

/// The longest body in bytes: frames with the most data that one can have, and room for other frames beside it.
pub const MAX_BODY: usize = MAX_DATA as usize + 64 * 1024;

/// The most bytes after a header.
const MAX_LENGTH: usize = MAX_BODY + TAG;

/// The most records in a direction.
const MAX_RECORDS: u64 = 1 << 32;

/// How the bodies of records are protected. Both sides have to wish for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Encrypted and authenticated.
    Encrypted,
    /// Authenticated alone: anybody on the way can read them.
    Plain,
}

/// What seals records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// AES-256-GCM: where both sides have hardware for it.
    Aes,
    /// ChaCha20-Poly1305: elsewhere.
    ChaCha,
}

/// A secret for one direction of one connection. It prints as `***`.
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of these bytes, which nobody else may know, and no other direction may have.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Its body is whole frames.
    Frames,
    /// It is the last one, and empty.
    Final,
}

/// Why bytes are no record, or one cannot be made. After any of these the stream is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The first byte is not [`VERSION`].
    #[error("expected record version {VERSION}, got {0}")]
    Version(u8),
    /// It is of no known kind, or what is kept for later is not 0.
    #[error("expected a record of a known kind")]
    Kind,
    /// Its length is not possible; it holds the length in bytes, with the tag.
    #[error("expected a record of {TAG} to {MAX_LENGTH} bytes, got {0}")]
    Length(usize),
    /// It was changed, repeated, or is not the next one.
    #[error("expected a record as the other side sealed it; this one was changed on its way")]
    Forged,
    /// The final record went or came before, or a record before this one was refused.
    #[error("expected no record after the last one")]
    Ended,
    /// There were 2³² records.
    #[error("expected at most {MAX_RECORDS} records in a connection; a new connection goes on")]
    Exhausted,
}

/// A header whose length is within its limits: so many bytes may be allocated, and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    kind: RecordKind,
    length: usize,
}

impl Header {
    /// Reads a header. What it says is the peer's claim until the record has opened.
    ///
    /// # Errors
    /// [`RecordError::Version`], [`RecordError::Kind`] or [`RecordError::Length`].
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Self, RecordError> {
        let [version, kind, zero, zero_too, l0, l1, l2, l3] = *bytes;
        let kind = match (version, kind, zero, zero_too) {
            (VERSION, 0, 0, 0) => RecordKind::Frames,
            (VERSION, 1, 0, 0) => RecordKind::Final,
            (VERSION, ..) => return Err(RecordError::Kind),
            (other, ..) => return Err(RecordError::Version(other)),
        };
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let max = match kind {
            RecordKind::Frames => MAX_BODY,
            RecordKind::Final => 0,
        };
        match length.checked_sub(TAG) {
            Some(body) if body <= max => Ok(Self { kind, length }),
            _ => Err(RecordError::Length(length)),
        }
    }

    fn encode(self) -> [u8; HEADER] {
        let kind = match self.kind {
            RecordKind::Frames => 0,
            RecordKind::Final => 1,
        };
        let [l0, l1, l2, l3] = (self.length as u32).to_be_bytes();
        [VERSION, kind, 0, 0, l0, l1, l2, l3]
    }

    /// What the record is.
    pub fn kind(self) -> RecordKind {
        self.kind
    }

    /// How many bytes follow the header: body and tag, [`TAG`] to [`MAX_BODY`] + [`TAG`].
    pub fn length(self) -> usize {
        self.length
    }
}

/// The key of a direction, and how far it is.
struct Direction {
    key: LessSafeKey,
    protection: Protection,
    records: u64,
    ended: bool,
}

impl Direction {
    fn new(secret: &Secret, cipher: Cipher, protection: Protection) -> Self {
        let algorithm = match cipher {
            Cipher::Aes => &AES_256_GCM,
            Cipher::ChaCha => &CHACHA20_POLY1305,
        };
        let key =
            UnboundKey::new(algorithm, &secret.0).expect("both ciphers have keys of 32 bytes");
        Self {
            key: LessSafeKey::new(key),
            protection,
            records: 0,
            ended: false,
        }
    }

    /// The nonce of the next record.
    fn nonce(&mut self) -> Result<Nonce, RecordError> {
        match self.records {
            _ if self.ended => Err(RecordError::Ended),
            MAX_RECORDS.. => Err(RecordError::Exhausted),
            number => {
                self.records += 1;
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&number.to_be_bytes());
                Ok(Nonce::assume_unique_for_key(nonce))
            }
        }
    }
}

/// The side of a direction that makes records.
pub struct Sealer(Direction);

impl Sealer {
    /// Seals what goes in the direction that this secret is for.
    pub fn new(secret: &Secret, cipher: Cipher, protection: Protection) -> Self {
        Self(Direction::new(secret, cipher, protection))
    }

    /// Makes a record in place: `record` is [`HEADER`] bytes of room, the body, [`TAG`] bytes of room, and is whole
    /// afterwards.
    ///
    /// # Errors
    /// [`RecordError::Length`] where the body is too long (the final record has none), [`RecordError::Ended`] after the
    /// final record, [`RecordError::Exhausted`] after 2³² records.
    pub fn seal(&mut self, kind: RecordKind, record: &mut [u8]) -> Result<(), RecordError> {
        let length = record.len().saturating_sub(HEADER);
        let header = Header { kind, length }.encode();
        Header::decode(&header)?;
        let nonce = self.0.nonce()?;
        self.0.ended = kind == RecordKind::Final;
        record[..HEADER].copy_from_slice(&header);
        let (whole, tag) = record.split_at_mut(HEADER + length - TAG);
        let sealed = match self.0.protection {
            Protection::Encrypted => {
                let body = &mut whole[HEADER..];
                let key = &self.0.key;
                key.seal_in_place_separate_tag(nonce, Aad::from(header), body)
            }
            Protection::Plain => {
                let key = &self.0.key;
                key.seal_in_place_separate_tag(nonce, Aad::from(&*whole), &mut [])
            }
        };
        let sealed = sealed.map_err(|_| RecordError::Length(length))?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }
}

/// The side of a direction that opens records.
pub struct Opener(Direction);

impl Opener {
    /// Opens what comes in the direction that this secret is for.
    pub fn new(secret: &Secret, cipher: Cipher, protection: Protection) -> Self {
        Self(Direction::new(secret, cipher, protection))
    }

    /// Opens a record in place, header and all that follows it, and gives its kind and body.
    ///
    /// # Errors
    /// As [`Header::decode`]; [`RecordError::Length`] where `record` is shorter or longer than its header says;
    /// [`RecordError::Forged`] where it is not what the other side sealed as its next record; [`RecordError::Ended`]
    /// after the final record or a forged one.
    pub fn open<'a>(
        &mut self,
        record: &'a mut [u8],
    ) -> Result<(RecordKind, &'a [u8]), RecordError> {
        let opened = self.open_next(record);
        let more = matches!(opened, Ok((RecordKind::Frames, _)));
        self.0.ended |= !more;
        opened
    }

    fn open_next<'a>(
        &mut self,
        record: &'a mut [u8],
    ) -> Result<(RecordKind, &'a [u8]), RecordError> {
        let nonce = self.0.nonce()?;
        let length = record.len().saturating_sub(HEADER);
        let Some(&bytes) = record.first_chunk() else {
            return Err(RecordError::Length(length));
        };
        let header = Header::decode(&bytes)?;
        if header.length != length {
            return Err(RecordError::Length(length));
        }
        let (whole, tag) = record.split_at_mut(HEADER + length - TAG);
        let key = &self.0.key;
        let opened = match self.0.protection {
            Protection::Encrypted => {
                let body = &mut whole[HEADER..];
                key.open_in_place_separate_tag(nonce, Aad::from(bytes), tag, body)
            }
            Protection::Plain => {
                key.open_in_place_separate_tag(nonce, Aad::from(&*whole), tag, &mut [])
            }
        };
        opened.map_err(|_| RecordError::Forged)?;
        Ok((header.kind, &whole[HEADER..]))
    }
}

#[cfg(test)]
mod tests;
