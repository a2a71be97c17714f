//! A store's thread: it takes all that waits, writes it in one go after some time, and says so then. What was not written
//! is lost with its relay; a write that fails leaves no trace.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use proto::relay::hub::elsewhere::{Errand, News, Outcome};
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::MessageId;
use proto::relay::native::Name;
use proto::relay::native::frames::{Origin, Why};
use proto::relay::native::identity::PublicKeys;

use crate::network::Random;

/// A letter as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) letter: Letter,
    pub(crate) content: Rc<[u8]>,
    at: Duration,
}

/// What waits for each name: as the disk has it, or as the stream of a bus.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    boxes: BTreeMap<Name, BTreeMap<Place, Stored>>,
    ids: BTreeSet<(Name, Origin, MessageId)>,
    last: Place,
}

impl Mail {
    /// Keeps a letter, if it is not kept already. At most `quota` of one sender for one receiver.
    pub(crate) fn keep(
        &mut self,
        letter: &Letter,
        content: &Rc<[u8]>,
        quota: usize,
        at: Duration,
    ) -> Outcome {
        if self.has(letter) {
            return Outcome::Kept;
        }
        let inbox = self.boxes.entry(letter.to).or_default();
        let is_from = |stored: &&Stored| stored.letter.from == letter.from;
        if inbox.values().filter(is_from).count() >= quota {
            return Outcome::Refused(Why::Quota);
        }
        self.ids.insert((letter.to, letter.from, letter.id));
        self.last.0 += 1;
        let stored = Stored {
            letter: *letter,
            content: content.clone(),
            at,
        };
        inbox.insert(self.last, stored);
        Outcome::Kept
    }

    fn has(&self, letter: &Letter) -> bool {
        let Letter { to, from, id, .. } = *letter;
        self.ids.contains(&(to, from, id))
    }

    /// What comes after this place, at least one letter, at most about so many bytes; and whether that is all.
    pub(crate) fn after(
        &self,
        name: &Name,
        after: Place,
        budget: usize,
        now: Duration,
    ) -> (Vec<Kept>, bool) {
        let (mut letters, mut bytes) = (Vec::new(), 0);
        let inbox = self.boxes.get(name).into_iter().flatten();
        for (place, stored) in inbox.filter(|(place, _)| **place > after) {
            if bytes > budget {
                return (letters, false);
            }
            bytes += stored.content.len();
            letters.push(Kept {
                place: *place,
                waited: (now - stored.at).as_secs() as u32,
                letter: stored.letter,
                content: stored.content.to_vec(),
            });
        }
        (letters, true)
    }

    pub(crate) fn forget(&mut self, name: &Name, until: Place) {
        let Some(inbox) = self.boxes.get_mut(name) else {
            return;
        };
        let rest = inbox.split_off(&Place(until.0 + 1));
        for stored in std::mem::replace(inbox, rest).into_values() {
            let Letter { to, from, id, .. } = stored.letter;
            self.ids.remove(&(to, from, id));
        }
    }

    /// All that waits.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Stored> {
        self.boxes.values().flat_map(BTreeMap::values)
    }
}

/// What the disk has.
#[derive(Clone, Debug, Default)]
struct Disk {
    mail: Mail,
    names: BTreeMap<Name, PublicKeys>,
}

/// The store of one relay.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Disk,
    queue: Vec<Errand>,
    /// What is being written, and when that is done.
    batch: Option<(Duration, Vec<Errand>)>,
    /// Until when nothing can be written.
    fails_until: Duration,
    /// What could not be removed.
    again: Vec<Errand>,
    quota: usize,
    budget: usize,
    slowest: u64,
}

impl Store {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            disk: Disk::default(),
            queue: Vec::new(),
            batch: None,
            fails_until: Duration::ZERO,
            again: Vec::new(),
            quota: [20, 10_000][random.below(2) as usize],
            budget: [0, 4000, 256 * 1024][random.below(3) as usize],
            slowest: [500, 5_000, 50_000][random.below(3) as usize],
        }
    }

    pub(crate) fn mail(&self) -> &Mail {
        &self.disk.mail
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.batch.is_none() && self.again.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&Name, &PublicKeys)> {
        self.disk.names.iter()
    }

    pub(crate) fn fail_until(&mut self, until: Duration) {
        self.fails_until = until;
    }

    pub(crate) fn take(&mut self, errand: Errand, random: &mut Random, now: Duration) {
        self.queue.push(errand);
        self.begin(random, now);
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        self.batch.as_ref().map(|(due, _)| *due)
    }

    /// The relay was killed: what was being written is on the disk or is not.
    pub(crate) fn crash(&mut self, random: &mut Random, now: Duration) {
        self.queue.clear();
        self.again.clear();
        if let Some((_, batch)) = self.batch.take()
            && random.one_in(2)
            && now >= self.fails_until
        {
            self.apply(&batch, now);
        }
    }

    /// What is to be told when a write is done, all of it at once.
    pub(crate) fn step(&mut self, random: &mut Random, now: Duration) -> Vec<News> {
        let Some((_, batch)) = self.batch.take_if(|(due, _)| *due <= now) else {
            return Vec::new();
        };
        let news = match now >= self.fails_until {
            true => self.apply(&batch, now),
            false => self.fail(batch, now),
        };
        self.begin(random, now);
        news
    }

    fn begin(&mut self, random: &mut Random, now: Duration) {
        if self.batch.is_none() && !(self.queue.is_empty() && self.again.is_empty()) {
            let mut batch = std::mem::take(&mut self.again);
            batch.append(&mut self.queue);
            let due = now + Duration::from_micros(1 + random.below(self.slowest));
            self.batch = Some((due, batch));
        }
    }

    fn apply(&mut self, batch: &[Errand], now: Duration) -> Vec<News> {
        batch
            .iter()
            .filter_map(|errand| self.do_one(errand, now))
            .collect()
    }

    fn do_one(&mut self, errand: &Errand, now: Duration) -> Option<News> {
        let mail = &mut self.disk.mail;
        match errand {
            Errand::Owner { name, keys } => {
                self.disk.names.insert(*name, *keys);
            }
            Errand::Send {
                ticket,
                letter,
                content,
                ..
            } => {
                let outcome = mail.keep(letter, &Rc::from(&content[..]), self.quota, now);
                let ticket = *ticket;
                return Some(News::Settled { ticket, outcome });
            }
            Errand::Forget { name, until } => mail.forget(name, *until),
            other => return self.fetch(other, now),
        }
        None
    }

    fn fetch(&self, errand: &Errand, now: Duration) -> Option<News> {
        let Errand::Fetch { name, round, after } = errand else {
            panic!("{errand:?} is not for a store");
        };
        let (letters, is_all) = self.disk.mail.after(name, *after, self.budget, now);
        let (name, round) = (*name, *round);
        Some(News::Fetched {
            name,
            round,
            letters,
            is_all,
        })
    }

    /// Nothing of this is on the disk.
    fn fail(&mut self, batch: Vec<Errand>, now: Duration) -> Vec<News> {
        let mut news = Vec::new();
        for errand in batch {
            match errand {
                Errand::Send { ticket, letter, .. } => {
                    let outcome = match self.disk.mail.has(&letter) {
                        true => Outcome::Kept,
                        false => Outcome::Refused(Why::Full),
                    };
                    news.push(News::Settled { ticket, outcome });
                }
                Errand::Fetch { .. } => news.extend(self.fetch(&errand, now)),
                Errand::Owner { .. } | Errand::Forget { .. } => self.again.push(errand),
                other => panic!("{other:?} is not for a store"),
            }
        }
        news
    }
}
