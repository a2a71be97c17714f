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

/// The most bytes of a [`Filter`]'s pattern.
pub const MAX_PATTERN: usize = 1024;

/// The most [`Filter`]s of a request.
pub const MAX_FILTERS: usize = 256;

/// The most bytes of where a symbolic link leads (Linux: PATH_MAX without its end).
pub const MAX_TARGET: usize = 4095;

/// The most files with several names that a source numbers ([`Entry::number`]).
pub const MAX_NUMBERED: u32 = 1 << 16;

/// Bytes in the hash of a [`Parts`] or [`Chunks`] frame: the first of a blake3 hash.
pub const SHORT_HASH: usize = 16;

/// Bytes of one chunk in a [`Chunks`] frame: its length (big-endian), its hash.
pub const CHUNK_ROW: usize = 4 + SHORT_HASH;

/// The most bytes of rows in one [`Parts`] or [`Chunks`] frame.
pub const MAX_ROWS: u32 = 16 * 1024;

/// The most rows that a sink says of one basis.
pub const MAX_BASIS_ROWS: u64 = 1 << 18;

/// The most rows that a sink may have said of files that are not finished.
pub const MAX_OPEN_ROWS: u64 = 2 * MAX_BASIS_ROWS;

/// What the connecting side wants. It is the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To know what is offered: the other side is a source, none of whose entries is answered. [`Want`]s and [`Filter`]s
    /// follow, then [`Ready`].
    List,
    /// Files: the other side is the source. [`Want`]s and [`Filter`]s follow, then [`Ready`].
    Get(Course),
    /// To give files: the other side is the sink.
    Put(Course),
}

impl Request {
    /// How far a transfer is to go.
    pub fn course(self) -> Course {
        match self {
            Self::Get(course) | Self::Put(course) => course,
            Self::List => Course::Once,
        }
    }
}

/// How a transfer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Course {
    /// Once, to its end.
    Once,
    /// Only so far that it is known what would be done: the sink takes and removes nothing ([`Leave::Wanted`]).
    Preview,
    /// In rounds, each ended by a [`Pause`], until one of the sides ends the connection.
    Follow,
}

/// What the source is to name of all that is wanted. Patterns are those of gitignore(5), relative to what is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Files that this matches, and those in folders that it matches, or that another of these does.
    Include(Pattern),
    /// Nothing that this matches, nor what is in it.
    Exclude(Pattern),
    /// Nothing that a file of this name says (as `.gitignore` does) of the folder that it is in.
    IgnoreFile(Pattern),
}

/// At most [`MAX_PATTERN`] bytes. It is the peer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl Pattern {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() {
            1..=MAX_PATTERN => Ok(Self(text)),
            _ => Err("expected a pattern of 1 to 1024 bytes"),
        }
    }
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

/// Something that the source has. Entries are numbered from 0 in the order in which they are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// When it was last changed, where that is known.
    pub modified: Option<Moment>,
    /// The permissions of Unix (the lowest twelve bits), where there are any.
    pub mode: Option<u32>,
    /// Whose it is, where that is known.
    pub owner: Option<Owner>,
    /// Of a file that has several names, said with the first of them: its number, below [`MAX_NUMBERED`], by which
    /// [`Kind::Again`] tells the others.
    pub number: Option<u32>,
}

impl Entry {
    /// Nothing else is known of it.
    pub fn new(name: Name, kind: Kind) -> Self {
        Self {
            name,
            kind,
            modified: None,
            mode: None,
            owner: None,
            number: None,
        }
    }

    /// How many bytes it has, where it is a file and that is known.
    pub fn size(&self) -> Option<u64> {
        match self.kind {
            Kind::File(size) => size,
            Kind::Folder | Kind::Link(_) | Kind::Again(_) => None,
        }
    }
}

/// Whose a file is: the numbers of Unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A file of this size in bytes; none is known of what comes from a pipe.
    File(Option<u64>),
    /// A folder. The sink makes it, and answers nothing.
    Folder,
    /// A symbolic link. The sink answers by [`Leave`].
    Link(LinkTarget),
    /// One more name of the file with this number. The sink answers by [`Leave`].
    Again(u32),
}

/// Where a symbolic link leads: 1 to [`MAX_TARGET`] bytes, none of them NUL. It is the peer's, and may lead anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct LinkTarget(Box<[u8]>);

impl LinkTarget {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for LinkTarget {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        let is_target = (1..=MAX_TARGET).contains(&bytes.len()) && !bytes.contains(&0);
        match is_target {
            true => Ok(Self(bytes.into())),
            false => Err("expected the target of a link to have 1 to 4095 bytes, and no NUL"),
        }
    }
}

impl From<LinkTarget> for Vec<u8> {
    fn from(target: LinkTarget) -> Self {
        target.0.into()
    }
}

