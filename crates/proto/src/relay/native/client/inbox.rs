//! What a client hears: messages are put together from their parts, and each is heard once.

use std::collections::BTreeMap;

use crate::relay::native::frames::{Delivery, Origin, Part};
use crate::relay::native::{MAX_CONTENT, MessageId, Name};

/// The most bytes of messages that are not whole yet.
const MOST: usize = 16 * MAX_CONTENT;

/// What an unfinished message counts beside its bytes.
const EACH: usize = 256;

/// The most senders whose last number is remembered.
const SENDERS: usize = 4096;

/// Messages that are not whole yet, one at most of each sender in each room and outside of rooms.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    unfinished: BTreeMap<Source, Unfinished>,
    held: usize,
    last: LastIds,
}

type Source = (Origin, Option<Name>);

#[derive(Debug)]
struct Unfinished {
    id: MessageId,
    length: usize,
    content: Vec<u8>,
}

impl Unfinished {
    fn held(&self) -> usize {
        EACH + self.content.len()
    }
}

impl Inbox {
    /// Whether this is not a message that was heard before; those of rooms are told apart by their place.
    #[inline]
    pub(super) fn is_new(&mut self, delivery: &Delivery) -> bool {
        delivery.room.is_some() || delivery.id == MessageId(0) || {
            delivery.id > self.last.of(delivery.from)
        }
    }

    /// A whole message was heard.
    #[inline]
    pub(super) fn heard(&mut self, delivery: &Delivery) {
        if delivery.room.is_none() && delivery.id != MessageId(0) {
            self.last.set(delivery.from, delivery.id);
        }
    }

    /// Begins a message of several parts; one of this sender that is not whole is given up.
    pub(super) fn begin(&mut self, delivery: &Delivery, length: u32, part: &[u8]) {
        self.give_up(delivery);
        let length = length as usize;
        let fits = length <= MAX_CONTENT && part.len() < length;
        if !fits || self.held + EACH + part.len() > MOST {
            return;
        }
        let unfinished = Unfinished {
            id: delivery.id,
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

    /// A message of this sender that is not whole will not become so.
    pub(super) fn give_up(&mut self, delivery: &Delivery) -> Option<Vec<u8>> {
        if self.unfinished.is_empty() {
            return None;
        }
        let unfinished = self.unfinished.remove(&source(delivery))?;
        self.held -= unfinished.held();
        Some(unfinished.content)
    }

    /// The session is lost: what is not whole is said again from its beginning.
    pub(super) fn restart(&mut self) {
        self.unfinished.clear();
        self.held = 0;
    }
}

fn source(delivery: &Delivery) -> Source {
    (delivery.from, delivery.room.map(|(room, _)| room))
}

/// The last number that was heard of each sender, as many as are remembered.
#[derive(Debug, Default)]
struct LastIds {
    /// The sender that was heard last, which is not in the table.
    latest: Option<(Origin, MessageId)>,
    others: BTreeMap<Origin, (MessageId, u64)>,
    turn: u64,
}

impl LastIds {
    #[inline]
    fn of(&mut self, sender: Origin) -> MessageId {
        match self.latest {
            Some((latest, id)) if latest == sender => id,
            _ => self.others.get(&sender).map_or(MessageId(0), |last| last.0),
        }
    }

    #[inline]
    fn set(&mut self, sender: Origin, id: MessageId) {
        match &mut self.latest {
            Some((latest, last)) if *latest == sender => *last = id,
            _ => self.turn_to(sender, id),
        }
    }

    fn turn_to(&mut self, sender: Origin, id: MessageId) {
        self.turn += 1;
        self.others.remove(&sender);
        let Some((before, last)) = self.latest.replace((sender, id)) else {
            return;
        };
        if self.others.len() >= SENDERS {
            self.forget_oldest();
        }
        self.others.insert(before, (last, self.turn));
    }

    fn forget_oldest(&mut self) {
        let oldest = self.others.iter().min_by_key(|(_, (_, turn))| *turn);
        if let Some(oldest) = oldest.map(|(sender, _)| *sender) {
            self.others.remove(&oldest);
        }
    }
}
