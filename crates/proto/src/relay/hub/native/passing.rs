//! How a message, or a part of one, gets into its receivers' queues, and what is remembered of it.

use std::net::SocketAddr;
use std::time::Duration;

use super::Native;
use super::custody::Teller;
use super::messages::{Receivers, Refusal, Taking, Verdict};
use super::names::Known;
use super::pending::Pending;
use super::receipts::Tells;
use super::rooms::append;
use super::sessions::{Key, Session};
use crate::relay::hub::Reach;
use crate::relay::native::frames::{Delivery, Origin, Part, Read, Send, Stage, To, Wants, Why};
use crate::relay::native::{MessageId, Name};

impl Native {
    /// The most bytes in all queues together.
    pub(super) const MOST_WAITING: usize = 256 * 1024 * 1024;

    /// A new message begins: what its sender left unfinished is dropped.
    #[inline]
    pub(super) fn begin(&mut self, from: u32, id: MessageId) -> Result<(), Refusal> {
        let session = self.sessions.get(from).ok_or(Refusal::Said)?;
        if session
            .busy
            .as_ref()
            .is_some_and(|busy| busy.taking.is_some())
        {
            self.drop_unfinished(from);
        }
        if id > self.last(from) {
            return match self.reach {
                Reach::Here => Ok(()),
                Reach::Store | Reach::Fleet => self.may_say(from),
            };
        }
        Err(self.said_again(from, id))
    }

    fn known(&self, index: u32) -> Option<&Known> {
        let name = self.sessions.get(index)?.name?;
        Some(self.names.get(name))
    }

    /// What is under way of a session's owner.
    fn under_way(&self, from: u32) -> Option<&Pending> {
        let session = self.sessions.get(from)?;
        match session.name {
            Some(name) => self.names.get(name).under_way(),
            None => session.busy.as_ref().map(|busy| &busy.pending),
        }
    }

    /// Whether more is taken from somebody before something of theirs has a verdict.
    fn may_say(&self, from: u32) -> Result<(), Refusal> {
        let is_full = self.under_way(from).is_some_and(Pending::is_full);
        (!is_full).then_some(()).ok_or(Refusal::Because(Why::Full))
    }

    /// What is told of a message that was said before.
    fn said_again(&self, from: u32, id: MessageId) -> Refusal {
        if self.under_way(from).is_some_and(|pending| pending.has(id)) {
            return Refusal::Pending;
        }
        let known = self.known(from);
        let refused = known.and_then(|known| known.was_refused(id));
        refused.map_or(Refusal::Repeated, Refusal::Because)
    }

    /// The last message that was taken from this sender.
    pub(super) fn last(&self, from: u32) -> MessageId {
        let session = self.sessions.get(from);
        session.map_or(MessageId::default(), |session| match session.name {
            Some(name) => self.names.get(name).last,
            None => session.last,
        })
    }

