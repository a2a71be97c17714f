//! What a store, or other relays, say: true answers to what was asked, and whatever else.

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use proto::relay::fleet::{Asked, Listed, RelayId, Said};
use proto::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Ticket};
use proto::relay::hub::{Effect, Reach};
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::frames::{
    Body, Happened, Happening, Member, Origin, Receipt, RelayState, RoomSize, Stage, Wants, Why,
};
use proto::relay::native::{Identity, MessageId, Name};

/// How many things that were asked are known, of each kind.
const KNOWN: usize = 64;

/// What is said, for which the fuzzer has the bytes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    kind: u8,
    /// What it answers: one of those that were asked, or what nobody has asked.
    which: u8,
    who: u8,
    id: u8,
    flags: u8,
    number: u32,
    content: &'a [u8],
}

/// What the relay has asked, and waits for.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    reach: Reach,
    tickets: Vec<Ticket>,
    rounds: Vec<(Name, u32, Place)>,
    next_reply: u64,
}

impl Told<'_> {
    fn name(&self) -> Name {
        super::name(self.who)
    }

    fn origin(&self) -> Origin {
        match self.who & 16 {
            0 => Origin::Name(super::name(self.who / 4)),
            _ => Origin::Address(SocketAddr::from(([198, 51, 100, 1], self.who.into()))),
        }
    }

    fn id(&self) -> MessageId {
        MessageId(self.id.into())
    }

    fn body(&self) -> Body {
        match self.flags & 16 {
            0 => Body::Plain,
            _ => Body::Sealed,
        }
    }

    fn why(&self) -> Why {
        [
            Why::Full,
            Why::Quota,
            Why::CutOff,
            Why::Unknown,
            Why::TooLong,
        ][usize::from(self.flags % 5)]
    }

    fn letter(&self) -> Letter {
        let wants = [Wants::Nothing, Wants::Delivered, Wants::Read];
        Letter {
            from: self.origin(),
            to: self.name(),
            id: self.id(),
            wants: wants[usize::from(self.flags % 3)],
            body: self.body(),
        }
    }

    /// Sometimes long enough for several parts.
    fn content(&self) -> Vec<u8> {
        match self.flags & 32 {
            0 => self.content.to_vec(),
            _ => self.content.repeat(1 + usize::from(self.id)),
        }
    }

    fn receipt(&self) -> Receipt {
        let stage = match self.flags % 4 {
            0 => Stage::Queued,
            1 => Stage::Refused(self.why()),
            2 => Stage::Delivered,
            _ => Stage::Read,
        };
        let (first, last) = (self.id(), MessageId(self.number.into()));
        Receipt { first, last, stage }
    }

    fn outcome(&self) -> Outcome {
        match self.flags % 4 {
            0 => Outcome::Taken,
            1 => Outcome::Refused(self.why()),
            _ => Outcome::Kept,
        }
    }

    /// Letters at growing places, or at any.
    fn letters(&self, after: Place) -> Vec<Kept> {
        let kept = |at: u8| {
            let place = match self.flags & 64 {
                0 => after.0.saturating_add(1 + u64::from(at)),
                _ => u64::from(self.number) ^ u64::from(at),
            };
            let id = MessageId(u64::from(self.id) + u64::from(at));
            Kept {
                place: Place(place),
                waited: self.number,
                letter: Letter {
                    id,
                    ..self.letter()
                },
                content: self.content(),
            }
        };
        (0..self.id % 5).map(kept).collect()
    }

    fn said(&self) -> Said {
        let total = self.content().len() as u32;
        Said {
            relay: RelayId(self.which.into()),
            number: self.number.into(),
            room: self.name(),
            from: self.origin(),
            id: self.id(),
            body: self.body(),
            total: total ^ u32::from(self.flags >> 7),
            at: 0,
        }
    }

    fn happened(&self) -> Happened {
        let what = [
            Happening::Joined,
            Happening::Left,
            Happening::Slow(self.number.into()),
        ];
        Happened {
            room: self.name(),
            who: self.origin(),
            what: what[usize::from(self.flags % 3)],
        }
    }

    fn asked(&self) -> Asked {
        match self.flags % 2 {
            0 => Asked::Who(self.name()),
            _ => Asked::Rooms,
        }
    }

    fn listed(&self) -> Option<Listed> {
        let (room, members, who) = (self.name(), self.number, self.origin());
        let dropped = self.number.into();
        match self.flags % 3 {
            0 => None,
            1 => Some(Listed::Rooms(vec![
                RoomSize { room, members };
                self.id.into()
            ])),
            _ => Some(Listed::Members(vec![
                Member { who, dropped };
                self.id.into()
            ])),
        }
    }

    fn relays(&self) -> Vec<RelayState> {
        let label = String::from_utf8_lossy(self.content).into_owned();
        let state = |id: u8| RelayState {
            id: id.into(),
            label: label.clone(),
            heard: self.number.into(),
            ..RelayState::default()
        };
        (0..self.id % 16).map(state).collect()
    }
}

