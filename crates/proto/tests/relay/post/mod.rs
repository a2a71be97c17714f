//! Relays that keep mail: one with a store, or three of a fleet on a bus; their clients come and go, relays are killed,
//! disks are full, the bus is away. What was answered has to be true all the same.

mod bus;
mod mail;
mod peer;
mod script;
mod speaking;
mod store;
mod telling;
mod trouble;
mod truth;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proto::relay::hub::elsewhere::News;
use proto::relay::hub::{Burst, Effect, ExitPolicy, Hub, Outbox, Reach, Settings, Targets, Via};
use proto::relay::native::frames::Origin;
use proto::relay::native::{MessageId, Name};

use crate::network::{Network, Random};
use bus::Bus;
use mail::Stored;
use peer::{PEERS, Peer};
use script::Script;
use store::Store;
use trouble::{Troubles, Where};
use truth::Said;

/// The room that some are in.
const ROOM: &str = "hall";
/// All is to be quiet by then.
const END: Duration = Duration::from_secs(900);
/// What has not happened after that does not happen any more.
const ARRIVAL: Duration = Duration::from_secs(12);

/// What the relays have beyond their clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One relay, and a store.
    Store,
    /// Three of them, and a bus.
    Fleet,
}

enum Post {
    Store(Box<Store>),
    Bus(Bus),
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    ToRelay {
        relay: usize,
        from: SocketAddr,
    },
    ToClient {
        relay: usize,
        run: u32,
        to: SocketAddr,
    },
}

struct Machine {
    /// `None` while it is dead.
    hub: Option<Hub>,
    out: Outbox,
    /// How often it was killed.
    run: u32,
    /// Whether no client reaches it.
    is_isolated: bool,
}

pub(crate) struct World {
    now: Duration,
    random: Random,
    network: Network<Way>,
    machines: Vec<Machine>,
    post: Post,
    peers: Vec<Peer>,
    said: Vec<Said>,
    script: Script,
    troubles: Troubles,
    quiet_since: Option<Duration>,
    /// Who had a name first.
    owners: BTreeMap<Name, usize>,
    /// Which messages kept letters are, as far as that was looked at.
    opened: RefCell<BTreeMap<(Name, Origin, MessageId), usize>>,
}

impl World {
    pub(crate) fn new(kind: Kind, seed: u64) -> Self {
        let now = Duration::from_secs(5);
        let mut random = Random(seed);
        let relays = match kind {
            Kind::Store => 1,
            Kind::Fleet => 3,
        };
        let post = match kind {
            Kind::Store => Post::Store(Box::new(Store::new(&mut random))),
            Kind::Fleet => Post::Bus(Bus::new(relays, &mut random, now)),
        };
        let peers = (0..PEERS).map(|index| Peer::new(index, relays, &mut random, now));
        let peers = peers.collect();
        let script = Script::new(kind, relays, &mut random, now);
        let mut world = Self {
            now,
            random,
            network: Network::default(),
            machines: Vec::new(),
            post,
            peers,
            said: Vec::new(),
            script,
            troubles: Troubles::default(),
            quiet_since: None,
            owners: BTreeMap::new(),
            opened: RefCell::default(),
        };
        for peer in 0..PEERS {
            world.troubles.begin(Where::Peer(peer), Duration::ZERO);
        }
        for _ in 0..relays {
            let hub = Some(world.new_hub());
            let out = Outbox::new();
            world.machines.push(Machine {
                hub,
                out,
                run: 0,
                is_isolated: false,
            });
        }
        world
    }

    fn new_hub(&mut self) -> Hub {
        let settings = Settings {
            targets: Targets::Registered,
            exit: ExitPolicy::Never,
            secret: self.random.seed(),
            own: Vec::new(),
            ports: vec![9000],
            clients: 1000,
            history: 40,
            reach: match self.post {
                Post::Store(_) => Reach::Store,
                Post::Bus(_) => Reach::Fleet,
            },
        };
        let mut hub = Hub::new(settings, self.now);
        if let Post::Store(store) = &self.post {
            for (name, keys) in store.names() {
                hub.remember_keys(*name, keys);
            }
        }
        hub
    }

    /// Lives until all is quiet, and sees to it that all was as it should be.
    pub(crate) fn run(mut self) {
        let begun = self.now;
        for step in 0.. {
            assert!(step < 2_000_000, "it does not become quiet");
            self.do_what_is_due();
            if self.is_quiet() {
                break;
            }
            let next = self.next_due();
            self.now = next.max(self.now + Duration::from_micros(1));
            assert!(self.now < begun + END, "not quiet in time: {}", self.open());
        }
        self.tell();
        self.check();
    }

    /// What is still to come, where that takes too long.
    fn open(&self) -> String {
        let is_open =
            |said: &&Said| said.verdict.is_none() && self.peers[said.from.0].life == said.from.1;
        let open: Vec<_> = self.said.iter().filter(is_open).take(3).collect();
        let peers = self.peers.iter();
        let peers: Vec<_> = peers.map(|peer| peer.is_settled()).collect();
        format!("settled {peers:?}, idle {}, {open:#?}", self.is_post_idle())
    }

    fn next_due(&self) -> Duration {
        let peers = self.peers.iter().map(Peer::due);
        let hubs = self.machines.iter().filter_map(|it| it.hub.as_ref());
        let hubs = hubs.map(Hub::deadline);
        let post = match &self.post {
            Post::Store(store) => store.due(),
            Post::Bus(bus) => bus.due(),
        };
        let quiet = self.quiet_since.map(|since| since + ARRIVAL);
        let others = [post, self.network.next_due(), self.script.due(), quiet];
        let all = peers.chain(hubs).chain(others).flatten();
        all.fold(self.now + Duration::from_secs(1), Duration::min)
    }

