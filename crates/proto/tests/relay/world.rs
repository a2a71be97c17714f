//! A relay, its clients, what they do, and what is to be true.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proto::relay::hub::elsewhere::Errand;
use proto::relay::hub::{Burst, Effect, ExitPolicy, Hub, Outbox, Reach, Settings, Targets, Via};
use proto::relay::native::client::{self, Event, Incoming};
use proto::relay::native::frames::{Origin, Stage, To, Wants};
use proto::relay::native::identity::SigningKey;
use proto::relay::native::{Client, Identity, MAX_FRAGMENT, MessageId, Name};

use crate::classic::Classic;
use crate::network::{Network, Random, Way, Weather};
use crate::rooms::{Stay, Truth};
use crate::said::{self, For, Said};

const PEERS: usize = 8;
/// So many of them have names.
const NAMED: usize = 4;
/// This one stays in all rooms, says nothing there, and has a good path.
const OBSERVER: usize = 7;
const ROOMS: [&str; 2] = ["hall", "attic"];
/// For how long something is done, in microseconds.
const BUSY: u64 = 15_000_000;
/// All is to be quiet by then.
const END: Duration = Duration::from_secs(240);
/// Who loses a session may have been unreachable for so long.
const UNNOTICED: Duration = Duration::from_secs(35);
/// A message that is queued has arrived after that.
const ARRIVAL: Duration = Duration::from_secs(12);
const EPOCH: u64 = 1_700_000_000_000_000;

/// What is done at some moment.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Say,
    SayClassic,
    Join,
    Leave,
    Move,
    RestartClient,
    RestartRelay,
}

struct Peer {
    client: Client,
    life: u32,
    at: SocketAddr,
    addresses: Vec<SocketAddr>,
    who: Option<(Name, [u8; 32])>,
    known: Vec<(Name, SigningKey)>,
    weather: Weather,
    /// When it could not be reached.
    away: Vec<(Duration, Option<Duration>)>,
    ids: BTreeMap<(u32, MessageId), usize>,
    stays: BTreeMap<Name, Vec<Stay>>,
    /// The last message of each other peer, outside of rooms and in each stay in one, for each life.
    last: BTreeMap<(u32, usize, Option<Name>, usize), usize>,
}

