//! Receiving and sending where there is no recvmmsg(2): one datagram a call, answered from the address that the system
//! chooses.

#[path = "portable/bursts.rs"]
pub(super) mod bursts;
#[path = "portable/flow.rs"]
pub(super) mod flow;

use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::stamp::{Stamp, StampClock};
use super::{Datagram, Fault, MAX_PAYLOAD, Wait};

/// How often a waiting thread looks whether it is time to stop: here nothing wakes it.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 1;

/// Whether the system tells when datagrams left.
pub(super) const STAMPS_SENDING: bool = false;

pub(super) fn prepare(socket: &UdpSocket, _addr: SocketAddr) -> io::Result<()> {
    socket.set_read_timeout(Some(LOOK_UP))
}

/// Not known how, and not missed: the program's clock does.
pub(super) fn stamp(_socket: &UdpSocket, _addr: SocketAddr, _clock: StampClock) -> io::Result<()> {
    Ok(())
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

    pub(super) fn fragment(&self) -> Option<u32> {
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

/// Not known how.
pub(super) fn probe_path(_socket: &UdpSocket, _addr: SocketAddr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// None is ever told.
pub(super) fn next_fault(_socket: &UdpSocket) -> Option<Fault> {
    None
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

    /// The same: nothing is put together.
    pub(super) fn of_bursts() -> Self {
        Self::new()
    }

    /// Whether as many came as there was room for: there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.received.is_some()
    }

    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        _has_destinations: bool,
        wait: Wait,
    ) -> io::Result<usize> {
        self.received = None;
        match receive(socket, wait, |socket| socket.recv_from(&mut self.payload)) {
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

    /// The length of the datagram.
    pub(super) fn size(&self, place: usize) -> usize {
        self.get(place).map_or(0, |datagram| datagram.payload.len())
    }
}

/// Receives, without waiting where that is wanted.
fn receive<T>(
    socket: &UdpSocket,
    wait: Wait,
    receive: impl FnOnce(&UdpSocket) -> io::Result<T>,
) -> io::Result<T> {
    if wait == Wait::Block {
        return receive(socket);
    }
    socket.set_nonblocking(true)?;
    let received = receive(socket);
    socket.set_nonblocking(false)?;
    received
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
