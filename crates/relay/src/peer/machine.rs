//! The machine of either wire, in the words of the native one.

use std::collections::VecDeque;
use std::time::Duration;

use proto::relay::client::{self as classic, ClassicClient};
use proto::relay::native::client::{Client, Event, Incoming, Round, SendError};
use proto::relay::native::frames::{Body, Origin, Stage, To, Wants, Why};
use proto::relay::native::handshake::Refusal;
use proto::relay::native::{MAX_CONTENT, MessageId};
use proto::relay::{EncodeError, Status};
use thiserror::Error;

use super::Heard;

/// What a relay speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Native,
    Classic,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum SayError {
    /// Too many wait: go on when verdicts have come.
    #[error("expected fewer messages without a verdict")]
    Full,
    #[error("expected a message of at most {MAX_CONTENT} bytes, got {0}")]
    TooLong(usize),
    #[error("the relay speaks the classic wire, which cannot say this: {0}")]
    Unsayable(EncodeError),
    #[error("the relay speaks the classic wire, which has no names and no rooms: write to IP/PORT")]
    NoNames,
}

impl From<SendError> for SayError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Self::Full,
            SendError::TooLong(length) => Self::TooLong(length),
        }
    }
}

/// The machine of the wire that is spoken.
#[derive(Debug)]
pub(super) enum Machine {
    Native(Box<Client>),
    Classic(Classic),
}

impl Machine {
    pub(super) fn classic(now: Duration) -> Self {
        Self::Classic(Classic {
            client: ClassicClient::new(now),
            next: MessageId(1),
            sent: VecDeque::new(),
        })
    }

    pub(super) fn wire(&self) -> Wire {
        match self {
            Self::Native(_) => Wire::Native,
            Self::Classic(_) => Wire::Classic,
        }
    }

    /// Does what only the native wire knows.
    pub(super) fn native<T>(&mut self, act: impl FnOnce(&mut Client) -> T) -> Option<T> {
        match self {
            Self::Native(client) => Some(act(client)),
            Self::Classic(_) => None,
        }
    }

    /// Does what only the classic wire knows.
    pub(super) fn classic_client(&mut self, act: impl FnOnce(&mut ClassicClient)) {
        if let Self::Classic(classic) = self {
            act(&mut classic.client);
        }
    }

    pub(super) fn receive(&mut self, datagram: &[u8], now: Duration) {
        match self {
            Self::Native(client) => client.receive(datagram, now),
            Self::Classic(classic) => classic.client.receive(datagram, now),
        }
    }

    pub(super) fn transmit(&mut self, now: Duration, send: impl FnMut(&[u8])) {
        match self {
            Self::Native(client) => client.transmit(now, send),
            Self::Classic(classic) => classic.client.transmit(now, send),
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Native(client) => client.deadline(),
            Self::Classic(classic) => Some(classic.client.deadline()),
        }
    }

    /// Whether the relay has let this client in.
    pub(super) fn is_registered(&self) -> bool {
        match self {
            Self::Native(client) => client.is_registered(),
            Self::Classic(classic) => classic.client.is_registered(),
        }
    }

    /// Why it does not at the moment, if it says so.
    pub(super) fn put_off(&self) -> Option<Refusal> {
        match self {
            Self::Native(client) => client.put_off(),
            Self::Classic(_) => None,
        }
    }

    /// Another relay is spoken to from now on.
    pub(super) fn elsewhere(&mut self, round: Round, now: Duration) {
        match (self, round) {
            (Self::Native(client), round) => client.elsewhere(round, now),
            (Self::Classic(classic), Round::First) => classic.client.elsewhere(now),
            (Self::Classic(_), Round::Later) => {} // it asks once a second, whoever is there
        }
    }

    /// What has happened next. A relay of the classic wire alone is spoken to on that from then on.
    pub(super) fn next_heard(&mut self, now: Duration) -> Option<Heard> {
        match self {
            Self::Native(client) => {
                let event = client.next_event()?;
                if event == Event::Classic {
                    *self = Self::classic(now);
                }
                Some(Heard::Event(event))
            }
            Self::Classic(classic) => classic.next_heard(),
        }
    }

    pub(super) fn send(
        &mut self,
        to: To,
        content: &[u8],
        wants: Wants,
        now: Duration,
    ) -> Result<MessageId, SayError> {
        match self {
            Self::Native(client) => Ok(client.send(to, content, wants, now)?),
            Self::Classic(classic) => classic.send(to, content),
        }
    }

    /// Whether there is nothing left to say.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Native(client) => client.is_done(),
            Self::Classic(_) => true,
        }
    }
}

/// The classic wire's, and the numbers that its messages have here.
#[derive(Debug)]
pub(super) struct Classic {
    client: ClassicClient,
    next: MessageId,
    sent: VecDeque<MessageId>,
}

impl Classic {
    fn send(&mut self, to: To, content: &[u8]) -> Result<MessageId, SayError> {
        let To::Address(to) = to else {
            return Err(SayError::NoNames);
        };
        self.client.send(to, content).map_err(|error| match error {
            classic::SendError::Full => SayError::Full,
            classic::SendError::Unsayable(error) => SayError::Unsayable(error),
        })?;
        let id = self.next;
        self.next.0 += 1;
        self.sent.push_back(id);
        Ok(id)
    }

    fn next_heard(&mut self) -> Option<Heard> {
        loop {
            let event = match self.client.next_event()? {
                classic::Event::Registered(at) => Event::Registered { at, epoch: 0 },
                classic::Event::Lost => Event::Lost,
                classic::Event::Message { from, content } => message(from, content),
                classic::Event::Verdict(status) => match (self.sent.pop_front(), status) {
                    (None, _) => continue,
                    (Some(id), None) => return Some(Heard::NoVerdict(id)),
                    (Some(id), Some(status)) => receipt(id, status),
                },
            };
            return Some(Heard::Event(event));
        }
    }
}

fn message(from: std::net::SocketAddr, content: Vec<u8>) -> Event {
    Event::Message(Incoming {
        from: Origin::Address(from),
        room: None,
        id: MessageId(0),
        waited: 0,
        content,
        body: Body::Plain,
        wants: Wants::Nothing,
    })
}

fn receipt(id: MessageId, status: Status) -> Event {
    let stage = match status {
        Status::Sent => Stage::Queued,
        Status::NotSent => Stage::Refused(Why::NotThere),
        // It was checked before it was sent: this relay reads messages differently.
        _ => Stage::Refused(Why::NotClassic),
    };
    Event::Receipt {
        first: id,
        last: id,
        stage,
    }
}
