//! Messages whose senders have no verdict yet: each is with somebody else, or on its way to its receiver's program.

use slab::Slab;

use super::Native;
use super::names::NameId;
use super::pending::Pending;
use super::sessions::{Key, Session};
use crate::relay::hub::Hub;
use crate::relay::hub::elsewhere::{Outcome, ReplyTo, Ticket};
use crate::relay::native::MessageId;
use crate::relay::native::frames::{Stage, Wants, Why};

/// Who is to hear what becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Teller {
    /// Whoever goes by this name, in whatever session that is by then.
    Name(NameId),
    /// This session.
    Session(Key),
    /// Another relay.
    Relay(ReplyTo),
}

/// A message that was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) teller: Teller,
    pub(super) id: MessageId,
    pub(super) wants: Wants,
    /// Whom it is for, where that is known here.
    pub(super) to: Option<NameId>,
    /// How many bytes of content are away with it.
    pub(super) bytes: usize,
}

impl Waiting {
    /// About what one costs beside its content.
    const COST: usize = 256;

    fn cost(&self) -> usize {
        self.bytes + Self::COST
    }
}

/// All that was sent away and is not settled.
#[derive(Debug, Default)]
pub(super) struct Custody {
    waiting: Slab<(u32, Waiting)>,
    serial: u32,
    /// How many bytes are away.
    bytes: usize,
    /// How many messages have no verdict.
    pending: usize,
}

impl Custody {
    /// The most bytes that are away at once.
    pub(super) const MOST: usize = 64 * 1024 * 1024;

    /// The ticket of something that is sent away.
    fn ticket(&mut self, waiting: Waiting) -> Ticket {
        self.bytes += waiting.cost();
        self.serial = self.serial.wrapping_add(1);
        let place = self.waiting.insert((self.serial, waiting));
        Ticket(u64::from(self.serial) << 32 | place as u64)
    }

    /// What was sent away with this ticket, once.
    fn take(&mut self, Ticket(ticket): Ticket) -> Option<Waiting> {
        let place = usize::try_from(ticket & u64::from(u32::MAX)).ok()?;
        let (serial, waiting) = *self.waiting.get(place)?;
        if u64::from(serial) != ticket >> 32 {
            return None;
        }
        self.waiting.remove(place);
        self.bytes -= waiting.cost();
        Some(waiting)
    }

    /// How many messages are away, and their size in bytes.
    pub(super) fn away(&self) -> (usize, usize) {
        let cost = Waiting::COST * self.waiting.len();
        (self.waiting.len(), self.bytes - cost)
    }

    /// How many messages have no verdict yet.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }
}

impl Native {
    /// Who is to hear what becomes of a message that this session says.
    pub(super) fn teller(&self, from: u32) -> Teller {
        let name = self.sessions.get(from).and_then(|session| session.name);
        name.map_or_else(|| Teller::Session(self.sessions.key(from)), Teller::Name)
    }

    /// The ticket of a message that is sent away, if there is room for it.
    pub(super) fn entrust(&mut self, waiting: Waiting) -> Result<Ticket, Why> {
        self.may_entrust(waiting)?;
        Ok(self.entrust_anyway(waiting))
    }

    /// Whether there is room for a message that is to be sent away.
    pub(super) fn may_entrust(&mut self, waiting: Waiting) -> Result<(), Why> {
        let is_room = self.custody.bytes + waiting.cost() <= Custody::MOST;
        let pending = self.pending_of(waiting.teller);
        let may_send = is_room && pending.is_none_or(|pending| pending.may_send());
        may_send.then_some(()).ok_or(Why::Full)
    }

    /// The ticket of a message that is sent away, for which there was room when it began.
    pub(super) fn entrust_anyway(&mut self, waiting: Waiting) -> Ticket {
        if let Some(pending) = self.pending_of(waiting.teller) {
            pending.sent(waiting.bytes);
        }
        if let Some(to) = waiting.to {
            self.names.get_mut(to).pending().expected += 1;
        }
        self.custody.ticket(waiting)
    }

