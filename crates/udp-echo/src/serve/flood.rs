//! Floods (`proto::measure::flood`): each has a socket and a thread of its own, so that what measures beside it waits
//! behind none of its packets.

mod stage;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proto::measure::flood::{Host, Order, Phase, State, Way, What};
use proto::measure::{Credentials, SessionId};
use runtime::limit::{Meter, Source};
use runtime::shutdown::Shutdown;
use runtime::udp::{Datagram, Flow};

use super::measured::Measured;
use crate::args::FloodTo;
use stage::{Stage, Terms};

/// Floods at once, and of one source.
const MOST: usize = 32;
const MOST_EACH: usize = 16;

/// How often a thread that waits looks around.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whose floods a server takes, on all its sockets.
#[derive(Clone, Debug)]
pub(crate) struct Floods {
    to: FloodTo,
    rate_limit: Option<NonZeroU32>,
    shutdown: Shutdown,
    measured: Arc<Measured>,
    places: Arc<Mutex<Places>>,
}

#[derive(Debug, Default)]
struct Places {
    taken: HashMap<(SocketAddr, SessionId), Option<u16>>,
    threads: Vec<JoinHandle<()>>,
}

impl Floods {
    pub(crate) fn new(
        to: FloodTo,
        rate_limit: Option<NonZeroU32>,
        shutdown: &Shutdown,
        measured: &Arc<Measured>,
    ) -> Self {
        Self {
            to,
            rate_limit,
            shutdown: shutdown.clone(),
            measured: Arc::clone(measured),
            places: Arc::default(),
        }
    }

    /// Where the server counts what it does.
    pub(super) fn measured(&self) -> &Arc<Measured> {
        &self.measured
    }

    /// Waits until all have ended, as they do when it is time to stop.
    pub(crate) fn finish(&self) {
        let threads = std::mem::take(&mut self.lock().threads);
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers an order that came to a socket which listens: says where there is room for it.
    pub(super) fn order(
        &self,
        request: &Datagram<'_>,
        order: &Order,
        listening: SocketAddr,
        credentials: &Arc<Credentials>,
    ) -> State {
        let What::Begin(run) = order.what else {
            return Host::refusal(order, Phase::Idle);
        };
        if run.way == Way::Back && !self.sends_to(request.from, credentials) {
            return Host::refusal(order, Phase::Refused);
        }
        match self.place(request, order.session, listening, credentials) {
            Ok(Some(port)) => State {
                port,
                ..Host::refusal(order, Phase::Idle)
            },
            Ok(None) => Host::refusal(order, Phase::Busy),
            Err(error) => {
                tracing::warn!(%error, "no room for a flood");
                Host::refusal(order, Phase::Busy)
            }
        }
    }

    /// Whether this client may have a flood sent.
    fn sends_to(&self, peer: SocketAddr, credentials: &Credentials) -> bool {
        match self.to {
            FloodTo::Never => false,
            FloodTo::Any => true,
            FloodTo::Private => matches!(credentials, Credentials::Key(_)) || is_private(peer.ip()),
        }
    }

    /// The port of a place for this session, which is made where it has none; `None` where all are taken.
    fn place(
        &self,
        request: &Datagram<'_>,
        session: SessionId,
        listening: SocketAddr,
        credentials: &Arc<Credentials>,
    ) -> io::Result<Option<Option<u16>>> {
        let key = (request.from, session);
        let mut places = self.lock();
        if let Some(port) = places.taken.get(&key) {
            return Ok(Some(*port));
        }
        let of_source =
            |(peer, _): &&(SocketAddr, _)| Source::of(*peer) == Source::of(request.from);
        let each = places.taken.keys().filter(of_source).count();
        if places.taken.len() >= MOST || each >= MOST_EACH {
            return Ok(None);
        }
        let flow = Flow::beside(listening, request.to, request.from)?;
        flow.set_patience(Some(PATIENCE))?;
        let port = flow.local_addr().port();
        let port = (port != listening.port()).then_some(port);
        let terms = Terms {
            sends: self.sends_to(request.from, credentials),
            meter: self.rate_limit.map(Meter::new),
            shutdown: self.shutdown.clone(),
            measured: Arc::clone(&self.measured),
        };
        let stage = Stage::new(
            flow,
            Host::new(session, Arc::clone(credentials), port),
            terms,
        );
        let places_of_thread = Arc::clone(&self.places);
        let measured = Arc::clone(&self.measured);
        let name = format!("flood {}", request.from);
        let thread = thread::Builder::new().name(name).spawn(move || {
            measured.floods.begun.count();
            stage.run();
            measured.floods.ended.count();
            let places = places_of_thread.lock();
            let mut places = places.unwrap_or_else(PoisonError::into_inner);
            places.taken.remove(&key);
        })?;
        places.threads.retain(|thread| !thread.is_finished());
        places.threads.push(thread);
        places.taken.insert(key, port);
        tracing::debug!(peer = %request.from, "a flood has a place");
        Ok(Some(port))
    }
}

/// Addresses that do not reach across the Internet: loopback, private (RFC 1918, RFC 4193) and link-local ones.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
