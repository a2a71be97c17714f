//! A server for many connections: one thread on readiness.
//!
//! Why one thread, and why not tokio or io_uring: see "Engine" in `ARCHITECTURE.md`.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::call::Caller;
use super::connection::Conversation;
use super::house::House;
use super::listen::Listener;
use super::peer::Peer;
use super::tls::Tls;
use super::totals::Totals;
use crate::shutdown::Shutdown;
use crate::{cli, descriptors, host};

/// How a server treats its peers.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Connections at once; more wait in the system's queue. `None` is as many as the system has descriptors for.
    pub max_connections: Option<NonZeroU32>,
    /// How long nothing may come or go on a connection before it is closed, or an eighth longer; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// Whether the thread looks for what comes without a pause: answers are sooner by the time that waking up takes, and
    /// a core is kept busy.
    pub spin: bool,
    /// How long connections on which something comes or goes may go on when it is time to stop.
    pub grace: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_connections: None,
            idle_timeout: None,
            spin: false,
            grace: Duration::from_secs(1),
        }
    }
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    policy: Policy,
    tls: Option<Tls>,
    totals: Arc<Totals>,
}

impl Server {
    /// A server on these listeners.
    pub fn new(listeners: Vec<Listener>, policy: Policy) -> Self {
        Self {
            listeners,
            policy,
            tls: None,
            totals: Arc::default(),
        }
    }

    /// The same, with all connections sealed.
    #[must_use]
    pub fn sealed(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The addresses that it listens on.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// What it has done so far, also while it runs.
    pub fn totals(&self) -> Arc<Totals> {
        Arc::clone(&self.totals)
    }

    /// Serves on this thread until `shutdown` is triggered; `conversation` makes that of each connection, by its
    /// peer and what has it go on where it waits for another thread.
    ///
    /// Each connection is read and answered in turn. What has come when it is time to stop is answered, and connections
    /// on which something still comes or goes have [`Policy::grace`] to end. The limit on open files is raised as far as it goes;
    /// at that limit connections wait until one closes.
    ///
    /// # Errors
    /// When the system cannot tell which connections are ready. Faults of connections are survived.
    pub fn run<C: Conversation>(
        self,
        shutdown: &Shutdown,
        conversation: impl FnMut(Peer, Caller) -> C,
    ) -> io::Result<()> {
        descriptors::raise_limit();
        let Self {
            listeners,
            policy,
            tls,
            totals,
        } = self;
        House::new(listeners, policy, tls, totals, conversation)?.run(shutdown)
    }

    /// Serves as a program of its own: says where it listens, serves until `shutdown` is triggered, and logs what it has
    /// done.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when standard output fails.
    pub fn run_until_signal<C: Conversation>(
        self,
        shutdown: &Shutdown,
        conversation: impl FnMut(Peer, Caller) -> C,
    ) -> io::Result<()> {
        cli::announce(&host::announcement("tcp", &self.local_addrs()))?;
        let totals = self.totals();
        self.run(shutdown, conversation)?;
        tracing::info!("stopped: {totals}");
        Ok(())
    }
}
