//! The server that is loaded where none is named.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use anyhow::bail;
use proto::echo::Case;
use runtime::shutdown::Shutdown;
use runtime::tcp::{Listener, Policy, Server};

use crate::serve::Upper;

/// A server in this process.
pub(super) struct LocalServer {
    pub(super) addr: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<io::Result<()>>,
}

impl LocalServer {
    /// An upper-case echo on a port of loopback that the system chooses.
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = listener.local_addr();
        writeln!(
            io::stderr().lock(),
            "no TARGET: loading a server started here on tcp://{addr}"
        )?;
        let server = Server::new(vec![listener], Policy::default());
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let run = move || server.run(&stop, |_, _| Upper::new(Case::Unicode));
        Ok(Self {
            addr,
            shutdown,
            server: thread::Builder::new().name("server".into()).spawn(run)?,
        })
    }

    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        match self.server.join() {
            Ok(ended) => Ok(ended?),
            Err(_) => bail!("the server in this process failed"),
        }
    }
}
