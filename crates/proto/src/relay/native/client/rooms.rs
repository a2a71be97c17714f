//! The rooms that a client is in or wants to be in, and what it has heard in each.

use std::collections::{BTreeMap, BTreeSet};

use super::heard_ids::HeardIds;
use crate::relay::native::Name;
use crate::relay::native::frames::{Delivery, Join, Joined, Mark};

/// The most places that are told apart while a message before them is not whole.
const BEYOND: usize = 4096;

/// The rooms.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: BTreeMap<Name, Room>,
    seed: u64,
}

#[derive(Debug)]
struct Room {
    /// The last place up to which all was heard, or will never be.
    heard: Option<Mark>,
    since: Since,
    /// What was heard after that, while a message before it was not whole.
    beyond: BTreeSet<u64>,
    /// What has a place in one epoch, or at one relay, can be said again in the next one.
    ids: HeardIds,
}

/// Whether what the relay keeps of a room was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// Nothing of it yet: in another session it is asked for again from its beginning.
    Beginning,
    /// Some or all of it: what is not kept any more from there on was missed.
    Heard,
}

impl Rooms {
    /// `seed` is one that others cannot guess.
    pub(super) fn new(seed: u64) -> Self {
        let rooms = BTreeMap::new();
        Self { rooms, seed }
    }

    /// It is wanted; `after` is what was heard last.
    pub(super) fn join(&mut self, room: Name, after: Option<Mark>) {
        let since = after.map_or(Since::Beginning, |_| Since::Heard);
        let (beyond, ids) = (BTreeSet::new(), HeardIds::new(self.seed));
        self.rooms.insert(
            room,
            Room {
                heard: after,
                since,
                beyond,
                ids,
            },
        );
    }

    /// It is wanted no more.
    pub(super) fn leave(&mut self, room: Name) {
        self.rooms.remove(&room);
    }

    /// What was heard last in it.
    pub(super) fn mark(&self, room: Name) -> Option<Mark> {
        self.rooms.get(&room).and_then(Room::mark)
    }

    /// What is to be said in a new session.
    pub(super) fn joins(&self) -> impl Iterator<Item = Join> {
        self.rooms.iter().map(|(&name, room)| Join {
            room: name,
            after: room.mark(),
        })
    }

    /// The relay has let this client in. Whether that is wanted.
    pub(super) fn joined(&mut self, joined: &Joined) -> bool {
        let Some(room) = self.rooms.get_mut(&joined.room) else {
            return false;
        };
        let Mark { epoch, place } = joined.mark;
        if room.heard.is_none_or(|heard| heard.epoch != epoch) {
            room.heard = Some(Mark { epoch, place: 0 });
            room.since = Since::Beginning;
            room.beyond.clear();
        }
        if joined.kept == 0 {
            room.has_heard(place, None);
        }
        true
    }

    /// Whether a message was not heard before; it needs not be whole yet.
    pub(super) fn is_new(&mut self, name: Name, place: u64, delivery: &Delivery) -> bool {
        let Some(room) = self.rooms.get_mut(&name) else {
            return false;
        };
        let is_later = matches!(room.heard, Some(heard) if place > heard.place);
        is_later && !room.beyond.contains(&place) && room.ids.is_new(delivery.from, delivery.id)
    }

    /// The message with this place was heard; the first one that is not whole has the place `open`.
    pub(super) fn heard(&mut self, name: Name, place: u64, delivery: &Delivery, open: Option<u64>) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.has_heard(place, open);
            room.ids.heard(delivery.from, delivery.id);
        }
    }
}

impl Room {
    fn mark(&self) -> Option<Mark> {
        self.heard.filter(|_| self.since == Since::Heard)
    }

    #[inline]
    fn has_heard(&mut self, place: u64, open: Option<u64>) {
        let Some(heard) = &mut self.heard else {
            return;
        };
        self.since = Since::Heard;
        if let Some(open) = open.filter(|open| *open < place && self.beyond.len() < BEYOND) {
            heard.place = heard.place.max(open - 1);
            self.beyond.insert(place);
            return;
        }
        let beyond = self.beyond.pop_last().unwrap_or(0);
        heard.place = heard.place.max(place).max(beyond);
        self.beyond.clear();
    }
}
