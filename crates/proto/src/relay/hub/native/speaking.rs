//! What is said in rooms, on its way to everybody in them.

use std::time::Duration;

use super::Native;
use super::history::History;
use super::messages::{Refusal, Spread, Verdict};
use super::rooms::{RoomId, append};
use super::sessions::{Key, Session};
use crate::relay::fleet::Said;
use crate::relay::hub::Reach;
use crate::relay::hub::elsewhere::Ticket;
use crate::relay::native::MessageId;
use crate::relay::native::frames::{Delivery, Happened, Happening, Part, Send, Stage, Wants, Why};

/// Messages that one session says in one room, one after the other, kept together for a moment: the queue of each member
/// is then visited once for all of them.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    from: u32,
    room: Option<RoomId>,
    now: Duration,
    frames: Vec<u8>,
    /// Where each frame ends, and its message's number.
    ends: Vec<(usize, MessageId)>,
    /// How many messages these are.
    messages: u64,
    /// Those of them that are said to other relays too, who see to their verdicts.
    tickets: Vec<Ticket>,
}

/// No session at all: as the one that is passed over, where a sender is elsewhere.
const NOBODY: u32 = u32::MAX;

impl Bundle {
    /// The most bytes of frames: few enough to stay near the processor.
    const MAX: usize = 8 * 1024;

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn goes_on(&self, from: u32, room: RoomId) -> bool {
        self.from == from && self.room == Some(room) && self.frames.len() < Self::MAX
    }
}

/// What became of frames for a room.
#[derive(Debug)]
struct Outcome {
    verdict: Verdict,
    /// Members that were passed by.
    slow: u64,
}

/// The parts that follow a frame.
struct Rest<'a> {
    /// Their bytes.
    bytes: usize,
    /// Who is to get them.
    to: &'a mut Vec<Key>,
}

impl Native {
    /// Says a message in a room. It is spread, and its sender has a verdict, when something else happens.
    pub(super) fn say_in_room(
        &mut self,
        from: u32,
        room: RoomId,
        send: &Send,
        content: &[u8],
        now: Duration,
    ) -> Result<Verdict, Refusal> {
        if !self.bundle.goes_on(from, room) {
            self.spread_bundle();
        }
        let members = self.rooms.get(room).members.len();
        let bytes = self.bundle.frames.len() + content.len();
        if self.waiting + bytes * members > Self::MOST_WAITING {
            return Err(Why::Full.into());
        }
        let verdict = match self.reach {
            Reach::Fleet => {
                let ticket = self.say_to_others(from, room, send, content)?;
                self.bundle.tickets.push(ticket);
                Verdict::Pending
            }
            Reach::Here | Reach::Store => Verdict::Later,
        };
        let place = self.rooms.next_place(room);
        let mut bundle = std::mem::take(&mut self.bundle);
        let start = bundle.frames.len();
        self.append_said(from, (room, place), send, content, &mut bundle.frames);
        self.rooms.keep(room, place, &bundle.frames[start..], now);
        bundle.ends.push((bundle.frames.len(), send.id));
        bundle.messages += 1;
        (bundle.from, bundle.room, bundle.now) = (from, Some(room), now);
        self.bundle = bundle;
        Ok(verdict)
    }

    /// Spreads what was said in a room at another relay.
    pub(super) fn spread_said(&mut self, room: RoomId, said: &Said, content: &[u8], now: Duration) {
        let except = self.session_of(&said.from).unwrap_or(NOBODY);
        if !self.bundle.goes_on(except, room) {
            self.spread_bundle();
        }
        let members = self.rooms.get(room).members.len();
        let bytes = self.bundle.frames.len() + content.len();
        let place = self.rooms.next_place(room);
        if self.waiting + bytes * members > Self::MOST_WAITING {
            return self.pass_all_by(room);
        }
        let mut bundle = std::mem::take(&mut self.bundle);
        let start = bundle.frames.len();
        for (part, piece) in Part::all_of(content) {
            let delivery = Delivery {
                waited: 0,
                from: said.from,
                room: Some((said.room, place)),
                id: said.id,
                part,
                wants: Wants::Nothing,
                body: said.body,
            };
            append(&delivery, piece, &mut bundle.frames);
            bundle.ends.push((bundle.frames.len(), said.id));
        }
        if bundle.frames.len() - start <= History::MAX {
            self.rooms.keep(room, place, &bundle.frames[start..], now);
        }
        bundle.messages += 1;
        (bundle.from, bundle.room, bundle.now) = (except, Some(room), now);
        self.bundle = bundle;
    }

    /// There is no room for something that was said in a room.
    fn pass_all_by(&mut self, room: RoomId) {
        let seats = &mut self.rooms.get_mut(room).members;
        seats.iter_mut().for_each(|seat| seat.dropped += 1);
        self.dropped += seats.len() as u64;
    }

    /// Spreads what was kept together.
    pub(super) fn spread_bundle(&mut self) {
        let mut bundle = std::mem::take(&mut self.bundle);
        let Some(room) = bundle.room.filter(|_| !bundle.is_empty()) else {
            return;
        };
        let outcome = self.spread(room, &bundle, None);
        if self.reach == Reach::Fleet {
            bundle.ends.clear();
        }
        for (_, id) in bundle.ends.drain(..) {
            match outcome.verdict {
                Verdict::Now => self.say(bundle.from, id, Stage::Queued),
                Verdict::When(slow) => {
                    let sender = self.sessions.key(bundle.from);
                    self.withhold(slow, sender, id);
                }
                Verdict::Later | Verdict::Pending => {}
            }
        }
        for ticket in bundle.tickets.drain(..) {
            self.note_slow(ticket, outcome.verdict);
        }
        bundle.frames.clear();
        bundle.messages = 0;
        self.tell_who_is_slow(room, outcome.slow, bundle.now);
        self.bundle = bundle;
    }

