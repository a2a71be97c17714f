//! The connection to a server, and what to do where there is none.

use std::time::Duration;

use anyhow::anyhow;
use runtime::addr::Target;
use runtime::tcp::{Client, ClientError};

/// Connects; where nothing listens, says how to start what would.
pub(crate) fn connect(
    target: &Target,
    default_port: u16,
    timeout: Duration,
    server: &str,
) -> anyhow::Result<Client> {
    Client::connect(target, default_port, timeout).map_err(|error| match error {
        ClientError::Connect(refused) if refused.is_refused() => anyhow!("{refused} (`{server}`)"),
        error => error.into(),
    })
}
