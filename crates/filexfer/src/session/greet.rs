//! All that comes before the key is proven: blocking reads and writes under one deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use proto::filexfer::Key;
use proto::filexfer::native::handshake::{
    self, Exchange, HELLO, HandshakeError, Keys, MAGIC, PROOF, Refusal,
};

use super::{Protection, Session, SessionError, seed, wishes};

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
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(self.failed(ErrorKind::TimedOut.into())),
            left => Ok(left),
        }
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

    /// Reads what comes next, at least a byte. A peer that sends little at a time wins no time by it.
    fn read_some(&self, buffer: &mut [u8]) -> Result<usize, SessionError> {
        loop {
            let left = self.left()?;
            let read = self
                .stream
                .set_read_timeout(Some(left))
                .and_then(|()| (&self.stream).read(buffer));
            match read {
                Ok(0) => return Err(self.failed(ErrorKind::UnexpectedEof.into())),
                Ok(length) => return Ok(length),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), SessionError> {
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

    /// Writes few bytes: what is sent before the key is proven fits into the system's buffer, unless that is the peer's doing.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), SessionError> {
        let left = self.left()?;
        self.stream
            .set_write_timeout(Some(left))
            .and_then(|()| (&self.stream).write_all(bytes))
            .map_err(|error| self.failed(error))
    }

    /// Says a last word, and waits for the peer to hang up: closing before he has read it could take it away from him.
    fn dismiss(&self, word: &[u8]) {
        let said = self.write(word).is_ok() && self.stream.shutdown(Shutdown::Write).is_ok();
        let farewell = Self {
            stream: match self.stream.try_clone() {
                Ok(stream) if said => stream,
                _ => return,
            },
            deadline: self.deadline.min(Instant::now() + FAREWELL),
            ..*self
        };
        let mut unread = [0; 1024];
        for _ in 0..64 {
            if farewell.read_some(&mut unread).is_err() {
                return;
            }
        }
    }

    pub(super) fn finish(self, keys: Keys) -> Result<Session, SessionError> {
        let peer = self.peer;
        Session::new(self.stream, peer, keys).map_err(|reason| SessionError::Lost { peer, reason })
    }
}

/// How a connection starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With a key exchange.
    Native,
    /// With something else, which may be the key of a classic client.
    Other,
}

/// A peer that connected to this side, of which nothing is known.
pub(crate) struct Caller {
    greeting: Greeting,
    /// What was read of its first bytes.
    received: Vec<u8>,
}

impl Caller {
    /// A peer that has `timeout` from now on to prove the key.
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> Result<Self, SessionError> {
        let lost = |reason| SessionError::Lost {
            peer: SocketAddr::from(([0; 4], 0)),
            reason,
        };
        let peer = stream.peer_addr().map_err(lost)?;
        // A socket that was accepted has this from its listener on some systems.
        stream.set_nonblocking(false).map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let deadline = Instant::now() + timeout;
        Ok(Self {
            greeting: Greeting::new(stream, peer, timeout, deadline),
            received: Vec::new(),
        })
    }

    /// Where it is.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.greeting.peer
    }

    /// Waits for enough bytes to tell.
    pub(crate) fn start(&mut self) -> Result<Start, SessionError> {
        loop {
            match handshake::is_native_start(&self.received) {
                Some(true) => return Ok(Start::Native),
                Some(false) => return Ok(Start::Other),
                None => {
                    let mut some = [0; MAGIC.len()];
                    let missing = MAGIC.len() - self.received.len();
                    let length = self.greeting.read_some(&mut some[..missing])?;
                    self.received.extend_from_slice(&some[..length]);
                }
            }
        }
    }

    /// The stream and what was read of it, for another wire. The time for that is the caller's business.
    pub(crate) fn into_stream(self) -> (TcpStream, Vec<u8>) {
        (self.greeting.stream, self.received)
    }

    /// Has it prove the key.
    pub(crate) fn accept(self, key: &Key, protection: Protection) -> Result<Session, SessionError> {
        self.accept_if(key, protection, || Ok(()), |_| Ok(()))
            .map(|(session, ())| session)
    }

    /// The same, where others decide: `begin` before it begins, `admit` when it has shown whether it knows the key; what
    /// they refuse is said to the peer. What `admit` gives comes with the session.
    pub(crate) fn accept_if<T>(
        mut self,
        key: &Key,
        protection: Protection,
        begin: impl FnOnce() -> Result<(), Refusal>,
        admit: impl FnOnce(Result<(), Refusal>) -> Result<T, Refusal>,
    ) -> Result<(Session, T), SessionError> {
        let wishes = wishes(protection);
        let hello = self.hello()?;
        let begun = begin().map_err(HandshakeError::from).and_then(|()| Ok(()));
        let exchange = match begun {
            Ok(()) => Exchange::new(key, wishes, &seed()?, &hello),
            Err(refused) => Err(refused),
        };
        let greeting = self.greeting;
        if let Err(HandshakeError::Refused(refusal)) = &exchange {
            greeting.dismiss(&handshake::refuse(*refusal, wishes));
        }
        let (exchange, answer) = greeting.judge(exchange)?;
        greeting.write(&answer)?;
        let checked = exchange.check(&greeting.read::<PROOF>()?);
        let admitted = admit(checked.as_ref().map(|_| ()).map_err(|refusal| *refusal));
        let both = admitted.and_then(|admitted| Ok((checked?, admitted)));
        if let Err(refusal) = &both {
            greeting.dismiss(&handshake::reject(*refusal));
        }
        let (welcome, admitted) = greeting.judge(both.map_err(HandshakeError::from))?;
        let (keys, verdict) = welcome.accept();
        greeting.write(&verdict)?;
        Ok((greeting.finish(keys)?, admitted))
    }

    fn hello(&mut self) -> Result<[u8; HELLO], SessionError> {
        if self.start()? == Start::Other {
            return self.greeting.judge(Err(HandshakeError::NotNative));
        }
        let mut hello = [0; HELLO];
        let (begin, rest) = hello.split_at_mut(self.received.len());
        begin.copy_from_slice(&self.received);
        self.greeting.fill(rest)?;
        Ok(hello)
    }
}
