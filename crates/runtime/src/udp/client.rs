//! A client that asks one thing at a time and says clearly why there is no answer.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{MAX_PAYLOAD, Options};
use crate::addr::{ResolveError, Target};
use crate::units::show_time;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The host said that the port is closed.
    #[error(
        "nothing listens on udp://{addr}: the host answered \"port unreachable\"; is the server running, and on this port?"
    )]
    Refused {
        /// Who was asked.
        addr: SocketAddr,
    },
    /// Nothing came back.
    #[error(
        "no answer from udp://{addr} within {}; a UDP server that is not there gives no error: check that it runs, its address and port, and the firewalls between",
        show_time(*.timeout)
    )]
    Silent {
        /// Who was asked.
        addr: SocketAddr,
        /// How long was waited.
        timeout: Duration,
    },
    /// There is a fault with the address or the port that was to be sent from.
    #[error(
        "cannot talk to udp://{addr} from the address of --source: {reason}; choose one of this machine's, and a free port"
    )]
    Source {
        /// Who was to be asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// There is no way to the host.
    #[error("cannot reach udp://{addr}: {reason}; check the address and this machine's network")]
    Unreachable {
        /// Who was asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// Anything else.
    #[error("cannot talk to udp://{addr}: {reason}")]
    Failed {
        /// Who was asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

impl ClientError {
    /// Says what an error of a socket that is connected to `addr` means.
    pub fn new(addr: SocketAddr, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                Self::Refused { addr }
            }
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::Unreachable { addr, reason }
            }
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => {
                Self::Source { addr, reason }
            }
            _ => Self::Failed { addr, reason },
        }
    }

    /// Whether another address of the same name may answer where this one does not.
    pub fn may_be_this_address_only(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { .. })
    }
}

/// A socket that talks to one server.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    addr: SocketAddr,
    /// Further addresses of the name, tried in turn while the host refuses.
    others: Vec<SocketAddr>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to the first address of the target. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError`] when the name does not resolve or there is no way to the host.
    pub fn connect(target: &Target, default_port: u16) -> Result<Self, ClientError> {
        let mut addrs = target.resolve(default_port)?;
        let mut client = Self::to(addrs.remove(0))?;
        client.others = addrs;
        Ok(client)
    }

    /// Connects to this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError`] when there is no way to the host.
    pub fn to(addr: SocketAddr) -> Result<Self, ClientError> {
        Ok(Self {
            socket: connect(addr)?,
            addr,
            others: Vec::new(),
            buffer: vec![0; MAX_PAYLOAD],
        })
    }

    /// Who is being talked to.
    pub fn server_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Drops answers to earlier requests that have come by now, sends this one and waits for an answer.
    ///
    /// # Errors
    /// [`ClientError::Silent`] after `timeout`, [`ClientError::Refused`] where every address of the target refused.
    pub fn request(&mut self, request: &[u8], timeout: Duration) -> Result<Vec<u8>, ClientError> {
        let deadline = Instant::now() + timeout;
        loop {
            self.drain();
            let answered = self
                .send(request)
                .and_then(|()| self.receive_until(deadline));
            match answered {
                Err(error) if error.may_be_this_address_only() && !self.others.is_empty() => {
                    self.addr = self.others.remove(0);
                    self.socket = connect(self.addr)?;
                }
                Ok(None) => {
                    let addr = self.addr;
                    return Err(ClientError::Silent { addr, timeout });
                }
                Ok(Some(answer)) => {
                    self.others.clear();
                    return Ok(answer);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next datagram from the server; `None` when `deadline` has passed.
    ///
    /// # Errors
    /// [`ClientError`] as for [`request`](Self::request).
    pub fn receive_until(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, ClientError> {
        let failed = |error| ClientError::new(self.addr, error);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left)).map_err(failed)?;
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => return Ok(Some(self.buffer[..length].to_vec())),
                Err(error) if is_time_out(&error) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn send(&self, request: &[u8]) -> Result<(), ClientError> {
        self.socket
            .send(request)
            .map(drop)
            .map_err(|error| ClientError::new(self.addr, error))
    }

    fn drain(&mut self) {
        if self.socket.set_nonblocking(true).is_ok() {
            while self.socket.recv(&mut self.buffer).is_ok() {}
        }
        if let Err(error) = self.socket.set_nonblocking(false) {
            tracing::debug!(%error, "the socket stays non-blocking");
        }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// A socket connected to this server: the system then drops what others send, and reports a port that is closed.
fn connect(addr: SocketAddr) -> Result<UdpSocket, ClientError> {
    Options::default()
        .connect(addr)
        .map_err(|error| ClientError::new(addr, error))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(10);

    fn server() -> (UdpSocket, Client) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = Client::to(server.local_addr().unwrap()).unwrap();
        (server, client)
    }

    #[test]
    fn an_answer_comes_back() {
        let (server, mut client) = server();
        let answering = thread::spawn(move || {
            let mut buffer = [0; 10];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&buffer[..length], from).unwrap();
        });
        assert_eq!(client.request(b"hello", LONG).unwrap(), b"hello");
        answering.join().unwrap();
    }

    #[test]
    fn silence_is_told_from_refusal() {
        let (server, mut client) = server();
        let silent = client.request(b"hello", SHORT).unwrap_err();
        assert!(matches!(silent, ClientError::Silent { .. }), "{silent}");
        assert!(silent.to_string().contains("within 20 ms"), "{silent}");
        drop(server);
        let refused = client.request(b"hello", LONG).unwrap_err();
        assert!(matches!(refused, ClientError::Refused { .. }), "{refused}");
    }

    #[test]
    fn an_answer_to_an_earlier_request_is_dropped() {
        let (server, mut client) = server();
        client.request(b"one", SHORT).unwrap_err();
        let mut buffer = [0; 10];
        let (_, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"late", from).unwrap();
        let answering = thread::spawn(move || {
            let (_, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(b"in time", from).unwrap();
        });
        assert_eq!(client.request(b"two", LONG).unwrap(), b"in time");
        answering.join().unwrap();
    }

    #[test]
    fn the_next_address_of_a_name_is_tried() {
        let (server, mut client) = server();
        let closed = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        client.others = vec![std::mem::replace(&mut client.addr, closed)];
        client.socket = connect(closed).unwrap();
        let answering = thread::spawn(move || {
            let (_, from) = server.recv_from(&mut [0; 10]).unwrap();
            server.send_to(b"here", from).unwrap();
        });
        assert_eq!(client.request(b"hello", LONG).unwrap(), b"here");
        answering.join().unwrap();
    }
}
