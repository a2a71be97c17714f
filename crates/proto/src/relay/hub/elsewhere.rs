//! What a relay has others do, and what it hears of that: a store of messages, or a bus between relays with a store of its
//! own. The hub says [`Errand`]s and is told [`News`]; which of the two is there, it knows from its [`Reach`] alone.
//!
//! # Letters
//! A message to a name that cannot be delivered here becomes a [`Letter`] that is sent away by [`Errand::Send`]. Its sender
//! has no verdict before [`News::Settled`] says what became of it. When a session of a name begins, the hub asks for what
//! was kept ([`Errand::Fetch`]), delivers that first, and says what has come to the receiver's program
//! ([`Errand::Forget`]). As long as something is kept for a name, or may be, further messages to it are letters too: so
//! they keep their order.

use std::time::Duration;

use crate::relay::fleet::{Asked, Listed, Passed, Said};
use crate::relay::letter::{Kept, Letter, Place};
use crate::relay::native::Name;
use crate::relay::native::frames::{Happened, Receipt, RelayState, Why};
use crate::relay::native::identity::PublicKeys;

/// How far a relay reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Its clients, as long as they are there: nothing is kept for anybody.
    #[default]
    Here,
    /// The same, and a store keeps messages for those who are away. All names are known here.
    Store,
    /// A bus reaches the clients of other relays and keeps messages. Other names may be known elsewhere.
    Fleet,
}

/// Something that was sent away and is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A request of another relay that is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyTo(pub u64);

/// What is to be done with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Keep it: its receiver is here, or was, and is to get it later. The name is known.
    Keep,
    /// Hand it to the relay that has its receiver, or keep it where none has. The name is known.
    Find,
    /// The same, but nothing is known of the name: where nobody knows it, it is refused as [`Why::Unknown`].
    FindOut,
}

/// What others are to do. Those after [`Forget`](Self::Forget) are for a [fleet](Reach::Fleet) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A name belongs to these keys from now on: it is to be [remembered](super::Hub::remember) after a restart.
    Owner {
        /// The name.
        name: Name,
        /// The keys.
        keys: PublicKeys,
    },
    /// A letter is to be kept, or brought to its receiver. Letters to one name are handled in the order in which they
    /// were sent away, and later errands for that name after them. Answered by [`News::Settled`].
    Send {
        /// What its answer is known by.
        ticket: Ticket,
        /// The letter.
        letter: Letter,
        /// Its content.
        content: Vec<u8>,
        /// What is to be done with it.
        way: Way,
    },
    /// The letters for a name that come after this place are asked for, as many as are handy (about
    /// [`FETCHED`](Self::FETCHED) bytes). Answered by [`News::Fetched`].
    Fetch {
        /// The name.
        name: Name,
        /// Is said again in the answer.
        round: u32,
        /// Letters with a greater place.
        after: Place,
    },
    /// The letters for a name up to this place have come to its program: they are kept no longer.
    Forget {
        /// The name.
        name: Name,
        /// The last of them.
        until: Place,
    },
    /// A name that is new here is claimed. Answered by [`News::Claimed`].
    Claim {
        /// The name.
        name: Name,
        /// Whose it is to be.
        keys: PublicKeys,
    },
    /// What is known of a name? Answered by [`News::Found`].
    Look {
        /// The name.
        name: Name,
    },
    /// A name has a session here from now on, or a younger one than before.
    Present {
        /// The name.
        name: Name,
    },
    /// A name has none here any more.
    Absent {
        /// The name.
        name: Name,
    },
    /// Somebody who is elsewhere is to be told what became of their messages.
    Tell {
        /// Who.
        to: Name,
        /// What.
        receipt: Receipt,
    },
    /// What became of a letter that another relay passed on.
    Passed {
        /// The request that is answered.
        reply: ReplyTo,
        /// The answer.
        passed: Passed,
    },
    /// Somebody here is in this room now: what is said there is to be heard.
    Enter {
        /// The room.
        room: Name,
    },
    /// Nobody here is in this room any more.
    Leave {
        /// The room.
        room: Name,
    },
    /// Something was said in a room, and is to be said to the other relays. [`Said::relay`] and [`Said::number`] are
    /// filled in by whoever says it. Answered by [`News::Settled`] when it was.
    Say {
        /// What its answer is known by.
        ticket: Ticket,
        /// What was said; with all of its content, however long.
        said: Said,
        /// The content.
        content: Vec<u8>,
    },
    /// Something happened in a room, and is to be told to the other relays.
    Happened(Happened),
    /// The other relays are asked. Answered by [`News::Gathered`].
    Gather {
        /// What its answer is known by.
        ticket: Ticket,
        /// What is asked.
        asked: Asked,
    },
    /// What this relay answers to [`News::Asked`].
    Answer {
        /// The request that is answered.
        reply: ReplyTo,
        /// The answer.
        listed: Listed,
    },
}

