//! Receiving and sending where there is no recvmmsg(2): one datagram a call, answered from the address that the system
//! chooses.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::{Datagram, MAX_PAYLOAD};

/// How often a waiting thread looks whether it is time to stop: here nothing wakes it.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 1;

pub(super) fn prepare(socket: &UdpSocket, _addr: SocketAddr) -> io::Result<()> {
    socket.set_read_timeout(Some(LOOK_UP))
}

pub(super) fn wake(_socket: &UdpSocket) {}

/// A buffer for one datagram.
#[derive(Debug)]
pub(super) struct Batch {
    payload: Vec<u8>,
    received: Option<(usize, SocketAddr)>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            payload: vec![0; MAX_PAYLOAD],
            received: None,
        }
    }

    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.received = None;
        match socket.recv_from(&mut self.payload) {
            Ok(received) => self.received = Some(received),
            Err(error) if is_nothing(&error) => return Ok(0),
            Err(error) => return Err(error),
        }
        Ok(1)
    }

    /// Unknown here.
    pub(super) fn waited(&self) -> Option<Duration> {
        None
    }

    pub(super) fn get(&self, place: usize) -> Option<Datagram<'_>> {
        let (length, from) = self.received.filter(|_| place == 0)?;
        Some(Datagram {
            from,
            to: None,
            to_many: false,
            payload: &self.payload[..length],
        })
    }
}

/// A wait that ended, or Windows' report that an earlier answer found no listener.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionReset
    )
}

pub(super) fn send(
    socket: &UdpSocket,
    payload: &[u8],
    to: SocketAddr,
    _from: Option<IpAddr>,
) -> io::Result<()> {
    socket.send_to(payload, to).map(drop)
}
