//! One connection: a request is read, answered and seen off, by one deadline for all of it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::net::TcpStream;

use super::Page;
use super::http::{self, Asked, LONGEST, Refusal};

/// How much is read at the most after the answer. A connection that is closed with something unread is reset, and with
/// that the answer may be lost.
const AFTERWARDS: usize = 64 * 1024;

/// Whether a connection is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It waits for the other side.
    Waits,
    /// It is to be closed.
    Done,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) stream: TcpStream,
    pub(super) deadline: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    /// These bytes have come.
    Asking(Vec<u8>),
    /// So many bytes of this answer have gone.
    Answering(Vec<u8>, usize),
    /// So many bytes have come since.
    Leaving(usize),
}

impl Visit {
    pub(super) fn new(stream: TcpStream, deadline: Instant) -> Self {
        Self {
            stream,
            deadline,
            state: State::Asking(Vec::new()),
        }
    }

    /// Does what can be done without waiting. A fault of the connection is its end.
    pub(super) fn advance(&mut self, page: &impl Fn() -> Page) -> Step {
        loop {
            let advanced = match &mut self.state {
                State::Asking(_) => self.read(page),
                State::Answering(..) => self.write(),
                State::Leaving(_) => self.leave(),
            };
            match advanced {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Waits,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Done,
            }
        }
    }

    /// The deadline has passed: whoever has not said yet what he wants is told so, if that needs no waiting.
    pub(super) fn give_up(mut self) {
        if matches!(self.state, State::Asking(_)) {
            let _ = self.stream.write(&Refusal::TooSlow.answer());
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    fn read(&mut self, page: &impl Fn() -> Page) -> io::Result<Option<Step>> {
        let State::Asking(request) = &mut self.state else {
            return Ok(None);
        };
        let mut bytes = [0; 1024];
        let room = bytes.len().min(LONGEST - request.len());
        let length = self.stream.read(&mut bytes[..room])?;
        if length == 0 {
            return Ok(Some(Step::Done));
        }
        request.extend_from_slice(&bytes[..length]);
        let answer = match Asked::read(request) {
            Asked::Incomplete => return Ok(None),
            Asked::Page(wants) => http::page(page().text(), wants),
            Asked::Wrong(refusal) => refusal.answer(),
        };
        self.state = State::Answering(answer, 0);
        Ok(None)
    }

    fn write(&mut self) -> io::Result<Option<Step>> {
        let State::Answering(answer, gone) = &mut self.state else {
            return Ok(None);
        };
        *gone += self.stream.write(&answer[*gone..])?;
        if *gone == answer.len() {
            self.stream.shutdown(Shutdown::Write)?;
            self.state = State::Leaving(0);
        }
        Ok(None)
    }

    fn leave(&mut self) -> io::Result<Option<Step>> {
        let State::Leaving(came) = &mut self.state else {
            return Ok(None);
        };
        let length = self.stream.read(&mut [0; 1024])?;
        *came += length;
        let ends = length == 0 || *came > AFTERWARDS;
        Ok(ends.then_some(Step::Done))
    }
}
