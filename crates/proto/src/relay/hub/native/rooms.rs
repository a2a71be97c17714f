//! Rooms: who is in them, and what is said there.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use slab::Slab;

use super::Native;
use super::history::History;
use super::messages::Receivers;
use crate::frame::{self, Message};
use crate::relay::hub::Reach;
use crate::relay::hub::elsewhere::Errand;
use crate::relay::native::Name;
use crate::relay::native::frames::{Happened, Happening, Join, Joined, Mark, Member};

/// A room's place among the rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoomId(u32);

/// A room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: Name,
    epoch: u64,
    /// The place of the last message.
    last: u64,
    pub(super) members: Vec<Seat>,
    history: History,
    /// When something was said last.
    spoken: Duration,
    /// Whether it stands among [`Rooms::empty`].
    is_listed: bool,
}

/// Somebody in a room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: u32,
    /// How many messages have passed them by.
    pub(super) dropped: u64,
    /// The second in which that was told last.
    pub(super) told: u64,
}

/// All rooms.
#[derive(Debug)]
pub(super) struct Rooms {
    slab: Slab<Room>,
    places: HashTable<u32>,
    hasher: FixedState,
    /// How many there were so far.
    made: u64,
    /// Those that were left by all, and when to see whether they still are.
    empty: VecDeque<(Duration, RoomId)>,
    /// How many bytes all histories have together.
    kept: usize,
    /// How many messages of a room are kept.
    messages: usize,
}

impl Rooms {
    /// How many rooms there are at once.
    pub(super) const MAX: usize = 65_536;

    /// In how many rooms a client may be.
    pub(super) const MAX_OF_CLIENT: usize = 64;

    /// Up to how many are told of each other's coming and going.
    const PRESENCE: usize = 1000;

    /// How long a room that was left is kept for its history.
    const KEPT: Duration = Duration::from_secs(3600);

    /// The most bytes of all histories, before each has no more than its share.
    const MOST_KEPT: usize = 128 * 1024 * 1024;

    pub(super) fn new(messages: usize, seed: u64) -> Self {
        Self {
            slab: Slab::new(),
            places: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            made: 0,
            empty: VecDeque::new(),
            kept: 0,
            messages,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.slab.iter().map(|(_, room)| room)
    }

    #[inline]
    pub(super) fn find(&self, name: &Name) -> Option<RoomId> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let is_it = |place: &u32| self.slab[*place as usize].name == *name;
        self.places.find(hash, is_it).copied().map(RoomId)
    }

    pub(super) fn get(&self, id: RoomId) -> &Room {
        &self.slab[id.0 as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: RoomId) -> &mut Room {
        &mut self.slab[id.0 as usize]
    }

    fn add(&mut self, name: Name, epoch: u64) -> Option<RoomId> {
        if self.slab.len() >= Self::MAX && !self.remove_oldest() {
            return None;
        }
        self.made += 1;
        let place = self.slab.insert(Room {
            name,
            epoch,
            last: 0,
            members: Vec::new(),
            history: History::default(),
            spoken: Duration::ZERO,
            is_listed: false,
        }) as u32;
        let (slab, hasher) = (&self.slab, &self.hasher);
        let hash = |place: &u32| hasher.hash_one(slab[*place as usize].name.as_bytes());
        self.places.insert_unique(hash(&place), place, hash);
        Some(RoomId(place))
    }

    fn remove(&mut self, id: RoomId) {
        let room = self.slab.remove(id.0 as usize);
        let hash = self.hasher.hash_one(room.name.as_bytes());
        if let Ok(entry) = self.places.find_entry(hash, |place| *place == id.0) {
            entry.remove();
        }
        self.kept -= room.history.bytes();
    }

    /// Makes room by the room that was left first.
    fn remove_oldest(&mut self) -> bool {
        while let Some((_, id)) = self.empty.pop_front() {
            if self.unlist(id) {
                self.remove(id);
                return true;
            }
        }
        false
    }

    /// Takes a room off the list of empty ones, and says whether it is one.
    fn unlist(&mut self, id: RoomId) -> bool {
        let room = self.get_mut(id);
        room.is_listed = false;
        room.members.is_empty()
    }

    /// Somebody left: a room that nobody is in, and that has nothing to keep, goes.
    fn look_after(&mut self, id: RoomId, now: Duration) {
        let room = self.get_mut(id);
        if !room.members.is_empty() || room.is_listed {
            return;
        }
        if room.history.is_empty() {
            return self.remove(id);
        }
        room.is_listed = true;
        self.empty.push_back((now + Self::KEPT, id));
    }

    /// Rooms that were left long ago go.
    pub(super) fn sweep(&mut self, now: Duration) {
        while let Some((due, id)) = self.empty.front().copied().filter(|(due, _)| *due <= now) {
            self.empty.pop_front();
            if !self.unlist(id) {
                continue;
            }
            match self.get(id).spoken + Self::KEPT <= due {
                true => self.remove(id),
                false => self.look_after(id, now),
            }
        }
    }

    /// When to [`sweep`](Self::sweep) next.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.empty.front().map(|(due, _)| *due)
    }