    /// What was sent away with this ticket, once: it is not away any more.
    pub(super) fn taken_back(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.custody.take(ticket)?;
        if let Some(pending) = self.pending_of(waiting.teller) {
            pending.settled(waiting.bytes);
        }
        if let Some(to) = waiting.to {
            self.letter_is_there(to);
        }
        Some(waiting)
    }

    /// What is under way of somebody who is here, or goes by a name.
    fn pending_of(&mut self, teller: Teller) -> Option<&mut Pending> {
        match teller {
            Teller::Name(name) => Some(self.names.get_mut(name).pending()),
            Teller::Session(key) => Some(&mut self.sessions.of(key)?.busy().pending),
            Teller::Relay(_) => None,
        }
    }

    /// A message was taken and has no verdict yet.
    pub(super) fn is_pending(&mut self, from: u32, id: MessageId) {
        if let Some(pending) = self.pending_of(self.teller(from)) {
            pending.add(id);
            self.custody.pending += 1;
        }
    }

    /// A session without a name is over: nobody is to hear what becomes of its messages.
    pub(super) fn nobody_hears(&mut self, session: &Session) {
        let pending = session.busy.as_ref().map(|busy| busy.pending.messages());
        self.custody.pending -= pending.unwrap_or_default();
    }

    /// Tells whoever is to hear it what became of messages; what is no verdict is told to those who are here alone.
    pub(super) fn tell_of(
        &mut self,
        teller: Teller,
        (first, last): (MessageId, MessageId),
        stage: Stage,
    ) {
        match teller {
            Teller::Session(key) => self.tell(key, first, last, stage),
            Teller::Name(name) => {
                if let Some(index) = self.names.get(name).session {
                    let key = self.sessions.key(index);
                    self.tell(key, first, last, stage);
                }
            }
            Teller::Relay(_) => {}
        }
    }

    /// Messages are safe: their sender has the verdict, and what else it wants to hear where their receiver has them.
    pub(super) fn are_safe(&mut self, teller: Teller, ids: (MessageId, MessageId)) {
        self.have_verdict(teller, ids);
        self.tell_of(teller, ids, Stage::Queued);
    }

    /// A message that was taken will not arrive after all.
    pub(super) fn is_refused(&mut self, teller: Teller, id: MessageId, why: Why) {
        self.refused += 1;
        self.have_verdict(teller, (id, id));
        if let Teller::Name(name) = teller {
            self.names.get_mut(name).note_refused(id, why);
        }
        self.tell_of(teller, (id, id), Stage::Refused(why));
    }

    pub(super) fn have_verdict(&mut self, teller: Teller, (first, last): (MessageId, MessageId)) {
        if let Some(pending) = self.pending_of(teller) {
            let before = pending.messages();
            pending.remove(first, last);
            let removed = before - pending.messages();
            self.custody.pending -= removed;
        }
        if let Teller::Name(name) = teller {
            self.names.get_mut(name).needs_less();
        }
    }
}

impl Hub {
    /// Something that was sent away is settled.
    pub(in crate::relay::hub) fn settled(&mut self, ticket: Ticket, outcome: Outcome) {
        let native = &mut self.native;
        let Some(waiting) = native.taken_back(ticket) else {
            return;
        };
        let Waiting { teller, id, .. } = waiting;
        match (outcome, native.slow_one_of(ticket)) {
            (Outcome::Taken | Outcome::Kept, Some(slow)) => native.wait_for(slow, teller, id),
            (Outcome::Taken, None) => {
                native.are_safe(teller, (id, id));
                if waiting.wants != Wants::Nothing {
                    native.tell_of(teller, (id, id), Stage::Delivered);
                }
            }
            (Outcome::Kept, None) => native.are_safe(teller, (id, id)),
            (Outcome::Refused(why), _) => native.is_refused(teller, id, why),
        }
    }
}
