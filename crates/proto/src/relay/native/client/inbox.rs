//! What a client hears: messages are put together from their parts.

use std::collections::BTreeMap;

use crate::relay::native::frames::{Delivery, Origin, Part};
use crate::relay::native::{MAX_CONTENT, MessageId, Name};

/// The most bytes of messages that are not whole yet.
const MOST: usize = 16 * MAX_CONTENT;

/// What an unfinished message counts beside its bytes.
const EACH: usize = 256;

/// Messages that are not whole yet, one at most of each sender in each room and outside of rooms.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    unfinished: BTreeMap<Source, Unfinished>,
    held: usize,
}

type Source = (Option<Name>, Origin);

#[derive(Debug)]
struct Unfinished {
    id: MessageId,
    /// In its room.
    place: u64,
    length: usize,
    content: Vec<u8>,
}

impl Unfinished {
    fn held(&self) -> usize {
        EACH + self.content.len()
    }
}

impl Inbox {
    /// Begins a message of several parts.
    pub(super) fn begin(&mut self, delivery: &Delivery, length: u32, part: &[u8]) {
        let length = length as usize;
        let fits = length <= MAX_CONTENT && part.len() < length;
        if !fits || self.held + EACH + part.len() > MOST {
            return;
        }
        let unfinished = Unfinished {
            id: delivery.id,
            place: delivery.room.map_or(0, |(_, place)| place),
            length,
            content: part.to_vec(),
        };
        self.held += unfinished.held();
        self.unfinished.insert(source(delivery), unfinished);
    }

    /// A further part; the whole content, if it is the last one. What does not fit gives the message up.
    pub(super) fn go_on(&mut self, delivery: &Delivery, part: &[u8]) -> Option<Vec<u8>> {
        let unfinished = self.unfinished.get_mut(&source(delivery))?;
        let length = unfinished.content.len() + part.len();
        let is_last = delivery.part == Part::Last;
        let fits = unfinished.id == delivery.id
            && length <= unfinished.length
            && is_last == (length == unfinished.length)
            && self.held + part.len() <= MOST;
        if !fits {
            self.give_up(delivery);
            return None;
        }
        unfinished.content.extend_from_slice(part);
        self.held += part.len();
        is_last.then(|| self.give_up(delivery)).flatten()
    }

    /// A message of this sender that is not whole does not go on; what there is of it.
    #[inline]
    pub(super) fn give_up(&mut self, delivery: &Delivery) -> Option<Vec<u8>> {
        if self.unfinished.is_empty() {
            return None;
        }
        let unfinished = self.unfinished.remove(&source(delivery))?;
        self.held -= unfinished.held();
        Some(unfinished.content)
    }

    /// The first place in this room whose message is not whole.
    #[inline]
    pub(super) fn first_open(&self, room: Name) -> Option<u64> {
        let of_room = self
            .unfinished
            .iter()
            .filter(|((name, _), _)| *name == Some(room));
        of_room.map(|(_, unfinished)| unfinished.place).min()
    }

    /// What is said in this room is heard no more.
    pub(super) fn leave(&mut self, room: Name) {
        self.unfinished.retain(|(name, _), unfinished| {
            let stays = *name != Some(room);
            self.held -= if stays { 0 } else { unfinished.held() };
            stays
        });
    }

    /// The session is lost: what is not whole is said again from its beginning.
    pub(super) fn restart(&mut self) {
        self.unfinished.clear();
        self.held = 0;
    }
}

fn source(delivery: &Delivery) -> Source {
    (delivery.room.map(|(room, _)| room), delivery.from)
}
