//! Receiving and sending where there is no recvmmsg(2): one datagram a call, answered from the address that the system
//! chooses.

use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::stamp::{Stamp, StampClock};
use super::{Datagram, MAX_PAYLOAD, Wait};

/// How often a waiting thread looks whether it is time to stop: here nothing wakes it.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 1;

/// Whether the system tells when datagrams left.
pub(super) const STAMPS_SENDING: bool = false;

pub(super) fn prepare(socket: &UdpSocket, _addr: SocketAddr, _clock: StampClock) -> io::Result<()> {
    socket.set_read_timeout(Some(LOOK_UP))
}

/// Unknown here.
pub(super) fn count_drops(_socket: &UdpSocket) {}

/// What the system tells of a datagram beside the sender: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a>(PhantomData<&'a ()>);

impl Told<'_> {
    pub(super) fn came(&self) -> Option<Stamp> {
        None
    }

    pub(super) fn service(&self) -> Option<u8> {
        None
    }

    pub(super) fn ttl(&self) -> Option<u8> {
        None
    }
}

/// Not known how.
pub(super) fn forbid_fragments(_socket: &UdpSocket, _addr: SocketAddr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told here.
pub(super) fn tell_ttl(_socket: &UdpSocket, _addr: SocketAddr) -> io::Result<()> {
    Ok(())
}

/// Unknown here.
pub(super) fn path_mtu(_socket: &UdpSocket, _addr: SocketAddr) -> Option<usize> {
    None
}

/// None is ever taken.
pub(super) fn sent_stamp(_socket: &UdpSocket) -> Option<(u32, Stamp)> {
    None
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

    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        _has_destinations: bool,
        wait: Wait,
    ) -> io::Result<usize> {
        self.received = None;
        if wait == Wait::Poll {
            socket.set_nonblocking(true)?;
        }
        let received = socket.recv_from(&mut self.payload);
        if wait == Wait::Poll {
            socket.set_nonblocking(false)?;
        }
        match received {
            Ok(received) => self.received = Some(received),
            Err(error) if is_nothing(&error) => return Ok(0),
            Err(error) => return Err(error),
        }
        Ok(1)
    }

    /// Unknown here.
    pub(super) fn dropped(&self) -> Option<u32> {
        None
    }

    pub(super) fn get(&self, place: usize) -> Option<Datagram<'_>> {
        let (length, from) = self.received.filter(|_| place == 0)?;
        Some(Datagram {
            from,
            to: None,
            to_many: false,
            payload: &self.payload[..length],
            told: Told::default(),
        })
    }
}

/// A wait that ended, or Windows' report that an earlier answer found no listener.
pub(super) fn is_nothing(error: &io::Error) -> bool {
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
    to: Option<SocketAddr>,
    _from: Option<IpAddr>,
    _stamped: Option<StampClock>,
) -> io::Result<()> {
    match to {
        Some(to) => socket.send_to(payload, to),
        None => socket.send(payload),
    }
    .map(drop)
}
