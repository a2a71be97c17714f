//! Datagrams in batches: `recvmmsg` and `sendmmsg` over buffers that stay.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

/// Room for one datagram, in bytes; a longer one is cut.
pub(crate) const DATAGRAM_ROOM: usize = 2048;

/// How many datagrams a batching server takes at once.
pub(crate) const SERVER_BATCH: usize = 64;

/// Whom a batch is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Each datagram goes to where the one received in its place came from.
    Sender,
    /// All go to where the socket is connected to.
    Connected,
}

/// Up to `N` datagrams with their addresses.
pub(crate) struct Batch<const N: usize> {
    buffers: Box<[[u8; DATAGRAM_ROOM]]>,
    lengths: [usize; N],
    peers: [Option<SockaddrIn>; N],
    count: usize,
    destination: Destination,
    inbound: MultiHeaders<SockaddrIn>,
    // Apart from `inbound`, whose pointers to its own room for addresses a send would overwrite.
    outbound: MultiHeaders<SockaddrIn>,
}

impl<const N: usize> Batch<N> {
    /// An empty batch.
    pub(crate) fn new(destination: Destination) -> Self {
        Self {
            buffers: vec![[0; DATAGRAM_ROOM]; N].into_boxed_slice(),
            lengths: [0; N],
            peers: [None; N],
            count: 0,
            destination,
            inbound: MultiHeaders::preallocate(N, None),
            outbound: MultiHeaders::preallocate(N, None),
        }
    }

    /// Makes the batch `N` datagrams of this many bytes.
    pub(crate) fn fill(&mut self, length: usize) {
        self.lengths = [length.min(DATAGRAM_ROOM); N];
        self.count = N;
    }

    /// Replaces the batch by what the socket has, and says how many datagrams that is.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, flags: MsgFlags) -> nix::Result<usize> {
        self.count = 0;
        let mut slices: [[IoSliceMut<'_>; 1]; N] = slices_mut(&mut self.buffers);
        let fd = socket.as_raw_fd();
        let messages = recvmmsg(fd, &mut self.inbound, slices.iter_mut(), flags, None)?;
        for message in messages {
            self.lengths[self.count] = message.bytes;
            if self.destination == Destination::Sender {
                self.peers[self.count] = message.address;
            }
            self.count += 1;
        }
        Ok(self.count)
    }

    /// Sends the batch.
    ///
    /// Should the kernel take a part of it only, the rest is lost, as datagrams may be; loads notice by counting.
    pub(crate) fn send(&mut self, socket: &UdpSocket) -> nix::Result<()> {
        let slices: [_; N] =
            std::array::from_fn(|i| [IoSlice::new(&self.buffers[i][..self.lengths[i]])]);
        // The results are not looked at: nix would read addresses there that nobody wrote.
        sendmmsg(
            socket.as_raw_fd(),
            &mut self.outbound,
            &slices[..self.count],
            &self.peers[..self.count],
            [],
            MsgFlags::empty(),
        )?;
        Ok(())
    }

    /// The datagrams of the batch.
    pub(crate) fn datagrams_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let filled = self.buffers.iter_mut().zip(&self.lengths).take(self.count);
        filled.map(|(buffer, &length)| &mut buffer[..length])
    }
}

fn slices_mut<const N: usize>(buffers: &mut [[u8; DATAGRAM_ROOM]]) -> [[IoSliceMut<'_>; 1]; N] {
    let mut buffers = buffers.iter_mut();
    std::array::from_fn(|_| {
        let buffer = buffers.next().map_or(&mut [][..], |buffer| &mut buffer[..]);
        [IoSliceMut::new(buffer)]
    })
}
