//! What a client is told, and what of it waits to be taken.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use crate::relay::native::frames::{Answer, Body, Ending, Happened, Joined, Origin, Stage, Wants};
use crate::relay::native::handshake::Refusal;
use crate::relay::native::identity::SigningKey;
use crate::relay::native::{MessageId, Name};

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session has begun; rooms are joined again by themselves, messages without a verdict said again.
    Registered {
        /// Where the relay sees this client.
        at: SocketAddr,
        /// The relay's epoch.
        epoch: u64,
    },
    /// The relay does not let this client register; it tries no more, unless it is told to go
    /// [elsewhere](super::Client::elsewhere). ([`Refusal::TooFast`] and [`Refusal::CutOff`] are not told: it tries again,
    /// and [says so when it is asked](super::Client::put_off).)
    Refused(Refusal),
    /// It is a relay that speaks the classic wire alone; it is not tried again.
    Classic,
    /// The session is lost, and a new one is tried for.
    Lost,
    /// The relay ended the session; after [`Ending::Stopping`] a new one is tried for.
    Ended(Ending),
    /// A message.
    Message(Incoming),
    /// A sealed message from this name could not be opened, or too many waited for [`Client::trust`](super::Client::trust):
    /// it is gone.
    Unreadable {
        /// Who sent it, as the relay says.
        from: Origin,
        /// Its sender's number.
        id: MessageId,
    },
    /// What became of messages of this client.
    Receipt {
        /// The first of them.
        first: MessageId,
        /// The last of them.
        last: MessageId,
        /// What became of them.
        stage: Stage,
    },
    /// In a room now.
    Joined(Joined),
    /// Something happened in a room.
    Happened(Happened),
    /// An answer, whole: lists put together.
    Answer(Answer),
    /// A name belongs to another key than it did: messages to and from it are held back until
    /// [`Client::trust`](super::Client::trust). Told once for each key.
    KeyChanged {
        /// Whose.
        name: Name,
        /// The key that it belonged to.
        was: SigningKey,
        /// The key that it is said to belong to now.
        is: SigningKey,
    },
    /// A name was met for the first time: keep it, and say it at the next start by
    /// [`Client::trust`](super::Client::trust).
    KeyMet {
        /// Whose.
        name: Name,
        /// The key that it belongs to.
        key: SigningKey,
    },
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who sent it.
    pub from: Origin,
    /// The room, and the place in it.
    pub room: Option<(Name, u64)>,
    /// Its sender's number.
    pub id: MessageId,
    /// For how many seconds it was kept while this client was away; 0 for one that was not.
    pub waited: u32,
    /// What it says.
    pub content: Vec<u8>,
    /// Whether only its sender and this client can have read it ([`Body::Sealed`]).
    pub body: Body,
    /// Whether the sender wants to hear when it is read.
    pub wants: Wants,
}

/// A message that came, its content where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// Who sent it.
    pub from: Origin,
    /// The room, and the place in it.
    pub room: Option<(Name, u64)>,
    /// Its sender's number.
    pub id: MessageId,
    /// For how many seconds it was kept while this client was away; 0 for one that was not.
    pub waited: u32,
    /// What it says.
    pub content: &'a [u8],
    /// Whether only its sender and this client can have read it ([`Body::Sealed`]).
    pub body: Body,
    /// Whether the sender wants to hear when it is read.
    pub wants: Wants,
}

impl Arrived<'_> {
    fn to_incoming(self) -> Incoming {
        Incoming {
            from: self.from,
            room: self.room,
            id: self.id,
            waited: self.waited,
            content: self.content.to_vec(),
            body: self.body,
            wants: self.wants,
        }
    }
}

/// What has happened and was not taken yet. Contents lie behind each other in one place, so that a message costs no
/// allocation.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Item>,
    contents: Vec<u8>,
}

#[derive(Debug)]
enum Item {
    Message {
        head: Arrived<'static>,
        content: Range<usize>,
    },
    Other(Event),
}

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        self.queue.push_back(Item::Other(event));
    }

    /// A message; `head` has all but its content.
    pub(super) fn message(&mut self, head: Arrived<'static>, content: &[u8]) {
        if self.queue.is_empty() {
            self.contents.clear();
        }
        let start = self.contents.len();
        self.contents.extend_from_slice(content);
        let content = start..self.contents.len();
        self.queue.push_back(Item::Message { head, content });
    }

    /// The next, if it is a message.
    pub(super) fn next_message(&mut self) -> Option<Arrived<'_>> {
        let Some(Item::Message { head, content }) = self.queue.front() else {
            return None;
        };
        let (head, content) = (*head, content.clone());
        self.queue.pop_front();
        let content = self.contents.get(content)?;
        Some(Arrived { content, ..head })
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        if let Some(message) = self.next_message() {
            return Some(Event::Message(message.to_incoming()));
        }
        match self.queue.pop_front()? {
            Item::Other(event) => Some(event),
            Item::Message { .. } => None, // taken above
        }
    }
}
