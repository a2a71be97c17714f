//! The load on a TCP echo server: connections with one request in flight each, from one thread on epoll.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use crate::child::Server;
use crate::engines::echo::{ANSWER_TIMEOUT, MESSAGE_SIZE, Meter, Run};

const REQUEST: [u8; MESSAGE_SIZE] = [b'x'; MESSAGE_SIZE];

/// Keeps one request in flight on each connection for this long, after a warm-up.
pub(crate) fn run(server: &Server, connections: usize, length: Duration) -> Result<Run> {
    let mut poll = Poll::new()?;
    let mut connections = (0..connections)
        .map(|number| Connection::open(server, &poll, Token(number)))
        .collect::<Result<Vec<_>>>()?;
    let mut meter = Meter::start(server, length);
    connections.iter_mut().try_for_each(Connection::request)?;
    let mut events = Events::with_capacity(connections.len());
    while meter.goes_on(Instant::now())? {
        poll.poll(&mut events, Some(ANSWER_TIMEOUT))?;
        ensure!(!events.is_empty(), "no echo within {ANSWER_TIMEOUT:?}");
        for event in &events {
            let connection = &mut connections[event.token().0];
            if let Some(round_trip) = connection.answer()? {
                meter.record(round_trip);
                connection.request()?;
            }
        }
    }
    meter.finish()
}

struct Connection {
    stream: TcpStream,
    requested: Instant,
    missing: usize,
}

impl Connection {
    fn open(server: &Server, poll: &Poll, token: Token) -> Result<Self> {
        let address = server.address().into();
        let stream = std::net::TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // Closing is to leave nothing behind that the next run would run into.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            requested: Instant::now(),
            missing: 0,
        })
    }

    fn request(&mut self) -> Result<()> {
        self.requested = Instant::now();
        self.missing = MESSAGE_SIZE;
        // Nothing else is on its way, so there is room.
        Ok(self.stream.write_all(&REQUEST)?)
    }

    /// Takes what has come of the answer; once that is all, how long it took.
    ///
    /// It does not read until there is nothing more: what comes later is a new event.
    fn answer(&mut self) -> Result<Option<Duration>> {
        let mut bytes = [0; MESSAGE_SIZE];
        match self.stream.read(&mut bytes[..self.missing]) {
            Ok(0) if self.missing > 0 => bail!("the server closed a connection"),
            Ok(length) => self.missing -= length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        Ok((self.missing == 0).then(|| self.requested.elapsed()))
    }
}
