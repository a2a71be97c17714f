//! What is said in a session: frames, many to a packet, each whole in one.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::identity::PublicKeys;
use super::{MAX_FRAGMENT, MessageId, Name};
use crate::frame::Message;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum To {
    /// Whoever goes by this name.
    Name(Name),
    /// All in this room but the sender.
    Room(Name),
    /// Whoever is registered there, on the classic wire or on this one.
    Address(SocketAddr),
}

/// Who said something: the name where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// Somebody with a name.
    Name(Name),
    /// Somebody without.
    Address(SocketAddr),
}

/// Which part of a content a frame has. The parts of one message follow each other on its sender's link, and reach each
/// receiver in that order; those of other senders may come between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// All of it.
    Whole,
    /// The first of several, and how many bytes the whole has: more than one fragment, at most
    /// [`MAX_CONTENT`](super::MAX_CONTENT).
    First(u32),
    /// One that more follow.
    Next,
    /// The last of several.
    Last,
}

impl Part {
    /// The parts that a content travels in, and what is in each.
    pub(crate) fn all_of(content: &[u8]) -> impl Iterator<Item = (Self, &[u8])> {
        let last = content.len().div_ceil(MAX_FRAGMENT).saturating_sub(1);
        (0..=last).map(move |at| {
            let rest = &content[at * MAX_FRAGMENT..];
            let part = match at {
                _ if last == 0 => Self::Whole,
                0 => Self::First(content.len() as u32),
                _ if at == last => Self::Last,
                _ => Self::Next,
            };
            (part, &rest[..rest.len().min(MAX_FRAGMENT)])
        })
    }
}

/// Of what a sender wants to hear, beside the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wants {
    /// Nothing.
    #[default]
    Nothing,
    /// That it has come to the receiver's program.
    Delivered,
    /// That and, from a receiver who says so, that it was read.
    Read,
}

/// What the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// As it was typed.
    Plain,
    /// [Sealed](super::sealed) for its receiver.
    Sealed,
}

/// Client to relay: a message, or a part of one; the content is the bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// Greater than all before; the same in all parts.
    pub id: MessageId,
    /// Whom it is for; the same in all parts.
    pub to: To,
    /// What of it this is.
    pub part: Part,
    /// What is wanted beside the verdict. Rooms give none.
    pub wants: Wants,
    /// What the content is; the same in all parts.
    pub body: Body,
}

/// Relay to client: a message, or a part of one; the content is the bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// For how many seconds it was kept while its receiver was away; 0 for one that was not.
    pub waited: u32,
    /// Who sent it.
    pub from: Origin,
    /// The room it was said in, and its place there.
    pub room: Option<(Name, u64)>,
    /// Its sender's number: a message may come again, on another session or from another relay, and is known by it. Around
    /// a lost relay they need not grow. A classic sender's are 0.
    pub id: MessageId,
    /// What of it this is.
    pub part: Part,
    /// Whether the sender wants to hear when it is read.
    pub wants: Wants,
    /// What the content is.
    pub body: Body,
}

/// Relay to client: what has become of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The first of them.
    pub first: MessageId,
    /// The last of them; all that the client has sent between are meant.
    pub last: MessageId,
    /// What became of them.
    pub stage: Stage,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The verdict: it is as safe as this relay makes it. One that keeps no mail has it in memory, and whoever it is for
    /// is there. One that keeps mail says so when the receiver's program has it, or the disk. In a room: all in it who
    /// can be reached have it in their queues.
    Queued,
    /// The verdict: it will not arrive.
    Refused(Why),
    /// It has come to the receiver's program.
    Delivered,
    /// The receiver says that it was read.
    Read,
}

/// Why a message will not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Nobody has ever gone by this name.
    Unknown,
    /// Who goes by this name is away.
    Away,
    /// Nothing registered at this address, or the policy forbids it.
    NotThere,
    /// The sender is not in this room.
    NotInRoom,
    /// The receiver takes nothing, and their queue is full.
    Behind,
    /// The relay has no room.
    Full,
    /// It is longer than [`MAX_CONTENT`](super::MAX_CONTENT), or its parts do not fit each other.
    TooLong,
    /// The receiver speaks the classic wire, which cannot say this: too long, or white space at its ends, or sealed.
    NotClassic,
    /// The sender is over its rate.
    TooFast,
    /// They are away, and the sender has as much mail waiting for them as anybody may.
    Quota,
    /// They are away, and mail is kept only from those who go by a name.
    Nameless,
    /// They are not here, and what would keep it, or find them, cannot be reached at the moment.
    CutOff,
}

/// How far somebody has read in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The room's beginning: with another one, places have nothing to do with each other.
    pub epoch: u64,
    /// The place of the last message, from 1; 0 is before all.
    pub place: u64,
}

/// Client to relay: let me into this room. Who may not be let in, since they are in 64 rooms, have joined
/// 128 in this second or the relay has no room for more, is told by [`Happened`] that they themselves have left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The room.
    pub room: Name,
    /// What was heard last; what came after it follows, as far as it is kept. `None` asks for all that is kept.
    pub after: Option<Mark>,
}

/// Relay to client: you are in this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room.
    pub room: Name,
    /// The last message that was said in it.
    pub mark: Mark,
    /// How many of the kept messages follow.
    pub kept: u32,
    /// How many came after what was heard last and are kept no more; `None` where nobody can know: another epoch.
    pub missed: Option<u64>,
    /// How many are in it.
    pub members: u32,
}

/// Client to relay: I leave this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The room.
    pub room: Name,
}

