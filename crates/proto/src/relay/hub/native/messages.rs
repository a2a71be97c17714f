//! Messages on their way: who they are for, whether there is room, and what their senders are told.

use std::net::SocketAddr;
use std::time::Duration;

use super::fleet::rooms::Gathered;
use super::gathering::Gathering;
use super::letters::Door;
use super::rooms::RoomId;
use super::sessions::Key;
use crate::relay::Reply;
use crate::relay::hub::{Hub, Outbox, Reach, Via};
use crate::relay::native::frames::{Body, Part, Send, Stage, To, Why};
use crate::relay::native::{MAX_CONTENT, MessageId};

/// A message of which not all parts are there.
#[derive(Debug)]
pub(super) struct Taking {
    pub(super) id: MessageId,
    pub(super) to: To,
    /// How many bytes are still to come.
    pub(super) left: usize,
    pub(super) receivers: Receivers,
}

impl Taking {
    /// Whether its parts are kept until all are there.
    pub(super) fn is_gathered(&self) -> bool {
        match &self.receivers {
            Receivers::Nobody | Receivers::One(_) => false,
            Receivers::Room(spread) => spread.gathered.is_some(),
            Receivers::Letter(_) => true,
        }
    }
}

/// Who gets the parts of a message.
#[derive(Debug)]
pub(super) enum Receivers {
    /// Nobody: its sender has the verdict, the rest of it is for nothing.
    Nobody,
    /// A session.
    One(Key),
    /// Those in a room who had room for it when it began.
    Room(Spread),
    /// Somebody to whom it becomes a letter when all of it is there.
    Letter(Gathering),
}

/// A message that goes to a room part by part.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) room: RoomId,
    pub(super) place: u64,
    pub(super) to: Vec<Key>,
    /// Its frames so far, as long as the room would keep them.
    pub(super) kept: Option<Vec<u8>>,
    /// What of it is to be said to the other relays.
    pub(super) gathered: Option<Gathered>,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Session(u32),
    Room(RoomId),
    Classic(SocketAddr, Via),
    /// A name that has no session here.
    Away,
}

/// When the sender of a message that is queued is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Now,
    /// When this session's queue is shorter.
    When(u32),
    /// When it was spread.
    Later,
    /// When it is safe: whoever sees to that says so.
    Pending,
}

impl Hub {
    /// A session says a message, or a part of one.
    pub(super) fn take_message(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) {
        let verdict = match send.part {
            Part::Whole => self.whole(from, send, content, now, out).map(Some),
            Part::First(total) => self.first(from, send, content, total as usize, now),
            Part::Next | Part::Last => self.part(from, send, content, now),
        };
        match verdict {
            Ok(None) => {}
            Ok(Some(verdict)) => {
                self.counts.messages += 1;
                self.native.queued(from, send.id, verdict);
            }
            Err(Refusal::Repeated) => {
                self.counts.duplicates += 1;
                self.native.say(from, send.id, Stage::Queued);
            }
            Err(Refusal::Pending) => self.counts.duplicates += 1,
            Err(Refusal::Because(why)) => {
                self.counts.refused += 1;
                self.native.refuse(from, send.id, why);
            }
            Err(Refusal::Said) => {}
        }
    }

