//! The rooms that a client is in or wants to be in, and how far it has heard in each.

use std::collections::BTreeMap;

use crate::relay::native::Name;
use crate::relay::native::frames::{Join, Joined, Mark};

/// The rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<Name, Option<Mark>>,
}

impl Rooms {
    /// It is wanted; `after` is what was heard last.
    pub(super) fn join(&mut self, room: Name, after: Option<Mark>) {
        self.rooms.insert(room, after);
    }

    /// It is wanted no more.
    pub(super) fn leave(&mut self, room: Name) {
        self.rooms.remove(&room);
    }

    /// What was heard last in it.
    pub(super) fn mark(&self, room: Name) -> Option<Mark> {
        *self.rooms.get(&room)?
    }

    /// What is to be said in a new session.
    pub(super) fn joins(&self) -> impl Iterator<Item = Join> {
        self.rooms
            .iter()
            .map(|(&room, &after)| Join { room, after })
    }

    /// The relay has let this client in. Whether that is wanted.
    pub(super) fn joined(&mut self, joined: &Joined) -> bool {
        let Some(heard) = self.rooms.get_mut(&joined.room) else {
            return false;
        };
        let epoch = joined.mark.epoch;
        if heard.is_none_or(|heard| heard.epoch != epoch) {
            let place = joined.mark.place.saturating_sub(u64::from(joined.kept));
            *heard = Some(Mark { epoch, place });
        }
        true
    }

    /// Whether a message with this place was not heard before; it needs not be whole yet.
    pub(super) fn is_new(&self, room: Name, place: u64) -> bool {
        matches!(self.rooms.get(&room), Some(Some(heard)) if place > heard.place)
    }

    /// The message with this place was heard.
    pub(super) fn heard(&mut self, room: Name, place: u64) {
        if let Some(Some(heard)) = self.rooms.get_mut(&room) {
            heard.place = heard.place.max(place);
        }
    }
}