    /// The place of the next message.
    pub(super) fn next_place(&mut self, id: RoomId) -> u64 {
        let room = self.get_mut(id);
        room.last += 1;
        room.last
    }

    /// Keeps a message for those who come later.
    pub(super) fn keep(&mut self, id: RoomId, place: u64, frames: &[u8], now: Duration) {
        if self.messages == 0 {
            return;
        }
        let share = match self.kept < Self::MOST_KEPT {
            true => History::MAX,
            false => History::MAX.min(Self::MOST_KEPT / self.slab.len()),
        };
        let messages = self.messages;
        let room = self.get_mut(id);
        let before = room.history.bytes();
        room.history.keep(place, frames, messages, share);
        room.spoken = now;
        let after = room.history.bytes();
        self.kept = self.kept + after - before;
    }
}

impl Room {
    fn mark(&self) -> Mark {
        Mark {
            epoch: self.epoch,
            place: self.last,
        }
    }
}

impl Native {
    /// Lets a session into a room and tells it what it missed. One who may not be let in is told that it has left.
    pub(super) fn join(&mut self, index: u32, join: &Join, now: Duration) {
        self.spread_bundle();
        let Some(id) = self.enter(index, join.room, now) else {
            let session = self.sessions.get(index);
            if let Some(who) = session.map(|session| self.origin(session)) {
                let (room, what) = (join.room, Happening::Left);
                self.push(index, &Happened { room, who, what }, &[]);
            }
            return;
        };
        self.tell_what_was_said(index, id, join.after);
        self.route.forget();
    }

    /// The room, which the session is in now, if it may be.
    fn enter(&mut self, index: u32, name: Name, now: Duration) -> Option<RoomId> {
        let found = self.rooms.find(&name);
        let session = self.sessions.get_mut(index)?;
        if let Some(id) = found.filter(|id| session.rooms.all().contains(id)) {
            return Some(id);
        }
        if session.rooms.all().len() >= Rooms::MAX_OF_CLIENT || !session.busy().may_join(now) {
            return None;
        }
        let id = match found {
            Some(id) => id,
            None => {
                let epoch = self.gate.number(name.as_str(), self.rooms.made);
                self.rooms.add(name, epoch)?
            }
        };
        if self.rooms.get(id).members.is_empty() {
            self.is_entered(id);
        }
        self.tell_room(id, index, Happening::Joined);
        self.sessions.get_mut(index)?.rooms.add(id);
        self.rooms.get_mut(id).members.push(Seat {
            session: index,
            dropped: 0,
            told: 0,
        });
        Some(id)
    }

    fn tell_what_was_said(&mut self, index: u32, id: RoomId, after: Option<Mark>) {
        let room = self.rooms.get(id);
        let is_same = after.is_none_or(|mark| mark.epoch == room.epoch);
        let place = after.filter(|_| is_same).map_or(0, |mark| mark.place);
        let begun = self.begun(index, id);
        let room = self.rooms.get(id);
        let kept = room.history.after(place);
        let begun_now = begun
            .iter()
            .map(|(place, frames)| (*place, frames.as_slice()));
        let mut said: Vec<_> = kept.chain(begun_now).collect();
        said.sort_by_key(|(place, _)| *place);
        let frames = said
            .iter()
            .map(|(_, frames)| *frames)
            .collect::<Vec<_>>()
            .concat();
        let since = room.last.saturating_sub(place);
        let joined = Joined {
            room: room.name,
            mark: room.mark(),
            kept: said.len() as u32,
            missed: (is_same && after.is_some()).then(|| since.saturating_sub(said.len() as u64)),
            members: room.members.len() as u32,
        };
        self.push(index, &joined, &[]);
        self.push_frames(index, &frames);
    }

