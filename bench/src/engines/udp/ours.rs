//! The server that the project's programs run, beside the bare engines: what its manners cost.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::{Result, bail};
use runtime::shutdown::Shutdown;
use runtime::udp::{Datagram, Policy, Server, Service, Socket, Verdict};

use crate::child;

struct Echo;

impl Service for Echo {
    type Seal = ();

    fn answer(&mut self, request: &Datagram<'_>, _: Instant, reply: &mut Vec<u8>) -> Verdict {
        reply.extend_from_slice(request.payload);
        Verdict::Reply
    }
}

/// Binds, says where, and echoes until something fails.
pub(super) fn serve() -> Result<Infallible> {
    let socket = Socket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    child::announce(socket.local_addr())?;
    Server::new(vec![socket], Policy::default()).run(&Shutdown::new(), |_| Echo)?;
    bail!("the server ended though nothing told it to")
}
