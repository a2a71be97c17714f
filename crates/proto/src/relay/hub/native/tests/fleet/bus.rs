//! Relays that are joined by a bus: what their hubs say to each other goes at once, unless the bus is held.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::relay::fleet::Passed;
use crate::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Ticket, Way};
use crate::relay::letter::{Kept, Letter, Place};
use crate::relay::native::frames::Why;
use crate::relay::native::identity::PublicKeys;

/// Two relays and what joins them.
pub(super) struct Fleet {
    pub(super) worlds: [World; 2],
    pub(super) names: BTreeMap<Name, PublicKeys>,
    mail: BTreeMap<Name, Vec<Kept>>,
    present: [BTreeSet<Name>; 2],
    rooms: [BTreeSet<Name>; 2],
    /// What was passed on or asked, and who waits for what.
    replies: BTreeMap<ReplyTo, Asker>,
    last: u64,
    /// Errands that are not run until it is let go.
    pub(super) held: Option<VecDeque<(usize, Errand)>>,
}

/// A relay that waits for an answer, and the letter that it passed on.
type Asker = (usize, Ticket, Option<(Letter, Vec<u8>)>);

pub(super) fn fleet_settings(relay: u8) -> Settings {
    Settings {
        reach: Reach::Fleet,
        secret: [relay; 32],
        ..settings()
    }
}

impl Fleet {
    pub(super) fn new() -> Self {
        Self {
            worlds: [1, 2].map(|relay| World::with(fleet_settings(relay))),
            names: BTreeMap::new(),
            mail: BTreeMap::new(),
            present: Default::default(),
            rooms: Default::default(),
            replies: BTreeMap::new(),
            last: 0,
            held: None,
        }
    }

    /// Somebody with a name at one of the relays, which knows whose the name is.
    pub(super) fn person(&mut self, at: usize, text: &str) -> usize {
        let keys = keys(text);
        self.names.insert(name(text), keys);
        self.worlds[at].hub.remember_keys(name(text), &keys);
        let who = self.worlds[at].person(text);
        self.settle();
        who
    }

