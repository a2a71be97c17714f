//! One connection: what it hears goes to its conversation, and the answers out.

use std::io;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::event::Event;

use super::call::Called;
use super::crowd::Guest;
use super::desk::{Desk, MAX_READ};
use super::out::Out;
use super::peer::Peer;
use super::server::Policy;
use super::stream::{Got, Stream};
use super::unsent::{After, Then, Unsent};

/// How often a connection reads, or says more, before it is another's turn.
const MOVES_AT_ONCE: u32 = 4;

/// How long the peer of a connection that this side has ended may take to end its own.
const LINGER: Duration = Duration::from_secs(1);

/// What a server says on a connection. Each connection has one of its own.
pub trait Conversation {
    /// The most bytes that [`take`](Self::take) is given at once: where one read is one message, the longest message.
    const MAX_READ: usize = MAX_READ;

    /// Takes what has come, at least one byte, and says what is to be sent.
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next;

    /// All that was said has been taken by the system: says more. It is asked after [`Next::More`], and when it was called
    /// after [`Next::Wait`]; a call that nobody waited for is forgotten.
    fn go_on(&mut self, _out: &mut Out) -> Next {
        Next::GoOn
    }

    /// No more comes: the peer has ended its side, or this side is about to close. Says what is still to be sent.
    fn end(&mut self, _out: &mut Out) {}

    /// Until when it waits for its peer to speak; `None` is for as long as [`Policy::idle_timeout`] has it.
    ///
    /// [`Policy::idle_timeout`]: super::Policy::idle_timeout
    fn due(&self) -> Option<Instant> {
        None
    }

    /// The peer did not speak in time: says what is still to be sent, and is closed. It may be late by an eighth of the
    /// idle time, or a second.
    fn overdue(&mut self, out: &mut Out) {
        self.end(out);
    }

    /// Whether nothing that its peer asked for is unanswered: when room for connections runs out it may have to go.
    fn is_idle(&self) -> bool {
        false
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More may come.
    GoOn,
    /// There is more to say when this is sent.
    More,
    /// There is more to say when a [`Caller`](super::Caller) has it go on; until then nothing is heard.
    Wait,
    /// It is closed when all is sent; what else comes is not heard.
    Close,
    /// The same where the peer has said that nothing else comes: nobody waits for it to close its side. Where something
    /// has come all the same it is as [`Close`](Self::Close).
    End,
}

/// A connection and what is known of it.
///
/// What has not been read yet is left to the system: as long as something waits to be sent, nothing is read, so that a
/// peer that does not listen fills one bounded buffer and then its own.
#[derive(Debug)]
pub(super) struct Connection<C> {
    stream: Stream,
    conversation: C,
    /// What the system did not take yet. Most connections have nothing.
    unsent: Option<Box<Unsent>>,
    peer: Peer,
    /// When something last came or went.
    touched: Instant,
    state: State,
    inbox: Inbox,
    pub(super) turn: Turn,
    /// Which of the connections that have had its number it is.
    pub(super) generation: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Both sides speak.
    Open,
    /// The conversation has more to say when all is sent, and hears nothing until then.
    Speaking,
    /// The conversation waits to be called.
    Waiting,
    /// The conversation has ended the connection, and what it said is on its way out.
    Ending,
    /// All is sent and our side closed. What the peer still says is read away until it has closed its own: to close
    /// before would have the system reset the connection, and the peer perhaps lose what it has not read yet.
    Lingering,
    /// The peer has ended its side, or has nothing more to say, or both have: it is over when all is sent.
    Ended,
}

/// What the events say of what can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbox {
    /// Nothing.
    Empty,
    /// Something.
    Filled,
    /// The end of the stream, after what came before it. No event tells of it again.
    Last,
}

/// Whether a connection waits for another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits for an event.
    None,
    /// It had its share and is not done.
    Waits,
}

/// What a connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An event.
    Event,
    /// Another turn.
    Turn,
    /// Nothing: it is over.
    Done,
}

