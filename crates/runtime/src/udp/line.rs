//! A socket that talks to one server, for a thread that waits for datagrams, for a moment and for others of its process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};

use super::Options;
use super::client::ClientError;

const SOCKET: Token = Token(0);
const WOKEN: Token = Token(1);

/// The socket and what its thread waits on.
#[derive(Debug)]
pub struct Line {
    poll: Poll,
    events: Events,
    socket: UdpSocket,
    addr: SocketAddr,
    waker: LineWaker,
    /// Whether datagrams may be there already: the system tells of them once.
    may_have_more: bool,
}

/// Ends the wait of the thread that has the [`Line`].
#[derive(Clone, Debug)]
pub struct LineWaker(Arc<Waker>);

impl LineWaker {
    /// Ends it now, or the next one at once.
    pub fn wake(&self) {
        if let Err(error) = self.0.wake() {
            tracing::debug!(%error, "nobody was woken");
        }
    }
}

impl Line {
    /// Connects to this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError`] when there is no way to the host.
    pub fn connect(addr: SocketAddr) -> Result<Self, ClientError> {
        let failed = |error| ClientError::new(addr, error);
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WOKEN).map_err(failed)?;
        let socket = open(addr, &poll).map_err(failed)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(4),
            socket,
            addr,
            waker: LineWaker(Arc::new(waker)),
            may_have_more: true,
        })
    }

    /// Goes on with a new socket, which the system gives an address of now.
    ///
    /// # Errors
    /// [`ClientError`]; the old one is kept then.
    pub fn reconnect(&mut self, addr: SocketAddr) -> Result<(), ClientError> {
        let failed = |error| ClientError::new(addr, error);
        self.socket = open(addr, &self.poll).map_err(failed)?;
        (self.addr, self.may_have_more) = (addr, true);
        Ok(())
    }

    /// Who is being talked to.
    pub fn server_addr(&self) -> SocketAddr {
        self.addr
    }

    /// What other threads wake this one by.
    pub fn waker(&self) -> LineWaker {
        self.waker.clone()
    }

    /// Sends a datagram. Where the system has no room for it, it is lost as on any other part of the way.
    ///
    /// # Errors
    /// [`ClientError`], also for what became of an earlier one.
    pub fn send(&self, datagram: &[u8]) -> Result<(), ClientError> {
        match self.socket.send(datagram) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                Err(ClientError::new(self.addr, error))
            }
            _ => Ok(()),
        }
    }

    /// Takes a datagram that is there, and gives its length.
    ///
    /// # Errors
    /// [`ClientError`] for what the host or the network said of an earlier one.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, ClientError> {
        match self.socket.recv(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.may_have_more = false;
                Ok(None)
            }
            Err(error) => Err(ClientError::new(self.addr, error)),
        }
    }

    /// Waits for a datagram, for the deadline, or to be woken, whichever is first. It may end sooner.
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.filter(|_| !self.may_have_more);
        let now = self.may_have_more.then_some(Duration::ZERO);
        self.pause(left.or(now))
    }

    /// Waits without an eye on datagrams: until the deadline, or to be woken.
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait_deaf(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.pause(deadline.map(|at| at.saturating_duration_since(Instant::now())))
    }

    fn pause(&mut self, longest: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, longest) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let came = |token| self.events.iter().any(|event| event.token() == token);
        self.may_have_more |= came(SOCKET);
        Ok(())
    }
}

fn open(addr: SocketAddr, poll: &Poll) -> io::Result<UdpSocket> {
    let socket = Options::default().connect(addr)?;
    socket.set_nonblocking(true)?;
    let mut socket = UdpSocket::from_std(socket);
    poll.registry()
        .register(&mut socket, SOCKET, Interest::READABLE)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net;
    use std::thread;

    use super::*;

    fn far() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(60))
    }

    fn take(line: &mut Line) -> Vec<u8> {
        let mut buffer = [0; 16];
        loop {
            if let Some(length) = line.receive(&mut buffer).unwrap() {
                return buffer[..length].to_vec();
            }
            line.wait(far()).unwrap();
        }
    }

    #[test]
    fn datagrams_go_both_ways_and_none_is_missed() {
        let server = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut line = Line::connect(server.local_addr().unwrap()).unwrap();
        line.send(b"hello").unwrap();
        let (_, from) = server.recv_from(&mut [0; 16]).unwrap();
        for _ in 0..3 {
            server.send_to(b"one", from).unwrap();
            server.send_to(b"two", from).unwrap();
            assert_eq!(take(&mut line), b"one");
            line.wait_deaf(Some(Instant::now())).unwrap();
            assert_eq!(take(&mut line), b"two");
        }
    }

    #[test]
    fn a_wait_ends_by_the_waker_and_by_the_deadline() {
        let server = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut line = Line::connect(server.local_addr().unwrap()).unwrap();
        assert_eq!(line.receive(&mut [0; 16]).unwrap(), None);
        let waker = line.waker();
        let waking = thread::spawn(move || waker.wake());
        line.wait(None).unwrap();
        waking.join().unwrap();
        let deadline = Instant::now() + Duration::from_millis(5);
        while Instant::now() < deadline {
            line.wait(Some(deadline)).unwrap();
        }
    }

    #[test]
    fn a_closed_port_is_told_and_another_address_tried() {
        let server = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut line = Line::connect(closed.local_addr().unwrap()).unwrap();
        drop(closed);
        line.send(b"hello").unwrap();
        let refused = loop {
            match line.receive(&mut [0; 16]) {
                Err(error) => break error,
                Ok(_) => line.wait(far()).unwrap(),
            }
        };
        assert!(matches!(refused, ClientError::Refused { .. }), "{refused}");
        line.reconnect(server.local_addr().unwrap()).unwrap();
        line.send(b"hello").unwrap();
        let (_, from) = server.recv_from(&mut [0; 16]).unwrap();
        server.send_to(b"here", from).unwrap();
        assert_eq!(take(&mut line), b"here");
    }
}
