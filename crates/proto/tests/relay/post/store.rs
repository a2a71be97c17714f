//! A store's thread: it takes all that waits, writes it in one go after some time, and says so then. What was not written
//! is lost with its relay; a write that fails leaves no trace. What is kept is decided by the real index.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::relay::hub::elsewhere::{Errand, News, Outcome};
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::mail::{Keep, Limits, Mail};
use proto::relay::native::Name;
use proto::relay::native::frames::Why;
use proto::relay::native::identity::PublicKeys;

use super::mail::Stored;
use crate::network::Random;

/// What the disk has.
#[derive(Debug, Default)]
struct Disk {
    letters: BTreeMap<(Name, Place), Stored>,
    names: BTreeMap<Name, PublicKeys>,
}

/// The store of one relay.
#[derive(Debug)]
pub(super) struct Store {
    disk: Disk,
    index: Mail,
    queue: Vec<Errand>,
    /// What is being written, and when that is done.
    batch: Option<(Duration, Vec<Errand>)>,
    /// Until when nothing can be written.
    fails_until: Duration,
    /// What could not be removed.
    again: Vec<Errand>,
    limits: Limits,
    budget: usize,
    slowest: u64,
}

impl Store {
    pub(super) fn new(random: &mut Random) -> Self {
        let limits = Limits {
            quota: [5, 10_000][random.below(2) as usize],
            size: [200_000, 1 << 30][random.below(2) as usize],
            keep: 30 * 86_400,
        };
        Self {
            disk: Disk::default(),
            index: Mail::new(limits, random.next()),
            queue: Vec::new(),
            batch: None,
            fails_until: Duration::ZERO,
            again: Vec::new(),
            limits,
            budget: [0, 4000, 256 * 1024][random.below(3) as usize],
            slowest: [500, 5_000, 50_000][random.below(3) as usize],
        }
    }

    /// All that waits.
    pub(super) fn all(&self) -> impl Iterator<Item = &Stored> {
        self.disk.letters.values()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.batch.is_none() && self.again.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&Name, &PublicKeys)> {
        self.disk.names.iter()
    }

    pub(super) fn fail_until(&mut self, until: Duration) {
        self.fails_until = until;
    }

    pub(super) fn take(&mut self, errand: Errand, random: &mut Random, now: Duration) {
        self.queue.push(errand);
        self.begin(random, now);
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.batch.as_ref().map(|(due, _)| *due)
    }

    /// The relay was killed: what was being written is on the disk or is not. What waits is found there again.
    pub(super) fn crash(&mut self, random: &mut Random, now: Duration) {
        self.queue.clear();
        self.again.clear();
        if let Some((_, batch)) = self.batch.take()
            && random.one_in(2)
            && now >= self.fails_until
        {
            self.apply(&batch, now);
        }
        self.index = Mail::new(self.limits, random.next());
        for ((_, place), stored) in &self.disk.letters {
            let (letter, since) = (&stored.letter, stored.at.as_secs());
            let is_taken = self.index.found(*place, letter, stored.bytes(), since);
            assert!(is_taken, "{letter:?} at {place:?}");
        }
    }

    /// What is to be told when a write is done, all of it at once.
    pub(super) fn step(&mut self, random: &mut Random, now: Duration) -> Vec<News> {
        let Some((_, batch)) = self.batch.take_if(|(due, _)| *due <= now) else {
            return Vec::new();
        };
        let news = match now >= self.fails_until {
            true => self.apply(&batch, now),
            false => self.fail(&batch, now),
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
        let mut news = Vec::new();
        for errand in batch {
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
                    let (ticket, outcome) = (*ticket, self.keep(letter, content, now));
                    news.push(News::Settled { ticket, outcome });
                }
                Errand::Forget { name, until } => {
                    for place in self.index.forget(name, *until) {
                        let was = self.disk.letters.remove(&(*name, place));
                        assert!(was.is_some(), "{place:?} is not there");
                    }
                }
                other => news.push(self.fetch(other, now)),
            }
        }
        news
    }

    fn keep(&mut self, letter: &Letter, content: &[u8], now: Duration) -> Outcome {
        let stored = Stored::new(letter, content, now);
        match self.index.keep(letter, stored.bytes(), now.as_secs()) {
            Ok(Keep::At(place)) => {
                self.disk.letters.insert((letter.to, place), stored);
                Outcome::Kept
            }
            Ok(Keep::Already(_)) => Outcome::Kept,
            Err(why) => Outcome::Refused(why),
        }
    }

    fn fetch(&self, errand: &Errand, now: Duration) -> News {
        let Errand::Fetch { name, round, after } = errand else {
            panic!("{errand:?} is not for a store");
        };
        let waiting = self.index.after(name, *after, self.budget);
        let kept = |place: Place| self.disk.letters[&(*name, place)].kept(place, now);
        let letters: Vec<Kept> = waiting.places.into_iter().map(kept).collect();
        News::Fetched {
            name: *name,
            round: *round,
            letters,
            is_all: waiting.is_all,
        }
    }

    /// Nothing of this is on the disk: what the index has taken is taken back, what could not be removed is later.
    fn fail(&mut self, batch: &[Errand], now: Duration) -> Vec<News> {
        let mut news = Vec::new();
        let mut first = BTreeMap::new();
        for errand in batch {
            match errand {
                Errand::Send { ticket, letter, .. } => {
                    let kept = self.index.keep(letter, 1, now.as_secs());
                    let from = first.get(&letter.to).copied();
                    let is_new = |place| from.is_some_and(|from| from <= place);
                    let ticket = *ticket;
                    let outcome = match kept {
                        Ok(Keep::Already(place)) if !is_new(place) => Outcome::Kept,
                        Ok(kept) => {
                            first.entry(letter.to).or_insert(kept.place());
                            Outcome::Refused(Why::Full)
                        }
                        Err(why) => Outcome::Refused(why),
                    };
                    news.push(News::Settled { ticket, outcome });
                }
                Errand::Owner { .. } | Errand::Forget { .. } => self.again.push(errand.clone()),
                _ => {}
            }
        }
        for (name, from) in first {
            self.index.take_back(&name, from);
        }
        let is_fetch = |errand: &&Errand| matches!(errand, Errand::Fetch { .. });
        let fetched = batch.iter().filter(is_fetch);
        news.extend(fetched.map(|errand| self.fetch(errand, now)));
        news
    }
}