    /// A message is in the queues that it is for.
    pub(super) fn queued(&mut self, from: u32, id: MessageId, verdict: Verdict) {
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
            Verdict::Pending => self.is_pending(from, id),
            Verdict::Now => self.say(from, id, Stage::Queued),
            Verdict::When(slow) => self.withhold(slow, sender, id),
        }
    }

    /// A message is not taken: its sender is told so, now and whenever it says it again.
    pub(super) fn refuse(&mut self, from: u32, id: MessageId, why: Why) {
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
    pub(super) fn verdict_of(&self, to: u32, now: Duration) -> Verdict {
        let slow = |session: &&Session| session.is_slow() && !session.stands_still(now);
        match self.sessions.get(to).filter(slow) {
            Some(_) => Verdict::When(to),
            None => Verdict::Now,
        }
    }

    /// The name of who a message is for, where they have one.
    pub(super) fn name_of(&self, to: &To) -> Option<Name> {
        match to {
            To::Name(name) => Some(*name),
            To::Room(_) => None,
            To::Address(address) => {
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                let known = self.known(self.sessions.find(address)?)?;
                Some(known.name)
            }
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
    pub(super) fn deliver(&mut self, from: u32, to: u32, send: &Send, content: &[u8]) {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        if !self.route.write((from, to), send, content, &mut frame) {
            self.append_delivery((from, to), send, content, &mut frame);
        }
        let packet = self.push_frame(to, &frame);
        self.scratch = frame;
        let is_end = matches!(send.part, Part::Whole | Part::Last);
        if is_end && (self.keeps_mail() || send.wants != Wants::Nothing) {
            self.is_due(packet, (from, to), send);
        }
    }

    /// Notes what is told of a message when this packet has come.
    fn is_due(&mut self, packet: u32, (from, to): (u32, u32), send: &Send) {
        let (teller, tells) = match self.reach {
            Reach::Here => (Teller::Session(self.sessions.key(from)), Tells::Delivered),
            _ => (self.teller(from), Tells::verdict(send.wants)),
        };
        if let Some(session) = self.sessions.get_mut(to) {
            session.note_due(packet, teller, send.id, tells);
        }
    }

    pub(super) fn append_delivery(
        &mut self,
        (from, to): (u32, u32),
        send: &Send,
        content: &[u8],
        frame: &mut Vec<u8>,
    ) {
        if let Some(sender) = self.sessions.get(from) {
            let delivery = Delivery {
                waited: 0,
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

    pub(super) fn reserve(&mut self, to: u32, bytes: usize) {
        if let Some(session) = self.sessions.get_mut(to) {
            session.busy().reserved += bytes;
        }
    }

    pub(super) fn unreserve(&mut self, to: Key, bytes: usize) {
        if let Some(session) = self.sessions.of(to) {
            let busy = session.busy();
            busy.reserved = busy.reserved.saturating_sub(bytes);
        }
    }

    /// The unfinished message that a part with this number belongs to.
    pub(super) fn taken_out(&mut self, from: u32, id: MessageId) -> Result<Box<Taking>, Refusal> {
        let session = self.sessions.get_mut(from).ok_or(Refusal::Said)?;
        let busy = session.busy.as_mut();
        let taking = busy.and_then(|busy| busy.taking.take_if(|taking| taking.id == id));
        taking.ok_or(Refusal::Because(Why::TooLong))
    }

    /// Passes a part on to whoever got the first one.
    pub(super) fn pass_on(
        &mut self,
        from: u32,
        taking: &mut Taking,
        send: &Send,
        content: &[u8],
    ) -> Result<(), Refusal> {
        if taking.is_gathered() && self.waiting + content.len() > Self::MOST_WAITING {
            self.give_up(from, taking);
            taking.receivers = Receivers::Nobody;
            return Err(Refusal::Because(Why::Full));
        }
        match &mut taking.receivers {
            Receivers::Nobody => Err(Refusal::Said),
            Receivers::Letter(gathering) => {
                self.gather(gathering, content);
                Ok(())
            }
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
    pub(super) fn finish(
        &mut self,
        from: u32,
        taking: Taking,
        send: &Send,
        now: Duration,
    ) -> Result<(Option<Verdict>, u64), Why> {
        Ok(match taking.receivers {
            Receivers::Nobody => (None, 0),
            Receivers::Letter(gathering) => {
                self.write_gathered(from, gathering, send, now)?;
                (Some(Verdict::Pending), 0)
            }
            Receivers::One(to) => (Some(self.verdict_now(to.index)), 1),
            Receivers::Room(mut spread) => {
                let slow = spread.to.iter().find_map(|to| {
                    let is_slow = self.sessions.of(*to)?.is_slow();
                    is_slow.then_some(to.index)
                });
                let mut verdict = slow.map_or(Verdict::Now, Verdict::When);
                let deliveries = spread.to.len() as u64;
                if let Some(gathered) = spread.gathered.take() {
                    let ticket = self.say_gathered(from, gathered);
                    self.note_slow(ticket, verdict);
                    verdict = Verdict::Pending;
                }
                self.keep_parts(spread, now);
                (Some(verdict), deliveries)
            }
        })
    }

    fn verdict_now(&self, to: u32) -> Verdict {
        if self.keeps_mail() {
            return Verdict::Pending;
        }
        match self.sessions.get(to).is_some_and(Session::is_slow) {
            true => Verdict::When(to),
            false => Verdict::Now,
        }
    }

    /// Nothing more of this message is passed on.
    pub(super) fn give_up(&mut self, from: u32, taking: &Taking) {
        match &taking.receivers {
            Receivers::Nobody => {}
            Receivers::Letter(gathering) => self.drop_gathered(gathering),
            Receivers::One(to) => self.unreserve(*to, taking.left),
            Receivers::Room(spread) => {
                for to in &spread.to {
                    self.unreserve(*to, taking.left);
                }
                if let Some(gathered) = &spread.gathered {
                    self.drop_for_others(gathered);
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

    /// Somebody has read a message: its sender is told, if they are there and hear what they are told.
    pub(super) fn was_read(&mut self, read: &Read) {
        let sender = self.session_of(&read.from);
        match sender {
            Some(sender) => self.tell_if_it_hears(sender, (read.id, read.id), Stage::Read),
            None => self.tell_elsewhere(&read.from, read.id, Stage::Read),
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
