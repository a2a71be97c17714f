//! Ports for servers that cannot choose one by themselves.
//!
//! A port is free when it is looked for; whoever takes it first has it.

use std::net::{SocketAddr, SocketAddrV4, TcpListener, UdpSocket};

use anyhow::{Context, Result, bail};

const ANY: &str = "127.0.0.1:0";

/// An address of 127.0.0.1 with a UDP port that is free.
pub(crate) fn udp() -> Result<SocketAddrV4> {
    let socket = UdpSocket::bind(ANY).context("cannot find a free UDP port")?;
    ipv4(socket.local_addr()?)
}

/// An address of 127.0.0.1 with a TCP port that is free.
pub(crate) fn tcp() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind(ANY).context("cannot find a free TCP port")?;
    ipv4(listener.local_addr()?)
}

fn ipv4(address: SocketAddr) -> Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => bail!("127.0.0.1 is no IPv4 address here"),
    }
}