pub(crate) struct World {
    now: Duration,
    random: Random,
    network: Network<Way>,
    hub: Hub,
    out: Outbox,
    names: Vec<(Name, SigningKey)>,
    peers: Vec<Peer>,
    classic: Classic,
    said: Vec<Said>,
    truth: BTreeMap<Name, Truth>,
    script: Vec<(Duration, Deed)>,
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn new_hub(random: &mut Random, names: &[(Name, SigningKey)], now: Duration) -> Hub {
    let settings = Settings {
        targets: Targets::Registered,
        exit: ExitPolicy::Never,
        secret: random.seed(),
        own: Vec::new(),
        ports: vec![9000],
        clients: 1000,
        history: 40,
        reach: Reach::Here,
    };
    let mut hub = Hub::new(settings, now);
    for (name, key) in names {
        hub.remember(*name, *key);
    }
    hub
}

fn new_client(
    random: &mut Random,
    who: Option<(Name, [u8; 32])>,
    known: &[(Name, SigningKey)],
    now: Duration,
) -> Client {
    let settings = client::Settings {
        name: who.map(|(name, secret)| (name, Identity::new(secret))),
        seed: random.seed(),
        first: MessageId(EPOCH + now.as_micros() as u64),
    };
    let mut client = Client::new(settings, now);
    for (name, key) in known {
        client.trust(*name, *key);
    }
    client
}

fn script(random: &mut Random) -> Vec<(Duration, Deed)> {
    let mut deeds = vec![Deed::Say; 120];
    deeds.extend([Deed::SayClassic; 20]);
    deeds.extend([Deed::Join, Deed::Join, Deed::Join, Deed::Leave, Deed::Leave]);
    for (deed, one_in) in [
        (Deed::Move, 2),
        (Deed::Move, 3),
        (Deed::RestartClient, 2),
        (Deed::RestartRelay, 3),
    ] {
        if random.one_in(one_in) {
            deeds.push(deed);
        }
    }
    let mut script: Vec<_> = deeds
        .into_iter()
        .map(|deed| (Duration::from_micros(random.below(BUSY)), deed))
        .collect();
    script.sort_by_key(|(due, _)| std::cmp::Reverse(*due));
    script
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Duration::from_secs(5);
        let mut random = Random(seed);
        let hub = new_hub(&mut random, &[], now);
        let peers = (0..PEERS)
            .map(|index| Peer::new(index, &mut random, now))
            .collect();
        let mut script = script(&mut random);
        for (due, _) in &mut script {
            *due += now;
        }
        let mut world = Self {
            now,
            random,
            network: Network::default(),
            hub,
            out: Outbox::new(),
            names: Vec::new(),
            peers,
            classic: Classic::default(),
            said: Vec::new(),
            truth: BTreeMap::new(),
            script,
        };
        for room in ROOMS {
            for peer in [0, 1, 4, OBSERVER] {
                world.join(peer, name(room));
            }
        }
        world
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
            let open: Vec<_> = self
                .peers
                .iter()
                .map(|peer| peer.client.unanswered())
                .collect();
            assert!(
                self.now < begun + END,
                "not quiet in time: {open:?} without a verdict"
            );
        }
        self.check();
    }

    fn next_due(&self) -> Duration {
        let clients = self.peers.iter().filter_map(|peer| peer.client.deadline());
        let script = self.script.last().map(|(due, _)| *due);
        let others = [self.network.next_due(), self.hub.deadline(), script];
        let classic = self.classic.deadline();
        let all = clients.chain(others.into_iter().flatten());
        all.fold(classic, Duration::min)
    }

    fn is_quiet(&self) -> bool {
        let backs = self.peers.iter().filter_map(|peer| peer.away.last()?.1);
        let verdicts = self.said.iter().filter_map(|said| said.verdict);
        let last = backs.chain(verdicts.map(|(at, _)| at)).max();
        let is_done = self.script.is_empty() && self.peers.iter().all(Peer::is_settled);
        is_done && last.is_some_and(|last| self.now > last + ARRIVAL)
    }

    fn do_what_is_due(&mut self) {
        while let Some((way, datagram)) = self.network.take(self.now) {
            match way {
                Way::ToRelay { from } => self.relay_receives(from, &datagram),
                Way::ToClient { to } if to == Classic::at() => self.classic.receives(&datagram),
                Way::ToClient { to } => self.client_receives(to, &datagram),
            }
        }
        while self.script.last().is_some_and(|(due, _)| *due <= self.now) {
            if let Some((_, deed)) = self.script.pop() {
                self.do_deed(deed);
            }
        }
        if let Some(hello) = self.classic.hello(self.now) {
            self.classic_sends(hello);
        }
        self.hub.flush(self.now, &mut self.out);
        self.relay_sends();
        for peer in 0..PEERS {
            if self.peers[peer]
                .client
                .deadline()
                .is_some_and(|due| due <= self.now)
            {
                self.client_sends(peer);
                self.client_tells(peer);
            }
        }
    }

    fn relay_receives(&mut self, from: SocketAddr, datagram: &[u8]) {
        let burst = Burst {
            from,
            via: Via(0),
            bytes: datagram,
            size: datagram.len(),
        };
        self.hub.handle(&burst, self.now, &mut self.out);
        self.hub.flush(self.now, &mut self.out);
        self.relay_sends();
        for effect in self.hub.take_effects() {
            if let Effect::Errand(Errand::Owner { name, keys }) = effect {
                self.names.push((name, keys.signing));
            }
        }
    }

    fn classic_sends(&mut self, datagram: &[u8]) {
        let way = Way::ToRelay {
            from: Classic::at(),
        };
        let weather = self.peers[0].weather;
        self.network
            .send(way, datagram, weather, &mut self.random, self.now);
    }

    fn relay_sends(&mut self) {
        self.relay_sends_runs();
        if self.hub.has_answers() {
            self.hub.answer(self.now, &mut self.out);
            self.relay_sends_runs();
        }
        self.out.clear();
    }

    fn relay_sends_runs(&mut self) {
        for run in self.out.runs() {
            let weather = self.peers.iter().find(|peer| peer.at == run.to);
            let weather = weather.map_or(self.peers[0].weather, |peer| peer.weather);
            for datagram in run.datagrams.chunks(run.size.max(1)) {
                let way = Way::ToClient { to: run.to };
                self.network
                    .send(way, datagram, weather, &mut self.random, self.now);
            }
        }
    }

    fn client_receives(&mut self, to: SocketAddr, datagram: &[u8]) {
        if let Some(peer) = self.peers.iter().position(|peer| peer.at == to) {
            self.peers[peer].client.receive(datagram, self.now);
            self.client_tells(peer);
            self.client_sends(peer);
        }
    }

    fn client_sends(&mut self, peer: usize) {
        let Peer {
            client,
            at,
            weather,
            ..
        } = &mut self.peers[peer];
        let (network, random, now) = (&mut self.network, &mut self.random, self.now);
        client.transmit(now, |datagram| {
            network.send(Way::ToRelay { from: *at }, datagram, *weather, random, now);
        });
    }

    fn client_tells(&mut self, peer: usize) {
        while let Some(event) = self.peers[peer].client.next_event() {
            match event {
                Event::Registered { at, .. } => self.is_registered(peer, at),
                Event::Lost => self.peers[peer].is_away(self.now.saturating_sub(UNNOTICED)),
                Event::Message(incoming) => self.arrives(peer, &incoming),
                Event::Receipt { first, last, stage } => {
                    for id in first.0..=last.0 {
                        self.receipt(peer, MessageId(id), stage);
                    }
                }
                Event::Joined(joined) => {
                    if let Some(stay) = self.peers[peer].stay(joined.room) {
                        stay.joined(&joined);
                    }
                }
                Event::KeyMet { name, key } => self.peers[peer].known.push((name, key)),
                Event::Happened(_) | Event::Answer(_) => {}
                Event::Refused(_)
                | Event::Classic
                | Event::Ended(_)
                | Event::Unreadable { .. }
                | Event::KeyChanged { .. } => panic!("peer {peer}: {event:?}"),
            }
        }
    }

    fn is_registered(&mut self, peer: usize, at: SocketAddr) {
        let now = self.now;
        let peer = &mut self.peers[peer];
        assert_eq!(at, peer.at);
        for (_, until) in &mut peer.away {
            until.get_or_insert(now);
        }
    }

    fn arrives(&mut self, peer: usize, incoming: &Incoming) {
        if incoming.from == Origin::Address(Classic::at()) {
            return assert!(self.classic.has_said(peer, &incoming.content));
        }
        let number = said::number(&incoming.content);
        let said = &mut self.said[number];
        let (sender, life) = (said.from.0, self.peers[peer].life);
        assert!(
            incoming.content == said::content(number, said.length),
            "{number} is not as it was said"
        );
        let room = incoming.room.map(|(room, _)| room);
        match said.to {
            For::Peer(to) => assert_eq!((to, None), (peer, room)),
            For::Room(to) => assert_eq!(Some(to), room),
            For::Classic => panic!("{number} was for another"),
        }
        assert!(
            self.peers[sender].is(incoming.from),
            "{number} came from {:?}",
            incoming.from
        );
        let is_known = self.peers[sender].who.is_some() || self.peers[sender].away.len() == 1;
        let stay = room.map_or(0, |room| self.peers[peer].stays[&room].len());
        let is_new = said.arrived.insert((peer, life, stay));
        assert!(is_new || !is_known, "{number} arrived twice: {said:?}");
        if is_known {
            let key = (life, sender, room, stay);
            let last = self.peers[peer].last.insert(key, number);
            assert!(last < Some(number), "{number} came after {last:?}");
        }
        if let Some((room, place)) = incoming.room {
            let epoch = self.peers[peer]
                .stay(room)
                .expect("in the room")
                .heard(place, number);
            let truth = self
                .truth
                .entry(room)
                .or_default()
                .entry(epoch)
                .or_default();
            let before = truth.insert(place, (number, sender));
            assert!(before.is_none_or(|before| before == (number, sender)));
        }
        if incoming.wants == Wants::Read && number.is_multiple_of(2) {
            self.said[number].read = true;
            self.peers[peer].client.read(incoming.from, incoming.id);
        }
    }

    fn receipt(&mut self, peer: usize, id: MessageId, stage: Stage) {
        let life = self.peers[peer].life;
        let number = self.peers[peer].ids.get(&(life, id));
        let number = *number.unwrap_or_else(|| panic!("peer {peer} never said {id:?}: {stage:?}"));
        let said = &mut self.said[number];
        match stage {
            Stage::Queued | Stage::Refused(_) => {
                let before = said.verdict.replace((self.now, stage));
                assert_eq!(before, None, "{number} has two verdicts");
            }
            Stage::Delivered => {
                assert!(said.wants >= Wants::Delivered);
                assert!(
                    !said.arrived.is_empty(),
                    "{number} has not arrived: {said:?}"
                );
            }
            Stage::Read => assert!(said.read, "{number} was not read"),
        }
    }

    fn do_deed(&mut self, deed: Deed) {
        let peer = self.random.below(PEERS as u64) as usize;
        let room = name(ROOMS[self.random.below(2) as usize]);
        match deed {
            Deed::Say => self.say_some(peer),
            Deed::SayClassic if self.random.one_in(2) => {
                let text = self.classic.say(peer, self.peers[peer].at);
                self.classic_sends(&text);
            }
            Deed::SayClassic => self.say(peer, For::Classic, 0, Wants::Nothing),
            Deed::Join => self.join(peer, room),
            Deed::Leave if peer == OBSERVER => {}
            Deed::Leave => self.leave(peer, room),
            Deed::Move => self.moves(peer),
            Deed::RestartClient if peer == OBSERVER => {}
            Deed::RestartClient => self.restart_client(peer),
            Deed::RestartRelay => self.restart_relay(),
        }
        self.client_sends(peer);
    }

    fn say_some(&mut self, peer: usize) {
        let wants = [Wants::Nothing, Wants::Delivered, Wants::Read][self.random.below(3) as usize];
        let to = match self.random.below(3) {
            0 if peer != OBSERVER => For::Room(name(ROOMS[self.random.below(2) as usize])),
            _ => For::Peer(self.random.below(PEERS as u64) as usize),
        };
        for _ in 0..=self.random.below(6) {
            let length = match self.random.below(40) {
                0 => self.random.below(70_000),
                1..8 => self.random.below(5_000),
                _ => self.random.below(200),
            };
            self.say(peer, to, length as usize, wants);
        }
    }

    fn say(&mut self, peer: usize, to: For, length: usize, wants: Wants) {
        let wire = match to {
            For::Peer(other) => self.peers[other].reached_by(),
            For::Room(room) => To::Room(room),
            For::Classic => To::Address(Classic::at()),
        };
        let number = self.said.len();
        let life = self.peers[peer].life;
        let content = match to {
            For::Classic => Classic::text(number),
            For::Peer(_) | For::Room(_) => said::content(number, length),
        };
        let sent = self.peers[peer]
            .client
            .send(wire, &content, wants, self.now);
        let id = sent.expect("there is room");
        self.peers[peer].ids.insert((life, id), number);
        self.said.push(Said {
            from: (peer, life),
            to,
            at: self.now,
            length,
            wants,
            verdict: None,
            arrived: Default::default(),
            read: false,
        });
    }

    fn join(&mut self, peer: usize, room: Name) {
        let stays = self.peers[peer].stays.entry(room).or_default();
        if stays.last().is_none_or(|stay| stay.is_over) {
            stays.push(Stay::default());
            self.peers[peer].client.join(room, None);
        }
    }

    fn leave(&mut self, peer: usize, room: Name) {
        if let Some(stay) = self.peers[peer].stay(room) {
            stay.is_over = true;
            self.peers[peer].client.leave(room);
        }
    }

    fn moves(&mut self, peer: usize) {
        let port = 40_000 + self.random.below(20_000) as u16;
        let at = SocketAddr::from(([192, 0, 2, peer as u8 + 1], port));
        self.peers[peer].at = at;
        self.peers[peer].addresses.push(at);
        self.peers[peer].is_away(self.now);
    }

    fn restart_client(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.is_away(self.now);
        peer.life += 1;
        peer.client = new_client(&mut self.random, peer.who, &peer.known, self.now);
        let rooms: Vec<_> = peer
            .stays
            .iter()
            .filter(|(_, stays)| stays.last().is_some_and(|stay| !stay.is_over))
            .map(|(room, _)| *room)
            .collect();
        for room in rooms {
            if let Some(stay) = self.peers[index].stay(room) {
                stay.is_over = true;
            }
            self.join(index, room);
        }
    }

    fn restart_relay(&mut self) {
        self.hub = new_hub(&mut self.random, &self.names, self.now);
        for peer in &mut self.peers {
            peer.is_away(self.now);
        }
    }

    /// All that was said has a verdict, and what was queued for somebody who could be reached has arrived.
    fn check(&self) {
        for (from, content) in &self.classic.heard {
            let is_it = |(number, said): (usize, &Said)| {
                let is_from = self.peers[said.from.0].addresses.contains(from);
                is_from && said.to == For::Classic && Classic::text(number) == *content
            };
            assert!(
                self.said.iter().enumerate().any(is_it),
                "{content:?} was never said"
            );
        }
        for (number, said) in self.said.iter().enumerate() {
            let (peer, life) = said.from;
            let Some((at, stage)) = said.verdict else {
                assert!(
                    life < self.peers[peer].life,
                    "{number} has no verdict: {said:?}"
                );
                continue;
            };
            let to = match said.to {
                For::Peer(to) => to,
                For::Room(_) => OBSERVER,
                For::Classic => continue, // nothing is said twice on that wire
            };
            let was_there = self.peers[to].was_there(said.at, at + ARRIVAL);
            let has_arrived = said.arrived.iter().any(|(peer, _, _)| *peer == to);
            let is_fine = stage != Stage::Queued || !was_there || has_arrived;
            assert!(is_fine, "{number} has not arrived: {said:?}");
        }
        for (index, peer) in self.peers.iter().enumerate() {
            for (room, stays) in &peer.stays {
                let Some(truth) = self.truth.get(room) else {
                    continue;
                };
                let has_parts = |number: usize| self.said[number].length > MAX_FRAGMENT - 8;
                stays
                    .iter()
                    .for_each(|stay| stay.check(index, truth, has_parts));
            }
        }
    }
}

