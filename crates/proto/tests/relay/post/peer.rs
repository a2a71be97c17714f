//! A client's machine: its program ends and starts again, it moves, and goes from one relay to another.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proto::relay::native::client::{self, Round};
use proto::relay::native::frames::{Origin, To};
use proto::relay::native::handshake::Purpose;
use proto::relay::native::identity::SigningKey;
use proto::relay::native::{Client, Identity, MessageId, Name};

use crate::network::{Random, Weather};

pub(super) const NAMES: [&str; 5] = ["alice", "bob", "carol", "dora", "erin"];
/// Those that come after the ones with names have none; others write to these.
pub(super) const KNOWN: usize = 7;
/// The last two would both like to go by one name.
pub(super) const PEERS: usize = 9;
const RIVAL: &str = "frank";
/// How long a relay is tried that is silent, where there are others.
const TRIAL: Duration = Duration::from_millis(1500);
const EPOCH: u64 = 1_700_000_000_000_000;

pub(super) struct Peer {
    index: usize,
    /// The program, while it runs.
    pub(super) client: Option<Client>,
    pub(super) life: u32,
    pub(super) at: SocketAddr,
    addresses: Vec<SocketAddr>,
    /// Which relay it speaks to, since when.
    relays: Vec<(Duration, usize)>,
    /// When it goes on to the next one, and how many it has tried.
    trial: Option<Duration>,
    tried: usize,
    pub(super) who: Option<(Name, [u8; 32])>,
    known: Vec<(Name, SigningKey)>,
    pub(super) weather: Weather,
    /// Whether nothing comes through to it or from it.
    pub(super) is_cut: bool,
    pub(super) ids: BTreeMap<(u32, MessageId), usize>,
    /// Since when it is in the room in this session, and in this life.
    pub(super) joined: Option<Duration>,
    pub(super) is_in_room: bool,
    pub(super) is_closing: bool,
    /// Whether its program has come to speak alone: its mail waits on.
    pub(super) is_deaf: bool,
    /// Which run of which relay it has heard last.
    pub(super) heard: (usize, u32),
}

pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

impl Peer {
    pub(super) fn new(index: usize, relays: usize, random: &mut Random, now: Duration) -> Self {
        let is_rival = index >= KNOWN;
        let who = if is_rival {
            Some(&RIVAL)
        } else {
            NAMES.get(index)
        };
        let at = SocketAddr::from(([192, 0, 2, index as u8 + 1], 30_000));
        let mut peer = Self {
            index,
            client: None,
            life: 0,
            at,
            addresses: vec![at],
            relays: vec![(now, random.below(relays as u64) as usize)],
            trial: None,
            tried: 0,
            who: who.map(|text| (name(text), [index as u8 + 1; 32])),
            known: Vec::new(),
            weather: Weather::new(random),
            is_cut: false,
            ids: BTreeMap::new(),
            joined: None,
            is_in_room: ![2, 6].contains(&index) && !is_rival,
            is_deaf: false,
            is_closing: false,
            heard: (0, 0),
        };
        if !is_rival {
            peer.start(relays, random, now);
        }
        peer
    }

    /// The program starts.
    pub(super) fn start(&mut self, relays: usize, random: &mut Random, now: Duration) {
        let settings = client::Settings {
            name: self.who.map(|(name, secret)| (name, Identity::new(secret))),
            seed: random.seed(),
            first: MessageId(EPOCH + now.as_micros() as u64),
        };
        let mut client = Client::new(settings, now);
        for (name, key) in &self.known {
            client.trust(*name, *key);
        }
        if relays > 1 {
            client.expect_others();
        }
        if self.is_in_room {
            client.join(name(super::ROOM), None);
        }
        self.is_deaf = self.who.is_some() && random.one_in(8);
        if self.is_deaf {
            client.set_purpose(Purpose::Speak);
        }
        self.client = Some(client);
        self.is_closing = false;
        self.relays
            .push((now, random.below(relays as u64) as usize));
        self.seeks(relays, now);
    }

    /// The program ends.
    pub(super) fn end(&mut self) {
        self.client = None;
        self.life += 1;
        (self.trial, self.joined) = (None, None);
    }

    /// It has no session.
    pub(super) fn seeks(&mut self, relays: usize, now: Duration) {
        self.tried = 0;
        self.joined = None;
        self.trial = (relays > 1).then_some(now + TRIAL);
    }

    pub(super) fn is_registered(&mut self) {
        self.trial = None;
    }

    pub(super) fn relay(&self) -> usize {
        self.relays.last().map_or(0, |(_, relay)| *relay)
    }

    /// Which relay it spoke to then.
    pub(super) fn relay_at(&self, at: Duration) -> usize {
        let before = self.relays.iter().take_while(|(since, _)| *since <= at);
        before.last().map_or(0, |(_, relay)| *relay)
    }

    /// Goes on to the next relay if this one does not answer.
    pub(super) fn goes_on(&mut self, relays: usize, now: Duration) {
        if self.trial.is_some_and(|at| at <= now)
            && let Some(client) = &mut self.client
        {
            self.tried += 1;
            let round = match self.tried < relays {
                true => Round::First,
                false => Round::Later,
            };
            let next = (self.relays.last().map_or(0, |(_, relay)| *relay) + 1) % relays;
            self.relays.push((now, next));
            self.trial = Some(now + TRIAL);
            client.elsewhere(round, now);
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        let client = self.client.as_ref().and_then(Client::deadline);
        [client, self.trial].into_iter().flatten().min()
    }

    pub(super) fn moves(&mut self, at: SocketAddr) {
        self.at = at;
        self.addresses.push(at);
    }

    pub(super) fn knows(&mut self, name: Name, key: SigningKey) {
        self.known.push((name, key));
    }

    /// Whether all that it has said has a verdict.
    pub(super) fn is_settled(&self) -> bool {
        let Some(client) = &self.client else {
            return true;
        };
        client.is_registered() && client.is_done() && !self.is_closing
    }

    /// Whether it takes the mail that waits for it.
    pub(super) fn is_hearing(&self) -> bool {
        self.client.is_some() && !self.is_deaf
    }

    pub(super) fn has_moved(&self) -> bool {
        self.addresses.len() > 1
    }

    pub(super) fn is(&self, origin: Origin) -> bool {
        match (origin, self.who) {
            (Origin::Name(name), Some((mine, _))) => name == mine,
            (Origin::Address(at), None) => self.addresses.contains(&at),
            _ => false,
        }
    }

    pub(super) fn reached_by(&self) -> To {
        match self.who {
            Some((name, _)) => To::Name(name),
            None => To::Address(self.at),
        }
    }

    /// A new address of its own.
    pub(super) fn fresh_address(&self, random: &mut Random) -> SocketAddr {
        let port = 40_000 + random.below(20_000) as u16;
        SocketAddr::from(([192, 0, 2, self.index as u8 + 1], port))
    }
}
