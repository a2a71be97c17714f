//! The classic wire: texts between addresses.
//!
//! A text goes into the outbox at once, its sender's answer is noted ([`answers`]) and given when it is known whether the
//! system took the text. What has to be found out for the first of a burst is kept for the others ([`route`]).

mod answers;
mod limits;
mod route;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use super::native::Taken;
use super::policy::{self, Targets};
use super::table::{Reached, Table};
use super::{Burst, Effect, ExitPolicy, Hub, Outbox, Settings, Via};
use crate::relay::{Incoming, MAX_DATAGRAM, Message, Status};
use answers::{Answer, Answers, Settled, Verdict};
use limits::Limits;
use route::Routes;

/// Who is known on the classic wire, and whom to answer what.
#[derive(Debug)]
pub(super) struct Classic {
    table: Table,
    routes: Routes,
    answers: Answers,
    limits: Limits,
}

impl Classic {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            table: Table::new(settings.clients, &settings.secret),
            routes: Routes::default(),
            answers: Answers::default(),
            limits: Limits::new(&settings.secret),
        }
    }

    /// How many addresses were heard of in time.
    pub(super) fn clients(&self) -> usize {
        self.table.len()
    }

    pub(super) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Where a registered address is reached; `None` if it is not registered.
    pub(super) fn find(&self, to: SocketAddr, now: Duration) -> Option<Via> {
        self.table.find(to, now).map(|reached| reached.via)
    }

    /// Forgets who was silent for too long.
    pub(super) fn expire(&mut self, now: Duration) {
        self.table.expire(now, 1024);
    }

    /// When to [expire](Self::expire) next.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.table.deadline()
    }
}

impl Hub {
    /// A classic datagram came.
    pub(super) fn text(
        &mut self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) {
        if let Some(verdict) = self.classic.again(burst, datagram, now, out) {
            return self.note(datagram, verdict);
        }
        match self.classic.routes.read(datagram) {
            Incoming::Message(message) => {
                self.classic.attend(burst, now);
                let verdict = self.deliver(&message, now, out);
                self.note(datagram, verdict);
            }
            Incoming::Rejected(status) => {
                self.classic.attend(burst, now);
                self.note(datagram, Verdict::Status(status));
            }
            Incoming::Hello => self.hello(burst, now),
            Incoming::ExitServer => self.exit(burst.from),
            Incoming::Answer => self.counts.answers_dropped += 1,
            Incoming::TooLong => self.counts.too_long += 1,
        }
    }

    /// Puts the text into the queue of a session, or into the outbox.
    fn deliver(&mut self, message: &Message<'_>, now: Duration, out: &mut Outbox) -> Verdict {
        let (from, to) = (
            self.classic.routes.sender().addr,
            route::canonical(message.to),
        );
        let taken = self.native.deliver_text(to, from, message.content, now);
        let reached = match taken {
            Taken::Queued => return Verdict::Status(Status::Sent),
            Taken::Behind => None,
            Taken::NoSession => self.reach(from, to, now),
        };
        let Some(reached) = reached else {
            return Verdict::Status(Status::NotSent);
        };
        self.classic.routes.keep(reached);
        self.classic.put(&reached, message.content, out)
    }

    /// How this address is reached on the classic wire; `None` if it is not written to.
    fn reach(&self, from: SocketAddr, to: SocketAddr, now: Duration) -> Option<Reached> {
        self.classic.table.find(to, now).or_else(|| {
            self.writes_to(from, to)
                .then(|| self.classic.routes.free(to))
                .flatten()
        })
    }

    fn writes_to(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.settings.targets == Targets::Any && policy::may_write(&self.settings, from, to)
    }

    fn hello(&mut self, burst: &Burst<'_>, now: Duration) {
        if !policy::may_register(&self.settings, burst.from) {
            self.counts.withheld += 1;
            return;
        }
        self.counts.hellos += 1;
        self.classic.register(burst, now);
        self.note(&[], Verdict::Address);
    }

    fn exit(&mut self, from: SocketAddr) {
        let may = match self.settings.exit {
            ExitPolicy::Loopback => from.ip().to_canonical().is_loopback(),
            ExitPolicy::Any => true,
            ExitPolicy::Never => false,
        };
        if may && !self.effects.contains(&Effect::Stop) {
            self.effects.push(Effect::Stop);
        }
    }

    /// Counts what became of this datagram, as far as it is known, and notes the answer.
    #[inline]
    fn note(&mut self, datagram: &[u8], verdict: Verdict) {
        if let Verdict::Status(status) = verdict {
            *self.counts.of(status) += 1;
            if answers::is_too_long(self.classic.routes.sender().addr, datagram, status) {
                self.counts.withheld += 1;
                return;
            }
        }
        self.classic
            .answers
            .note(self.classic.routes.sender(), verdict);
    }

    pub(super) fn answer_texts(&mut self, now: Duration, out: &mut Outbox) {
        let mut answers = std::mem::take(&mut self.classic.answers);
        let Settled { sent, failed } = answers.settle(out);
        self.counts.messages += sent;
        self.counts.deliveries += sent;
        self.counts.refused += failed;
        out.clear();
        for answer in answers.list() {
            let granted = self.classic.grant(answer, now);
            self.counts.withheld += u64::from(answer.count - granted);
            answer.put(granted, out);
        }
        answers.clear();
        self.classic.answers = answers;
    }
}

impl Classic {
    /// Knows the sender of this burst from now on, whose registration lives on.
    #[inline]
    fn attend(&mut self, burst: &Burst<'_>, now: Duration) {
        let as_of = (now, self.table.changes());
        if !self.routes.knows(burst, as_of) {
            let addr = route::canonical(burst.from);
            let standing = self.table.renew(addr, burst.via, now);
            self.routes.attend(burst, as_of, standing);
        }
    }

    /// The sender of this burst is registered, if there is room.
    fn register(&mut self, burst: &Burst<'_>, now: Duration) {
        let addr = route::canonical(burst.from);
        let standing = self.table.admit(addr, burst.via, now);
        let as_of = (now, self.table.changes());
        self.routes.attend(burst, as_of, standing);
    }

    /// Puts a text that is like the last into the outbox: what happens to nearly all of a burst.
    #[inline]
    fn again(
        &mut self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Option<Verdict> {
        if !self.routes.knows(burst, (now, self.table.changes())) {
            return None;
        }
        let (content, reached) = self.routes.again(datagram)?;
        Some(self.put(reached, content, out))
    }

    #[inline]
    fn put(&self, reached: &Reached, content: &[u8], out: &mut Outbox) -> Verdict {
        let source = &self.routes.sender().source[..];
        let length = source.len() + content.len();
        if length > MAX_DATAGRAM {
            return Verdict::Status(Status::NotSent);
        }
        Verdict::Run(out.push(reached.at, reached.via, length, |run| {
            run.extend_from_slice(source);
            run.extend_from_slice(content);
        }))
    }

    fn grant(&mut self, answer: &Answer, now: Duration) -> u32 {
        if answer.is_limited() {
            self.limits.grant(answer.to, answer.count, now)
        } else {
            answer.count
        }
    }
}