    /// Says the first of several parts in a room; the others follow to those who have room for all.
    pub(super) fn begin_in_room(
        &mut self,
        from: u32,
        room: RoomId,
        send: &Send,
        content: &[u8],
        total: usize,
        now: Duration,
    ) -> Result<Spread, Refusal> {
        self.spread_bundle();
        let members = self.rooms.get(room).members.len();
        if self.waiting + total * members > Self::MOST_WAITING {
            return Err(Why::Full.into());
        }
        let gathered = match self.reach {
            Reach::Fleet => Some(self.gather_for_others(from, room, send, content, total)?),
            Reach::Here | Reach::Store => None,
        };
        let place = self.rooms.next_place(room);
        let mut frames = Vec::new();
        self.append_said(from, (room, place), send, content, &mut frames);
        let one = Bundle {
            from,
            room: Some(room),
            now,
            ends: vec![(frames.len(), send.id)],
            messages: 1,
            tickets: Vec::new(),
            frames,
        };
        let mut to = Vec::new();
        let rest = Rest {
            bytes: total - content.len(),
            to: &mut to,
        };
        let outcome = self.spread(room, &one, Some(rest));
        self.tell_who_is_slow(room, outcome.slow, now);
        let is_kept = total < History::MAX;
        Ok(Spread {
            room,
            place,
            to,
            kept: is_kept.then_some(one.frames),
            gathered,
        })
    }

    /// Puts frames in the queue of everybody in the room but the sender and those who have no room for all of them.
    fn spread(&mut self, id: RoomId, bundle: &Bundle, mut rest: Option<Rest<'_>>) -> Outcome {
        let (mut slow, mut reached, mut slowest) = (0, 0, None);
        let messages = bundle.messages;
        let total = bundle.frames.len() + rest.as_ref().map_or(0, |rest| rest.bytes);
        for seat in &mut self.rooms.get_mut(id).members {
            if seat.session == bundle.from {
                continue;
            }
            let Some(session) = self.sessions.get_mut(seat.session) else {
                continue;
            };
            if !session.has_room(total, bundle.now) {
                seat.dropped += messages;
                slow += 1;
                continue;
            }
            let mut start = 0;
            for (end, _) in &bundle.ends {
                session.link.push(&bundle.frames[start..*end]);
                start = *end;
            }
            session.recount(&mut self.waiting);
            if session.touch() {
                self.dirty.push(seat.session);
            }
            reached += 1;
            let backlog = session.link.backlog();
            if backlog > Session::HIGH && slowest.is_none_or(|(most, _)| backlog > most) {
                slowest = Some((backlog, seat.session));
            }
            if let Some(rest) = &mut rest {
                session.busy().reserved += rest.bytes;
                rest.to.push(self.sessions.key(seat.session));
            }
        }
        self.dropped += slow * messages;
        self.spread += if rest.is_none() {
            reached * messages
        } else {
            0
        };
        Outcome {
            verdict: slowest.map_or(Verdict::Now, |(_, index)| Verdict::When(index)),
            slow,
        }
    }

    fn append_said(
        &self,
        from: u32,
        (room, place): (RoomId, u64),
        send: &Send,
        content: &[u8],
        frames: &mut Vec<u8>,
    ) {
        if let Some(sender) = self.sessions.get(from) {
            let delivery = Delivery {
                waited: 0,
                from: self.origin(sender),
                room: Some((self.rooms.get(room).name, place)),
                id: send.id,
                part: send.part,
                wants: Wants::Nothing,
                body: send.body,
            };
            append(&delivery, content, frames);
        }
    }

    /// How many slow members are named at once.
    const SLOW_AT_ONCE: usize = 16;

    /// Tells a room who in it is slow, at most once a second of each.
    fn tell_who_is_slow(&mut self, id: RoomId, slow: u64, now: Duration) {
        if slow == 0 {
            return;
        }
        let second = now.as_secs() + 1;
        let mut slow = Vec::new();
        for seat in &mut self.rooms.get_mut(id).members {
            if seat.dropped > 0 && seat.told < second && slow.len() < Self::SLOW_AT_ONCE {
                let session = self.sessions.get(seat.session);
                if session.is_some_and(|session| !session.has_room(1, now)) {
                    seat.told = second;
                    slow.push((seat.session, seat.dropped));
                }
            }
        }
        let room = self.rooms.get(id).name;
        for (index, dropped) in slow {
            self.note_behind(index, now);
            if let Some(who) = self.sessions.get(index).map(|slow| self.origin(slow)) {
                let what = Happening::Slow(dropped);
                let happened = Happened { room, who, what };
                self.tell_happened(id, happened, index);
                self.tell_others(id, happened);
            }
        }
    }

    /// Passes a further part of a message on to those who took the first one.
    pub(super) fn say_part(&mut self, from: u32, spread: &mut Spread, send: &Send, content: &[u8]) {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        self.append_said(from, (spread.room, spread.place), send, content, &mut frame);
        for to in &spread.to {
            if self.sessions.of(*to).is_some() {
                self.push_frame(to.index, &frame);
            }
        }
        if let Some(kept) = &mut spread.kept {
            kept.extend_from_slice(&frame);
        }
        spread.kept.take_if(|kept| kept.len() > History::MAX);
        if let Some(gathered) = &mut spread.gathered {
            self.gather_more(gathered, content);
        }
        self.scratch = frame;
    }

    /// A message of several parts is whole: the room keeps it.
    pub(super) fn keep_parts(&mut self, spread: Spread, now: Duration) {
        if let Some(kept) = spread.kept {
            self.rooms.keep(spread.room, spread.place, &kept, now);
        }
    }
}
