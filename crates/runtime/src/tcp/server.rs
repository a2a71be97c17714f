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
use super::entrance::Entrance;
use super::house::House;
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
    /// When a peer that is sent something takes too little of it; `None` is that [`idle_timeout`](Self::idle_timeout)
    /// decides, for which any byte will do.
    pub stall: Option<Stall>,
    /// How long connections on which something comes or goes may go on when it is time to stop.
    pub grace: Duration,
}

impl Policy {
    /// That of one of so many threads.
    fn part(self, place: u32, threads: NonZeroU32) -> Self {
        let part = |all: NonZeroU32| {
            let more = u32::from(place < all.get() % threads);
            NonZeroU32::new(all.get() / threads + more)
        };
        Self {
            max_connections: self.max_connections.and_then(part),
            ..self
        }
    }
}

/// Less than so many bytes in so long: then a connection is cut, since its peer takes so little of what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// What a peer has to take at the least. The system holds some itself (64 KiB where it can be told), and asks for more
    /// when half of that has gone.
    pub bytes: u32,
    /// In what time, or a second longer.
    pub within: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_connections: None,
            idle_timeout: None,
            spin: false,
            stall: None,
            grace: Duration::from_secs(1),
        }
    }
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    entrances: Vec<Entrance>,
    policy: Policy,
    tls: Option<Tls>,
    totals: Arc<Totals>,
    /// Whether others have the same listeners.
    is_shared: bool,
}

impl Server {
    /// A server on these listeners.
    pub fn new(entrances: impl IntoIterator<Item: Into<Entrance>>, policy: Policy) -> Self {
        Self {
            entrances: entrances.into_iter().map(Into::into).collect(),
            policy,
            tls: None,
            totals: Arc::default(),
            is_shared: false,
        }
    }

    /// The same, with all connections sealed.
    #[must_use]
    pub fn sealed(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// So many servers in place of one, each for a thread of its own: all on the same listeners, with an equal part of the
    /// connections that are allowed, and totals of their own.
    ///
    /// # Errors
    /// When the system has no other handle of a listener.
    pub fn split(mut self, threads: NonZeroU32) -> io::Result<Vec<Self>> {
        let allowed = self.policy.max_connections;
        let threads = allowed.map_or(threads, |allowed| threads.min(allowed));
        let mut servers = Vec::new();
        for place in 1..threads.get() {
            let twins = self.entrances.iter().map(Entrance::try_clone);
            servers.push(Self {
                entrances: twins.collect::<io::Result<_>>()?,
                policy: self.policy.part(place, threads),
                tls: self.tls.clone(),
                totals: Arc::default(),
                is_shared: true,
            });
        }
        self.is_shared |= threads.get() > 1;
        self.policy = self.policy.part(0, threads);
        servers.push(self);
        Ok(servers)
    }

    /// The addresses that it listens on, Unix sockets left out.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.entrances.iter().filter_map(Entrance::local_addr);
        addrs.collect()
    }

    #[cfg(test)]
    pub(super) fn max_connections(&self) -> Option<NonZeroU32> {
        self.policy.max_connections
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
    /// at that limit, and at [`Policy::max_connections`], those that have nothing to do make room for others
    /// ([`Conversation::is_idle`]), and without such others wait until one closes.
    ///
    /// # Errors
    /// When the system cannot tell which connections are ready. Faults of connections are survived.
    pub fn run<C: Conversation>(
        self,
        shutdown: &Shutdown,
        conversation: impl FnMut(Peer, Caller) -> C,
    ) -> io::Result<()> {
        descriptors::raise_limit();
        if self.policy.stall.is_some() {
            self.entrances.iter().for_each(Entrance::hold_little);
        }
        let mut house = House::new(self.entrances, self.policy, self.totals, conversation)?;
        house.seal_by(self.tls);
        if self.is_shared {
            house.share();
        }
        house.run(shutdown)
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