    fn whole(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Result<Verdict, Refusal> {
        self.native.begin(from, send.id)?;
        match self.target(from, &send.to, now)? {
            Target::Session(to) if self.native.keeps_mail() => {
                self.native.hand_over(from, to, send, content, now)
            }
            Target::Session(to) => {
                self.native.has_room(to, content.len(), now)?;
                self.native.deliver(from, to, send, content);
                self.counts.deliveries += 1;
                Ok(self.native.verdict_of(to, now))
            }
            Target::Away => self.native.letter(from, send, content, now),
            Target::Room(room) => {
                let native = &mut self.native;
                native.say_in_room(from, room, send, content, now)
            }
            Target::Classic(to, via) => {
                self.deliver_classic(from, (to, via), send, content, out)?;
                Ok(Verdict::Now)
            }
        }
    }

    /// The first of several parts decides for all of them.
    fn first(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        total: usize,
        now: Duration,
    ) -> Result<Option<Verdict>, Refusal> {
        let receivers = self.first_for(from, send, content, total, now);
        let (receivers, result) = match receivers {
            Ok(receivers) => (receivers, Ok(None)),
            Err(refusal) => (Receivers::Nobody, Err(refusal)),
        };
        if let Some(session) = self.native.sessions.get_mut(from) {
            session.busy().taking = Some(Box::new(Taking {
                id: send.id,
                to: send.to,
                left: total.saturating_sub(content.len()),
                receivers,
            }));
        }
        result
    }

    fn first_for(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        total: usize,
        now: Duration,
    ) -> Result<Receivers, Refusal> {
        self.native.begin(from, send.id)?;
        if total > MAX_CONTENT || total <= content.len() {
            return Err(Why::TooLong.into());
        }
        match self.target(from, &send.to, now)? {
            Target::Session(to) => {
                if self.native.door(from, to, total, now)? == Door::Shut {
                    return Ok(self.native.begin_gathering(from, send, content, total)?);
                }
                self.native.deliver(from, to, send, content);
                self.native.reserve(to, total - content.len());
                Ok(Receivers::One(self.native.sessions.key(to)))
            }
            Target::Room(room) => {
                let native = &mut self.native;
                let spread = native.begin_in_room(from, room, send, content, total, now)?;
                Ok(Receivers::Room(spread))
            }
            Target::Away => Ok(self.native.begin_gathering(from, send, content, total)?),
            Target::Classic(..) => Err(Why::NotClassic.into()),
        }
    }

    fn part(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        now: Duration,
    ) -> Result<Option<Verdict>, Refusal> {
        let mut taking = self.native.taken_out(from, send.id)?;
        let is_last = send.part == Part::Last;
        let fits = match is_last {
            true => taking.left == content.len(),
            false => taking.left > content.len(),
        };
        if !fits || taking.to != send.to {
            self.native.give_up(from, &taking);
            return Err(Why::TooLong.into());
        }
        let result = self.native.pass_on(from, &mut taking, send, content);
        taking.left -= content.len();
        if !is_last {
            if result.is_err() {
                taking.receivers = Receivers::Nobody;
            }
            if let Some(session) = self.native.sessions.get_mut(from) {
                session.busy().taking = Some(taking);
            }
            return result.map(|()| None);
        }
        result?;
        let (verdict, deliveries) = self.native.finish(from, *taking, send, now)?;
        self.counts.deliveries += deliveries;
        Ok(verdict)
    }

    /// Where this goes, if it may.
    #[inline]
    fn target(&mut self, from: u32, to: &To, now: Duration) -> Result<Target, Why> {
        if let Some(target) = self.native.route.target(from, to) {
            return Ok(target);
        }
        let target = self.resolve(from, to, now)?;
        if !matches!(target, Target::Classic(..)) {
            self.native.route.set_target(from, *to, target);
        }
        Ok(target)
    }

    fn resolve(&mut self, from: u32, to: &To, now: Duration) -> Result<Target, Why> {
        match to {
            To::Name(name) => {
                let known = self.native.names.find(name);
                let session = known.and_then(|id| self.native.names.get(id).session);
                if let Some(session) = session {
                    return Ok(Target::Session(session));
                }
                match (self.native.reach, known) {
                    (Reach::Fleet, _) | (Reach::Store, Some(_)) => Ok(Target::Away),
                    (Reach::Here, Some(_)) => Err(Why::Away),
                    (Reach::Here | Reach::Store, None) => Err(Why::Unknown),
                }
            }
            To::Room(room) => {
                let room = self.native.rooms.find(room).ok_or(Why::NotInRoom)?;
                let session = self.native.sessions.get(from);
                let is_in = session.is_some_and(|session| session.rooms.all().contains(&room));
                is_in.then_some(Target::Room(room)).ok_or(Why::NotInRoom)
            }
            To::Address(address) => {
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                if let Some(session) = self.native.sessions.find(address) {
                    return Ok(Target::Session(session));
                }
                let via = self.classic.find(address, now).ok_or(Why::NotThere)?;
                Ok(Target::Classic(address, via))
            }
        }
    }

    fn deliver_classic(
        &mut self,
        from: u32,
        (to, via): (SocketAddr, Via),
        send: &Send,
        content: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Why> {
        let sender = self.native.sessions.get(from).ok_or(Why::NotThere)?;
        let delivery = Reply::Delivery {
            from: sender.address,
            content,
        };
        let mut text = std::mem::take(&mut self.native.scratch);
        text.clear();
        let can_say = send.body == Body::Plain && delivery.encode(&mut text).is_ok();
        if can_say {
            out.push(to, via, text.len(), |run| run.extend_from_slice(&text));
            self.counts.deliveries += 1;
        }
        self.native.scratch = text;
        can_say.then_some(()).ok_or(Why::NotClassic)
    }
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was taken before.
    Repeated,
    /// The same, and its sender will be told what becomes of it.
    Pending,
    /// Its sender is told why.
    Because(Why),
    /// Its sender was told already, with an earlier part of it.
    Said,
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        Self::Because(why)
    }
}
