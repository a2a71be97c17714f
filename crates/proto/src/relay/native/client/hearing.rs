//! What the relay says in a session, and what follows from it.

use std::time::Duration;

use super::event::Arrived;
use super::questions::Whose;
use super::{Client, Event};
use crate::frame::{self, Message, Prefix};
use crate::relay::native::frames::{
    Answer, Body, Bye, Delivery, Ending, Happened, Joined, Origin, Part, Receipt, Reply, Stage,
};
use crate::relay::native::{MessageId, Name};

impl Client {
    /// Takes the frames of a packet. What is none, or not understood, is passed by.
    pub(super) fn hear(&mut self, mut frames: &[u8], now: Duration) {
        while let Ok(Some(prefix)) = Prefix::decode(frames) {
            let length = usize::try_from(prefix.frame_length()).unwrap_or(usize::MAX);
            let Some((frame, rest)) = frames.split_at_checked(length) else {
                return;
            };
            self.hear_frame(prefix.kind, frame, now);
            frames = rest;
        }
    }

    fn hear_frame(&mut self, kind: u8, frame: &[u8], now: Duration) {
        match kind {
            Delivery::KIND => self.hear_delivery(frame),
            Receipt::KIND => read(frame, |receipt, _| self.receipt(receipt)),
            Joined::KIND => read(frame, |joined, _| self.joined(joined)),
            Answer::KIND => read(frame, |answer, _| self.answer(answer)),
            Happened::KIND => read(frame, |happened: Happened, _| {
                self.events.push(Event::Happened(happened));
            }),
            Bye::KIND => read(frame, |bye, _| self.bye(bye, now)),
            _ => {}
        }
    }

    #[inline]
    fn hear_delivery(&mut self, frame: &[u8]) {
        match self.heard.read(frame) {
            Some((delivery, content)) => self.delivery(&delivery, content),
            None => read(frame, |delivery, part| {
                self.heard.learn(&delivery, frame);
                self.delivery(&delivery, part);
            }),
        }
    }

    #[inline]
    fn delivery(&mut self, delivery: &Delivery, part: &[u8]) {
        match delivery.part {
            Part::Whole => {
                self.inbox.give_up(delivery);
                if self.is_new(delivery) {
                    self.arrived(delivery, part);
                }
            }
            Part::First(length) => {
                self.inbox.give_up(delivery);
                if self.is_new(delivery) {
                    self.inbox.begin(delivery, length, part);
                }
            }
            Part::Next | Part::Last => {
                if let Some(content) = self.inbox.go_on(delivery, part) {
                    self.arrived(delivery, &content);
                }
            }
        }
    }

    fn is_new(&mut self, delivery: &Delivery) -> bool {
        match delivery.room {
            Some((room, place)) => self.rooms.is_new(room, place, delivery),
            None => self.heard_ids.is_new(delivery.from, delivery.id),
        }
    }

    /// A whole message.
    fn arrived(&mut self, delivery: &Delivery, content: &[u8]) {
        match delivery.room {
            Some((room, place)) => {
                let open = self.inbox.first_open(room);
                self.rooms.heard(room, place, delivery, open);
                if self.is_mine(delivery.from, delivery.id) {
                    return;
                }
            }
            None => self.heard_ids.heard(delivery.from, delivery.id),
        }
        let head = Arrived {
            from: delivery.from,
            room: delivery.room,
            id: delivery.id,
            waited: delivery.waited,
            content: &[],
            body: delivery.body,
            wants: delivery.wants,
        };
        match (delivery.body, &mut self.keys) {
            (Body::Plain, _) => self.events.message(head, content),
            (Body::Sealed, Some(keys)) => keys.open(head, content, &mut self.events),
            (Body::Sealed, None) => {
                let (from, id) = (delivery.from, delivery.id);
                self.events.push(Event::Unreadable { from, id });
            }
        }
    }

    /// Whether this client has said it since it started.
    fn is_mine(&self, from: Origin, id: MessageId) -> bool {
        let is_me = match from {
            Origin::Name(name) => self.name == Some(name),
            Origin::Address(at) => self.at == Some(at) && self.name.is_none(),
        };
        is_me && (self.first..self.next).contains(&id)
    }

    fn receipt(&mut self, receipt: Receipt) {
        let Receipt { first, last, stage } = receipt;
        let (aliases, events) = (&self.aliases, &mut self.events);
        let mut tell = |first, last| {
            aliases.tell(first, last, |first, last| {
                events.push(Event::Receipt { first, last, stage });
            });
        };
        match stage {
            Stage::Queued | Stage::Refused(_) => self.outbox.answered(first, last, tell),
            Stage::Delivered | Stage::Read => {
                let last = last.min(MessageId(self.next.0.saturating_sub(1)));
                tell(first.max(self.first), last);
            }
        }
    }

    fn joined(&mut self, joined: Joined) {
        if self.rooms.joined(&joined) {
            self.events.push(Event::Joined(joined));
        }
    }

    fn answer(&mut self, answer: Answer) {
        match self.questions.answered(answer) {
            Some((Whose::Caller, answer)) => self.events.push(Event::Answer(answer)),
            Some((Whose::Keys(name), answer)) => self.keys_answered(name, answer.reply),
            None => {}
        }
    }

    fn keys_answered(&mut self, name: Name, reply: Reply) {
        let (Some(keys), Reply::Keys(found)) = (&mut self.keys, reply) else {
            return;
        };
        let refused = keys.answered(name, found, &mut self.events);
        for held in refused {
            self.refuse_held(&held);
        }
        self.release(name);
    }

    fn bye(&mut self, bye: Bye, now: Duration) {
        self.end_session();
        self.events.push(Event::Ended(bye.why));
        match bye.why {
            Ending::Stopping => self.joining.again(now),
            Ending::Done | Ending::Elsewhere | Ending::Unruly => self.joining.give_up(),
        }
    }
}

/// Reads a frame; what is malformed is passed by.
#[inline]
fn read<M: Message>(frame: &[u8], take: impl FnOnce(M, &[u8])) {
    if let Ok(Some(frame)) = frame::decode::<M>(frame) {
        take(frame.message, frame.bulk);
    }
}
