//! What a session that ends has not heard.

use std::collections::{BTreeMap, VecDeque};

use super::Native;
use super::custody::Teller;
use super::letters::Parcel;
use super::receipts::Due;
use crate::frame::{self, Message, Prefix};
use crate::relay::fleet::Passed;
use crate::relay::hub::elsewhere::{Errand, ReplyTo};
use crate::relay::letter::Letter;
use crate::relay::native::frames::{Delivery, Origin, Part, Why};
use crate::relay::native::{MessageId, Name};

/// A message that was not heard.
#[derive(Debug)]
struct Lost {
    teller: Teller,
    delivery: Delivery,
    /// Its content, if none of it was heard.
    content: Option<Vec<u8>>,
}

/// The messages in packets that were not acknowledged.
#[derive(Debug)]
struct Unheard {
    /// Who is to hear of them, in the order of their ends.
    due: VecDeque<Due>,
    /// Those of which the beginning was found, and not the end.
    begun: BTreeMap<(Origin, MessageId), Vec<u8>>,
    all: Vec<Lost>,
}

impl Unheard {
    fn take(&mut self, packet: u32, mut frames: &[u8]) {
        while let Ok(Some(prefix)) = Prefix::decode(frames) {
            let length = (prefix.frame_length() as usize).min(frames.len());
            let (one, rest) = frames.split_at(length);
            frames = rest;
            if prefix.kind == Delivery::KIND
                && let Ok(Some(frame)) = frame::decode::<Delivery>(one)
                && is_direct(&frame.message)
            {
                self.take_part(packet, &frame.message, frame.bulk);
            }
        }
    }

    fn take_part(&mut self, packet: u32, delivery: &Delivery, content: &[u8]) {
        let key = (delivery.from, delivery.id);
        match delivery.part {
            Part::Whole => self.ends(packet, delivery, Some(content.to_vec())),
            Part::First(_) => drop(self.begun.insert(key, content.to_vec())),
            Part::Next => {
                if let Some(begun) = self.begun.get_mut(&key) {
                    begun.extend_from_slice(content);
                }
            }
            Part::Last => {
                let begun = self.begun.remove(&key);
                let whole = begun.map(|begun| [&begun, content].concat());
                self.ends(packet, delivery, whole);
            }
        }
    }

    fn ends(&mut self, packet: u32, delivery: &Delivery, content: Option<Vec<u8>>) {
        let teller = self
            .due
            .front_mut()
            .and_then(|due| due.next(packet, delivery.id));
        self.due.pop_front_if(|due| due.is_over());
        if let Some(teller) = teller {
            self.all.push(Lost {
                teller,
                delivery: *delivery,
                content,
            });
        }
    }
}

/// Whether it was said to this session by somebody whose messages have numbers: not in a room, not kept for it before.
fn is_direct(delivery: &Delivery) -> bool {
    delivery.room.is_none() && delivery.waited == 0 && delivery.id != MessageId::default()
}

impl Native {
    /// A session ends: what others said to it and it has not acknowledged is kept for its name, or who said it is told
    /// that it did not arrive.
    pub(super) fn give_back(&mut self, index: u32) {
        for lost in self.unheard_of(index) {
            let Lost {
                teller,
                delivery,
                content,
            } = lost;
            let name = self.sessions.get(index).and_then(|session| session.name);
            let to = name.map(|name| self.names.get(name).name);
            let id = delivery.id;
            match (teller, to.zip(content)) {
                (Teller::Relay(reply), _) => self.hand_back(reply),
                (_, Some((to, content))) => {
                    self.keep_or_refuse(parcel(teller, &delivery, to, content))
                }
                (_, None) if name.is_some() => self.is_refused(teller, id, Why::Away),
                (_, None) => self.is_refused(teller, id, Why::NotThere),
            }
        }
    }

    fn hand_back(&mut self, reply: ReplyTo) {
        let passed = Passed::Keep;
        self.errands.push(Errand::Passed { reply, passed });
    }

    fn unheard_of(&mut self, index: u32) -> Vec<Lost> {
        let session = self.sessions.get_mut(index);
        let Some((session, busy)) = session.and_then(|session| {
            let due = std::mem::take(&mut session.busy.as_mut()?.due);
            Some((session, due))
        }) else {
            return Vec::new();
        };
        let mut unheard = Unheard {
            due: busy,
            begun: BTreeMap::new(),
            all: Vec::new(),
        };
        let mut packet = session.link.acknowledged();
        session.link.unacknowledged(|frames| {
            unheard.take(packet, frames);
            packet += 1;
        });
        debug_assert!(unheard.due.is_empty(), "{:?}", unheard.due);
        unheard.all
    }
}

fn parcel(teller: Teller, delivery: &Delivery, to: Name, content: Vec<u8>) -> Parcel {
    let letter = Letter {
        from: delivery.from,
        to,
        id: delivery.id,
        wants: delivery.wants,
        body: delivery.body,
    };
    Parcel {
        teller,
        letter,
        content,
    }
}
