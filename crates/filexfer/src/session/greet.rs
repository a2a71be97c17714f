//! All that comes before the key is proven: blocking reads and writes under one deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::Key;
use proto::filexfer::native::handshake::{
    self, ANSWER, Exchange, HELLO, HandshakeError, Keys, MAGIC, PROOF, Welcome,
};

use super::{Protection, Session, SessionError, seed, wishes};
use crate::guard::{Claim, Entered, Guard};

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

    /// Lets time pass. The peer has nothing to say meanwhile, unless it hangs up.
    fn wait(&self, time: Duration) -> Result<(), SessionError> {
        let waiting = Self {
            stream: self
                .stream
                .try_clone()
                .map_err(|error| self.failed(error))?,
            deadline: self.deadline.min(Instant::now() + time),
            ..*self
        };
        match waiting.read_some(&mut [0]) {
            Err(SessionError::Late { .. }) => self.left().map(|_| ()),
            Err(error) => Err(error),
            Ok(_) => self.judge(Err(HandshakeError::NotNative)),
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
    guard: Arc<Guard>,
    entered: Entered,
    /// What was read of its first bytes.
    received: Vec<u8>,
}

impl Caller {
    /// A peer that has `timeout` from now on to prove the key. Its place among those who do is taken from here on: make
    /// it before a thread for it.
    pub(crate) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        guard: &Arc<Guard>,
        timeout: Duration,
    ) -> Result<Self, SessionError> {
        let entered = prepare(&stream)
            .and_then(|()| guard.enter(&stream))
            .map_err(|reason| SessionError::Lost { peer, reason })?;
        let deadline = Instant::now() + timeout;
        Ok(Self {
            greeting: Greeting::new(stream, peer, timeout, deadline),
            guard: Arc::clone(guard),
            entered,
            received: Vec::new(),
        })
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

    /// The stream and what was read of it, for another wire, with its place among those who prove a key. The time for
    /// that is the caller's business.
    pub(crate) fn into_stream(self) -> (TcpStream, Vec<u8>, Entered) {
        (self.greeting.stream, self.received, self.entered)
    }

    /// Has it prove the key, as far as the guard lets it.
    pub(crate) fn accept(
        mut self,
        key: &Key,
        protection: Protection,
    ) -> Result<(Session, Claim), SessionError> {
        let hello = self.hello()?;
        let (exchange, answer) = self.exchange(key, protection, &hello)?;
        self.greeting.write(&answer)?;
        let proof: [u8; PROOF] = self.greeting.read()?;
        let (welcome, claim) = self.check(exchange, &proof)?;
        let (keys, verdict) = welcome.accept();
        self.greeting.write(&verdict)?;
        Ok((self.greeting.finish(keys)?, claim))
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

    fn exchange(
        &self,
        key: &Key,
        protection: Protection,
        hello: &[u8; HELLO],
    ) -> Result<(Exchange, [u8; ANSWER]), SessionError> {
        let wishes = wishes(protection);
        let begun = self.guard.begin(self.greeting.peer.ip(), Instant::now());
        let exchange = match begun {
            Ok(Duration::ZERO) => Exchange::new(key, wishes, &seed()?, hello),
            Ok(wait) => {
                self.greeting.wait(wait)?;
                Exchange::new(key, wishes, &seed()?, hello)
            }
            Err(refusal) => Err(refusal.into()),
        };
        if let Err(HandshakeError::Refused(refusal)) = &exchange {
            self.greeting.dismiss(&handshake::refuse(*refusal, wishes));
        }
        self.greeting.judge(exchange)
    }

    fn check(
        &self,
        exchange: Exchange,
        proof: &[u8; PROOF],
    ) -> Result<(Welcome, Claim), SessionError> {
        let checked = exchange.check(proof);
        let proven = checked.as_ref().map(|_| ()).map_err(|refusal| *refusal);
        let peer = self.greeting.peer.ip();
        let claim = self.guard.admit(peer, proven, Instant::now());
        let both = claim.and_then(|claim| Ok((checked?, claim)));
        if let Err(refusal) = &both {
            self.greeting.dismiss(&handshake::reject(*refusal));
        }
        self.greeting.judge(both.map_err(HandshakeError::from))
    }
}

/// Sockets that were accepted have what their listener has on some systems.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)
}
