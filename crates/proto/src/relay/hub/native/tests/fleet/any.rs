//! Whatever clients do and other relays say, in whatever order: nothing is left of it in the end.

use proptest::prelude::*;

use super::*;
use crate::relay::fleet::{Asked, Listed, RelayId, Said};
use crate::relay::hub::elsewhere::PATIENCE;
use crate::relay::letter::Letter;
use crate::relay::native::LIFETIME;
use crate::relay::native::frames::{Happening, Leave, Member};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "zoe"];
const ROOMS: [&str; 2] = ["lobby", "attic"];

/// One of three comes, goes, or says something; or another relay does.
#[derive(Clone, Debug)]
enum Step {
    Comes(usize),
    Ends(usize),
    Joins(usize, usize),
    Leaves(usize, usize),
    Says(usize, usize, usize),
    Writes(usize, usize, usize),
    Begins(usize, usize, usize),
    Asks(usize, usize),
    Reads(usize, usize),
    Deaf(usize),
    Superseded(usize),
    Letter(usize, usize, usize),
    Said(usize, usize, usize),
    Happened(usize, usize),
    Listed(u64, bool),
    Told(usize),
    /// The errand at this place is run before those in front of it.
    Runs(usize),
    Passes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, name, room) = (0..3usize, 0..4usize, 0..2usize);
    let size = prop_oneof![0..40usize, 1000..5000usize];
    prop_oneof![
        who.clone().prop_map(Step::Comes),
        who.clone().prop_map(Step::Ends),
        (who.clone(), room.clone()).prop_map(|(who, room)| Step::Joins(who, room)),
        (who.clone(), room.clone()).prop_map(|(who, room)| Step::Leaves(who, room)),
        (who.clone(), room.clone(), 0..1000usize).prop_map(|(w, r, s)| Step::Says(w, r, s)),
        (who.clone(), name.clone(), 0..1000usize).prop_map(|(w, n, s)| Step::Writes(w, n, s)),
        (who.clone(), 0..4usize, 0..3usize).prop_map(|(w, t, p)| Step::Begins(w, t, p)),
        (who.clone(), 0..4usize).prop_map(|(who, what)| Step::Asks(who, what)),
        (who.clone(), name.clone()).prop_map(|(who, name)| Step::Reads(who, name)),
        who.clone().prop_map(Step::Deaf),
        name.clone().prop_map(Step::Superseded),
        (name.clone(), name.clone(), size.clone()).prop_map(|(f, t, s)| Step::Letter(f, t, s)),
        (name.clone(), room.clone(), size).prop_map(|(f, r, s)| Step::Said(f, r, s)),
        (name.clone(), room).prop_map(|(who, room)| Step::Happened(who, room)),
        (0..6u64, any::<bool>()).prop_map(|(ticket, is_all)| Step::Listed(ticket, is_all)),
        name.prop_map(Step::Told),
        (0..8usize).prop_map(Step::Runs),
        (0..3000u64).prop_map(Step::Passes),
    ]
}

struct Story {
    world: World,
    who: [usize; 3],
    waiting: Vec<Errand>,
    letters: Vec<ReplyTo>,
    last: u64,
}

/// Somebody comes: the third has no name.
fn comes(world: &mut World, who: usize) -> usize {
    let port = 5000 + world.peers.len() as u16;
    let name = (who < 2).then(|| (NAMES[who], NAMES[who].as_bytes()[0]));
    if let Some((text, _)) = name {
        world.hub.remember_keys(super::name(text), &keys(text));
    }
    world.peer(port, name)
}

impl Story {
    fn new() -> Self {
        let mut world = alone();
        let who = [0, 1, 2].map(|who| comes(&mut world, who));
        Self {
            world,
            who,
            waiting: Vec::new(),
            letters: Vec::new(),
            last: 0,
        }
    }

    fn say<M: Message>(&mut self, who: usize, message: &M) {
        let peer = self.who[who];
        if self.world.peers[peer].link.is_some() {
            self.world.say(peer, message, &[]);
        }
    }

    fn message(&mut self, who: usize, to: To, size: usize, part: Part) {
        let peer = self.who[who];
        self.last += 1;
        if self.world.peers[peer].link.is_some() {
            let (content, wants) = (vec![b'x'; size], Wants::Read);
            self.world.part(peer, self.last, to, part, &content, wants);
        }
    }

    fn step(&mut self, step: &Step) {
        self.last += 1;
        let id = MessageId(self.last);
        match *step {
            Step::Comes(who) => self.who[who] = comes(&mut self.world, who),
            Step::Ends(who) => self.say(who, &Bye { why: Ending::Done }),
            Step::Joins(who, room) => {
                let (room, after) = (name(ROOMS[room]), None);
                self.say(who, &Join { room, after });
            }
            Step::Leaves(who, room) => {
                let room = name(ROOMS[room]);
                self.say(who, &Leave { room });
            }
            Step::Says(who, room, size) => {
                self.message(who, To::Room(name(ROOMS[room])), size, Part::Whole);
            }
            Step::Writes(who, to, size) => self.message(who, named(NAMES[to]), size, Part::Whole),
            Step::Begins(who, to, parts) => {
                let room = ROOMS.get(to).map(|room| To::Room(name(room)));
                self.begins(who, room.unwrap_or_else(|| named(NAMES[to])), parts);
            }
            Step::Asks(who, what) => {
                let question = match what {
                    0 => Question::Rooms,
                    1 => Question::Who(name("lobby")),
                    2 => Question::Keys(name("zoe")),
                    _ => Question::Relays,
                };
                let number = self.last as u32;
                self.say(who, &Ask { number, question });
            }
            Step::Reads(who, from) => {
                let from = origin(NAMES[from]);
                self.say(who, &Read { from, id });
            }
            Step::Deaf(who) => {
                let peer = &mut self.world.peers[self.who[who]];
                peer.is_deaf = !peer.is_deaf;
            }
            Step::Runs(at) if at < self.waiting.len() => {
                let errand = self.waiting.remove(at);
                self.run(errand);
            }
            Step::Runs(_) => {}
            Step::Passes(millis) => self.world.now += Duration::from_millis(millis),
            _ => self.hears(step, id),
        }
        self.world.settle();
        self.waiting.extend(errands(&mut self.world));
    }