    /// Goes on until no relay and no client has anything to say.
    pub(super) fn settle(&mut self) {
        for _ in 0..1000 {
            let mut is_quiet = true;
            for at in 0..2 {
                self.worlds[at].settle();
                for effect in self.worlds[at].hub.take_effects() {
                    let Effect::Errand(errand) = effect else {
                        panic!("{effect:?}")
                    };
                    is_quiet = false;
                    match &mut self.held {
                        Some(held) => held.push_back((at, errand)),
                        None => self.run(at, errand),
                    }
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("expected an end");
    }

    /// Lets time pass, for both relays.
    pub(super) fn pass(&mut self, time: Duration, step: Duration) {
        let until = self.worlds[0].now + time;
        while self.worlds[0].now < until {
            for world in &mut self.worlds {
                world.now += step;
            }
            self.settle();
        }
    }

    /// Holds what the relays say.
    pub(super) fn hold(&mut self) {
        self.held = Some(VecDeque::new());
    }

    /// Runs what was held.
    pub(super) fn let_go(&mut self) {
        for (at, errand) in self.held.take().unwrap_or_default() {
            self.run(at, errand);
        }
        self.settle();
    }

    fn tell(&mut self, at: usize, news: News) {
        let world = &mut self.worlds[at];
        world.hub.news(news, world.now, &mut world.out);
    }

    fn run(&mut self, at: usize, errand: Errand) {
        let other = 1 - at;
        match errand {
            Errand::Owner { name, keys } => drop(self.names.entry(name).or_insert(keys)),
            Errand::Claim { name, keys } => {
                let keys = *self.names.entry(name).or_insert(keys);
                let claimed = Claimed::Belongs(keys);
                self.tell(at, News::Claimed { name, claimed });
            }
            Errand::Look { name } => {
                let keys = self.names.get(&name).copied();
                self.tell(at, News::Found { name, keys });
            }
            Errand::Present { name } => {
                self.present[at].insert(name);
                if self.present[other].contains(&name) {
                    self.tell(other, News::Superseded { name });
                }
            }
            Errand::Absent { name } => drop(self.present[at].remove(&name)),
            Errand::Enter { room } => drop(self.rooms[at].insert(room)),
            Errand::Leave { room } => drop(self.rooms[at].remove(&room)),
            Errand::Tell { to, receipt } if self.present[other].contains(&to) => {
                self.tell(other, News::Told { to, receipt });
            }
            Errand::Tell { .. } => {}
            Errand::Happened(happened) if self.rooms[other].contains(&happened.room) => {
                self.tell(other, News::Happened(happened));
            }
            Errand::Happened(_) => {}
            Errand::Say {
                ticket,
                said,
                content,
            } => {
                if self.rooms[other].contains(&said.room) {
                    self.tell(other, News::Said { said, content });
                }
                self.settled(at, ticket, Outcome::Taken);
            }
            Errand::Gather { ticket, asked } => {
                let reply = self.reply_to((at, ticket, None));
                self.tell(other, News::Asked { reply, asked });
                for effect in self.worlds[other].hub.take_effects() {
                    if let Effect::Errand(errand) = effect {
                        self.run(other, errand);
                    }
                }
                let (listed, is_all) = (None, true);
                self.tell(
                    at,
                    News::Gathered {
                        ticket,
                        listed,
                        is_all,
                    },
                );
            }
            Errand::Answer { reply, listed } => {
                let (of, ticket, _) = self.replies[&reply];
                let (listed, is_all) = (Some(listed), false);
                self.tell(
                    of,
                    News::Gathered {
                        ticket,
                        listed,
                        is_all,
                    },
                );
            }
            Errand::Send {
                ticket,
                letter,
                content,
                way,
            } => self.send(at, ticket, letter, content, way),
            Errand::Passed { reply, passed } => {
                let (of, ticket, letter) = self.replies.remove(&reply).unwrap();
                match (passed, letter) {
                    (Passed::Taken, _) => self.settled(of, ticket, Outcome::Taken),
                    (Passed::Keep, Some((letter, content))) => {
                        self.keep(of, ticket, letter, content);
                    }
                    (Passed::Keep, None) => panic!("it was no letter"),
                }
            }
            Errand::Fetch { name, round, after } => {
                let kept = self.mail.get(&name).cloned().unwrap_or_default();
                let letters = kept.into_iter().filter(|kept| kept.place > after).collect();
                let is_all = true;
                self.tell(
                    at,
                    News::Fetched {
                        name,
                        round,
                        letters,
                        is_all,
                    },
                );
            }
            Errand::Forget { name, until } => {
                let mail = self.mail.entry(name).or_default();
                mail.retain(|kept| kept.place > until);
            }
        }
    }

    fn settled(&mut self, at: usize, ticket: Ticket, outcome: Outcome) {
        self.tell(at, News::Settled { ticket, outcome });
    }

    fn reply_to(&mut self, waits: Asker) -> ReplyTo {
        self.last += 1;
        self.replies.insert(ReplyTo(self.last), waits);
        ReplyTo(self.last)
    }

    fn send(&mut self, at: usize, ticket: Ticket, letter: Letter, content: Vec<u8>, way: Way) {
        let other = 1 - at;
        if way == Way::FindOut && !self.names.contains_key(&letter.to) {
            return self.settled(at, ticket, Outcome::Refused(Why::Unknown));
        }
        if way != Way::Keep && self.present[other].contains(&letter.to) {
            let reply = self.reply_to((at, ticket, Some((letter, content.clone()))));
            let news = News::Letter {
                reply,
                letter,
                content,
            };
            return self.tell(other, news);
        }
        self.keep(at, ticket, letter, content);
    }

    fn keep(&mut self, at: usize, ticket: Ticket, letter: Letter, content: Vec<u8>) {
        let name = letter.to;
        self.last += 1;
        self.mail.entry(name).or_default().push(Kept {
            place: Place(self.last),
            waited: 1,
            letter,
            content,
        });
        self.settled(at, ticket, Outcome::Kept);
        for at in 0..2 {
            if self.present[at].contains(&name) {
                self.tell(at, News::MailWaits { name });
            }
        }
    }

    /// How many letters wait for a name.
    pub(super) fn waiting_for(&self, text: &str) -> usize {
        self.mail.get(&name(text)).map_or(0, Vec::len)
    }
}

/// The keys of the one whom [`World::person`] makes of this name.
pub(super) fn keys(text: &str) -> PublicKeys {
    Identity::new([text.as_bytes()[0]; 32]).keys()
}
