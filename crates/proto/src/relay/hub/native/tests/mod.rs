//! Stories of sessions, with time in hand: a hub, and what its clients would send, byte by byte.

mod classic;
mod fleet;
mod mail;
mod messages;
mod pressure;
mod registering;
mod rooms;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::frame::{self, Message, Prefix};
use crate::relay::hub::{Burst, Effect, ExitPolicy, Hub, Outbox, Reach, Settings, Targets, Via};
use crate::relay::native::frames::{
    Answer, Ask, Body, Bye, Delivery, Ending, Happened, Join, Joined, Mark, Part, Question,
    Receipt, Send, Stage, To, Wants,
};
use crate::relay::native::handshake::{
    Challenge, Cookie, Gone, HELLO_PADDING, Hello, Nonce, Purpose, Refusal, Refused, Register,
    Registered, VERSION,
};
use crate::relay::native::link::{Link, Received};
use crate::relay::native::{Identity, MessageId, Name};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn named(text: &str) -> To {
    To::Name(name(text))
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What a client is told, in order.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Message(Delivery, Vec<u8>),
    Receipt(u64, u64, Stage),
    Joined(Joined),
    Happened(Happened),
    Answer(Answer),
    Bye(Ending),
    Gone,
}

/// A client: no more than an address and a link.
struct Peer {
    address: SocketAddr,
    link: Option<Link>,
    heard: Vec<Heard>,
    /// Takes nothing at all.
    is_deaf: bool,
    next: u64,
}

struct World {
    hub: Hub,
    now: Duration,
    out: Outbox,
    peers: Vec<Peer>,
    places: BTreeMap<SocketAddr, usize>,
    /// What came to addresses that are no peers, and handshakes.
    strays: Vec<(SocketAddr, Vec<u8>)>,
    /// What clients register for.
    purpose: Purpose,
}

