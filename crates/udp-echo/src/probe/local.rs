//! The server that is measured where none is named.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::bail;
use proto::measure::{Gate, Secret};
use runtime::random;
use runtime::shutdown::Shutdown;
use runtime::udp::{Policy, Server, Socket};

use crate::args::WhoMayStop;
use crate::serve::{Measure, documented_impairment};

/// A server in this process.
pub(super) struct LocalServer {
    pub(super) addr: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<io::Result<()>>,
}

impl LocalServer {
    pub(super) fn start() -> anyhow::Result<Self> {
        let socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.stamped_by_kernel()?;
        let addr = socket.local_addr();
        let policy = Policy {
            impairment: documented_impairment(),
            seed: fastrand::u64(..1 << 32),
            ..Policy::default()
        };
        let mut err = io::stderr().lock();
        writeln!(
            err,
            "no TARGET: measuring a server started here on udp://{addr}, which emulates {}",
            policy.impairment
        )?;
        let server = Server::new(vec![socket], policy);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let gate = Gate::new(Secret::new(random::bytes()?), None);
        let service = move |_| Measure::new(WhoMayStop::Loopback, gate.clone(), Arc::default());
        let run = move || server.run(&stop, service);
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