impl Errand {
    /// About how many bytes of letters are fetched at once.
    pub const FETCHED: usize = 256 * 1024;
}

/// What became of something that was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its receiver's program has it; or, in a room, the other relays.
    Taken,
    /// It is kept where it is safe.
    Kept,
    /// It will not arrive.
    Refused(Why),
}

/// Whether a name could be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It belongs to these keys now, or has before: those of the claim, or another's.
    Belongs(PublicKeys),
    /// Nobody can say at the moment.
    CutOff,
}

/// What a relay is told by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// What became of a letter, or of something that was said in a room.
    Settled {
        /// The one that it was sent with.
        ticket: Ticket,
        /// What became of it.
        outcome: Outcome,
    },
    /// Letters for a name, in the order of their places.
    Fetched {
        /// The name.
        name: Name,
        /// The one of the [`Errand::Fetch`].
        round: u32,
        /// The letters.
        letters: Vec<Kept>,
        /// Whether there were no more when these were looked for.
        is_all: bool,
    },
    /// Something was kept for a name that may have come meanwhile.
    MailWaits {
        /// The name.
        name: Name,
    },
    /// Whether a name could be claimed.
    Claimed {
        /// The name.
        name: Name,
        /// Whose it is.
        claimed: Claimed,
    },
    /// What is known of a name; `None` where nobody knows it, or nobody can say.
    Found {
        /// The name.
        name: Name,
        /// Whose it is.
        keys: Option<PublicKeys>,
    },
    /// Another relay passes a letter on. Answered by [`Errand::Passed`].
    Letter {
        /// What the answer is for.
        reply: ReplyTo,
        /// The letter.
        letter: Letter,
        /// Its content.
        content: Vec<u8>,
    },
    /// Another relay says what became of messages of somebody here.
    Told {
        /// Who.
        to: Name,
        /// What.
        receipt: Receipt,
    },
    /// A name has a younger session elsewhere: the one here ends.
    Superseded {
        /// The name.
        name: Name,
    },
    /// Something was said in a room at another relay, all of it.
    Said {
        /// What.
        said: Said,
        /// The content.
        content: Vec<u8>,
    },
    /// Something happened in a room at another relay.
    Happened(Happened),
    /// Another relay asks. Answered by [`Errand::Answer`], as often as the answer needs frames.
    Asked {
        /// What the answer is for.
        reply: ReplyTo,
        /// What is asked.
        asked: Asked,
    },
    /// What other relays have answered.
    Gathered {
        /// The one of the [`Errand::Gather`].
        ticket: Ticket,
        /// One answer.
        listed: Option<Listed>,
        /// Whether no more is waited for.
        is_all: bool,
    },
    /// How this relay and the others are, this one first. [`RelayState::sessions`] and all else that the hub counts
    /// itself is filled in by it.
    Fleet {
        /// The relays.
        relays: Vec<RelayState>,
    },
}

/// How long a question is kept for which others are asked.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
