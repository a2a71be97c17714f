//! Who connects to this side, until the key is proven.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::Key;
use proto::filexfer::native::handshake::{
    self, ANSWER, Exchange, HELLO, HandshakeError, MAGIC, PROOF, Welcome,
};

use super::greet::Greeting;
use super::{Protection, Session, SessionError, seed, wishes};
use crate::guard::{Claim, Entered, Guard};

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
        (self.greeting.into_stream(), self.received, self.entered)
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
        let begun = self.guard.begin(self.greeting.peer().ip(), Instant::now());
        let exchange = match begun {
            Ok(Duration::ZERO) => Exchange::new(key, wishes, &seed()?, hello),
            Ok(wait) => {
                self.greeting.wait(wait)?;
                Exchange::new(key, wishes, &seed()?, hello)
            }
            Err(refusal) => Err(refusal.into()),
        };
        match exchange {
            Err(HandshakeError::Refused(refusal)) => {
                let word = handshake::refuse(refusal, wishes);
                Err(self.greeting.turn_away(refusal, &word))
            }
            others => self.greeting.judge(others),
        }
    }

    fn check(
        &self,
        exchange: Exchange,
        proof: &[u8; PROOF],
    ) -> Result<(Welcome, Claim), SessionError> {
        let checked = exchange.check(proof);
        let proven = checked.as_ref().map(|_| ()).map_err(|refusal| *refusal);
        let peer = self.greeting.peer().ip();
        let claim = self.guard.admit(peer, proven, Instant::now());
        let both = claim.and_then(|claim| Ok((checked?, claim)));
        both.map_err(|refusal| {
            self.greeting
                .turn_away(refusal, &handshake::reject(refusal))
        })
    }
}

/// Sockets that were accepted have what their listener has on some systems.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)
}
