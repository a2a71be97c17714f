//! The server's side of a connection: requests one after the other, out of bytes as they come.
//!
//! Its owner hands it what was read ([`Connection::hear`]), then takes one [`Heard`] after the other
//! ([`Connection::next`]) and answers each request before it takes the next. What a request points to lies in the bytes
//! that were handed in, unless its head came in several reads.

use std::time::Duration;

use super::head::{self, Framing, Head};
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::{Request, Then};

/// What a connection's bytes amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A request: answer it.
    Request(Request<'a>),
    /// More has to come.
    Pending,
    /// What came is no request: answer this and close.
    Refused(Refusal),
    /// Nothing more is heard: close.
    Over,
}

/// The server's side of one connection. Times are durations since a moment that the caller chose.
#[derive(Debug)]
pub struct Connection {
    /// What has come and is not used up. It has no room while nothing has.
    held: Vec<u8>,
    state: State,
    /// When what is awaited has to be there.
    due: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of a request has come.
    Idle,
    /// Some of a head has.
    Head,
    /// So much of a body is still to be dropped.
    Body(u64),
    /// Nothing more is heard.
    Over,
}

impl Connection {
    /// A connection that was accepted now.
    pub fn new(now: Duration, limits: &Limits) -> Self {
        Self {
            held: Vec::new(),
            state: State::Idle,
            due: now + limits.idle,
        }
    }

    /// The next request of what is held and of `bytes`, from whose beginning it takes what it uses up. What is left when
    /// it is not whole is kept.
    pub fn next<'s, 'b: 's>(
        &'s mut self,
        bytes: &mut &'b [u8],
        now: Duration,
        limits: &Limits,
    ) -> Heard<'s> {
        let _ = (
            now,
            Framing::Chunked,
            State::Head,
            State::Body(0),
            &self.held,
        );
        if self.state == State::Over {
            return Heard::Over;
        }
        let all: &'b [u8] = bytes;
        match head::read(all, limits) {
            Ok(None) => Heard::Pending,
            Err(refusal) => {
                self.state = State::Over;
                Heard::Refused(refusal)
            }
            Ok(Some(Head {
                request, length, ..
            })) => {
                *bytes = &all[length..];
                if request.then == Then::Close {
                    self.state = State::Over;
                }
                self.due = now + limits.idle;
                Heard::Request(request)
            }
        }
    }

    /// Keeps what was handed in and is not used up yet, for a later [`next`](Self::next): an answer goes out first.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Whether something was kept that may be a request.
    pub fn has_more(&self) -> bool {
        !self.held.is_empty()
    }

    /// By when what is awaited has to be there; then [`overdue`](Self::overdue).
    pub fn due(&self) -> Duration {
        self.due
    }

    /// It is not there: what to answer, or nothing where no request had begun.
    pub fn overdue(&mut self) -> Option<Refusal> {
        let was = std::mem::replace(&mut self.state, State::Over);
        (!matches!(was, State::Idle | State::Over)).then_some(Refusal::TooSlow)
    }

    /// Whether no request has begun and is unanswered.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Head | State::Over)
    }
}
