//! What the two sides wish for, and what comes of it.

use super::Refusal;
use crate::filexfer::native::record::{Cipher, Protection};

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
    pub(super) const PLAIN: u8 = 1;
    const AES: u8 = 2;

    pub(super) fn encode(self) -> u8 {
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
    pub(super) fn decode(byte: u8) -> Self {
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

    pub(super) fn cipher(self, other: Self) -> Cipher {
        match (self.aes, other.aes) {
            (AesHardware::Present, AesHardware::Present) => Cipher::Aes,
            _ => Cipher::ChaCha,
        }
    }

    /// Whether this listener and a connector wish for the same; what the connector is refused with where they do not.
    pub(super) fn check(self, connector: Self) -> Result<(), Refusal> {
        match self.protection {
            same if same == connector.protection => Ok(()),
            Protection::Encrypted => Err(Refusal::Encrypted),
            Protection::Plain => Err(Refusal::Plain),
        }
    }
}
