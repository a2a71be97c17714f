//! A UDP server on io_uring.

use std::convert::Infallible;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use anyhow::Result;

use crate::engines::uring::{Event, Received, Ring};

/// Enough for the load, few enough to stay in the cache: the kernel goes round all of them.
const BUFFERS: u16 = 128;

/// One request to receive that stays, buffers that the kernel picks, and a request to send from each that it filled.
pub(crate) fn serve(socket: &UdpSocket) -> Result<Infallible> {
    let fd = socket.as_raw_fd();
    let mut ring = Ring::new(BUFFERS)?;
    ring.receive_datagrams(fd)?;
    let mut events = Vec::new();
    loop {
        ring.wait(&mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Received { what, stays, .. } => {
                    if let Received::Bytes(buffer, length) = what? {
                        ring.send_back(fd, buffer, length)?;
                    }
                    if !stays {
                        ring.receive_datagrams(fd)?;
                    }
                }
                Event::Sent { buffer, result, .. } => {
                    ring.recycle(buffer);
                    result?;
                }
                Event::Accepted { .. } => {}
            }
        }
    }
}
