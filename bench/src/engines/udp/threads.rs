//! UDP servers of one thread that waits in a system call, without any library for events.

use std::convert::Infallible;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use anyhow::Result;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::MsgFlags;

use super::mmsg::{Batch, DATAGRAM_ROOM, Destination, SERVER_BATCH};

/// A call to receive and a call to send for each datagram.
pub(crate) fn one_by_one(socket: &UdpSocket) -> Result<Infallible> {
    let mut buffer = [0; DATAGRAM_ROOM];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..length], peer)?;
    }
}

/// Waits for one datagram and takes what has come with it, in one call; sends all of it back in another.
pub(crate) fn batched(socket: &UdpSocket) -> Result<Infallible> {
    let mut batch = Batch::<SERVER_BATCH>::new(Destination::Sender);
    loop {
        batch.receive(socket, MsgFlags::MSG_WAITFORONE)?;
        batch.send(socket)?;
    }
}

/// Takes what is there, and waits in poll(2) once that was less than a batch: for the socket, and for a pipe that
/// stands for whatever else a server has to wake up for.
pub(crate) fn batched_with_poll(socket: &UdpSocket) -> Result<Infallible> {
    let (wake, _waker) = io::pipe()?;
    let mut waited = [
        PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        PollFd::new(wake.as_fd(), PollFlags::POLLIN),
    ];
    let mut batch = Batch::<SERVER_BATCH>::new(Destination::Sender);
    loop {
        let received = match batch.receive(socket, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN) => 0,
            received => received?,
        };
        if received > 0 {
            batch.send(socket)?;
        }
        if received < SERVER_BATCH {
            poll(&mut waited, PollTimeout::NONE)?;
        }
    }
}
