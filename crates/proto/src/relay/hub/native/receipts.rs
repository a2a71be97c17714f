//! What senders are told of their messages: put together, and withheld while who they write to is slow.

use std::time::Duration;

use super::Native;
use super::custody::Teller;
use super::sessions::{Key, Session};
use crate::relay::fleet::Passed;
use crate::relay::hub::elsewhere::Errand;
use crate::relay::native::MessageId;
use crate::relay::native::frames::{Receipt, Stage, Wants};

/// A verdict that waits until a queue is shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Withheld {
    sender: Key,
    first: MessageId,
    last: MessageId,
}

/// Messages whose sender is to hear when this packet was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    packet: u32,
    teller: Teller,
    first: MessageId,
    last: MessageId,
    tells: Tells,
}

/// What is told of a message when it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// The verdict.
    Verdict,
    /// That it was delivered.
    Delivered,
    /// Both.
    Both,
}

impl Tells {
    /// For a message that has no verdict before it has come.
    #[inline]
    pub(super) fn verdict(wants: Wants) -> Self {
        match wants {
            Wants::Nothing => Self::Verdict,
            Wants::Delivered | Wants::Read => Self::Both,
        }
    }
}

impl Due {
    /// Who is to hear of this message in this packet, if it is the next one that somebody is to hear of.
    pub(super) fn next(&mut self, packet: u32, id: MessageId) -> Option<Teller> {
        let is_it = (self.packet, self.first) == (packet, id);
        is_it.then(|| {
            self.first = MessageId(id.0.saturating_add(1));
            self.teller
        })
    }

    /// Whether all messages of it were taken out.
    pub(super) fn is_over(&self) -> bool {
        self.first > self.last
    }
}

/// Whether this message comes right after those.
fn follows(last: MessageId, id: MessageId) -> bool {
    last.0.checked_add(1) == Some(id.0)
}

impl Session {
    /// Tells it what became of messages of its own. What goes on where an earlier receipt ends becomes one with it.
    pub(super) fn tell(&mut self, first: MessageId, last: MessageId, stage: Stage) {
        let receipts = &mut self.busy().receipts;
        let recent = receipts.iter_mut().rev().take(4);
        let mut joins = recent.filter(|run| run.stage == stage && follows(run.last, first));
        match joins.next() {
            Some(run) => run.last = last,
            None => receipts.push(Receipt { first, last, stage }),
        }
    }

    /// Whether verdicts wait until this session's queue is shorter.
    pub(super) fn withholds(&self) -> bool {
        let busy = self.busy.as_ref();
        busy.is_some_and(|busy| !busy.withheld.is_empty())
    }

    /// Withholds a verdict until this session's queue is shorter.
    pub(super) fn withhold(&mut self, sender: Key, id: MessageId) {
        let withheld = &mut self.busy().withheld;
        let recent = withheld.iter_mut().rev().take(4);
        let mut joins = recent.filter(|run| run.sender == sender && follows(run.last, id));
        match joins.next() {
            Some(run) => run.last = id,
            None => withheld.push(Withheld {
                sender,
                first: id,
                last: id,
            }),
        }
    }

    /// Takes nothing from it any more.
    fn hold(&mut self) {
        self.is_held = true;
        self.link.set_window(0);
    }

    /// Takes what it says again, and tells it so.
    fn let_go(&mut self) {
        if std::mem::take(&mut self.is_held) {
            self.link.set_window(Self::WINDOW);
            self.link.ask();
        }
    }

    /// Takes less of what comes before its turn while little can be kept.
    #[inline]
    pub(super) fn set_window(&mut self, is_tight: bool) {
        let open = if is_tight { Self::TIGHT } else { Self::WINDOW };
        self.link.set_window(if self.is_held { 0 } else { open });
    }

    /// Notes what is told of a message when this packet has come.
    #[inline]
    pub(super) fn note_due(&mut self, packet: u32, teller: Teller, id: MessageId, tells: Tells) {
        let due = &mut self.busy().due;
        let alike = (packet, teller, tells);
        match due.back_mut() {
            Some(run) if (run.packet, run.teller, run.tells) == alike && follows(run.last, id) => {
                run.last = id;
            }
            _ => due.push_back(Due {
                packet,
                teller,
                first: id,
                last: id,
                tells,
            }),
        }
    }
}

impl Native {
    /// Tells a sender what became of messages, if it still has the session that it sent them in.
    pub(super) fn tell(&mut self, sender: Key, first: MessageId, last: MessageId, stage: Stage) {
        if let Some(session) = self.sessions.of(sender) {
            session.tell(first, last, stage);
            self.touch(sender.index);
        }
    }

    /// Withholds the verdict of a message that is in a long queue. Where that is very long, since many write to it, its
    /// writers have to wait with all they have to say.
    pub(super) fn withhold(&mut self, slow: u32, sender: Key, id: MessageId) {
        let Some(session) = self.sessions.get_mut(slow) else {
            return;
        };
        session.withhold(sender, id);
        let is_pressing = session.link.backlog() > Session::PRESSING;
        self.touch(slow);
        if let Some(session) = self.sessions.of(sender).filter(|_| is_pressing) {
            session.hold();
        }
    }

    /// A queue may have become shorter: whoever waited for that is told.
    pub(super) fn settle(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if session.is_stuck && !(session.is_slow() && session.stands_still(now)) {
            session.is_stuck = false;
            self.stuck -= 1;
        }
        self.settle_due(index);
        self.release(index, now);
        if self.keeps_mail() {
            self.mail_came(index);
            self.look_after_mail(index, now);
        }
    }

    fn settle_due(&mut self, index: u32) {
        while let Some(session) = self.sessions.get_mut(index) {
            let acknowledged = session.link.acknowledged();
            let due = session.busy.as_mut().and_then(|busy| {
                let has_come = busy.due.front()?.packet < acknowledged;
                has_come.then(|| busy.due.pop_front()).flatten()
            });
            let Some(due) = due else {
                return;
            };
            self.has_come(&due);
        }
    }

    /// Messages have come to their receiver's program.
    fn has_come(&mut self, due: &Due) {
        let (teller, ids) = (due.teller, (due.first, due.last));
        if let Teller::Relay(reply) = teller {
            let passed = Passed::Taken;
            return self.errands.push(Errand::Passed { reply, passed });
        }
        if due.tells != Tells::Delivered {
            self.are_safe(teller, ids);
        }
        if due.tells != Tells::Verdict {
            self.tell_of(teller, ids, Stage::Delivered);
        }
    }

    /// Gives the verdicts that waited for this queue, if it is short enough or nobody waits for it any more.
    fn release(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if !session.withholds() {
            return;
        }
        let is_short = session.link.backlog() < Session::LOW;
        if is_short || session.stands_still(now) {
            self.release_all(index);
        }
    }

    pub(super) fn release_all(&mut self, index: u32) {
        let session = self.sessions.get_mut(index);
        let busy = session.and_then(|session| session.busy.as_mut());
        let withheld = busy.map(|busy| std::mem::take(&mut busy.withheld));
        for run in withheld.unwrap_or_default() {
            if let Some(session) = self.sessions.of(run.sender) {
                session.let_go();
            }
            self.tell(run.sender, run.first, run.last, Stage::Queued);
        }
    }

    /// This queue stands still: it is counted as long as it does.
    pub(super) fn is_stuck(&mut self, index: u32) {
        if let Some(session) = self.sessions.get_mut(index)
            && !session.is_stuck
        {
            session.is_stuck = true;
            self.stuck += 1;
        }
        self.release_all(index);
    }
}
