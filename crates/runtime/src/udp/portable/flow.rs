//! Many packets of one flow, a system call for each.

use std::io;
use std::net::UdpSocket;

use super::super::{MAX_PAYLOAD, Wait};
use super::{is_nothing, receive};

/// Datagrams that one system call sends or receives.
pub(in super::super) const MESSAGES: usize = 1;

/// Not known how: a flow has a port of its own.
pub(in super::super) const SHARES_PORTS: bool = false;

/// Nothing is shared.
pub(in super::super) fn share_port(
    _socket: &UdpSocket,
    _again: impl FnOnce() -> io::Result<UdpSocket>,
) -> io::Result<()> {
    Ok(())
}

/// Not known how.
pub(in super::super) fn enlarge(_socket: &UdpSocket, _bytes: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known how.
pub(in super::super) fn set_receive_offload(_socket: &UdpSocket, _wanted: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known how.
pub(in super::super) fn can_send_offloaded(_socket: &UdpSocket, _size: usize) -> bool {
    false
}

/// Nothing is ever segmented.
pub(in super::super) fn is_not_segmented(_error: &io::Error) -> bool {
    false
}

/// Sends packets one by one.
pub(in super::super) struct Out;

impl Out {
    pub(in super::super) fn new() -> Self {
        Self
    }

    pub(in super::super) fn send(
        &mut self,
        socket: &UdpSocket,
        packets: &[u8],
        size: usize,
        _segmented: bool,
    ) -> io::Result<usize> {
        let mut sent = 0;
        for packet in packets.chunks(size) {
            match socket.send(packet) {
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
                Ok(_) => sent += 1,
            }
        }
        Ok(sent)
    }
}

/// Room for one packet.
pub(in super::super) struct Room {
    packet: Vec<u8>,
    length: Option<usize>,
}

impl Room {
    pub(in super::super) fn new(_size: usize, _coalesced: bool) -> Self {
        Self {
            packet: vec![0; MAX_PAYLOAD],
            length: None,
        }
    }

    pub(in super::super) fn receive(
        &mut self,
        socket: &UdpSocket,
        wait: Wait,
    ) -> io::Result<usize> {
        self.length = match receive(socket, wait, |socket| socket.recv(&mut self.packet)) {
            Err(error) if is_nothing(&error) => None,
            length => Some(length?),
        };
        Ok(usize::from(self.length.is_some()))
    }

    pub(in super::super) fn get(&mut self, place: usize) -> Option<(&mut [u8], usize)> {
        let length = self.length.filter(|_| place == 0)?;
        Some((&mut self.packet[..length], length.max(1)))
    }

    /// Unknown here.
    pub(in super::super) fn dropped(&self) -> Option<u32> {
        None
    }
}
