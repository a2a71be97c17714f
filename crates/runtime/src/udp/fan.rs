//! Many sockets that talk to one server, so that answers which say nothing can be told apart by the port they come to.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};

use super::MAX_PAYLOAD;
use super::Options;
use super::client::ClientError;
use crate::descriptors;
use crate::shutdown::Shutdown;

/// The token of the waker; sockets have their place as theirs.
const WOKEN: Token = Token(usize::MAX);

/// The sending side: sockets 0 to `len() - 1`, all connected to one server.
#[derive(Clone, Debug)]
pub struct Fan {
    sockets: Arc<[UdpSocket]>,
}

/// The receiving side.
#[derive(Debug)]
pub struct FanReceiver {
    fan: Fan,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    /// Kept because a waker that is dropped takes its event with it.
    waker: Option<Arc<Waker>>,
}

/// What came to one of the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived<'a> {
    /// A datagram from the server.
    Datagram(&'a [u8]),
    /// The host's word that the server's port is closed.
    Refused,
}

impl Fan {
    /// Opens this many sockets, each on a port that the system chooses whatever the options say of it; they are not
    /// stamped.
    ///
    /// # Errors
    /// [`ClientError`], also where the process may not have that many files open.
    pub fn open(
        addr: SocketAddr,
        sockets: usize,
        options: &Options,
    ) -> Result<(Self, FanReceiver), ClientError> {
        descriptors::raise_limit();
        let failed = |error| ClientError::new(addr, error);
        let poll = Poll::new().map_err(failed)?;
        let mut opened = Vec::with_capacity(sockets);
        for place in 0..sockets {
            let socket = options.connect(addr).map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            let mut socket = UdpSocket::from_std(socket);
            poll.registry()
                .register(&mut socket, Token(place), Interest::READABLE)
                .map_err(failed)?;
            opened.push(socket);
        }
        let fan = Self {
            sockets: opened.into(),
        };
        let receiver = FanReceiver {
            fan: fan.clone(),
            poll,
            events: Events::with_capacity(256),
            buffer: vec![0; MAX_PAYLOAD],
            waker: None,
        };
        Ok((fan, receiver))
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is no socket.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Sends from the socket at this place (modulo their number).
    ///
    /// # Errors
    /// What the system says, also of datagrams sent before; [`ClientError::new`] says what it means.
    pub fn send(&self, place: usize, payload: &[u8]) -> io::Result<()> {
        self.sockets[place % self.sockets.len()]
            .send(payload)
            .map(drop)
    }
}

impl FanReceiver {
    /// Lets `shutdown` end a wait in [`receive_until`](Self::receive_until).
    ///
    /// # Errors
    /// When the system gives no waker.
    pub fn wake_on(&mut self, shutdown: &Shutdown) -> io::Result<()> {
        let waker = Arc::new(Waker::new(self.poll.registry(), WOKEN)?);
        self.waker = Some(Arc::clone(&waker));
        shutdown.on_trigger(move || {
            if let Err(error) = waker.wake() {
                tracing::debug!(%error, "the receiver was not woken");
            }
        });
        Ok(())
    }

    /// Waits until something has come, `deadline` has passed or the wait was ended, and calls `arrived` with the place
    /// of the socket, what came and when it was read, for all that is there or until it breaks.
    ///
    /// # Errors
    /// What the system says of the wait; what it says of one socket is logged.
    pub fn receive_until(
        &mut self,
        deadline: Instant,
        mut arrived: impl FnMut(usize, Arrived<'_>, Instant) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.poll.poll(&mut self.events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let Some(socket) = self.fan.sockets.get(event.token().0) else {
                continue;
            };
            let place = event.token().0;
            loop {
                let result = socket.recv(&mut self.buffer);
                let now = Instant::now();
                let what = match result {
                    Ok(length) => Arrived::Datagram(&self.buffer[..length]),
                    Err(error) => match error.kind() {
                        io::ErrorKind::WouldBlock => break,
                        io::ErrorKind::Interrupted => continue,
                        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                            Arrived::Refused
                        }
                        _ => {
                            tracing::debug!(%error, "a socket failed");
                            break;
                        }
                    },
                };
                if arrived(place, what, now).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn answers_are_told_apart_by_socket() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (fan, mut receiver) =
            Fan::open(server.local_addr().unwrap(), 5, &Options::default()).unwrap();
        for place in 0..5 {
            fan.send(place, &[place as u8]).unwrap();
        }
        let mut asked: Vec<_> = (0..5)
            .map(|_| {
                let mut buffer = [0; 1];
                let (_, from) = server.recv_from(&mut buffer).unwrap();
                (buffer, from)
            })
            .collect();
        asked.reverse();
        for (buffer, from) in &asked {
            server.send_to(buffer, from).unwrap();
        }
        let mut got = Vec::new();
        while got.len() < 5 {
            receiver
                .receive_until(Instant::now() + LONG, |place, what, _| {
                    assert_eq!(what, Arrived::Datagram(&[place as u8]));
                    got.push(place);
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_closed_port_is_reported() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let (fan, mut receiver) = Fan::open(closed, 1, &Options::default()).unwrap();
        fan.send(0, b"hello").unwrap();
        let mut refused = false;
        receiver
            .receive_until(Instant::now() + LONG, |_, what, _| {
                refused = what == Arrived::Refused;
                ControlFlow::Break(())
            })
            .unwrap();
        assert!(refused);
    }

    #[test]
    fn shutdown_ends_the_wait() {
        let (_, mut receiver) =
            Fan::open("127.0.0.1:9".parse().unwrap(), 1, &Options::default()).unwrap();
        let shutdown = Shutdown::new();
        receiver.wake_on(&shutdown).unwrap();
        shutdown.trigger();
        let start = Instant::now();
        receiver
            .receive_until(Instant::now() + LONG, |_, _, _| ControlFlow::Continue(()))
            .unwrap();
        assert!(start.elapsed() < LONG);
    }
}