    fn is_post_idle(&self) -> bool {
        match &self.post {
            Post::Store(store) => store.is_idle(),
            Post::Bus(bus) => bus.is_idle(),
        }
    }

    fn is_quiet(&mut self) -> bool {
        let is_quiet = self.script.is_over()
            && self.is_post_idle()
            && self.peers.iter().all(Peer::is_settled)
            && (0..PEERS).all(|peer| self.is_back(peer));
        let since = self.quiet_since.filter(|_| is_quiet).unwrap_or(self.now);
        self.quiet_since = is_quiet.then_some(since);
        is_quiet && self.now >= since + ARRIVAL
    }

    /// Whether a client has noticed all that went wrong, if its program runs.
    fn is_back(&self, peer: usize) -> bool {
        self.peers[peer].client.is_none() || !self.troubles.is_on(Where::Peer(peer))
    }

    fn do_what_is_due(&mut self) {
        while let Some((way, datagram)) = self.network.take(self.now) {
            match way {
                Way::ToRelay { relay, from } => self.relay_receives(relay, from, &datagram),
                Way::ToClient { relay, run, to } => {
                    self.client_receives((relay, run), to, &datagram);
                }
            }
        }
        while let Some(deed) = self.script.take(self.now) {
            self.do_deed(deed);
        }
        self.post_tells();
        for relay in 0..self.machines.len() {
            self.turn(relay);
        }
        for peer in 0..PEERS {
            self.peers[peer].goes_on(self.machines.len(), self.now);
            if self.peers[peer].due().is_some_and(|due| due <= self.now) {
                self.client_sends(peer);
                self.client_tells(peer);
            }
        }
    }

    fn post_tells(&mut self) {
        let (random, now) = (&mut self.random, self.now);
        let news: Vec<(usize, News)> = match &mut self.post {
            Post::Store(store) => {
                let news = store.step(random, now).into_iter();
                news.map(|news| (0, news)).collect()
            }
            Post::Bus(bus) => bus.step(random, now),
        };
        for (relay, news) in news {
            let machine = &mut self.machines[relay];
            telling::trace(now, relay, &news);
            if let Some(hub) = &mut machine.hub {
                hub.news(news, now, &mut machine.out);
            }
        }
    }

    fn relay_receives(&mut self, relay: usize, from: SocketAddr, datagram: &[u8]) {
        let burst = Burst {
            from,
            via: Via(0),
            bytes: datagram,
            size: datagram.len(),
        };
        let machine = &mut self.machines[relay];
        if let Some(hub) = machine.hub.as_mut().filter(|_| !machine.is_isolated) {
            hub.handle(&burst, self.now, &mut machine.out);
            self.turn(relay);
        }
    }

    /// A relay says what it has to say.
    fn turn(&mut self, relay: usize) {
        let machine = &mut self.machines[relay];
        let Some(hub) = &mut machine.hub else {
            return;
        };
        hub.flush(self.now, &mut machine.out);
        let effects = hub.take_effects();
        self.relay_sends(relay);
        for effect in effects {
            let Effect::Errand(errand) = effect else {
                panic!("nobody stops a relay");
            };
            telling::trace(self.now, relay, &errand);
            match &mut self.post {
                Post::Store(store) => store.take(errand, &mut self.random, self.now),
                Post::Bus(bus) => bus.errand(relay, errand, &mut self.random, self.now),
            }
        }
    }

    fn relay_sends(&mut self, relay: usize) {
        let Machine { out, run, .. } = &mut self.machines[relay];
        for sent in out.runs() {
            let Some(peer) = self.peers.iter().find(|peer| peer.at == sent.to) else {
                continue;
            };
            for datagram in sent.datagrams.chunks(sent.size.max(1)) {
                let way = Way::ToClient {
                    relay,
                    run: *run,
                    to: sent.to,
                };
                self.network
                    .send(way, datagram, peer.weather, &mut self.random, self.now);
            }
        }
        out.clear();
    }

    fn client_receives(&mut self, (relay, run): (usize, u32), to: SocketAddr, datagram: &[u8]) {
        if self.machines[relay].is_isolated {
            return;
        }
        let is_it = |peer: &Peer| peer.at == to && !peer.is_cut && peer.relay() == relay;
        if let Some(index) = self.peers.iter().position(is_it)
            && let Some(client) = &mut self.peers[index].client
        {
            client.receive(datagram, self.now);
            self.peers[index].heard = (relay, run);
            self.client_tells(index);
            self.client_sends(index);
        }
    }

    fn client_sends(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let (from, relay) = (peer.at, peer.relay());
        let (weather, is_cut, now) = (peer.weather, peer.is_cut, self.now);
        let (network, random) = (&mut self.network, &mut self.random);
        if let Some(client) = &mut peer.client {
            client.transmit(now, |datagram| {
                if !is_cut {
                    let way = Way::ToRelay { relay, from };
                    network.send(way, datagram, weather, random, now);
                }
            });
        }
    }

    /// All that waits.
    fn mail(&self) -> Vec<&Stored> {
        match &self.post {
            Post::Store(store) => store.all().collect(),
            Post::Bus(bus) => bus.mail().all().collect(),
        }
    }
}