fn settings() -> Settings {
    Settings {
        targets: Targets::Registered,
        exit: ExitPolicy::Never,
        secret: [9; 32],
        own: Vec::new(),
        ports: vec![9000],
        clients: 1000,
        history: 4,
        reach: Reach::Here,
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

fn frame<M: Message>(message: &M, bulk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(message, bulk, &mut out).unwrap();
    out
}

fn hello(nonce: Nonce) -> Vec<u8> {
    let version = VERSION;
    frame(&Hello { version, nonce }, &[0; HELLO_PADDING])
}

impl World {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        let now = secs(1000);
        Self {
            hub: Hub::new(settings, now),
            now,
            out: Outbox::new(),
            peers: Vec::new(),
            places: BTreeMap::new(),
            strays: Vec::new(),
            purpose: Purpose::Hear,
        }
    }

    fn handle(&mut self, from: SocketAddr, datagram: &[u8]) {
        let burst = Burst {
            from,
            via: Via(1),
            bytes: datagram,
            size: datagram.len(),
        };
        self.hub.handle(&burst, self.now, &mut self.out);
    }

    /// Sends what the hub has to send.
    fn send(&mut self) -> bool {
        self.hub.flush(self.now, &mut self.out);
        let out = std::mem::take(&mut self.out);
        for run in out.runs() {
            assert_eq!(run.via, Via(1));
            for datagram in run.datagrams.chunks(run.size) {
                match self.places.get(&run.to) {
                    Some(place) => self.peers[*place].take(datagram, self.now),
                    None => self.strays.push((run.to, datagram.to_vec())),
                }
            }
        }
        out.runs().len() > 0
    }

    /// Goes on until nobody has anything to say at this moment.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut is_quiet = !self.send();
            for place in 0..self.peers.len() {
                for datagram in self.peers[place].say(self.now) {
                    is_quiet = false;
                    self.handle(self.peers[place].address, &datagram);
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("expected an end");
    }

    /// Lets time pass, in steps in which everybody may speak.
    fn pass(&mut self, time: Duration, step: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += step;
            self.settle();
        }
    }

    fn answer<M: Message>(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<M> {
        self.strays.clear();
        self.handle(from, datagram);
        self.send();
        let (to, answer) = self.strays.first()?;
        assert_eq!(*to, from);
        frame::decode_datagram(answer)
            .ok()
            .map(|(answer, _)| answer)
    }

    fn cookie(&mut self, from: SocketAddr, nonce: Nonce) -> Cookie {
        let challenge: Challenge = self.answer(from, &hello(nonce)).unwrap();
        assert_eq!(challenge.nonce, nonce);
        challenge.cookie
    }

    fn register_with(
        &mut self,
        from: SocketAddr,
        nonce: Nonce,
        who: Option<(&str, u8)>,
    ) -> Result<Registered, Refusal> {
        let cookie = self.cookie(from, nonce);
        let claim =
            who.map(|(text, key)| Identity::new([key; 32]).claim(name(text), nonce, cookie));
        let register = Register {
            version: VERSION,
            nonce,
            cookie,
            claim,
            purpose: self.purpose,
        };
        let register = frame(&register, &[]);
        if let Some(registered) = self.answer::<Registered>(from, &register) {
            return Ok(registered);
        }
        let refused: Refused = self.answer(from, &register).unwrap();
        Err(refused.why)
    }

    /// A peer on this port; what was there before is forgotten.
    fn peer(&mut self, port: u16, who: Option<(&str, u8)>) -> usize {
        self.places.remove(&address(port));
        let nonce = Nonce([self.peers.len() as u8; 16]);
        let registered = self.register_with(address(port), nonce, who).unwrap();
        assert_eq!(registered.at, address(port));
        self.peers.push(Peer {
            address: address(port),
            link: Some(Link::new(registered.token)),
            heard: Vec::new(),
            is_deaf: false,
            next: 0,
        });
        let peer = self.peers.len() - 1;
        self.places.insert(address(port), peer);
        for (to, datagram) in std::mem::take(&mut self.strays) {
            if to == address(port) {
                self.peers[peer].take(&datagram, self.now);
            }
        }
        peer
    }

    /// A peer with a name, whose key is the same whenever the name is. In a fleet it is known already whose it is.
    fn person(&mut self, text: &str) -> usize {
        if self.hub.native.reach == Reach::Fleet {
            let keys = Identity::new([text.as_bytes()[0]; 32]).keys();
            self.hub.remember_keys(name(text), &keys);
        }
        let port = 5000 + self.peers.len() as u16;
        self.peer(port, Some((text, text.as_bytes()[0])))
    }

    fn say<M: Message>(&mut self, who: usize, message: &M, bulk: &[u8]) {
        let link = self.peers[who].link.as_mut().unwrap();
        link.push(&frame(message, bulk));
    }

    fn message(&mut self, who: usize, to: To, content: &[u8]) -> u64 {
        self.message_that_wants(who, to, content, Wants::Nothing)
    }

    fn message_that_wants(&mut self, who: usize, to: To, content: &[u8], wants: Wants) -> u64 {
        self.peers[who].next += 1;
        let id = self.peers[who].next;
        self.part(who, id, to, Part::Whole, content, wants);
        id
    }

    fn part(&mut self, who: usize, id: u64, to: To, part: Part, content: &[u8], wants: Wants) {
        let send = Send {
            id: MessageId(id),
            to,
            part,
            wants,
            body: Body::Plain,
        };
        self.say(who, &send, content);
    }

    fn heard(&mut self, who: usize) -> Vec<Heard> {
        std::mem::take(&mut self.peers[who].heard)
    }

    /// What messages a peer got: what they say.
    fn texts(&mut self, who: usize) -> Vec<String> {
        let heard = self.heard(who).into_iter();
        heard
            .filter_map(|heard| match heard {
                Heard::Message(_, content) => Some(String::from_utf8(content).unwrap()),
                _ => None,
            })
            .collect()
    }

    fn receipts(&mut self, who: usize) -> Vec<(u64, u64, Stage)> {
        let heard = self.heard(who).into_iter();
        heard
            .filter_map(|heard| match heard {
                Heard::Receipt(first, last, stage) => Some((first, last, stage)),
                _ => None,
            })
            .collect()
    }

    fn counts(&self) -> crate::relay::hub::Counts {
        self.hub.counts(self.now)
    }
}

impl Peer {
    fn take(&mut self, datagram: &[u8], now: Duration) {
        if self.is_deaf {
            return;
        }
        if frame::decode_datagram::<Gone>(datagram).is_ok() {
            self.heard.push(Heard::Gone);
            self.link = None;
            return;
        }
        let Some(link) = &mut self.link else {
            return;
        };
        let mut all = Vec::new();
        if let Received::Next(frames) = link.receive(datagram, now) {
            all.push(frames.to_vec());
            while let Some(waiting) = link.next_waiting() {
                all.push(waiting);
            }
        }
        all.iter().for_each(|frames| self.hear(frames));
        if matches!(self.heard.last(), Some(Heard::Bye(_))) {
            self.link = None;
        }
    }

    fn hear(&mut self, mut frames: &[u8]) {
        while let Some(prefix) = Prefix::decode(frames).unwrap() {
            let (one, rest) = frames.split_at(prefix.frame_length() as usize);
            frames = rest;
            self.heard.push(match prefix.kind {
                Delivery::KIND => {
                    let (delivery, content) = frame::decode_datagram(one).unwrap();
                    Heard::Message(delivery, content.to_vec())
                }
                Receipt::KIND => {
                    let (receipt, _) = frame::decode_datagram::<Receipt>(one).unwrap();
                    Heard::Receipt(receipt.first.0, receipt.last.0, receipt.stage)
                }
                Joined::KIND => Heard::Joined(frame::decode_datagram(one).unwrap().0),
                Happened::KIND => Heard::Happened(frame::decode_datagram(one).unwrap().0),
                Answer::KIND => Heard::Answer(frame::decode_datagram(one).unwrap().0),
                Bye::KIND => {
                    let (bye, _) = frame::decode_datagram::<Bye>(one).unwrap();
                    Heard::Bye(bye.why)
                }
                kind => panic!("a relay does not say {kind}"),
            });
        }
    }

    fn say(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        if let Some(link) = &mut self.link {
            link.transmit(now, |packet| datagrams.push(packet.to_vec()));
        }
        datagrams
    }
}