impl Peer {
    fn new(index: usize, random: &mut Random, now: Duration) -> Self {
        let named = ["alice", "bob", "carol", "dora"];
        let who = (index < NAMED).then(|| (name(named[index]), [index as u8 + 1; 32]));
        let at = SocketAddr::from(([192, 0, 2, index as u8 + 1], 30_000));
        let weather = Weather::new(random);
        let lost = if index == OBSERVER { 0 } else { weather.lost };
        Self {
            client: new_client(random, who, &[], now),
            life: 0,
            at,
            addresses: vec![at],
            who,
            known: Vec::new(),
            weather: Weather { lost, ..weather },
            away: vec![(Duration::ZERO, None)],
            ids: BTreeMap::new(),
            stays: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    fn is_away(&mut self, since: Duration) {
        self.away.push((since, None));
    }

    fn was_there(&self, from: Duration, until: Duration) -> bool {
        let is_there = |(left, back): &(Duration, Option<Duration>)| {
            *left > until || back.is_some_and(|back| back < from)
        };
        self.away.iter().all(is_there)
    }

    fn is_settled(&self) -> bool {
        self.client.is_done() && self.away.iter().all(|(_, back)| back.is_some())
    }

    fn is(&self, origin: Origin) -> bool {
        match (origin, self.who) {
            (Origin::Name(name), Some((mine, _))) => name == mine,
            (Origin::Address(at), None) => self.addresses.contains(&at),
            _ => false,
        }
    }

    fn reached_by(&self) -> To {
        match self.who {
            Some((name, _)) => To::Name(name),
            None => To::Address(self.at),
        }
    }

    fn stay(&mut self, room: Name) -> Option<&mut Stay> {
        let stay = self.stays.get_mut(&room)?.last_mut();
        stay.filter(|stay| !stay.is_over)
    }
}
