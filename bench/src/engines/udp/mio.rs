//! A UDP server on mio.

use std::convert::Infallible;
use std::io::ErrorKind;

use anyhow::Result;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::mmsg::DATAGRAM_ROOM;

/// Waits for the socket to have something, then echoes until it has nothing.
pub(crate) fn serve(socket: std::net::UdpSocket) -> Result<Infallible> {
    socket.set_nonblocking(true)?;
    let mut socket = UdpSocket::from_std(socket);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut socket, Token(0), Interest::READABLE)?;
    let mut events = Events::with_capacity(16);
    let mut buffer = [0; DATAGRAM_ROOM];
    loop {
        poll.poll(&mut events, None)?;
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((length, peer)) => socket.send_to(&buffer[..length], peer)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
        }
    }
}
