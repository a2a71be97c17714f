//! What waits for those who are away: an index of the letters that a store has on its disk.
//!
//! It decides what is kept, and knows where everything is; the store has the letters themselves. Time is the time of day
//! in seconds since 1970. A waiting letter takes about 40 bytes here, a pair of a sender and a receiver 25 more, and a
//! name 65.

mod slots;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::letter::{Letter, Place};
use super::native::frames::{Origin, Why};
use super::native::{MessageId, Name};
use slots::Slots;

/// How much mail may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages of one sender for one receiver.
    pub quota: u32,
    /// Bytes of all. A sender may have a [`SHARE`] of them.
    pub size: u64,
    /// For how many seconds a letter waits.
    pub keep: u64,
}

/// Which part of all mail one sender may have: a quarter.
pub const SHARE: u64 = 4;

/// A letter that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It has this place, which it did not have before.
    At(Place),
    /// It waits there already.
    Already(Place),
}

impl Keep {
    /// The place that it has.
    pub fn place(self) -> Place {
        let (Self::At(place) | Self::Already(place)) = self;
        place
    }
}

/// What waits in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Letters.
    pub letters: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Places of letters for a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The places, each greater than the one before.
    pub places: Vec<Place>,
    /// Whether no more wait after them.
    pub is_all: bool,
}

/// An index of all letters that wait.
#[derive(Debug)]
pub struct Mail {
    limits: Limits,
    counts: Counts,
    /// The place of the letter that was kept last.
    last: Place,
    entries: Slots<Entry>,
    lanes: Slots<Lane>,
    parties: Slots<Party>,
    by_id: HashTable<u32>,
    by_pair: HashTable<u32>,
    by_name: HashTable<u32>,
    hasher: FixedState,
}

/// A letter. Wide numbers stand in two halves: that way it takes 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: [u32; 2],
    place: [u32; 2],
    lane: u32,
    bytes: u32,
    since: u32,
    /// The next one for the same name.
    next: u32,
}

/// The letters of one sender for one receiver.
#[derive(Clone, Copy, Debug)]
struct Lane {
    from: u32,
    to: u32,
    letters: u32,
}

/// Somebody who has letters waiting, or has sent such.
#[derive(Clone, Copy, Debug)]
struct Party {
    name: Name,
    /// The first and the last letter for them; [`NONE`] where nothing waits.
    head: u32,
    tail: u32,
    /// How many lanes begin or end here.
    lanes: u32,
    /// The bytes of all that they have sent.
    sent: u64,
}

const NONE: u32 = u32::MAX;

/// What is done with a letter when those for a name are gone through.
enum Choice {
    Take,
    Leave,
    Stop,
}

fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

