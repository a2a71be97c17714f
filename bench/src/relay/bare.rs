//! The relay that is kept here to compare with: one thread, one datagram at a time, the classic wire, and nothing that it
//! can do without. It forwards to any address.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use anyhow::Result;
use proto::relay::{Incoming, MAX_DATAGRAM, Message, Reply, Status};

use crate::child;

/// Relays on 127.0.0.1 until it is killed.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Binds, says where, and serves; only an error ends it.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    child::announce(socket.local_addr()?)?;
    let (mut room, mut out) = ([0; MAX_DATAGRAM + 1], Vec::with_capacity(MAX_DATAGRAM));
    loop {
        let (length, from) = match socket.recv_from(&mut room) {
            // What was sent before met a closed port.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            received => received?,
        };
        relay(&socket, &room[..length], from, &mut out)?;
    }
}

fn relay(socket: &UdpSocket, datagram: &[u8], from: SocketAddr, out: &mut Vec<u8>) -> Result<()> {
    let reply = match Incoming::decode(datagram) {
        Incoming::Answer | Incoming::TooLong | Incoming::ExitServer => return Ok(()),
        Incoming::Hello => Reply::Address(from),
        Incoming::Rejected(status) => Reply::Status(status),
        Incoming::Message(Message { to, content }) => {
            out.clear();
            let fits = Reply::Delivery { from, content }.encode(out).is_ok();
            let sent = fits && socket.send_to(out, to).is_ok();
            Reply::Status(if sent { Status::Sent } else { Status::NotSent })
        }
    };
    out.clear();
    reply.encode(out)?;
    // A sender who is gone concerns nobody.
    let _ = socket.send_to(out, from);
    Ok(())
}
