//! Why a listener does not go on, and what helps.

use thiserror::Error;

use super::VERSION;

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
    pub(super) fn encode(self) -> u8 {
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
    pub(super) fn decode(status: u8, version: u8) -> Result<(), Self> {
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
