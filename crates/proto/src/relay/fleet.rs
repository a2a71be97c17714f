//! What relays that serve one community say to each other, over a bus that is theirs alone.
//!
//! The bus carries frames to subjects. Each relay hears what is for those who have a session with it, for rooms that
//! somebody there is in, and what is for all relays.
//!
//! | subject | what is said there | answer |
//! |---|---|---|
//! | a name | [`Letter`](super::letter::Letter), to one relay that has the name | [`Passed`] |
//! | a name | [`Told`]: receipts for who goes by it; [`MailWaits`] | – |
//! | a room | [`Said`], [`Happened`](super::native::frames::Happened) | – |
//! | all relays | [`Here`], [`Beat`] | – |
//! | all relays | [`Asked`] | [`Listed`], from each that has something to say |
//!
//! The other relays are trusted as much as this one; what they say is bounded all the same.

use serde::{Deserialize, Serialize};

use super::native::frames::{Body, Member, Origin, Receipt, RelayState, RoomSize};
use super::native::{MAX_FRAGMENT, MessageId, Name};
use crate::frame::Message;

/// A relay, for as long as it runs: chosen at random when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelayId(pub u64);

/// What became of a letter that was passed to another relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passed {
    /// Its receiver's program has it.
    Taken,
    /// Its receiver is not there, or cannot take it now: it is to be kept.
    Keep,
}

/// Receipts for messages of somebody who has a session with another relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Who sent the messages.
    pub to: Name,
    /// What became of them.
    pub receipt: Receipt,
}

/// A letter was kept for somebody who may have come meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailWaits {
    /// For whom.
    pub to: Name,
}

/// These names have sessions with this relay. One that has an older session of such a name ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// The relay.
    pub relay: RelayId,
    /// Each name, and for how many milliseconds it has had its session. At most [`Here::NAMES`].
    pub names: Vec<(Name, u64)>,
}

impl Here {
    /// How many names are said at once.
    pub const NAMES: usize = 20;
}

/// Something was said in a room; its content, or the part of it, is the bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The relay whose client said it.
    pub relay: RelayId,
    /// Greater than that of everything which this relay has said before: what comes again after trouble is known by it.
    pub number: u64,
    /// The room.
    pub room: Name,
    /// Who said it.
    pub from: Origin,
    /// Its sender's number.
    pub id: MessageId,
    /// What the content is.
    pub body: Body,
    /// How long the whole content is, and where this part of it begins. Parts have at most [`Said::PART`] bytes.
    pub total: u32,
    /// See there.
    pub at: u32,
}

impl Said {
    /// The longest part of a content in bytes.
    pub const PART: usize = 512 * 1024;
}

/// A relay is alive; said every [`Beat::EVERY_MILLIS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// How it is.
    pub state: RelayState,
}

impl Beat {
    /// How often it is said, in milliseconds.
    pub const EVERY_MILLIS: u64 = 1000;

    /// After how many milliseconds without one a relay is shown as silent.
    pub const SILENT_MILLIS: u64 = 3500;

    /// After how many it is forgotten.
    pub const GONE_MILLIS: u64 = 60_000;
}

/// What is asked of all relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// Who of yours is in this room?
    Who(Name),
    /// Which rooms are your clients in?
    Rooms,
}

/// What one relay answers, in frames of at most [`Listed::MOST`] entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listed {
    /// Who is in the room.
    Members(Vec<Member>),
    /// Its rooms.
    Rooms(Vec<RoomSize>),
}

impl Listed {
    /// The most entries in one frame.
    pub const MOST: usize = 500;
}

const _: () = assert!(MAX_FRAGMENT < Said::PART);

impl Message for Passed {
    const KIND: u8 = 41;
    const MAX_HEADER: u32 = 4;
}

impl Message for Told {
    const KIND: u8 = 42;
    const MAX_HEADER: u32 = 64;
}

impl Message for MailWaits {
    const KIND: u8 = 43;
    const MAX_HEADER: u32 = 40;
}

impl Message for Here {
    const KIND: u8 = 44;
    const MAX_HEADER: u32 = 1024;
}

impl Message for Said {
    const KIND: u8 = 45;
    const MAX_HEADER: u32 = 140;
    const MAX_BULK: u32 = Said::PART as u32;
}

impl Message for Beat {
    const KIND: u8 = 46;
    const MAX_HEADER: u32 = 256;
}

impl Message for Asked {
    const KIND: u8 = 47;
    const MAX_HEADER: u32 = 40;
}

impl Message for Listed {
    const KIND: u8 = 48;
    const MAX_HEADER: u32 = 32 * 1024;
}
