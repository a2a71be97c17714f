//! A relay with three sessions, of which two have names and all may say anything, as may a store or other relays: it never
//! panics, whoever has not proven that he is there gets no more than he may, what it says in sessions can be read, and it
//! asks of others only what they can do.
#![no_main]

#[path = "relay_hub/news.rs"]
mod news;

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use news::{Elsewhere, Told};
use proto::frame::{self, Message, Prefix};
use proto::relay::hub::elsewhere::{Claimed, Errand, News};
use proto::relay::hub::{
    Burst, Effect, ExitPolicy, Hub, Outbox, Reach, RunId, Settings, Targets, Via,
};
use proto::relay::native::frames::{
    Ask, Body, Join, Leave, Origin, Part, Question, Read, Send, To, Wants,
};
use proto::relay::native::handshake::{
    Challenge, HELLO_PADDING, Hello, Nonce, Purpose, Register, Registered, VERSION,
};
use proto::relay::native::link::{Link, Received};
use proto::relay::native::{Identity, MessageId, Name};

/// The bytes of the headers around a datagram's, over IPv4.
const HEADERS: usize = 28;

const PEERS: usize = 3;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    any_target: bool,
    reach: u8,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step<'a> {
    /// A stranger says something.
    Stranger(u8, &'a [u8]),
    /// A client says something that is no packet of a link.
    Datagram(u8, &'a [u8]),
    /// A stranger registers on the classic wire.
    Hii(u8),
    /// Somebody writes to somebody on the classic wire.
    Text(u8, u8, &'a [u8]),
    /// A client puts any bytes into a packet.
    Frames(u8, &'a [u8]),
    /// A client says a message, or a part of one.
    Says(u8, Said, &'a [u8]),
    Joins(u8, u8),
    Leaves(u8, u8),
    Asks(u8, u8),
    Reads(u8, u8, u8),
    /// A client takes nothing, or does again.
    Deaf(u8),
    Passes(u16),
    /// The system does not send the first runs.
    Fails(u8),
    /// A store, or another relay, says something.
    News(Told<'a>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Said {
    id: u8,
    to: u8,
    part: u8,
    whole: u32,
    flags: u8,
    times: u8,
}

fuzz_target!(|input: Input<'_>| {
    let targets = match input.any_target {
        true => Targets::Any,
        false => Targets::Registered,
    };
    let reach = [Reach::Here, Reach::Store, Reach::Fleet][usize::from(input.reach % 3)];
    let mut world = World::new(targets, reach);
    for step in input.steps.iter().take(200) {
        world.step(*step);
        world.settle();
    }
    world.hub.close(world.now, &mut world.out);
});

struct Peer {
    address: SocketAddr,
    link: Link,
    is_deaf: bool,
}

struct World {
    hub: Hub,
    now: Duration,
    out: Outbox,
    peers: Vec<Peer>,
    failing: u8,
    elsewhere: Elsewhere,
}

fn address(place: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 5000 + place as u16))
}

/// Whoever is no peer.
fn stranger(place: u8) -> SocketAddr {
    address(PEERS + usize::from(place % 4))
}

fn name(place: u8) -> Name {
    Name::new([b"alice", &b"bob"[..], b"room", b"other"][usize::from(place % 4)]).expect("a name")
}

fn frame<M: Message>(message: &M, bulk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(message, bulk, &mut out).expect("it fits");
    out
}

impl World {
    fn new(targets: Targets, reach: Reach) -> Self {
        let now = Duration::from_secs(1000);
        let settings = Settings {
            targets,
            exit: ExitPolicy::Loopback,
            secret: [9; 32],
            own: Vec::new(),
            ports: vec![9000],
            clients: 8,
            history: 4,
            reach,
        };
        let mut world = Self {
            hub: Hub::new(settings, now),
            now,
            out: Outbox::new(),
            peers: Vec::new(),
            failing: 0,
            elsewhere: Elsewhere::new(reach),
        };
        (0..PEERS).for_each(|place| world.register(place));
        world
    }

    fn register(&mut self, place: usize) {
        let (version, nonce) = (VERSION, Nonce([place as u8; 16]));
        let hello = frame(&Hello { version, nonce }, &[0; HELLO_PADDING]);
        let Challenge { cookie, .. } = self.answer(place, &hello);
        let identity = Identity::new([place as u8; 32]);
        let claim = (place < 2).then(|| identity.claim(name(place as u8), nonce, cookie));
        let register = frame(
            &Register {
                version,
                nonce,
                cookie,
                claim,
                purpose: Purpose::default(),
            },
            &[],
        );
        let Registered { token, .. } = self.answer(place, &register);
        self.peers.push(Peer {
            address: address(place),
            link: Link::new(token),
            is_deaf: false,
        });
    }

    fn answer<M: Message>(&mut self, place: usize, datagram: &[u8]) -> M {
        self.handle(address(place), datagram);
        self.claim();
        let run = self.out.runs().next().expect("an answer");
        let first = run.datagrams.chunks(run.size).next().expect("an answer");
        let (answer, _) = frame::decode_datagram(first).expect("the answer");
        self.out.clear();
        answer
    }

    /// Whoever claims a name while the world begins has it.
    fn claim(&mut self) {
        for effect in self.hub.take_effects() {
            if let Effect::Errand(Errand::Claim { name, keys }) = effect {
                let claimed = Claimed::Belongs(keys);
                let news = News::Claimed { name, claimed };
                self.hub.news(news, self.now, &mut self.out);
            }
        }
    }

    fn handle(&mut self, from: SocketAddr, bytes: &[u8]) {
        let (via, size) = (Via(1), bytes.len());
        self.hub.handle(
            &Burst {
                from,
                via,
                bytes,
                size,
            },
            self.now,
            &mut self.out,
        );
    }

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Stranger(who, datagram) => self.stranger(stranger(who), datagram),
            Step::Datagram(who, datagram) => {
                self.handle(address(usize::from(who) % PEERS), datagram)
            }
            Step::Hii(who) => self.handle(stranger(who), b"hii"),
            Step::Text(from, to, text) => {
                let to = if to % 2 == 0 {
                    stranger(to / 2)
                } else {
                    address(usize::from(to) % PEERS)
                };
                let header = format!("to : {} / {} ; content : ", to.ip(), to.port());
                self.handle(stranger(from), &[header.as_bytes(), text].concat());
            }
            Step::Deaf(who) => {
                let peer = self.peer(who);
                peer.is_deaf = !peer.is_deaf;
            }
            Step::Passes(time) => self.now += Duration::from_millis(time.into()),
            Step::Fails(count) => self.failing = count % 4,
            Step::News(told) => {
                if let Some(news) = self.elsewhere.news(told) {
                    self.hub.news(news, self.now, &mut self.out);
                }
            }
            _ => self.say(step),
        }
    }

    fn say(&mut self, step: Step<'_>) {
        let (who, frame) = match step {
            Step::Frames(who, bytes) => (who, bytes.to_vec()),
            Step::Says(who, message, content) => return self.says(who, message, content),
            Step::Joins(who, room) => (
                who,
                frame(
                    &Join {
                        room: name(room),
                        after: None,
                    },
                    &[],
                ),
            ),
            Step::Leaves(who, room) => (who, frame(&Leave { room: name(room) }, &[])),
            Step::Asks(who, what) => {
                let questions = [
                    Question::Who(name(what / 5)),
                    Question::Rooms,
                    Question::Keys(name(what / 5)),
                    Question::Status,
                    Question::Relays,
                ];
                let question = questions[usize::from(what % 5)];
                (
                    who,
                    frame(
                        &Ask {
                            number: what.into(),
                            question,
                        },
                        &[],
                    ),
                )
            }
            Step::Reads(who, from, id) => {
                let (from, id) = (Origin::Name(name(from)), MessageId(id.into()));
                (who, frame(&Read { from, id }, &[]))
            }
            _ => return,
        };
        self.peer(who).link.push(&frame);
    }

    fn says(&mut self, who: u8, message: Said, content: &[u8]) {
        let to = match message.to % 4 {
            0 => To::Room(name(message.to / 4)),
            1 => To::Address(stranger(message.to / 4)),
            2 => To::Address(address(usize::from(message.to / 4) % PEERS)),
            _ => To::Name(name(message.to / 4)),
        };
        let part = [
            Part::Whole,
            Part::First(message.whole),
            Part::Next,
            Part::Last,
        ];
        let wants = [Wants::Nothing, Wants::Delivered, Wants::Read];
        let said = |id| Send {
            id: MessageId(id),
            to,
            part: part[usize::from(message.part % 4)],
            wants: wants[usize::from(message.flags % 3)],
            body: if message.flags & 16 == 0 {
                Body::Plain
            } else {
                Body::Sealed
            },
        };
        let content = &content[..content.len().min(1024)];
        for id in 0..=u64::from(message.times) {
            let frame = frame(&said(u64::from(message.id) + id), content);
            self.peer(who).link.push(&frame);
        }
    }

    fn peer(&mut self, who: u8) -> &mut Peer {
        &mut self.peers[usize::from(who) % PEERS]
    }

    /// On the native wire he gets no more bytes than came, on the classic one at most 1.8 times as many, headers included.
    fn stranger(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.hub.flush(self.now, &mut self.out);
        self.out.clear();
        self.handle(from, datagram);
        self.out_of_hub();
        let back = self.out.runs().filter(|run| run.to == from);
        let back: usize = back.map(|run| run.datagrams.len() + HEADERS).sum();
        let came = datagram.len() + HEADERS;
        match datagram.first() {
            Some(1 | 2) => assert!(back <= came, "{back} bytes for {came}"),
            // A message to oneself is a delivery and a status.
            _ if datagram.contains(&b';') => {}
            _ => assert!(back * 10 <= came * 18, "{back} bytes for {came}"),
        }
    }

    fn out_of_hub(&mut self) {
        self.hub.flush(self.now, &mut self.out);
        for run in 0..self.failing {
            self.out.fail(RunId(run.into()));
        }
        if self.hub.has_answers() {
            self.hub.answer(self.now, &mut self.out);
        }
        for effect in self.hub.take_effects() {
            self.elsewhere.take(effect);
        }
    }

    /// Goes on until nobody has anything to say.
    fn settle(&mut self) {
        for _ in 0..2000 {
            self.out_of_hub();
            let out = std::mem::take(&mut self.out);
            let mut is_quiet = out.runs().len() == 0;
            for run in out.runs() {
                assert!(run.size > 0 && !run.datagrams.is_empty());
                for datagram in run.datagrams.chunks(run.size) {
                    self.come(run.to, datagram);
                }
            }
            for place in 0..PEERS {
                is_quiet &= !self.speak(place);
            }
            if is_quiet {
                return;
            }
        }
        panic!("expected an end");
    }

    fn come(&mut self, to: SocketAddr, datagram: &[u8]) {
        let Some(peer) = self
            .peers
            .iter_mut()
            .find(|peer| peer.address == to && !peer.is_deaf)
        else {
            return;
        };
        if let Received::Next(frames) = peer.link.receive(datagram, self.now) {
            read(frames);
            while let Some(frames) = peer.link.next_waiting() {
                read(&frames);
            }
        }
    }

    fn speak(&mut self, place: usize) -> bool {
        let (mut packets, peer) = (Vec::new(), &mut self.peers[place]);
        peer.link
            .transmit(self.now, |packet| packets.push(packet.to_vec()));
        for packet in &packets {
            self.handle(address(place), packet);
        }
        !packets.is_empty()
    }
}

/// Frames, and nothing behind them.
fn read(mut frames: &[u8]) {
    while !frames.is_empty() {
        let prefix = Prefix::decode(frames)
            .expect("a frame")
            .expect("a whole prefix");
        frames = &frames[prefix.frame_length() as usize..];
    }
}
