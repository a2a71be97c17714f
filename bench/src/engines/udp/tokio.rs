//! A UDP server on tokio's runtime of one thread.

use std::convert::Infallible;

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::runtime::Builder;

use super::mmsg::DATAGRAM_ROOM;

/// Receives and sends in turn.
pub(crate) fn serve(socket: std::net::UdpSocket) -> Result<Infallible> {
    socket.set_nonblocking(true)?;
    Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async {
            let socket = UdpSocket::from_std(socket)?;
            let mut buffer = [0; DATAGRAM_ROOM];
            loop {
                let (length, peer) = socket.recv_from(&mut buffer).await?;
                socket.send_to(&buffer[..length], peer).await?;
            }
        })
}