    /// The messages that others are saying in a room in parts, as far as they have come; the session gets what follows.
    fn begun(&mut self, index: u32, id: RoomId) -> Vec<(u64, Vec<u8>)> {
        let key = self.sessions.key(index);
        let mut begun = Vec::new();
        for seat in &self.rooms.get(id).members {
            let session = self.sessions.get_mut(seat.session);
            let busy = session.filter(|_| seat.session != index);
            let taking = busy.and_then(|session| session.busy.as_mut()?.taking.as_mut());
            if let Some(Receivers::Room(spread)) = taking.map(|taking| &mut taking.receivers)
                && spread.room == id
                && !spread.to.contains(&key)
                && let Some(kept) = &spread.kept
            {
                begun.push((spread.place, kept.clone()));
                spread.to.push(key);
            }
        }
        begun
    }

    /// A session leaves a room.
    pub(super) fn leave(&mut self, index: u32, name: &Name, now: Duration) {
        self.spread_bundle();
        let Some(id) = self.rooms.find(name) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if session.rooms.remove(id) {
            self.vacate(index, id, now);
        }
    }

    /// Takes a session that has left out of the room.
    pub(super) fn vacate(&mut self, index: u32, id: RoomId, now: Duration) {
        let session = self.sessions.get(index);
        let taking = session.and_then(|session| session.busy.as_ref()?.taking.as_ref());
        if let Some(Receivers::Room(spread)) = taking.map(|taking| &taking.receivers)
            && spread.room == id
        {
            self.drop_unfinished(index);
        }
        let members = &mut self.rooms.get_mut(id).members;
        if let Some(at) = members.iter().position(|seat| seat.session == index) {
            members.swap_remove(at);
        }
        self.route.forget();
        self.tell_room(id, index, Happening::Left);
        if self.rooms.get(id).members.is_empty() {
            let room = self.rooms.get(id).name;
            self.fleet_errand(Errand::Leave { room });
        }
        self.rooms.look_after(id, now);
    }

    /// Tells all in a room, but those who are slow, what happened to somebody.
    fn tell_room(&mut self, id: RoomId, whom: u32, what: Happening) {
        let room = self.rooms.get(id);
        let Some(session) = self.sessions.get(whom) else {
            return;
        };
        if !self.is_told_who_comes(id) {
            return;
        }
        let who = self.origin(session);
        let happened = Happened {
            room: room.name,
            who,
            what,
        };
        self.tell_happened(id, happened, whom);
        self.tell_others(id, happened);
    }

    /// Whether a room is not too large for being told who comes and goes.
    pub(super) fn is_told_who_comes(&self, id: RoomId) -> bool {
        self.rooms.get(id).members.len() <= Rooms::PRESENCE
    }

    /// Somebody enters a room that nobody here is in. In a fleet it may have gone on elsewhere meanwhile: how much of it
    /// was missed here, nobody can know any more.
    fn is_entered(&mut self, id: RoomId) {
        if self.reach == Reach::Fleet {
            self.rooms.made += 1;
            let name = self.rooms.get(id).name;
            self.rooms.get_mut(id).epoch = self.gate.number(name.as_str(), self.rooms.made);
            self.errand(Errand::Enter { room: name });
        }
    }

    pub(super) fn tell_happened(&mut self, id: RoomId, happened: Happened, except: u32) {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        append(&happened, &[], &mut frame);
        for at in 0..self.rooms.get(id).members.len() {
            let index = self.rooms.get(id).members[at].session;
            let session = self.sessions.get(index);
            if index != except && session.is_some_and(|session| !session.is_slow()) {
                self.push_frame(index, &frame);
            }
        }
        self.scratch = frame;
    }

    /// Who is in a room.
    pub(super) fn members(&self, name: &Name) -> Vec<Member> {
        let Some(id) = self.rooms.find(name) else {
            return Vec::new();
        };
        let seats = self.rooms.get(id).members.iter();
        let listed = seats.filter_map(|seat| {
            let session = self.sessions.get(seat.session)?;
            Some(Member {
                who: self.origin(session),
                dropped: seat.dropped,
            })
        });
        listed.take(Self::MOST_LISTED).collect()
    }
}

/// Appends a frame of a message of the relay's own, which is never too long.
pub(super) fn append<M: Message>(message: &M, bulk: &[u8], out: &mut Vec<u8>) {
    let fits = frame::encode(message, bulk, out);
    debug_assert!(fits.is_ok(), "{fits:?}");
}
