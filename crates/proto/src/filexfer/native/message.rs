//! The frames of the file transfer.

use serde::{Deserialize, Serialize};

use super::name::{MAX_NAME, Name};
use crate::frame::Message;

/// The most bytes of a file in one [`Data`].
pub const MAX_DATA: u32 = 1 << 20;

/// The most entries that a source may have named and a sink not answered.
pub const MAX_UNANSWERED: u32 = 1024;

/// The deepest stack of hashes that a [`Take`] can need: a file has at most 2⁶⁴ bytes, a block 2²⁰.
pub const MAX_STACK: usize = 44;

/// The most bytes of text in a [`Reason`].
pub const MAX_REASON: usize = 512;

/// What the connecting side wants. It is the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To know what is offered: the other side is a source, none of whose entries is answered.
    List,
    /// Files: the other side is the source. [`Want`]s follow, then [`Ready`].
    Get,
    /// To give files: the other side is the sink.
    Put,
}

/// A name among those that are offered, or what is in it where it is a folder. Without any, all are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// What is wanted.
    pub name: Name,
}

/// All [`Want`]s were said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready;

/// The listening side does not do what was requested, and ends the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// It only sends ([`Request::Put`]), or only receives (the others).
    WrongWay,
    /// Nothing of this name is offered.
    NoSuchName(Name),
    /// It has no room for another client now.
    Busy,
    /// For this reason.
    Other(Reason),
}

/// Text for a person, at most [`MAX_REASON`] bytes. It is the peer's: escape it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(String);

impl Reason {
    /// The beginning of this text.
    pub fn new(text: &str) -> Self {
        let end = text.floor_char_boundary(MAX_REASON);
        Self(text[..end].to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() {
            0..=MAX_REASON => Ok(Self(text)),
            _ => Err("expected a shorter reason"),
        }
    }
}

/// How much there is. It is said before the first entry where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Files, folders not counted.
    pub files: u64,
    /// Their bytes, as far as their sizes are known.
    pub bytes: u64,
}

/// A moment, as file systems keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970 (UTC), before it negative.
    pub seconds: i64,
    /// Nanoseconds after that, below 10⁹.
    pub nanos: u32,
}

/// A file or folder that the source has. Entries are numbered from 0 in the order in which they are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// When it was last changed, where that is known.
    pub modified: Option<Moment>,
    /// The permissions of Unix (the lowest nine bits), where there are any.
    pub mode: Option<u32>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A file of this size in bytes; none is known of what comes from a pipe.
    File(Option<u64>),
    /// A folder. The sink makes it, and answers nothing.
    Folder,
}

/// The sink wants the oldest entry that it has not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The first byte that it has not got, a whole number of blocks ([`super::blocks`]) below the file's size, or 0.
    pub from: u64,
    /// The hashes of what it has got ([`super::blocks`]); none from 0 on.
    pub stack: Vec<[u8; 32]>,
}

/// The sink does not take the oldest entry that it has not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leave {
    /// It has it, by size and time.
    Same,
    /// It has another under this name, and keeps that.
    Kept,
    /// It cannot have it, for this reason.
    Failed(Reason),
}

/// Bytes of the oldest file that was taken and is not finished: the frame's bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// How long they are once decompressed (zstd), at most [`MAX_DATA`]; `None` where they are as they were.
    pub unpacked: Option<u32>,
}

/// How the file ended whose data was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// It was sent whole, and its blake3 hash is this.
    Whole([u8; 32]),
    /// The source found that it changed while it was read: what was sent is worth nothing.
    Changed,
    /// The source could not read it.
    Failed(Reason),
}

/// The oldest file that was finished and is not answered is safe under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved;

/// The oldest file that was finished and is not answered is not there, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSaved {
    /// Why.
    pub reason: Reason,
}

/// The sender is still there, and busy: said where nothing else was for some seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alive;

/// The source has finished all that was taken, the sink has answered all that was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done;

/// The longest encoding of a name with what stands around it.
const NAMED: u32 = MAX_NAME as u32 + 64;
/// The same of a reason.
const REASONED: u32 = MAX_REASON as u32 + 16;

macro_rules! messages {
    ($($type:ty: $kind:literal, $header:expr $(, $bulk:expr)?;)*) => {
        $(impl Message for $type {
            const KIND: u8 = $kind;
            const MAX_HEADER: u32 = $header;
            $(const MAX_BULK: u32 = $bulk;)?
        })*
    };
}

messages! {
    Request: 1, 1;
    Want: 2, NAMED;
    Ready: 3, 0;
    Refused: 4, NAMED;
    Totals: 10, 18;
    Entry: 11, NAMED;
    Data: 12, 6, MAX_DATA;
    Finish: 13, REASONED;
    Take: 20, 16 + 32 * MAX_STACK as u32;
    Leave: 21, REASONED;
    Saved: 22, 0;
    NotSaved: 23, REASONED;
    Alive: 30, 0;
    Done: 31, 0;
}

#[cfg(test)]
mod tests;
