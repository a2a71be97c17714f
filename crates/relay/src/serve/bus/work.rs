//! What the thread of the bus has to do.

use async_nats::{Message, jetstream};
use proto::relay::hub::elsewhere::Claimed;
use proto::relay::letter::{Kept, Place};
use proto::relay::native::Name;
use proto::relay::native::identity::PublicKeys;

/// Something to do, or to hear.
#[derive(Debug)]
pub(super) enum Work {
    /// The hub wants something done.
    Errands,
    /// There will be no more errands.
    Close,
    /// Some time has passed.
    Tick,
    /// NATS is there.
    Up,
    /// NATS is not there.
    Down,
    /// The client had no room for something that came.
    Dropped,
    /// NATS complains.
    Complaint(String),
    /// An answer.
    Reply(Message),
    /// Something for a name that is here.
    ForName(Name, Message),
    /// Something from a room.
    FromRoom(Name, Message),
    /// Something for all relays.
    ForAll(Message),
    /// What is for a name is heard from now on.
    HearsName(Name),
    /// What is for a name is heard no more: the server has been told, and what it sent before that is lost.
    Left(Name),
    /// What is said in a room is heard from now on.
    HearsRoom(Name),
    /// What is for all relays is heard from now on.
    HearsAll,
    /// The streams are there, or why not.
    Prepared(Result<(), Unprepared>),
    /// Letters, and whether there were no more; `None` where they could not be fetched.
    Fetched(Name, u32, Option<(Vec<Kept>, bool)>),
    /// Letters up to this place are kept no longer, or are still.
    Forgotten(Name, Place, bool),
    /// How many letters there are, and their size in bytes.
    Measured(Option<(u64, u64)>),
    /// For whom letters wait.
    Waiting(Vec<Name>),
    /// A name was claimed.
    Claimed(Name, Claimed),
    /// Whose a name is, for the hub.
    Found(Name, Option<PublicKeys>),
    /// Whether a name is known, for letters; `None` where nobody could say.
    Looked(Name, Option<bool>),
}

/// Why there are no streams.
#[derive(Debug)]
pub(super) enum Unprepared {
    /// The server has no JetStream.
    NoJetStream,
    /// What it said.
    Failed(jetstream::context::CreateStreamError),
}