    /// A message of three parts, of which not all need come.
    fn begins(&mut self, who: usize, to: To, parts: usize) {
        let peer = self.who[who];
        let all = [Part::First(3000), Part::Next, Part::Last];
        for part in &all[..=parts] {
            if self.world.peers[peer].link.is_some() {
                let (content, wants) = ([b'x'; 1000], Wants::Nothing);
                self.world.part(peer, self.last, to, *part, &content, wants);
            }
        }
    }

    /// Another relay says something.
    fn hears(&mut self, step: &Step, id: MessageId) {
        let body = Body::Plain;
        let news = match *step {
            Step::Superseded(who) => News::Superseded {
                name: name(NAMES[who]),
            },
            Step::Letter(from, to, size) => {
                self.letters.push(ReplyTo(id.0));
                News::Letter {
                    reply: ReplyTo(id.0),
                    letter: Letter {
                        from: origin(NAMES[from]),
                        to: name(NAMES[to]),
                        id,
                        wants: Wants::Read,
                        body,
                    },
                    content: vec![b'l'; size],
                }
            }
            Step::Said(from, room, size) => News::Said {
                said: Said {
                    relay: RelayId(2),
                    number: id.0,
                    room: name(ROOMS[room]),
                    from: origin(NAMES[from]),
                    id,
                    body,
                    total: size as u32,
                    at: 0,
                },
                content: vec![b's'; size],
            },
            Step::Happened(who, room) => News::Happened(Happened {
                room: name(ROOMS[room]),
                who: origin(NAMES[who]),
                what: Happening::Left,
            }),
            Step::Listed(ticket, is_all) => News::Gathered {
                ticket: Ticket(ticket),
                listed: Some(Listed::Members(vec![Member {
                    who: origin("zoe"),
                    dropped: 0,
                }])),
                is_all,
            },
            Step::Told(to) => News::Told {
                to: name(NAMES[to]),
                receipt: Receipt {
                    first: MessageId(1),
                    last: id,
                    stage: Stage::Delivered,
                },
            },
            _ => return,
        };
        tell(&mut self.world, news);
    }

    fn run(&mut self, errand: Errand) {
        let news = match errand {
            Errand::Send { ticket, .. } => News::Settled {
                ticket,
                outcome: Outcome::Kept,
            },
            Errand::Say { ticket, .. } => News::Settled {
                ticket,
                outcome: Outcome::Taken,
            },
            Errand::Fetch { name, round, .. } => News::Fetched {
                name,
                round,
                letters: Vec::new(),
                is_all: true,
            },
            Errand::Gather { ticket, asked } => News::Gathered {
                ticket,
                listed: matches!(asked, Asked::Rooms).then(|| Listed::Rooms(Vec::new())),
                is_all: true,
            },
            Errand::Look { name } => News::Found { name, keys: None },
            Errand::Claim { name, keys } => News::Claimed {
                name,
                claimed: Claimed::Belongs(keys),
            },
            Errand::Passed { reply, .. } => {
                let place = self.letters.iter().position(|letter| *letter == reply);
                self.letters
                    .remove(place.expect("it was passed on, and not answered yet"));
                return;
            }
            _ => return,
        };
        tell(&mut self.world, news);
    }

    /// All errands are run, all clients hear what they are told, and time passes.
    fn end(&mut self) {
        for peer in &mut self.world.peers {
            peer.is_deaf = false;
        }
        for _ in 0..100 {
            self.world.now += Duration::from_millis(500);
            self.world.settle();
            self.waiting.extend(errands(&mut self.world));
            for errand in std::mem::take(&mut self.waiting) {
                self.run(errand);
            }
        }
        self.world.now += LIFETIME + PATIENCE;
        self.world.settle();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_left_of_it(steps in proptest::collection::vec(step(), 0..80)) {
        let mut story = Story::new();
        for step in &steps {
            story.step(step);
        }
        for who in 0..3 {
            story.step(&Step::Ends(who));
        }
        story.end();
        let counts = story.world.counts();
        prop_assert_eq!((counts.away, counts.away_bytes, counts.pending), (0, 0, 0));
        prop_assert_eq!((counts.sessions, counts.waiting), (0, 0));
        prop_assert_eq!(&story.letters, &[]);
        let native = &story.world.hub.native;
        let questions = native.questions.len() + native.looks.len();
        let left = (questions, native.claims.len(), native.slow.len());
        prop_assert_eq!(left, (0, 0, 0));
    }
}
