//! Messages on their way: who they are for, whether there is room, and what their senders are told.

use std::net::SocketAddr;
use std::time::Duration;

use super::Native;
use super::rooms::{RoomId, append};
use super::sessions::{Key, Session};
use crate::relay::Reply;
use crate::relay::hub::{Hub, Outbox, Via, elsewhere};
use crate::relay::native::frames::{
    Body, Delivery, Origin, Part, Read, Send, Stage, To, Wants, Why,
};
use crate::relay::native::{MAX_CONTENT, MessageId};

/// A message of which not all parts are there.
#[derive(Debug)]
pub(super) struct Taking {
    pub(super) id: MessageId,
    to: To,
    /// How many bytes are still to come.
    left: usize,
    pub(super) receivers: Receivers,
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
}

/// A message that goes to a room part by part.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) room: RoomId,
    pub(super) place: u64,
    pub(super) to: Vec<Key>,
    /// Its frames so far, as long as the room would keep them.
    pub(super) kept: Option<Vec<u8>>,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Session(u32),
    Room(RoomId),
    Classic(SocketAddr, Via),
}

/// When the sender of a message that is queued is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Now,
    /// When this session's queue is shorter.
    When(u32),
    /// When it was spread.
    Later,
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
            Target::Session(to) => {
                self.native.has_room(to, content.len(), now)?;
                self.native.deliver(from, to, send, content);
                self.counts.deliveries += 1;
                Ok(self.native.verdict_of(to, now))
            }
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
                self.native.has_room(to, total, now)?;
                self.native.deliver(from, to, send, content);
                self.native.reserve(to, total - content.len());
                Ok(Receivers::One(self.native.sessions.key(to)))
            }
            Target::Room(room) => {
                let native = &mut self.native;
                let spread = native.begin_in_room(from, room, send, content, total, now)?;
                Ok(Receivers::Room(spread))
            }
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
        let (verdict, deliveries) = self.native.finish(*taking, now);
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
                let is_known = known.is_some();
                session
                    .map(Target::Session)
                    .ok_or_else(|| elsewhere::refuse(name, is_known))
            }
            To::Room(room) => {
                let room = self.native.rooms.find(room).ok_or(Why::NotInRoom)?;
                let session = self.native.sessions.get(from);
                let is_in = session.is_some_and(|session| session.rooms.contains(&room));
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

impl Native {
    /// The most bytes in all queues together.
    pub(super) const MOST_WAITING: usize = 256 * 1024 * 1024;

    /// A new message begins: what its sender left unfinished is dropped.
    #[inline]
    fn begin(&mut self, from: u32, id: MessageId) -> Result<(), Refusal> {
        let session = self.sessions.get(from).ok_or(Refusal::Said)?;
        if session
            .busy
            .as_ref()
            .is_some_and(|busy| busy.taking.is_some())
        {
            self.drop_unfinished(from);
        }
        if id > self.last(from) {
            return Ok(());
        }
        let name = self.sessions.get(from).and_then(|session| session.name);
        let refused = name.and_then(|name| self.names.get(name).was_refused(id));
        Err(refused.map_or(Refusal::Repeated, Refusal::Because))
    }

    /// The last message that was taken from this sender.
    fn last(&self, from: u32) -> MessageId {
        let session = self.sessions.get(from);
        session.map_or(MessageId::default(), |session| match session.name {
            Some(name) => self.names.get(name).last,
            None => session.last,
        })
    }

    /// A message is in the queues that it is for.
    fn queued(&mut self, from: u32, id: MessageId, verdict: Verdict) {
        let sender = self.sessions.key(from);
        let Some(session) = self.sessions.get_mut(from) else {
            return;
        };
        match session.name {
            Some(name) => self.names.get_mut(name).took(id),
            None => session.last = id,
        }
        match verdict {
            Verdict::Later => {}
            Verdict::Now => self.say(from, id, Stage::Queued),
            Verdict::When(slow) => self.withhold(slow, sender, id),
        }
    }

    /// A message is not taken: its sender is told so, now and whenever it says it again.
    fn refuse(&mut self, from: u32, id: MessageId, why: Why) {
        let name = self.sessions.get(from).and_then(|session| session.name);
        if let Some(name) = name {
            let known = self.names.get_mut(name);
            if known.was_refused(id).is_none() {
                known.note_refused(id, why);
            }
        }
        self.say(from, id, Stage::Refused(why));
    }

    /// Tells a sender what became of a message.
    pub(super) fn say(&mut self, from: u32, id: MessageId, stage: Stage) {
        if let Some(session) = self.sessions.get_mut(from) {
            session.tell(id, id, stage);
            self.touch(from);
        }
    }

    /// Whether a receiver takes a message of this many bytes in all.
    #[inline]
    pub(super) fn has_room(&mut self, to: u32, bytes: usize, now: Duration) -> Result<(), Why> {
        if self.waiting + bytes > Self::MOST_WAITING {
            return Err(Why::Full);
        }
        let session = self.sessions.get(to).ok_or(Why::NotThere)?;
        if session.has_room(bytes, now) {
            return Ok(());
        }
        self.note_behind(to, now);
        Err(Why::Behind)
    }

    /// Somebody was passed by: is it that they take nothing?
    pub(super) fn note_behind(&mut self, index: u32, now: Duration) {
        let session = self.sessions.get(index);
        if session.is_some_and(|session| session.is_slow() && session.stands_still(now)) {
            self.is_stuck(index);
        }
    }

    /// When the sender of what was just queued is told so.
    #[inline]
    fn verdict_of(&self, to: u32, now: Duration) -> Verdict {
        let slow = |session: &&Session| session.is_slow() && !session.stands_still(now);
        match self.sessions.get(to).filter(slow) {
            Some(_) => Verdict::When(to),
            None => Verdict::Now,
        }
    }

    /// Who a session is to others.
    #[inline]
    pub(super) fn origin(&self, session: &Session) -> Origin {
        match session.name {
            Some(name) => Origin::Name(self.names.get(name).name),
            None => Origin::Address(session.address),
        }
    }

    /// Puts a message, or a part of one, in the receiver's queue.
    fn deliver(&mut self, from: u32, to: u32, send: &Send, content: &[u8]) {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        if !self.route.write((from, to), send, content, &mut frame) {
            self.append_delivery((from, to), send, content, &mut frame);
        }
        let packet = self.push_frame(to, &frame);
        self.scratch = frame;
        let is_end = matches!(send.part, Part::Whole | Part::Last);
        if is_end && send.wants != Wants::Nothing {
            let sender = self.sessions.key(from);
            if let Some(session) = self.sessions.get_mut(to) {
                session.note_due(packet, sender, send.id);
            }
        }
    }

    fn append_delivery(
        &mut self,
        (from, to): (u32, u32),
        send: &Send,
        content: &[u8],
        frame: &mut Vec<u8>,
    ) {
        if let Some(sender) = self.sessions.get(from) {
            let delivery = Delivery {
                from: self.origin(sender),
                room: None,
                id: send.id,
                part: send.part,
                wants: send.wants,
                body: send.body,
            };
            append(&delivery, content, frame);
            self.route.was_written((from, to), &delivery);
        }
    }

    fn reserve(&mut self, to: u32, bytes: usize) {
        if let Some(session) = self.sessions.get_mut(to) {
            session.busy().reserved += bytes;
        }
    }

    fn unreserve(&mut self, to: Key, bytes: usize) {
        if let Some(session) = self.sessions.of(to) {
            let busy = session.busy();
            busy.reserved = busy.reserved.saturating_sub(bytes);
        }
    }

    /// The unfinished message that a part with this number belongs to.
    fn taken_out(&mut self, from: u32, id: MessageId) -> Result<Box<Taking>, Refusal> {
        let session = self.sessions.get_mut(from).ok_or(Refusal::Said)?;
        let busy = session.busy.as_mut();
        let taking = busy.and_then(|busy| busy.taking.take_if(|taking| taking.id == id));
        taking.ok_or(Refusal::Because(Why::TooLong))
    }

    /// Passes a part on to whoever got the first one.
    fn pass_on(
        &mut self,
        from: u32,
        taking: &mut Taking,
        send: &Send,
        content: &[u8],
    ) -> Result<(), Refusal> {
        match &mut taking.receivers {
            Receivers::Nobody => Err(Refusal::Said),
            Receivers::One(to) => {
                let to = *to;
                self.sessions.of(to).ok_or(Refusal::Because(Why::Away))?;
                self.unreserve(to, content.len());
                self.deliver(from, to.index, send, content);
                Ok(())
            }
            Receivers::Room(spread) => {
                self.say_part(from, spread, send, content);
                for to in &spread.to {
                    self.unreserve(*to, content.len());
                }
                Ok(())
            }
        }
    }

    /// All parts have come.
    fn finish(&mut self, taking: Taking, now: Duration) -> (Option<Verdict>, u64) {
        match taking.receivers {
            Receivers::Nobody => (None, 0),
            Receivers::One(to) => (Some(self.verdict_now(to.index)), 1),
            Receivers::Room(spread) => {
                let slow = spread.to.iter().find_map(|to| {
                    let is_slow = self.sessions.of(*to)?.is_slow();
                    is_slow.then_some(to.index)
                });
                let deliveries = spread.to.len() as u64;
                self.keep_parts(spread, now);
                (Some(slow.map_or(Verdict::Now, Verdict::When)), deliveries)
            }
        }
    }

    fn verdict_now(&self, to: u32) -> Verdict {
        match self.sessions.get(to).is_some_and(Session::is_slow) {
            true => Verdict::When(to),
            false => Verdict::Now,
        }
    }

    /// Nothing more of this message is passed on.
    fn give_up(&mut self, from: u32, taking: &Taking) {
        match &taking.receivers {
            Receivers::Nobody => {}
            Receivers::One(to) => self.unreserve(*to, taking.left),
            Receivers::Room(spread) => {
                for to in &spread.to {
                    self.unreserve(*to, taking.left);
                }
            }
        }
        self.touch(from);
    }

    /// A session begins something else, or ends, with a message unfinished.
    pub(super) fn drop_unfinished(&mut self, from: u32) {
        let session = self.sessions.get_mut(from);
        let busy = session.and_then(|session| session.busy.as_mut());
        if let Some(taking) = busy.and_then(|busy| busy.taking.take()) {
            self.give_up(from, &taking);
            if !matches!(taking.receivers, Receivers::Nobody) {
                self.refuse(from, taking.id, Why::TooLong);
            }
        }
    }

    /// Somebody has read a message: its sender is told, if they are there.
    pub(super) fn was_read(&mut self, read: &Read) {
        if let Some(sender) = self.session_of(&read.from) {
            self.say(sender, read.id, Stage::Read);
        }
    }

    /// The session of somebody, if they are there.
    pub(super) fn session_of(&self, origin: &Origin) -> Option<u32> {
        match origin {
            Origin::Address(address) => self.sessions.find(*address),
            Origin::Name(name) => self.names.get(self.names.find(name)?).session,
        }
    }
}
