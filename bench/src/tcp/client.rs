//! The bare load generator: one thread on epoll, one request in flight on each connection, and the time that each took.
//!
//! It can do without any particular answer, for servers that know none but what they were sent.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use mio::{Events, Interest, Poll, Token};
use runtime::descriptors;
use socket2::SockRef;

use super::answered::{Answered, Latency};
use crate::stats::Durations;

/// How long an answer, or a connection, may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read at once, at most.
const READ_SIZE: usize = 256 << 10;

/// Loads a TCP echo, and prints what was answered as a JSON object.
#[derive(clap::Args)]
pub(crate) struct Args {
    server: SocketAddrV4,

    #[arg(long)]
    connections: usize,

    /// Bytes of a request
    #[arg(long)]
    size: usize,

    #[arg(long)]
    seconds: u64,

    #[arg(long)]
    expect: Expect,
}

/// What the answers have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    /// The request in upper case.
    Upper,
    /// As many bytes as the request has.
    Anything,
}

/// Loads the server, and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    descriptors::raise_limit();
    let mut load = Load::open(args.server, args.connections, args.size, args.expect)?;
    let answered = load.run(Duration::from_secs(args.seconds))?;
    serde_json::to_writer(std::io::stdout().lock(), &answered)
        .context("cannot tell what was answered")
}

/// A connection on which one byte has come back already, so that whatever serves it is there.
pub(crate) fn connect(server: SocketAddrV4) -> Result<TcpStream> {
    let open = || {
        let mut stream = TcpStream::connect_timeout(&server.into(), ANSWER_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        // Closing is to leave nothing behind that the next run would run into.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.write_all(b"a")?;
        stream.read_exact(&mut [0])?;
        anyhow::Ok(stream)
    };
    open().with_context(|| format!("no echo on a new connection to {server}"))
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    messages: Messages,
    latencies: Durations,
}

/// What all connections share.
struct Messages {
    request: Vec<u8>,
    answer: Option<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Load {
    fn open(server: SocketAddrV4, connections: usize, size: usize, expect: Expect) -> Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..connections)
            .map(|number| Connection::open(server, &poll, Token(number)))
            .collect::<Result<_>>()?;
        Ok(Self {
            poll,
            connections,
            messages: Messages::new(size, expect),
            latencies: Durations::default(),
        })
    }

    /// Keeps a request in flight on each connection for this long, and until there is an answer at all.
    fn run(&mut self, length: Duration) -> Result<Answered> {
        let began = Instant::now();
        for connection in &mut self.connections {
            connection.request(began, &self.messages)?;
        }
        let mut events = Events::with_capacity(1024);
        while began.elapsed() < length || self.latencies.len() == 0 {
            self.poll.poll(&mut events, Some(ANSWER_TIMEOUT))?;
            ensure!(!events.is_empty(), "no echo within {ANSWER_TIMEOUT:?}");
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if let Some(latency) = connection.go_on(&mut self.messages)? {
                    self.latencies.push(latency);
                }
            }
        }
        Ok(self.answered(began.elapsed()))
    }

    fn answered(&mut self, length: Duration) -> Answered {
        let latencies = std::mem::take(&mut self.latencies);
        let (count, mean_us) = (latencies.len(), latencies.mean_us());
        let [p50_us] = latencies.percentiles_us([50.0]);
        let latency = Latency {
            mean: mean_us * 1e3,
            p50: p50_us * 1e3,
        };
        Answered::new(count, length.as_secs_f64(), latency)
    }
}

impl Messages {
    fn new(size: usize, expect: Expect) -> Self {
        let request: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
        let answer = (expect == Expect::Upper).then(|| request.to_ascii_uppercase());
        Self {
            request,
            answer,
            buffer: vec![0; size.min(READ_SIZE)],
        }
    }

    /// Checks a part of an answer: so many bytes in the buffer, before which so many had come.
    fn check(&self, before: usize, count: usize) -> Result<()> {
        if let Some(answer) = &self.answer {
            let expected = &answer[before..before + count];
            ensure!(self.buffer[..count] == *expected, "an answer is wrong");
        }
        Ok(())
    }
}

struct Connection {
    stream: mio::net::TcpStream,
    requested: Instant,
    /// Bytes of the request that have gone, and of its answer that have come.
    sent: usize,
    received: usize,
}

impl Connection {
    fn open(server: SocketAddrV4, poll: &Poll, token: Token) -> Result<Self> {
        let stream = connect(server)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, token, interest)?;
        Ok(Self {
            stream,
            requested: Instant::now(),
            sent: 0,
            received: 0,
        })
    }

    fn request(&mut self, now: Instant, messages: &Messages) -> Result<()> {
        self.requested = now;
        (self.sent, self.received) = (0, 0);
        self.send(messages)
    }

    /// Sends and takes what can be sent and taken; once an answer is whole, makes the next request, and tells how long
    /// the answer took.
    fn go_on(&mut self, messages: &mut Messages) -> Result<Option<Duration>> {
        self.send(messages)?;
        self.receive(messages)?;
        if self.received < messages.request.len() {
            return Ok(None);
        }
        let now = Instant::now();
        let latency = now - self.requested;
        self.request(now, messages)?;
        Ok(Some(latency))
    }

    fn send(&mut self, messages: &Messages) -> Result<()> {
        while self.sent < messages.request.len() {
            match self.stream.write(&messages.request[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// It does not read beyond the answer: what comes later is a new event.
    fn receive(&mut self, messages: &mut Messages) -> Result<()> {
        while self.received < self.sent {
            let room = messages.buffer.len().min(self.sent - self.received);
            let length = match self.stream.read(&mut messages.buffer[..room]) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            messages.check(self.received, length)?;
            self.received += length;
            if length < room {
                // A short read has emptied the stream, see epoll(7).
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::{Bare, tests::started};
    use super::super::truth::Truth;
    use super::*;

    #[test]
    fn every_answer_counted_is_one_that_the_server_gave() {
        for (server, connections, size) in [
            (Bare::Epoll, 8, 64),
            (Bare::Threads, 3, 4096),
            (Bare::Epoll, 2, 1 << 20),
        ] {
            let address = started(server);
            let mut load = Load::open(address, connections, size, Expect::Upper).unwrap();
            let answered = load.run(Duration::from_millis(20)).unwrap();
            let truth = Truth::of(address).unwrap().bytes;
            assert!(answered.answered > 0, "{server:?}");
            let (size, in_flight) = (size as u64, connections as u64);
            assert!(truth >= answered.answered * size, "{server:?}");
            assert!(truth <= (answered.answered + in_flight) * size + in_flight);
        }
    }

    #[test]
    fn a_wrong_answer_is_found() {
        let mut messages = Messages::new(30, Expect::Upper);
        messages.buffer[..4].copy_from_slice(b"YZAB");
        assert!(messages.check(24, 4).is_ok());
        assert!(messages.check(23, 4).is_err());
        let mut messages = Messages::new(30, Expect::Anything);
        messages.buffer[..4].copy_from_slice(b"yzab");
        assert!(messages.check(24, 4).is_ok());
    }
}
