//! The server that is measured where none is named.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::bail;
use proto::measure::{Gate, Secret};
use runtime::impair::Profile;
use runtime::random;
use runtime::shutdown::Shutdown;
use runtime::udp::{Policy, Server, Socket};

use crate::args::{FloodTo, WhoMayStop};
use crate::serve::{Floods, Measure};

/// A server in this process.
pub(crate) struct LocalServer {
    pub(crate) addr: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<io::Result<()>>,
}

impl LocalServer {
    /// A server that emulates this on its answers.
    pub(crate) fn start(impairment: Profile) -> anyhow::Result<Self> {
        let socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?
            .stamped_by_kernel()?
            .sharing_its_port();
        let addr = socket.local_addr();
        let policy = Policy {
            impairment,
            seed: fastrand::u64(..1 << 32),
            ..Policy::default()
        };
        let mut err = io::stderr().lock();
        write!(
            err,
            "no TARGET: measuring a server started here on udp://{addr}"
        )?;
        match policy.impairment.is_none() {
            true => writeln!(err)?,
            false => writeln!(err, ", which emulates {}", policy.impairment)?,
        }
        let server = Server::new(vec![socket], policy);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let gate = Gate::new(Secret::new(random::bytes()?), None);
        let floods = Floods::new(FloodTo::Private, None, &shutdown, &Arc::default());
        let run = move || {
            let service =
                |addr| Measure::new(WhoMayStop::Loopback, gate.clone(), addr, floods.clone());
            let ended = server.run(&stop, service);
            floods.finish();
            ended
        };
        Ok(Self {
            addr,
            shutdown,
            server: thread::Builder::new().name("server".into()).spawn(run)?,
        })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        match self.server.join() {
            Ok(ended) => Ok(ended?),
            Err(_) => bail!("the server in this process failed"),
        }
    }
}
