//! Messages whose senders have no verdict yet: each is with somebody else, or on its way to its receiver's program.

use slab::Slab;

use super::names::NameId;
use super::sessions::Key;
use crate::relay::hub::Hub;
use crate::relay::hub::elsewhere::{Outcome, ReplyTo, Ticket};
use crate::relay::native::MessageId;
use crate::relay::native::frames::Wants;

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
    /// How many bytes of content are away with it.
    pub(super) bytes: usize,
}

/// All that was sent away and is not settled.
#[derive(Debug, Default)]
pub(super) struct Custody {
    waiting: Slab<(u32, Waiting)>,
    serial: u32,
}

impl Custody {
    /// The ticket of something that is sent away.
    pub(super) fn ticket(&mut self, waiting: Waiting) -> Ticket {
        self.serial = self.serial.wrapping_add(1);
        let place = self.waiting.insert((self.serial, waiting));
        Ticket(u64::from(self.serial) << 32 | place as u64)
    }

    /// What was sent away with this ticket, once.
    pub(super) fn take(&mut self, Ticket(ticket): Ticket) -> Option<Waiting> {
        let place = usize::try_from(ticket & u64::from(u32::MAX)).ok()?;
        let (serial, waiting) = *self.waiting.get(place)?;
        if u64::from(serial) != ticket >> 32 {
            return None;
        }
        self.waiting.remove(place);
        Some(waiting)
    }
}

impl Hub {
    /// Something that was sent away is settled.
    pub(in crate::relay::hub) fn settled(&mut self, ticket: Ticket, _outcome: Outcome) {
        let _ = self.native.custody.take(ticket);
    }
}