/// Client to relay: a question, which has a number of the client's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The number.
    pub number: u32,
    /// What is asked.
    pub question: Question,
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// Who is in this room?
    Who(Name),
    /// Which rooms are there?
    Rooms,
    /// Which keys does this name belong to?
    Keys(Name),
    /// How is the relay?
    Status,
    /// How are this relay and the others that serve the same community?
    Relays,
}

/// Relay to client: an answer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's number.
    pub number: u32,
    /// What is answered.
    pub reply: Reply,
    /// Whether more of this answer follows.
    pub more: bool,
}

/// What a relay answers. Lists come in frames of at most [`LISTED`] each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Who is in the room; nobody where there is no such room.
    Members(Vec<Member>),
    /// The rooms.
    Rooms(Vec<RoomSize>),
    /// The keys of the name, if it is known.
    Keys(Option<PublicKeys>),
    /// How the relay is.
    Status(Status),
    /// How the relays are, the one that answers first.
    Relays(Vec<RelayState>),
}

/// The most entries of one list in one frame.
pub const LISTED: usize = 20;

/// The most relays in one frame: their labels may be long.
pub const RELAYS_LISTED: usize = 5;

/// Somebody in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub who: Origin,
    /// How many messages of the room have passed them by because they were slow.
    pub dropped: u64,
}

/// A room and how many are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSize {
    /// The room.
    pub room: Name,
    /// How many are in it.
    pub members: u32,
}

/// How a relay is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Since when it runs, in seconds.
    pub uptime: u64,
    /// Clients on the classic wire that were heard of in the last 300 s.
    pub classic: u64,
    /// Sessions on the native wire.
    pub sessions: u64,
    /// Names that are known, present or not.
    pub names: u64,
    /// Rooms.
    pub rooms: u64,
    /// Messages taken since it started, on both wires.
    pub messages: u64,
    /// Deliveries of them, to each receiver.
    pub deliveries: u64,
    /// Messages refused.
    pub refused: u64,
    /// Deliveries that passed slow members by.
    pub dropped: u64,
    /// Bytes that wait in queues.
    pub waiting: u64,
    /// Sessions whose queue stands still.
    pub stuck: u64,
}

/// One relay of those that serve a community.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayState {
    /// Chosen at random when it started.
    pub id: u64,
    /// What its owner calls it, at most [`LABEL`](Self::LABEL) bytes of whatever text.
    pub label: String,
    /// Since when it runs, in seconds.
    pub uptime: u64,
    /// How long ago it was heard of, in milliseconds; 0 for the one that answers.
    pub heard: u64,
    /// Clients on the classic wire.
    pub classic: u64,
    /// Sessions on the native wire.
    pub sessions: u64,
    /// Rooms that somebody there is in.
    pub rooms: u64,
    /// Messages that wait for those who are away. Relays that share their mail say the same number.
    pub mail: u64,
    /// Their size in bytes.
    pub mail_bytes: u64,
    /// What does not work as it should.
    pub troubles: Vec<Trouble>,
}

impl RelayState {
    /// The longest label in bytes.
    pub const LABEL: usize = 64;

    /// The most troubles that are told.
    pub const TROUBLES: usize = 8;
}

/// What does not work as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Mail cannot be written to the disk: it is refused.
    StoreFails,
    /// Mail has reached its size, or the disk is full.
    StoreFull,
    /// NATS cannot be reached: whoever is elsewhere cannot be, mail is neither kept nor fetched.
    CutOff,
    /// NATS keeps no mail: it has no JetStream.
    NoMail,
    /// It was not heard of for so long that it may be gone.
    Silent,
}

/// Relay to client: something happened in a room that the client is in. In a room of more than 1000 nobody is told who
/// comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// The room.
    pub room: Name,
    /// To whom.
    pub who: Origin,
    /// What.
    pub what: Happening,
}

/// What happens in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// They joined.
    Joined,
    /// They left, or were not heard of any more.
    Left,
    /// They are slow: so many messages of the room have passed them by. Told when it begins, and at most once a second.
    Slow(u64),
}

/// Client to relay: a message that wanted it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Who sent it.
    pub from: Origin,
    /// Its number.
    pub id: MessageId,
}

/// Either way: the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub why: Ending,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The client has done what it came for.
    Done,
    /// The relay stops.
    Stopping,
    /// The same identity has registered from elsewhere.
    Elsewhere,
    /// The other side breaks the rules.
    Unruly,
}

impl Message for Send {
    const KIND: u8 = 10;
    const MAX_HEADER: u32 = 80;
    const MAX_BULK: u32 = MAX_FRAGMENT as u32;
}

impl Message for Join {
    const KIND: u8 = 11;
    const MAX_HEADER: u32 = 64;
}

impl Message for Leave {
    const KIND: u8 = 12;
    const MAX_HEADER: u32 = 40;
}

impl Message for Ask {
    const KIND: u8 = 13;
    const MAX_HEADER: u32 = 48;
}

impl Message for Read {
    const KIND: u8 = 14;
    const MAX_HEADER: u32 = 64;
}

impl Message for Delivery {
    const KIND: u8 = 20;
    const MAX_HEADER: u32 = 120;
    const MAX_BULK: u32 = MAX_FRAGMENT as u32;
}

impl Message for Receipt {
    const KIND: u8 = 21;
    const MAX_HEADER: u32 = 24;
}

impl Message for Joined {
    const KIND: u8 = 22;
    const MAX_HEADER: u32 = 80;
}

impl Message for Answer {
    const KIND: u8 = 23;
    const MAX_HEADER: u32 = 1150;
}

impl Message for Happened {
    const KIND: u8 = 24;
    const MAX_HEADER: u32 = 100;
}

impl Message for Bye {
    const KIND: u8 = 30;
    const MAX_HEADER: u32 = 2;
}
