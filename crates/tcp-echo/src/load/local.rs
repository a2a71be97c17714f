//! The server that is loaded where none is named.

use std::net::SocketAddr;

use anyhow::bail;

/// A server in this process.
pub(super) struct LocalServer {
    pub(super) addr: SocketAddr,
}

impl LocalServer {
    /// An upper-case echo on a port of loopback that the system chooses.
    pub(super) fn start() -> anyhow::Result<Self> {
        bail!("expected a TARGET: start `tcp-echo serve` and name it");
    }

    pub(super) fn stop(self) -> anyhow::Result<()> {
        Ok(())
    }
}
