//! What sessions are to be sent, and when to look after them again.

use std::time::Duration;

use super::Native;
use super::rooms::append;
use crate::relay::hub::{Hub, Outbox};
use crate::relay::native::frames::Ending;

impl Native {
    /// The longest backlog that a session may have by what it asks for itself, before it is ended.
    const UNRULY: usize = 8 * 1024 * 1024;

    /// How soon a queue that others wait for is looked at again.
    const SOON: Duration = Duration::from_millis(100);

    /// How soon a session that was busy is asked whether it still is.
    const LATER: Duration = Duration::from_millis(1200);

    /// Sends what a session has to be sent.
    pub(super) fn transmit(&mut self, index: u32, now: Duration, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let (to, via) = (session.address, session.via);
        let resent = session.link.resent();
        session.link.transmit(now, |packet| {
            out.push(to, via, packet.len(), |run| run.extend_from_slice(packet));
        });
        self.resent += session.link.resent().saturating_sub(resent);
        session.recount(&mut self.waiting);
    }

    /// Says to a session what it is to be told, sends that, and sees when to look after it again.
    pub(super) fn flush(&mut self, index: u32, now: Duration, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        session.is_dirty = false;
        let busy = session.busy.as_mut();
        let mut receipts = busy.map_or(Vec::new(), |busy| std::mem::take(&mut busy.receipts));
        for receipt in receipts.drain(..) {
            self.scratch.clear();
            append(&receipt, &[], &mut self.scratch);
            session.link.push(&self.scratch);
        }
        if let Some(busy) = &mut session.busy {
            busy.receipts = receipts;
        }
        if session.link.is_lost(now) {
            return self.end(index, None, now, out); // it may come back: then it is told that this session is gone
        }
        let is_full = self.waiting > 2 * Self::MOST_WAITING;
        let backlog = session.link.backlog();
        if backlog > Self::UNRULY || is_full && session.is_slow() && session.stands_still(now) {
            return self.end(index, Some(Ending::Unruly), now, out);
        }
        if self.keeps_mail() {
            self.forget_mail(index);
        }
        self.transmit(index, now, out);
        self.schedule(index, now);
    }

    pub(super) fn schedule(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let soon = session.withholds().then(|| now + Self::SOON);
        let later = session.is_awake.then(|| now + Self::LATER);
        let mailbox = session.mailbox.as_ref();
        let mail = mailbox.and_then(|mailbox| mailbox.moment(now));
        let moments = [session.link.deadline(), soon, later, mail];
        if let Some(due) = moments.into_iter().flatten().min() {
            self.wheel.put(index, due, &mut session.slot);
        }
    }

    /// Gives back what only a busy session needs, if nothing goes on in it.
    pub(super) fn rest(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if session.link.backlog() > 0 || !session.is_silent(now) {
            return;
        }
        session.rest();
        if let Some(name) = session.name {
            self.names.get_mut(name).heard_all();
        }
    }

    /// Looks after those whose time has come.
    pub(super) fn look_after_due(&mut self, now: Duration, out: &mut Outbox) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.take(now, &mut due);
        for (index, slot) in due.drain(..) {
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            if session.slot == Some(slot) {
                session.slot = None;
                self.settle(index, now);
                self.rest(index, now);
                self.flush(index, now, out);
            }
        }
        self.due = due;
    }
}

impl Hub {
    pub(in crate::relay::hub) fn flush_sessions(&mut self, now: Duration, out: &mut Outbox) {
        self.native.spread_bundle();
        self.native.look_after_due(now, out);
        while let Some(silent) = self.native.sessions.expired(now) {
            self.native.end(silent, None, now, out);
        }
        self.native.rooms.sweep(now);
        self.native.give_up_questions(now);
        self.native.give_up_looks(now);
        let mut at = 0;
        while let Some(index) = self.native.dirty.get(at) {
            self.native.flush(*index, now, out);
            at += 1;
        }
        self.native.dirty.clear();
    }

    pub(in crate::relay::hub) fn close_sessions(&mut self, now: Duration, out: &mut Outbox) {
        for index in self.native.sessions.indices() {
            self.native.end(index, Some(Ending::Stopping), now, out);
        }
    }
}
