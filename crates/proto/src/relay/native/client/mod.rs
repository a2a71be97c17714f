//! A client's side of a session, from its first datagram on, through lost sessions and back.

use std::net::SocketAddr;
use std::time::Duration;

use super::frames::{
    Answer, Body, Ending, Happened, Joined, Mark, Origin, Question, Stage, To, Wants,
};
use super::handshake::Refusal;
use super::identity::SigningKey;
use super::{Identity, MessageId, Name};

/// Who a client is and what it begins with.
#[derive(Debug)]
pub struct Settings {
    /// The name that it goes by, and what it belongs to; without one it is known by its address.
    pub name: Option<(Name, Identity)>,
    /// 32 bytes that nobody can guess: all that has to be random follows from them.
    pub seed: [u8; 32],
    /// The number of its first message: the time in microseconds since 1970.
    pub first: MessageId,
}

/// A client. Datagrams go in by [`receive`](Self::receive) and out by [`transmit`](Self::transmit); what happens is told by
/// [`next_event`](Self::next_event).
#[derive(Debug)]
pub struct Client {}

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
    /// The relay does not let this client register; it tries no more.
    Refused(Refusal),
    /// It is a relay that speaks the classic wire alone.
    Classic,
    /// The session is lost, and a new one is tried for.
    Lost,
    /// The relay ended the session; after [`Ending::Stopping`] a new one is tried for.
    Ended(Ending),
    /// A message.
    Message(Incoming),
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
    /// A name belongs to another key than it did: messages to and from it are held back until [`Client::trust`].
    KeyChanged {
        /// Whose.
        name: Name,
        /// The key that it belonged to.
        was: SigningKey,
        /// The key that it is said to belong to now.
        is: SigningKey,
    },
    /// A name was met for the first time: keep it, and say it at the next start by [`Client::trust`].
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
    /// What it says.
    pub content: Vec<u8>,
    /// Whether only its sender and this client can have read it ([`Body::Sealed`]).
    pub body: Body,
    /// Whether the sender wants to hear when it is read.
    pub wants: Wants,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many wait for a verdict: go on when receipts have come.
    #[error("expected fewer messages without a verdict")]
    Full,
    /// The content is too long.
    #[error("expected at most {max} bytes, got {0}", max = super::MAX_CONTENT)]
    TooLong(usize),
}

impl Client {
    /// A client that is to register.
    pub fn new(_settings: Settings, _now: Duration) -> Self {
        Self {}
    }

    /// Takes a datagram that came from the relay.
    pub fn receive(&mut self, _datagram: &[u8], _now: Duration) {}

    /// Hands out the datagrams that are to be sent now; call it after everything else that was called, and at the
    /// [`deadline`](Self::deadline).
    pub fn transmit(&mut self, _now: Duration, _send: impl FnMut(&[u8])) {}

    /// When to call [`transmit`](Self::transmit) next, if nothing comes until then.
    pub fn deadline(&self) -> Option<Duration> {
        None
    }

    /// What has happened next.
    pub fn next_event(&mut self) -> Option<Event> {
        None
    }

    /// Says a message, and says by which number its receipts will call it. Between names it is sealed; without a session
    /// it waits for one.
    ///
    /// # Errors
    /// [`SendError`]; nothing is sent then.
    pub fn send(
        &mut self,
        _to: To,
        _content: &[u8],
        _wants: Wants,
        _now: Duration,
    ) -> Result<MessageId, SendError> {
        Err(SendError::Full)
    }

    /// How many messages are without a verdict.
    pub fn unanswered(&self) -> usize {
        0
    }

    /// Joins a room; `after` is what was heard last there, if anything was. It is joined again in every new session.
    pub fn join(&mut self, _room: Name, _after: Option<Mark>) {}

    /// Leaves a room.
    pub fn leave(&mut self, _room: Name) {}

    /// Asks, and says by which number the answer will call it.
    pub fn ask(&mut self, _question: Question) -> u32 {
        0
    }

    /// Says that a message was read.
    pub fn read(&mut self, _from: Origin, _id: MessageId) {}

    /// Trusts that this name belongs to this key.
    pub fn trust(&mut self, _name: Name, _key: SigningKey) {}

    /// Ends the session; [`transmit`](Self::transmit) says so to the relay.
    pub fn close(&mut self) {}

    /// Whether there is nothing left to say: no message without a verdict, nothing that the relay has not acknowledged.
    pub fn is_done(&self) -> bool {
        true
    }
}
