//! One connection: what it hears goes to its conversation, and the answers out.

use std::io;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;

use super::desk::{self, Desk, Got, MAX_READ};

/// How often a connection reads before it is another's turn.
const READS_AT_ONCE: u32 = 4;

/// How long the peer of a connection that this side has ended may take to end its own.
const LINGER: Duration = Duration::from_secs(1);

/// Whether a read that fills less than its room was all there is: epoll(7) and kqueue(2) tell of what comes after it.
/// Elsewhere only a read that finds nothing asks to be told.
const SHORT_READ_IS_ALL: bool = cfg!(unix);

/// What a server says on a connection. Each connection has one of its own.
pub trait Conversation {
    /// The most bytes that [`take`](Self::take) is given at once: where one read is one message, the longest message.
    const MAX_READ: usize = MAX_READ;

    /// Takes what has come, at least one byte, and appends to `out` what is to be sent.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Next;

    /// No more comes: the peer has ended its side, or this side is about to close. Appends to `out` what is still to be
    /// sent.
    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More may come.
    GoOn,
    /// It is closed when all is sent; what else comes is not heard.
    Close,
}

/// A connection and what is known of it.
///
/// What has not been read yet is left to the system: as long as something waits to be sent, nothing is read, so that a
/// peer that does not listen fills one bounded buffer and then its own.
#[derive(Debug)]
pub(super) struct Connection<C> {
    stream: TcpStream,
    conversation: C,
    /// What the system did not take yet. Most connections have nothing.
    unsent: Option<Box<Unsent>>,
    /// When something last came or went.
    touched: Instant,
    state: State,
    inbox: Inbox,
    pub(super) turn: Turn,
}

#[derive(Debug)]
struct Unsent {
    bytes: Box<[u8]>,
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Both sides speak.
    Open,
    /// The conversation has ended the connection, and what it said is on its way out.
    Ending,
    /// All is sent and our side closed. What the peer still says is read away until it has closed its own: to close
    /// before would have the system reset the connection, and the peer perhaps lose what it has not read yet.
    Lingering,
    /// The peer has ended its side, or both have.
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

impl<C: Conversation> Connection<C> {
    pub(super) fn new(stream: TcpStream, conversation: C, now: Instant) -> Self {
        Self {
            stream,
            conversation,
            unsent: None,
            touched: now,
            state: State::Open,
            inbox: Inbox::Empty,
            turn: Turn::None,
        }
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
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
        self.send_rest(desk)?;
        let mut reads = 0;
        while self.unsent.is_none() {
            match self.state {
                State::Ended => return Ok(Step::Done),
                State::Ending => self.close_our_side(desk.now)?,
                _ if self.inbox == Inbox::Empty => return Ok(Step::Event),
                _ if reads == READS_AT_ONCE => {
                    self.turn = Turn::Waits;
                    return Ok(Step::Turn);
                }
                _ => {
                    self.read(desk)?;
                    reads += 1;
                }
            }
        }
        Ok(Step::Event)
    }

    fn close_our_side(&mut self, now: Instant) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.state = State::Lingering;
        self.touched = now;
        Ok(())
    }

    fn read(&mut self, desk: &mut Desk) -> io::Result<()> {
        let room = C::MAX_READ.clamp(1, MAX_READ);
        match desk::read(&self.stream, &mut desk.buffer[..room])? {
            Got::Nothing => {
                self.inbox = Inbox::Empty;
                Ok(())
            }
            Got::Bytes(length) => {
                if length < room && SHORT_READ_IS_ALL && self.inbox == Inbox::Filled {
                    self.inbox = Inbox::Empty;
                }
                self.hear(length, desk)
            }
            Got::End => self.hear_end(desk),
        }
    }

    fn hear(&mut self, length: usize, desk: &mut Desk) -> io::Result<()> {
        if self.state != State::Open {
            return Ok(());
        }
        desk.totals.count_received(length);
        self.touched = desk.now;
        desk.answer.clear();
        let bytes = &desk.buffer[..length];
        if self.conversation.take(bytes, &mut desk.answer) == Next::Close {
            self.state = State::Ending;
        }
        self.send(desk)
    }

    fn hear_end(&mut self, desk: &mut Desk) -> io::Result<()> {
        let was = std::mem::replace(&mut self.state, State::Ended);
        if was != State::Open {
            return Ok(());
        }
        desk.answer.clear();
        self.conversation.end(&mut desk.answer);
        self.send(desk)
    }

    /// Sends the answer. It is asked only while nothing else waits.
    fn send(&mut self, desk: &Desk) -> io::Result<()> {
        if desk.answer.is_empty() {
            return Ok(());
        }
        let sent = desk::write(&self.stream, &desk.answer)?;
        desk.totals.count_sent(sent);
        if sent < desk.answer.len() {
            let bytes = desk.answer[sent..].into();
            self.unsent = Some(Box::new(Unsent { bytes, sent: 0 }));
        }
        Ok(())
    }

    /// Sends what waits, as far as the system takes it.
    fn send_rest(&mut self, desk: &Desk) -> io::Result<()> {
        let Some(unsent) = &mut self.unsent else {
            return Ok(());
        };
        let sent = desk::write(&self.stream, &unsent.bytes[unsent.sent..])?;
        desk.totals.count_sent(sent);
        unsent.sent += sent;
        if sent > 0 {
            self.touched = desk.now;
        }
        if unsent.sent == unsent.bytes.len() {
            self.unsent = None;
        }
        Ok(())
    }

    /// When it is to be closed if nothing comes or goes until then.
    pub(super) fn deadline(&self, idle: Option<Duration>) -> Option<Instant> {
        match self.state {
            State::Lingering => Some(self.touched + LINGER),
            _ => idle.map(|idle| self.touched + idle),
        }
    }

    /// Whether it lingers after the conversation has ended it.
    pub(super) fn is_lingering(&self) -> bool {
        self.state == State::Lingering
    }

    /// Whether there is nothing to do, and has not been for so long.
    pub(super) fn is_quiet(&self, now: Instant, long: Duration) -> bool {
        self.state == State::Open
            && self.inbox == Inbox::Empty
            && self.unsent.is_none()
            && now.saturating_duration_since(self.touched) >= long
    }

    /// Says what is left to say before it is closed, and whether all is sent.
    pub(super) fn bid_farewell(&mut self, desk: &mut Desk) -> bool {
        if self.unsent.is_none() && self.state == State::Open {
            // Where that fails there is nobody to hear it.
            let _ = self.hear_end(desk);
        }
        self.unsent.is_none()
    }
}