fn whole([high, low]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

impl Entry {
    fn place(&self) -> Place {
        Place(whole(self.place))
    }

    fn is_over(&self, keep: u64, now: u64) -> bool {
        u64::from(self.since).saturating_add(keep) <= now
    }
}

impl Mail {
    /// Nothing waits. The seed is one that nobody can guess.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            counts: Counts::default(),
            last: Place::default(),
            entries: Slots::default(),
            lanes: Slots::default(),
            parties: Slots::default(),
            by_id: HashTable::new(),
            by_pair: HashTable::new(),
            by_name: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    /// What waits in all.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes wait of what this name has sent.
    pub fn sent_by(&self, name: &Name) -> u64 {
        let party = self.party(name);
        party.map_or(0, |party| self.parties[party].sent)
    }

    /// How many letters of this sender wait for this receiver.
    pub fn between(&self, from: &Name, to: &Name) -> u32 {
        let lane = self.lane(from, to);
        lane.map_or(0, |lane| self.lanes[lane].letters)
    }

    /// Where this letter waits, if it does.
    pub fn place(&self, letter: &Letter) -> Option<Place> {
        let Origin::Name(from) = letter.from else {
            return None;
        };
        let lane = self.lane(&from, &letter.to)?;
        let entry = self.find(lane, letter.id)?;
        Some(self.entries[entry].place())
    }

    /// Keeps a letter that takes so many bytes. Its place is greater than all before.
    ///
    /// # Errors
    /// [`Why::Nameless`] where its sender has no name, [`Why::Quota`] where they have as much waiting as anybody may,
    /// [`Why::Full`] where there is no room.
    pub fn keep(&mut self, letter: &Letter, bytes: u32, now: u64) -> Result<Keep, Why> {
        let Origin::Name(from) = letter.from else {
            return Err(Why::Nameless);
        };
        if let Some(place) = self.place(letter) {
            return Ok(Keep::Already(place));
        }
        let lane = self.lane(&from, &letter.to);
        if lane.is_some_and(|lane| self.lanes[lane].letters >= self.limits.quota) {
            return Err(Why::Quota);
        }
        let room = |used: u64, of: u64| used.saturating_add(u64::from(bytes)) <= of;
        if !room(self.sent_by(&from), self.limits.size / SHARE) {
            return Err(Why::Quota);
        }
        if !room(self.counts.bytes, self.limits.size) || self.entries.len() >= NONE as usize {
            return Err(Why::Full);
        }
        let place = Place(self.last.0 + 1);
        self.add(&from, letter, place, bytes, now);
        Ok(Keep::At(place))
    }

    /// This place, and all before it, were given to letters before.
    pub fn passed(&mut self, place: Place) {
        self.last = self.last.max(place);
    }

    /// A letter is on the disk from before, whatever the limits are now. Those for one name are told in the order of
    /// their places; `false` where it was not taken since it breaks that order, or its sender has no name.
    pub fn found(&mut self, place: Place, letter: &Letter, bytes: u32, since: u64) -> bool {
        let Origin::Name(from) = letter.from else {
            return false;
        };
        let tail = self.party(&letter.to).map(|to| self.parties[to].tail);
        let is_later = |tail: u32| tail == NONE || self.entries[tail].place() < place;
        let is_known = self.place(letter).is_some();
        if !tail.is_none_or(is_later) || is_known || self.entries.len() >= NONE as usize {
            return false;
        }
        self.add(&from, letter, place, bytes, since);
        true
    }

    /// The letters for a name that come after a place: as many as fit so many bytes, and at least one where one waits.
    pub fn after(&self, name: &Name, after: Place, budget: usize) -> Waiting {
        let (mut places, mut left) = (Vec::new(), budget as u64);
        for entry in self.letters_for(name) {
            if entry.place() <= after {
                continue;
            }
            let bytes = u64::from(entry.bytes);
            if bytes > left && !places.is_empty() {
                let is_all = false;
                return Waiting { places, is_all };
            }
            left = left.saturating_sub(bytes);
            places.push(entry.place());
        }
        let is_all = true;
        Waiting { places, is_all }
    }

    /// Forgets the letters for a name up to a place; the places of those that there were.
    pub fn forget(&mut self, name: &Name, until: Place) -> Vec<Place> {
        self.sweep(name, |entry| match entry.place() <= until {
            true => Choice::Take,
            false => Choice::Stop,
        })
    }

    /// Forgets the letters for a name from a place on; the places of those that there were.
    pub fn take_back(&mut self, name: &Name, from: Place) -> Vec<Place> {
        self.sweep(name, |entry| match entry.place() >= from {
            true => Choice::Take,
            false => Choice::Leave,
        })
    }

    /// Forgets these letters for a name; the places are in order.
    pub fn remove(&mut self, name: &Name, places: &[Place]) {
        self.sweep(name, |entry| match places.binary_search(&entry.place()) {
            Ok(_) => Choice::Take,
            Err(place) if place == places.len() => Choice::Stop,
            Err(_) => Choice::Leave,
        });
    }

    /// Forgets all letters that have waited for as long as they may; for whom they were, and their places.
    pub fn expire(&mut self, now: u64) -> Vec<(Name, Place)> {
        let keep = self.limits.keep;
        let is_due = |name: &Name| {
            let mut letters = self.letters_for(name);
            letters.any(|entry| entry.is_over(keep, now))
        };
        let names: Vec<_> = self.receivers().filter(is_due).collect();
        let mut gone = Vec::new();
        for name in names {
            let places = self.sweep(&name, |entry| match entry.is_over(keep, now) {
                true => Choice::Take,
                false => Choice::Leave,
            });
            gone.extend(places.into_iter().map(|place| (name, place)));
        }
        gone
    }

    /// All for whom something waits, in no order.
    pub fn receivers(&self) -> impl Iterator<Item = Name> {
        let receivers = self.parties.iter().filter(|party| party.head != NONE);
        receivers.map(|party| party.name)
    }

    fn letters_for(&self, name: &Name) -> impl Iterator<Item = &Entry> {
        let party = self.party(name);
        self.letters_from(party.map_or(NONE, |party| self.parties[party].head))
    }

    fn letters_from(&self, head: u32) -> impl Iterator<Item = &Entry> {
        let entry = |at: u32| (at != NONE).then(|| &self.entries[at]);
        std::iter::successors(entry(head), move |before| entry(before.next))
    }

    fn add(&mut self, from: &Name, letter: &Letter, place: Place, bytes: u32, since: u64) {
        let lane = self.lane_or_new(from, &letter.to);
        let Lane { from, to, .. } = self.lanes[lane];
        let at = self.entries.insert(Entry {
            id: halves(letter.id.0),
            place: halves(place.0),
            lane,
            bytes,
            since: u32::try_from(since).unwrap_or(u32::MAX),
            next: NONE,
        });
        let tail = std::mem::replace(&mut self.parties[to].tail, at);
        match tail {
            NONE => self.parties[to].head = at,
            tail => self.entries[tail].next = at,
        }
        self.lanes[lane].letters += 1;
        self.parties[from].sent += u64::from(bytes);
        self.counts.letters += 1;
        self.counts.bytes += u64::from(bytes);
        self.last = self.last.max(place);
        let (entries, hasher) = (&self.entries, &self.hasher);
        let hash = |at: &u32| hasher.hash_one((entries[*at].lane, whole(entries[*at].id)));
        self.by_id.insert_unique(hash(&at), at, hash);
    }

    /// Goes through the letters for a name, in their order; the places of those that were taken out.
    fn sweep(&mut self, name: &Name, mut choose: impl FnMut(&Entry) -> Choice) -> Vec<Place> {
        let mut places = Vec::new();
        let Some(to) = self.party(name) else {
            return places;
        };
        let (mut before, mut at) = (NONE, self.parties[to].head);
        while at != NONE {
            let entry = self.entries[at];
            match choose(&entry) {
                Choice::Stop => break,
                Choice::Leave => before = at,
                Choice::Take => {
                    self.unlink(to, before, at);
                    places.push(entry.place());
                }
            }
            at = entry.next;
        }
        places
    }

    /// Takes out a letter that comes after another one, or is the first.
    fn unlink(&mut self, to: u32, before: u32, at: u32) {
        let next = self.entries[at].next;
        match before {
            NONE => self.parties[to].head = next,
            before => self.entries[before].next = next,
        }
        if next == NONE {
            self.parties[to].tail = before;
        }
        self.release(at);
    }

    /// Gives back what a letter took, and all that has no other use.
    fn release(&mut self, at: u32) {
        let Entry {
            id, lane, bytes, ..
        } = self.entries[at];
        let hash = self.hasher.hash_one((lane, whole(id)));
        remove(&mut self.by_id, hash, at);
        self.entries.remove(at);
        self.counts.letters -= 1;
        self.counts.bytes -= u64::from(bytes);
        let Lane { from, to, .. } = self.lanes[lane];
        self.parties[from].sent -= u64::from(bytes);
        self.lanes[lane].letters -= 1;
        if self.lanes[lane].letters == 0 {
            let hash = self.hasher.hash_one((from, to));
            remove(&mut self.by_pair, hash, lane);
            self.lanes.remove(lane);
            self.leave(from);
            self.leave(to);
        }
        if self.counts.letters == 0 {
            self.by_id = HashTable::new();
            self.by_pair = HashTable::new();
            self.by_name = HashTable::new();
        }
    }

    /// A lane that began or ended at somebody is gone.
    fn leave(&mut self, party: u32) {
        self.parties[party].lanes -= 1;
        if self.parties[party].lanes == 0 {
            let hash = self.hasher.hash_one(self.parties[party].name.as_bytes());
            remove(&mut self.by_name, hash, party);
            self.parties.remove(party);
        }
    }

    fn find(&self, lane: u32, id: MessageId) -> Option<u32> {
        let hash = self.hasher.hash_one((lane, id.0));
        let is_it = |at: &u32| {
            let entry = &self.entries[*at];
            entry.lane == lane && whole(entry.id) == id.0
        };
        self.by_id.find(hash, is_it).copied()
    }

    fn lane(&self, from: &Name, to: &Name) -> Option<u32> {
        let (from, to) = (self.party(from)?, self.party(to)?);
        let hash = self.hasher.hash_one((from, to));
        let is_it = |at: &u32| (self.lanes[*at].from, self.lanes[*at].to) == (from, to);
        self.by_pair.find(hash, is_it).copied()
    }

    fn lane_or_new(&mut self, from: &Name, to: &Name) -> u32 {
        if let Some(lane) = self.lane(from, to) {
            return lane;
        }
        let (from, to) = (self.party_or_new(from), self.party_or_new(to));
        for party in [from, to] {
            self.parties[party].lanes += 1;
        }
        let letters = 0;
        let lane = self.lanes.insert(Lane { from, to, letters });
        let (lanes, hasher) = (&self.lanes, &self.hasher);
        let hash = |at: &u32| hasher.hash_one((lanes[*at].from, lanes[*at].to));
        self.by_pair.insert_unique(hash(&lane), lane, hash);
        lane
    }

    fn party(&self, name: &Name) -> Option<u32> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let is_it = |at: &u32| self.parties[*at].name == *name;
        self.by_name.find(hash, is_it).copied()
    }

    fn party_or_new(&mut self, name: &Name) -> u32 {
        if let Some(party) = self.party(name) {
            return party;
        }
        let party = self.parties.insert(Party {
            name: *name,
            head: NONE,
            tail: NONE,
            lanes: 0,
            sent: 0,
        });
        let (parties, hasher) = (&self.parties, &self.hasher);
        let hash = |at: &u32| hasher.hash_one(parties[*at].name.as_bytes());
        self.by_name.insert_unique(hash(&party), party, hash);
        party
    }
}

fn remove(table: &mut HashTable<u32>, hash: u64, at: u32) {
    if let Ok(entry) = table.find_entry(hash, |other| *other == at) {
        entry.remove();
    }
}
