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

/// Whose flood it is.
type Key = (SocketAddr, SessionId);

#[derive(Debug, Default)]
struct Places {
    taken: HashMap<Key, Option<u16>>,
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
        let of_source = |(peer, _): &&Key| Source::of(*peer) == Source::of(request.from);
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
        let host = Host::new(session, Arc::clone(credentials), port);
        let thread = self.start(key, Stage::new(flow, host, terms))?;
        places.threads.retain(|thread| !thread.is_finished());
        places.threads.push(thread);
        places.taken.insert(key, port);
        tracing::debug!(peer = %request.from, "a flood has a place");
        Ok(Some(port))
    }

    /// Runs a flood in a thread, which gives its place back at its end.
    fn start(&self, key: Key, stage: Stage) -> io::Result<JoinHandle<()>> {
        let (places, measured) = (Arc::clone(&self.places), Arc::clone(&self.measured));
        let run = move || {
            measured.floods.begun.count();
            stage.run();
            measured.floods.ended.count();
            let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
            places.taken.remove(&key);
        };
        let name = format!("flood {}", key.0);
        thread::Builder::new().name(name).spawn(run)
    }
}

/// Addresses that do not reach across the Internet: loopback, private (RFC 1918, RFC 4193) and link-local ones.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use proto::measure::flood::{Offload, Run, RunId};
    use proto::measure::{self, Gate, PacketSize, Secret};
    use runtime::udp::Socket;

    use super::*;

    const ID: SessionId = SessionId(4711);

    struct Asked {
        floods: Floods,
        listening: Socket,
        clients: Vec<UdpSocket>,
    }

    impl Asked {
        fn new(to: FloodTo) -> Self {
            Self {
                floods: Floods::new(to, None, &Shutdown::new(), &Arc::default()),
                listening: Socket::bind("127.0.0.1:0".parse().unwrap())
                    .unwrap()
                    .sharing_its_port(),
                clients: Vec::new(),
            }
        }

        /// A new client asks.
        fn asks(&mut self, way: Way) -> State {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            let from = client.local_addr().unwrap();
            self.clients.push(client);
            self.asks_from(from, way, None)
        }

        fn asks_from(&self, from: SocketAddr, way: Way, key: Option<measure::Key>) -> State {
            let run = Run {
                way,
                size: PacketSize::new(64).unwrap(),
                offload: Offload::default(),
                rate: None,
                duration: Duration::from_secs(1),
            };
            let order = Order {
                session: ID,
                run: RunId(1),
                sent: 0,
                what: What::Begin(run),
            };
            let gate = Gate::new(Secret::new([7; 32]), key);
            let credentials = Arc::new(gate.credentials(from, ID));
            let request = Datagram::new(from, b"");
            self.floods
                .order(&request, &order, self.listening.local_addr(), &credentials)
        }
    }

    impl Drop for Asked {
        fn drop(&mut self) {
            self.floods.shutdown.trigger();
            self.floods.finish();
        }
    }

    #[test]
    fn there_are_so_many_places_and_each_asks_twice() {
        let mut asked = Asked::new(FloodTo::Never);
        for _ in 0..MOST {
            assert_eq!(asked.asks(Way::There).phase, Phase::Idle);
        }
        assert_eq!(asked.asks(Way::There).phase, Phase::Busy);
        let first = asked.clients[0].local_addr().unwrap();
        let again = asked.asks_from(first, Way::There, None);
        assert_eq!(again.phase, Phase::Idle, "it has its place");
    }

    #[test]
    fn a_flood_is_sent_to_whom_it_may() {
        let key = || measure::Key::new(b"0123456789abcdef").ok();
        let (near, far) = ("127.0.0.1:5000", "198.51.100.7:5000");
        let table = [
            (FloodTo::Private, near, None, true),
            (FloodTo::Private, "10.1.2.3:5000", None, true),
            (FloodTo::Private, "[fd00::7]:5000", None, true),
            (FloodTo::Private, "[::ffff:198.51.100.7]:5000", None, false),
            (FloodTo::Private, far, None, false),
            (FloodTo::Private, far, key(), true),
            (FloodTo::Any, far, None, true),
            (FloodTo::Never, near, key(), false),
        ];
        for (to, peer, key, expected) in table {
            let peer = peer.parse().unwrap();
            let credentials = Gate::new(Secret::new([7; 32]), key).credentials(peer, ID);
            let asked = Asked::new(to);
            assert_eq!(
                asked.floods.sends_to(peer, &credentials),
                expected,
                "{to:?} {peer}"
            );
        }
        let refused = Asked::new(FloodTo::Never).asks(Way::Back);
        assert_eq!(refused.phase, Phase::Refused);
    }
}