impl std::fmt::Debug for LinkTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// The source has something that it does not name, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name as bytes, which need not be a [`Name`]; at most [`MAX_NAME`], without its beginning where it is longer.
    pub path: SkippedPath,
    /// Why.
    pub reason: Reason,
    /// Whether a file may be missing for it: a sink that knows so removes nothing.
    pub is_failure: bool,
}

/// The last [`MAX_NAME`] bytes of a path. It is the peer's, and only to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct SkippedPath(Vec<u8>);

impl SkippedPath {
    /// The end of this path.
    pub fn new(path: &[u8]) -> Self {
        Self(path[path.len().saturating_sub(MAX_NAME)..].to_vec())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<SkippedPath> for Vec<u8> {
    fn from(path: SkippedPath) -> Self {
        path.0
    }
}

impl TryFrom<Vec<u8>> for SkippedPath {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        match bytes.len() {
            0..=MAX_NAME => Ok(Self(bytes)),
            _ => Err("expected a shorter path"),
        }
    }
}

/// The sink wants the oldest entry that it has not answered: by default all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The first byte that it has not got, a whole number of blocks ([`super::blocks`]) below the file's size, or 0.
    pub from: u64,
    /// The hashes of what it has got ([`super::blocks`]); none from 0 on.
    pub stack: Vec<[u8; 32]>,
    /// What it has that may be alike.
    pub basis: Option<Basis>,
}

/// A file that the sink has, of which the taken one may be made in part.
///
/// [`Parts`] of it follow, in the order of the takes: from [`Take::from`] on, the first bytes of the hash of each
/// part, until [`Parts::is_last`]. They may end before the basis does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Its size in bytes.
    pub size: u64,
    /// Bytes in a part: a power of two from 16 KiB to 1 MiB ([`super::blocks`]).
    pub part: u32,
    /// Whether parts of it may go to other places than those where they are. They may not where the file is changed in
    /// place.
    pub moves: bool,
}

/// Hashes of the parts of the oldest basis of which the sink has not said the last: the frame's bulk, [`SHORT_HASH`] bytes
/// for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Whether nothing more is said of this basis.
    pub is_last: bool,
}

/// The source wants to know a stretch of the basis of the file that it sends by chunks which do not depend on their place
/// ([`super::chunks`]). It says so only of a basis whose parts may move, when all chunks are said that it asked for before,
/// and for twice as many bytes as the basis has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskChunks {
    /// Where it begins in the basis.
    pub from: u64,
    /// How many bytes it has, at least one.
    pub length: u64,
}

/// Chunks of the stretch for which the source has asked, one after the other: the frame's bulk, [`CHUNK_ROW`] bytes
/// for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunks {
    /// Whether nothing more is said of this stretch.
    pub is_last: bool,
}

/// Bytes of the oldest file that was taken and is not finished, as they are in its basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromBasis {
    /// Where they are in the basis.
    pub from: u64,
    /// How many, at least one.
    pub length: u64,
}

/// Zeros of the oldest file that was taken and is not finished, where the source has no room for them on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// How many, at least one.
    pub length: u64,
}

/// The sink does not take the oldest entry that it has not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leave {
    /// It has it, by size and time, or by where it leads.
    Same,
    /// It has another under this name, and keeps that.
    Kept,
    /// It cannot have it, for this reason.
    Failed(Reason),
    /// It has made it: a link, or one more name.
    Made,
    /// It would take it, if this were no preview.
    Wanted,
    /// It was told not to want such entries.
    Unwanted,
}

/// The sink has removed what the source has not got, or would have in a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// What it was called.
    pub name: Name,
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

/// As [`Done`], but only for this round of a transfer that is followed: the source names everything anew when something has
/// changed, beginning with [`Totals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause;

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
    Request: 1, 2;
    Want: 2, NAMED;
    Ready: 3, 0;
    Refused: 4, NAMED;
    Filter: 5, MAX_PATTERN as u32 + 16;
    Totals: 10, 18;
    Entry: 11, NAMED + MAX_TARGET as u32 + 32;
    Data: 12, 6, MAX_DATA;
    Finish: 13, REASONED;
    FromBasis: 14, 18;
    Hole: 15, 9;
    AskChunks: 16, 18;
    Skipped: 17, NAMED + REASONED;
    Take: 20, 48 + 32 * MAX_STACK as u32;
    Leave: 21, REASONED;
    Saved: 22, 0;
    NotSaved: 23, REASONED;
    Parts: 24, 1, MAX_ROWS;
    Chunks: 25, 1, MAX_ROWS;
    Removed: 26, NAMED;
    Alive: 30, 0;
    Done: 31, 0;
    Pause: 32, 0;
}

#[cfg(test)]
mod tests;