impl Elsewhere {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            reach,
            tickets: Vec::new(),
            rounds: Vec::new(),
            next_reply: 0,
        }
    }

    /// Remembers what is asked, which has to be something that can be done.
    pub(crate) fn take(&mut self, effect: Effect) {
        let Effect::Errand(errand) = effect else {
            return;
        };
        let is_for_store = matches!(
            errand,
            Errand::Owner { .. }
                | Errand::Send { .. }
                | Errand::Fetch { .. }
                | Errand::Forget { .. }
        );
        match self.reach {
            Reach::Here => assert!(matches!(errand, Errand::Owner { .. })),
            Reach::Store => assert!(is_for_store, "{errand:?}"),
            Reach::Fleet => {}
        }
        match errand {
            Errand::Send { ticket, .. }
            | Errand::Say { ticket, .. }
            | Errand::Gather { ticket, .. } => {
                assert!(!self.tickets.contains(&ticket), "{ticket:?} is given twice");
                remember(&mut self.tickets, ticket);
            }
            Errand::Fetch { name, round, after } => {
                remember(&mut self.rounds, (name, round, after))
            }
            _ => {}
        }
    }

    /// What is said to the relay; one that has no others hears nothing.
    pub(crate) fn news(&mut self, told: Told<'_>) -> Option<News> {
        if self.reach == Reach::Here {
            return None;
        }
        let kinds = if self.reach == Reach::Store { 4 } else { 14 };
        Some(match told.kind % kinds {
            0 | 1 => News::Settled {
                ticket: self.ticket(told),
                outcome: told.outcome(),
            },
            2 => self.fetched(told),
            3 => News::Fleet {
                relays: told.relays(),
            },
            _ => self.news_of_fleet(told),
        })
    }

    fn news_of_fleet(&mut self, told: Told<'_>) -> News {
        let name = told.name();
        let keys = Identity::new([told.flags; 32]).keys();
        match told.kind % 14 {
            4 => News::MailWaits { name },
            5 if told.flags & 1 == 0 => News::Claimed {
                name,
                claimed: Claimed::CutOff,
            },
            5 => News::Claimed {
                name,
                claimed: Claimed::Belongs(keys),
            },
            6 => News::Found {
                name,
                keys: (told.flags & 1 == 0).then_some(keys),
            },
            7 => News::Letter {
                reply: self.reply(),
                letter: told.letter(),
                content: told.content(),
            },
            8 => News::Told {
                to: name,
                receipt: told.receipt(),
            },
            9 => News::Superseded { name },
            10 => News::Said {
                said: told.said(),
                content: told.content(),
            },
            11 => News::Happened(told.happened()),
            12 => News::Asked {
                reply: self.reply(),
                asked: told.asked(),
            },
            _ => News::Gathered {
                ticket: self.ticket(told),
                listed: told.listed(),
                is_all: told.flags & 8 == 0,
            },
        }
    }

    fn fetched(&mut self, told: Told<'_>) -> News {
        let known = taken(&mut self.rounds, told.which);
        let (name, round, after) = known.unwrap_or((told.name(), told.number, Place(0)));
        let letters = told.letters(after);
        let letters = letters.into_iter().map(|kept| Kept {
            letter: Letter {
                to: name,
                ..kept.letter
            },
            ..kept
        });
        News::Fetched {
            name,
            round,
            letters: letters.collect(),
            is_all: told.flags & 8 == 0,
        }
    }

    fn ticket(&mut self, told: Told<'_>) -> Ticket {
        let known = taken(&mut self.tickets, told.which);
        known.unwrap_or(Ticket(told.number.into()))
    }

    fn reply(&mut self) -> ReplyTo {
        self.next_reply += 1;
        ReplyTo(self.next_reply)
    }
}

fn remember<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= KNOWN {
        all.remove(0);
    }
    all.push(one);
}

/// One of those that are known, most of the time.
fn taken<T>(all: &mut Vec<T>, which: u8) -> Option<T> {
    let at = usize::from(which) % (all.len() + 1);
    (at < all.len()).then(|| all.remove(at))
}