/// Why a connection is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It is not: its peer takes what it is sent.
    Not,
    /// Its peer takes too little.
    Stalled,
    /// Its peer did not end its side after ours.
    Lingering,
    /// Nothing came or went.
    Silent,
}

impl<C: Conversation> Connection<C> {
    pub(super) fn new(
        (stream, peer): (Stream, Peer),
        conversation: C,
        generation: u64,
        now: Instant,
    ) -> Self {
        Self {
            stream,
            conversation,
            unsent: None,
            peer,
            touched: now,
            state: State::Open,
            inbox: Inbox::Empty,
            turn: Turn::None,
            generation,
        }
    }

    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_read_closed() {
            self.inbox = Inbox::Last;
        } else if event.is_readable() || event.is_error() {
            self.look();
        }
    }

    /// Has the next [`go_on`](Self::go_on) look for what has come, whatever the events said.
    pub(super) fn look(&mut self) {
        if self.inbox == Inbox::Empty {
            self.inbox = Inbox::Filled;
        }
    }

    /// Goes on until there is nothing to do, or its share of the time is used up.
    ///
    /// # Errors
    /// When the connection is no more.
    pub(super) fn go_on(&mut self, desk: &mut Desk) -> io::Result<Step> {
        self.stream.settle()?;
        let mut then = self.send_rest(desk)?;
        let mut moves = 0;
        while self.unsent.is_none() {
            match self.state {
                State::Ended => return Ok(Step::Done),
                State::Ending => self.close_our_side(desk.out.now)?,
                State::Waiting => return Ok(Step::Event),
                State::Open | State::Lingering if self.inbox == Inbox::Empty => {
                    return Ok(Step::Event);
                }
                _ if moves == MOVES_AT_ONCE => {
                    then = Then::Turn;
                    break;
                }
                State::Speaking => then = self.speak(desk)?,
                State::Open | State::Lingering => then = self.read(desk)?,
            }
            moves += 1;
        }
        if then == Then::Turn {
            self.turn = Turn::Waits;
            return Ok(Step::Turn);
        }
        Ok(Step::Event)
    }

    fn close_our_side(&mut self, now: Instant) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.state = State::Lingering;
        self.touched = now;
        Ok(())
    }

    fn read(&mut self, desk: &mut Desk) -> io::Result<Then> {
        let room = C::MAX_READ.clamp(1, MAX_READ);
        match self.stream.receive(&mut desk.buffer[..room])? {
            Got::Nothing => {
                self.inbox = Inbox::Empty;
                Ok(Then::Done)
            }
            Got::Bytes(length) => {
                let is_all = length < room && self.stream.short_read_is_all();
                if is_all && self.inbox == Inbox::Filled {
                    self.inbox = Inbox::Empty;
                }
                self.hear(length, desk)
            }
            Got::Later => Ok(Then::Done),
            Got::End => self.hear_end(desk),
        }
    }

    fn hear(&mut self, length: usize, desk: &mut Desk) -> io::Result<Then> {
        if self.state != State::Open {
            return Ok(Then::Done);
        }
        desk.totals.count_received(length);
        self.touched = desk.out.now;
        desk.out.clear();
        let next = self
            .conversation
            .take(&desk.buffer[..length], &mut desk.out);
        self.obey(next);
        self.send(desk)
    }

    fn speak(&mut self, desk: &mut Desk) -> io::Result<Then> {
        desk.out.clear();
        let next = self.conversation.go_on(&mut desk.out);
        self.obey(next);
        self.send(desk)
    }

    fn obey(&mut self, next: Next) {
        self.state = match next {
            Next::GoOn => State::Open,
            Next::More => State::Speaking,
            Next::Wait => State::Waiting,
            Next::End if self.inbox == Inbox::Empty && !self.stream.says_goodbye() => State::Ended,
            Next::Close | Next::End => State::Ending,
        };
    }

    fn hear_end(&mut self, desk: &mut Desk) -> io::Result<Then> {
        let was = std::mem::replace(&mut self.state, State::Ended);
        if was != State::Open {
            return Ok(Then::Done);
        }
        desk.out.clear();
        self.conversation.end(&mut desk.out);
        self.send(desk)
    }

    /// Sends the answer. It is asked only while nothing else waits.
    fn send(&mut self, desk: &mut Desk) -> io::Result<Then> {
        if desk.out.is_empty() {
            return Ok(Then::Done);
        }
        let after = match self.state {
            State::Ended => After::End,
            _ => After::Open,
        };
        let (sent, unsent) = Unsent::begin(&self.stream, &mut desk.out, after)?;
        desk.totals.count_sent(sent.bytes);
        self.unsent = unsent;
        Ok(sent.then)
    }

    /// Sends what waits, as far as the system takes it.
    fn send_rest(&mut self, desk: &Desk) -> io::Result<Then> {
        let Some(unsent) = &mut self.unsent else {
            return Ok(Then::Done);
        };
        let sent = unsent.go_on(&self.stream)?;
        desk.totals.count_sent(sent.bytes);
        if sent.bytes > 0 {
            self.touched = desk.out.now;
        }
        if sent.then == Then::Done {
            self.unsent = None;
        }
        Ok(sent.then)
    }

    /// When it is to be closed if nothing comes or goes until then.
    pub(super) fn deadline(&self, policy: &Policy) -> Option<Instant> {
        let idle = || policy.idle_timeout.map(|idle| self.touched + idle);
        match (self.state, &self.unsent, &policy.stall) {
            (_, Some(unsent), Some(stall)) => Some(unsent.deadline(stall)),
            (State::Lingering, ..) => Some(self.touched + LINGER),
            // It is not the peer who keeps it waiting.
            (State::Waiting, None, _) => None,
            (State::Open, None, _) => {
                let due = self.conversation.due().into_iter().chain(self.stream.due());
                due.chain(idle()).min()
            }
            _ => idle(),
        }
    }

    /// Why its deadline has passed. A peer that takes what it is sent has as long again.
    pub(super) fn judge(&mut self, policy: &Policy, now: Instant) -> Overdue {
        match (&mut self.unsent, &policy.stall) {
            (Some(unsent), Some(stall)) => match unsent.has_stalled(stall, now) {
                true => Overdue::Stalled,
                false => Overdue::Not,
            },
            _ if self.state == State::Lingering => Overdue::Lingering,
            _ => Overdue::Silent,
        }
    }

    /// Whether there is nothing to do, and has not been for so long.
    pub(super) fn is_quiet(&self, now: Instant, long: Duration) -> bool {
        self.state == State::Open
            && self.inbox == Inbox::Empty
            && self.unsent.is_none()
            && now.saturating_duration_since(self.touched) >= long
    }

    /// What is to be known of it where another waits for its room.
    pub(super) fn guest(&self, number: usize) -> Guest {
        let has_nothing_to_do = self.unsent.is_none()
            && match self.state {
                State::Open => self.inbox == Inbox::Empty && self.conversation.is_idle(),
                State::Lingering => true,
                _ => false,
            };
        Guest {
            called: Called {
                number,
                generation: self.generation,
            },
            peer: self.peer,
            idle_since: has_nothing_to_do.then_some(self.touched),
        }
    }

    /// Another thread has the conversation go on.
    pub(super) fn hear_call(&mut self) {
        if self.state == State::Waiting {
            self.state = State::Speaking;
        }
    }

    /// Has the conversation say that its peer did not speak in time, and closes it when that is sent.
    pub(super) fn tell_overdue(&mut self, desk: &mut Desk) -> io::Result<Step> {
        if self.unsent.is_some() || self.state != State::Open {
            return Ok(Step::Done);
        }
        self.state = State::Ending;
        desk.out.clear();
        self.conversation.overdue(&mut desk.out);
        self.send(desk)?;
        self.go_on(desk)
    }

    /// Says what is left to say before it is closed, and whether all is sent.
    pub(super) fn bid_farewell(&mut self, desk: &mut Desk) -> bool {
        if self.unsent.is_none() && self.state == State::Open {
            // Where that fails there is nobody to hear it.
            let _ = self.hear_end(desk);
        }
        self.unsent.is_none() && !matches!(self.state, State::Waiting | State::Speaking)
    }
}
