//! The hidden subcommand that is the server child of an echo measurement.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use clap::Subcommand;
use runtime::descriptors;
use socket2::{Domain, Socket, Type};

use super::{tcp, udp};
use crate::child;
use crate::pin::Core;

/// Deep enough for every connection of a load to be made before the server accepts the first.
const BACKLOG: i32 = 1024;

/// Serves one echo on 127.0.0.1 until it is killed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core to stay on
    #[arg(long)]
    core: Core,

    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Subcommand)]
enum Protocol {
    /// Echoes datagrams
    Udp { engine: udp::Engine },
    /// Echoes streams
    Tcp { engine: tcp::Engine },
}

/// Binds, says where, and serves; only an error ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::tie()?;
    descriptors::raise_limit();
    args.core.pin_this_thread()?;
    let Err(error): Result<Infallible> = match args.protocol {
        Protocol::Udp { engine } => serve_udp(engine),
        Protocol::Tcp { engine } => serve_tcp(engine),
    };
    Err(error)
}

fn serve_udp(engine: udp::Engine) -> Result<Infallible> {
    engine.check()?;
    engine.serve()
}

fn serve_tcp(engine: tcp::Engine) -> Result<Infallible> {
    engine.check()?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    let listener = std::net::TcpListener::from(socket);
    child::announce(listener.local_addr()?)?;
    engine.serve(listener)
}
