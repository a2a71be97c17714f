//! All that comes before the key is proven: blocking reads and writes under one deadline.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use proto::filexfer::native::handshake::{self, ANSWER, HandshakeError, Keys, MAGIC, Refusal};

use super::{Session, SessionError};
use crate::deadline::{self, read_until};

/// How long a peer that was refused has for reading why.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection whose peer has proven nothing.
pub(super) struct Greeting {
    stream: TcpStream,
    peer: SocketAddr,
    timeout: Duration,
    deadline: Instant,
}

impl Greeting {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        timeout: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            stream,
            peer,
            timeout,
            deadline,
        }
    }

    /// What is left of the time; an error where nothing is.
    fn left(&self) -> Result<Duration, SessionError> {
        deadline::left(self.deadline).map_err(|error| self.failed(error))
    }

    fn failed(&self, reason: io::Error) -> SessionError {
        let (peer, timeout) = (self.peer, self.timeout);
        match reason.kind() {
            // Unix says the one, Windows the other.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => SessionError::Late { peer, timeout },
            _ => SessionError::Lost { peer, reason },
        }
    }

    pub(super) fn judge<T>(&self, step: Result<T, HandshakeError>) -> Result<T, SessionError> {
        let peer = self.peer;
        step.map_err(|reason| SessionError::Handshake { peer, reason })
    }

    /// Reads what comes next, at least a byte.
    pub(super) fn read_some(&self, buffer: &mut [u8]) -> Result<usize, SessionError> {
        self.read_until(buffer, self.deadline)
    }

    /// The same with a deadline of its own. A peer that sends little at a time wins no time by it.
    fn read_until(&self, buffer: &mut [u8], deadline: Instant) -> Result<usize, SessionError> {
        match read_until(&self.stream, deadline, buffer) {
            Ok(0) => Err(self.failed(ErrorKind::UnexpectedEof.into())),
            read => read.map_err(|error| self.failed(error)),
        }
    }

    /// Lets time pass. The peer has nothing to say meanwhile, unless it hangs up.
    pub(super) fn wait(&self, time: Duration) -> Result<(), SessionError> {
        let until = self.deadline.min(Instant::now() + time);
        match self.read_until(&mut [0], until) {
            Err(SessionError::Late { .. }) => self.left().map(|_| ()),
            Err(error) => Err(error),
            Ok(_) => self.judge(Err(HandshakeError::NotNative)),
        }
    }

    pub(super) fn fill(&self, buffer: &mut [u8]) -> Result<(), SessionError> {
        let mut filled = 0;
        while filled < buffer.len() {
            filled += self.read_some(&mut buffer[filled..])?;
        }
        Ok(())
    }

    pub(super) fn read<const N: usize>(&self) -> Result<[u8; N], SessionError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads an answer. What is none is not waited for to its end: other servers say less.
    pub(super) fn read_answer(&self) -> Result<[u8; ANSWER], SessionError> {
        let mut answer = [0; ANSWER];
        let (start, rest) = answer.split_at_mut(MAGIC.len());
        self.fill(start)?;
        if handshake::is_native_start(start) != Some(true) {
            return self.judge(Err(HandshakeError::NotNative));
        }
        self.fill(rest)?;
        Ok(answer)
    }

    /// Writes few bytes, for which the system has room at once.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), SessionError> {
        let left = self.left()?;
        self.stream
            .set_write_timeout(Some(left))
            .and_then(|()| (&self.stream).write_all(bytes))
            .map_err(|error| self.failed(error))
    }

    pub(super) fn turn_away(&self, refusal: Refusal, word: &[u8]) -> SessionError {
        self.dismiss(word);
        let peer = self.peer;
        SessionError::TurnedAway { peer, refusal }
    }

    /// Says a last word, and waits for the peer to hang up: closing before he has read it could take it away from him.
    fn dismiss(&self, word: &[u8]) {
        if self.write(word).is_err() || self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let until = self.deadline.min(Instant::now() + FAREWELL);
        let mut unread = [0; 1024];
        for _ in 0..64 {
            if self.read_until(&mut unread, until).is_err() {
                return;
            }
        }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(super) fn finish(self, keys: Keys) -> Result<Session, SessionError> {
        let peer = self.peer;
        Session::new(self.stream, peer, keys).map_err(|reason| SessionError::Lost { peer, reason })
    }
}
