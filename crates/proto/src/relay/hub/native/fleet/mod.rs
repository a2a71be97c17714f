//! What is said to other relays of the same community, and what they say.
//!
//! | file | what it has |
//! |---|---|
//! | `claims` | names that are new here |
//! | `asking`, `looks` | questions that other relays are asked, and what this one answers them |
//! | `rooms` | what is said in rooms that span relays |
//! | `states` | how the relays are |

pub(super) mod asking;
pub(super) mod claims;
pub(super) mod looks;
pub(super) mod rooms;
mod states;

use std::time::Duration;

use super::Native;
use crate::relay::fleet::Passed;
use crate::relay::hub::elsewhere::{Errand, ReplyTo};
use crate::relay::hub::{Hub, Outbox, Reach};
use crate::relay::letter::Letter;
use crate::relay::native::frames::{Ending, Origin, Receipt, Stage};
use crate::relay::native::{MessageId, Name};

impl Hub {
    /// Another relay passes a letter on to somebody here.
    pub(in crate::relay::hub) fn letter_came(
        &mut self,
        reply: ReplyTo,
        letter: &Letter,
        content: &[u8],
        now: Duration,
    ) {
        let native = &mut self.native;
        if let Some(to) = native.names.find(&letter.to) {
            return native.letter_here(to, letter, content, reply, now);
        }
        let passed = Passed::Keep;
        native.errand(Errand::Passed { reply, passed });
    }

    /// Another relay says what became of messages of somebody here.
    pub(in crate::relay::hub) fn told(&mut self, to: &Name, receipt: &Receipt) {
        let Receipt { first, last, stage } = *receipt;
        let sender = self.native.session_of(&Origin::Name(*to));
        let is_told = matches!(stage, Stage::Delivered | Stage::Read);
        if let Some(sender) = sender.filter(|_| is_told) {
            self.native.tell_if_it_hears(sender, (first, last), stage);
        }
    }

    /// A name has a younger session elsewhere: the one here ends.
    pub(in crate::relay::hub) fn superseded(
        &mut self,
        name: &Name,
        now: Duration,
        out: &mut Outbox,
    ) {
        if let Some(session) = self.native.session_of(&Origin::Name(*name)) {
            self.native.end(session, Some(Ending::Elsewhere), now, out);
        }
    }
}

impl Native {
    /// Tells a sender what is no verdict, unless it is slow to hear what it is told.
    pub(super) fn tell_if_it_hears(
        &mut self,
        sender: u32,
        (first, last): (MessageId, MessageId),
        stage: Stage,
    ) {
        let session = self.sessions.get_mut(sender);
        if let Some(session) = session.filter(|session| !session.is_slow()) {
            session.tell(first, last, stage);
            self.touch(sender);
        }
    }

    /// Tells a sender who has no session here, as far as others may reach them.
    pub(super) fn tell_elsewhere(&mut self, sender: &Origin, id: MessageId, stage: Stage) {
        let Origin::Name(to) = *sender else {
            return;
        };
        if self.reach == Reach::Fleet && !self.goes_on(to, id, stage) {
            let (first, last) = (id, id);
            let receipt = Receipt { first, last, stage };
            self.errand(Errand::Tell { to, receipt });
        }
    }

    /// Has the last errand tell of one more message, if that comes right after those which it tells of.
    fn goes_on(&mut self, to: Name, id: MessageId, stage: Stage) -> bool {
        let Some(Errand::Tell {
            to: before,
            receipt,
        }) = self.errands.last_mut()
        else {
            return false;
        };
        let follows = receipt.last.0.checked_add(1) == Some(id.0);
        let goes_on = follows && (*before, receipt.stage) == (to, stage);
        if goes_on {
            receipt.last = id;
        }
        goes_on
    }
}
