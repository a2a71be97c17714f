//! The connection to a server, and what to do where there is none.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::anyhow;
use runtime::addr::Target;
use runtime::tcp::{self, Client, ClientError, ConnectError};

/// Connects; where nothing listens, says how to start what would.
pub(crate) fn connect(
    target: &Target,
    default_port: u16,
    timeout: Duration,
    server: &str,
) -> anyhow::Result<Client> {
    Client::connect(target, default_port, timeout).map_err(|error| match error {
        ClientError::Connect(error) => with_cure(error, server),
        error => error.into(),
    })
}

/// The same for one who has manners of his own.
pub(crate) fn stream(
    target: &Target,
    default_port: u16,
    timeout: Duration,
    server: &str,
) -> anyhow::Result<(TcpStream, SocketAddr)> {
    tcp::connect(target, default_port, timeout).map_err(|error| with_cure(error, server))
}

fn with_cure(error: ConnectError, server: &str) -> anyhow::Error {
    match error.is_refused() {
        true => anyhow!("{error} (`{server}`)"),
        false => error.into(),
    }
}
