//! What was kept for those who were away, on its way to them.

use std::time::Duration;

use super::Native;
use super::custody::Teller;
use super::letters::Parcel;
use super::names::NameId;
use super::sessions::Session;
use crate::relay::hub::Hub;
use crate::relay::hub::elsewhere::{Errand, PATIENCE};
use crate::relay::letter::{Kept, Place};
use crate::relay::native::frames::{Origin, Stage, Wants, Why};
use crate::relay::native::{MessageId, Name};

/// What a session has whose name something is kept for, or was since it began.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    state: State,
    /// Up to where it was fetched.
    fetched: Place,
    /// Whether the last answer had all there was.
    is_all: bool,
    /// Whether something was kept since it was asked for last.
    is_stale: bool,
    /// Whether letters were under way when it was asked for last, which the answer may not have.
    is_early: bool,
    /// What was said since then: if nothing more is kept, it comes next.
    held: Vec<Parcel>,
    /// Its size in bytes.
    bytes: usize,
    /// Until when it waits for that.
    until: Duration,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is kept that was not fetched: what is said now goes straight into the queue.
    Open,
    /// There may be more, and it is asked for when the queue is short.
    #[default]
    Shut,
    /// It was asked for, by this round.
    Asked(u32),
    /// Whoever has this session came to speak: nothing is fetched for it, and what is for it is kept.
    Locked,
}

/// Letters that were kept, in the queue of a session.
#[derive(Debug)]
pub(super) struct MailDue {
    packet: u32,
    /// When this packet has come, all up to here have.
    until: Option<Place>,
    /// Who wants to hear of it.
    wanted: Option<Box<(Name, MessageId)>>,
}

impl Mailbox {
    /// The most bytes of what is said meanwhile: all that a client may have without a verdict.
    const MOST_HELD: usize = Session::MOST;

    /// How soon it is looked at again whether more can be fetched.
    const SOON: Duration = Duration::from_millis(100);

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether nothing comes through it.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.state, State::Locked)
    }

    /// Whether it says no more than that there is none.
    fn is_as_none(&self) -> bool {
        self.is_open() && self.fetched == Place::default()
    }

    fn may_hold(&self, parcel: &Parcel, now: Duration) -> bool {
        let is_soon = self.held.is_empty() || now < self.until;
        let is_fetched = !self.is_stale && !self.is_locked();
        is_fetched && is_soon && self.bytes + parcel.size() <= Self::MOST_HELD
    }

    fn hold(&mut self, parcel: Parcel, now: Duration) {
        if self.held.is_empty() {
            self.until = now + PATIENCE;
        }
        self.bytes += parcel.size();
        self.held.push(parcel);
    }

    /// When to look after it.
    pub(super) fn moment(&self, now: Duration) -> Option<Duration> {
        let late = (!self.held.is_empty()).then_some(self.until);
        match self.state {
            State::Open | State::Locked => None,
            State::Shut => late.into_iter().chain([now + Self::SOON]).min(),
            State::Asked(_) => late,
        }
    }

    /// Whether what is held has waited for too long.
    fn is_late(&self, now: Duration) -> bool {
        !self.held.is_empty() && self.until <= now
    }

    /// Whether it is to be asked for, where so many letters are under way to it. Those are waited for where all else is
    /// known.
    fn asks(&self, away: u32) -> bool {
        let may_be_more = !self.is_all || self.is_stale;
        matches!(self.state, State::Shut) && (may_be_more || away == 0)
    }

    /// Something is kept that was not fetched.
    fn is_kept(&mut self) {
        self.is_stale = true;
        if self.is_open() {
            self.state = State::Shut;
        }
    }

    /// It is asked for now, by this round, while so many letters are under way to it.
    fn ask(&mut self, round: u32, away: u32) {
        self.is_stale = false;
        self.is_early = away > 0;
        self.state = State::Asked(round);
    }

    /// Takes the answer to this round, if that is what it waits for.
    fn take_answer(&mut self, to: u32) -> Option<()> {
        let is_it = matches!(self.state, State::Asked(round) if round == to);
        is_it.then(|| self.state = State::Shut)
    }

    /// Opens it if nothing more is kept, and says whether it is open.
    fn open(&mut self, is_all: bool) -> bool {
        self.is_all = is_all;
        if is_all && !self.is_stale && !self.is_early {
            self.state = State::Open;
        }
        self.is_open()
    }
}

impl Session {
    /// Letters are fetched when a queue is shorter than this.
    const SHORT: usize = Errand::FETCHED;
}

impl Native {
    /// A session of a name begins: what was kept for it is asked for.
    pub(super) fn open_mailbox(&mut self, index: u32) {
        if !self.keeps_mail() {
            return;
        }
        if let Some(session) = self.sessions.get_mut(index) {
            session.mailbox = Some(Box::default());
        }
        self.fetch(index);
    }

    /// A session of a name begins whose client does not want what is for it.
    pub(super) fn lock_mailbox(&mut self, index: u32) {
        if !self.keeps_mail() {
            return;
        }
        if let Some(session) = self.sessions.get_mut(index) {
            let state = State::Locked;
            session.mailbox = Some(Box::new(Mailbox {
                state,
                ..Mailbox::default()
            }));
        }
    }

    /// Asks for what is kept for a session, if its queue is short and it was not asked for.
    pub(super) fn fetch(&mut self, index: u32) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let is_short = session.link.backlog() < Session::SHORT;
        let (Some(mailbox), Some(name)) = (&mut session.mailbox, session.name) else {
            return;
        };
        let known = self.names.get(name);
        let may = is_short && self.waiting <= Self::MOST_WAITING / 2;
        if may && mailbox.asks(known.expected()) {
            self.round = self.round.wrapping_add(1);
            mailbox.ask(self.round, known.expected());
            self.errands.push(Errand::Fetch {
                name: known.name,
                round: self.round,
                after: mailbox.fetched,
            });
        }
    }

    /// Something is kept for a session that was not fetched yet.
    pub(super) fn mail_is_kept(&mut self, index: u32) {
        if let Some(session) = self.sessions.get_mut(index) {
            session.mailbox.get_or_insert_default().is_kept();
            self.touch(index);
        }
    }

    /// Keeps a letter until it is known whether others come first.
    pub(super) fn post_later(
        &mut self,
        index: u32,
        parcel: Parcel,
        now: Duration,
    ) -> Result<(), Why> {
        let session = self.sessions.get_mut(index);
        let Some(mailbox) = session.and_then(|session| session.mailbox.as_mut()) else {
            return Err(Why::Away);
        };
        if self.waiting <= Self::MOST_WAITING && mailbox.may_hold(&parcel, now) {
            self.waiting += parcel.size();
            mailbox.hold(parcel, now);
            self.touch(index);
            return Ok(());
        }
        self.keep_held(index);
        self.keep_for(index, parcel)
    }

    /// What was held is kept elsewhere.
    pub(super) fn keep_held(&mut self, index: u32) {
        let held = self.take_held(index);
        if !held.is_empty() {
            held.into_iter()
                .for_each(|parcel| self.keep_or_refuse(parcel));
            self.mail_is_kept(index);
        }
    }

    /// What was held comes now.
    fn post_held(&mut self, index: u32, now: Duration) {
        for parcel in self.take_held(index) {
            self.post_or_refuse(index, parcel, now);
        }
    }

    fn take_held(&mut self, index: u32) -> Vec<Parcel> {
        let session = self.sessions.get_mut(index);
        let Some(mailbox) = session.and_then(|session| session.mailbox.as_mut()) else {
            return Vec::new();
        };
        self.waiting -= std::mem::take(&mut mailbox.bytes);
        std::mem::take(&mut mailbox.held)
    }

    /// Goes on with what is kept for a session: more is asked for, or what was held for long is kept elsewhere.
    #[inline]
    pub(super) fn look_after_mail(&mut self, index: u32, now: Duration) {
        let session = self.sessions.get(index);
        if let Some(mailbox) = session.and_then(|session| session.mailbox.as_ref()) {
            if mailbox.is_late(now) {
                match self.is_cut_off {
                    true => self.post_held(index, now),
                    false => self.keep_held(index),
                }
            }
            self.fetch(index);
        }
    }

    /// The session that waits for this answer.
    fn asked_by(&mut self, name: &Name, round: u32) -> Option<u32> {
        let index = self.names.get(self.names.find(name)?).session?;
        let mailbox = self.sessions.get_mut(index)?.mailbox.as_mut()?;
        mailbox.take_answer(round).map(|()| index)
    }

    /// Puts letters that were kept in a session's queue.
    fn push_kept(&mut self, index: u32, letters: &[Kept]) {
        for (kept, until) in in_order_of_numbers(letters) {
            let Kept {
                waited,
                letter,
                content,
                ..
            } = kept;
            let packet = self.push_letter(index, (*waited).max(1), letter, content);
            let wanted = match letter.from {
                Origin::Name(from) if letter.wants != Wants::Nothing => {
                    Some(Box::new((from, letter.id)))
                }
                _ => None,
            };
            if let Some(session) = self.sessions.get_mut(index) {
                let mailbox = session.mailbox.get_or_insert_default();
                mailbox.fetched = mailbox.fetched.max(kept.place);
                session.note_mail(MailDue {
                    packet,
                    until,
                    wanted,
                });
            }
            self.spread += 1;
        }
    }

    /// An answer was taken: what was said meanwhile comes next, or waits for what is still to be fetched.
    fn look_into(&mut self, index: u32, is_all: bool, now: Duration) {
        let session = self.sessions.get_mut(index);
        let mailbox = session.and_then(|session| session.mailbox.as_mut());
        if mailbox.is_some_and(|mailbox| mailbox.open(is_all)) {
            self.post_held(index, now);
            if let Some(session) = self.sessions.get_mut(index) {
                session.mailbox.take_if(|mailbox| mailbox.is_as_none());
            }
        } else {
            self.fetch(index);
        }
    }

    /// A letter to a name is no longer under way.
    pub(super) fn letter_is_there(&mut self, to: NameId) {
        let known = self.names.get_mut(to);
        let pending = known.pending();
        pending.expected = pending.expected.saturating_sub(1);
        known.needs_less();
        if known.expected() == 0
            && let Some(index) = known.session
        {
            self.fetch(index);
            self.touch(index);
        }
    }

    /// Letters that have come are kept no longer, and their senders are told.
    pub(super) fn mail_came(&mut self, index: u32) {
        while let Some(session) = self.sessions.get_mut(index) {
            let acknowledged = session.link.acknowledged();
            let Some(busy) = &mut session.busy else {
                return;
            };
            let has_come = |due: &mut MailDue| due.packet < acknowledged;
            let Some(due) = busy.mail.pop_front_if(has_come) else {
                return;
            };
            busy.forget = due.until.or(busy.forget);
            if let Some(wanted) = due.wanted {
                let (from, id) = *wanted;
                self.was_delivered(from, id);
            }
        }
    }

    /// Somebody's letter was delivered: they are told, if they can be.
    fn was_delivered(&mut self, from: Name, id: MessageId) {
        let known = self.names.find(&from);
        let is_here = known.is_some_and(|name| self.names.get(name).session.is_some());
        if let Some(name) = known.filter(|_| is_here) {
            self.tell_of(Teller::Name(name), (id, id), Stage::Delivered);
        } else {
            self.tell_elsewhere(&Origin::Name(from), id, Stage::Delivered);
        }
    }

    /// Says which letters have come, of those that were kept.
    pub(super) fn forget_mail(&mut self, index: u32) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let until = session.busy.as_mut().and_then(|busy| busy.forget.take());
        if let Some((until, name)) = until.zip(session.name) {
            let name = self.names.get(name).name;
            self.errands.push(Errand::Forget { name, until });
        }
    }
}

impl Session {
    fn note_mail(&mut self, due: MailDue) {
        let mail = &mut self.busy().mail;
        match mail.back_mut() {
            Some(before) if before.packet == due.packet && due.wanted.is_none() => {
                before.until = due.until.or(before.until);
            }
            _ => mail.push_back(due),
        }
    }
}

/// The letters, those of each sender in the order of their numbers; and for each up to which place all have come when it
/// has.
fn in_order_of_numbers(letters: &[Kept]) -> Vec<(&Kept, Option<Place>)> {
    let mut as_they_are: Vec<_> = (0..letters.len()).collect();
    as_they_are.sort_by_key(|at| letters[*at].letter.from);
    let mut by_number = as_they_are.clone();
    by_number.sort_by_key(|at| (letters[*at].letter.from, letters[*at].letter.id));
    let mut ordered: Vec<_> = letters.iter().map(|kept| (kept, None)).collect();
    for (at, kept) in as_they_are.into_iter().zip(by_number) {
        ordered[at].0 = &letters[kept];
    }
    let mut later = Place(u64::MAX);
    let mut least_after = Vec::with_capacity(ordered.len());
    for (kept, _) in ordered.iter().rev() {
        least_after.push(later);
        later = later.min(kept.place);
    }
    let mut most = Place::default();
    for (kept, until) in &mut ordered {
        most = most.max(kept.place);
        let after = least_after.pop();
        *until = after.is_some_and(|after| most < after).then_some(most);
    }
    ordered
}

impl Hub {
    /// Letters for a name came.
    pub(in crate::relay::hub) fn fetched(
        &mut self,
        name: &Name,
        round: u32,
        letters: &[Kept],
        is_all: bool,
        now: Duration,
    ) {
        let native = &mut self.native;
        let Some(index) = native.asked_by(name, round) else {
            return;
        };
        native.push_kept(index, letters);
        native.look_into(index, is_all, now);
        native.touch(index);
    }

    /// Something was kept for a name that may be here.
    pub(in crate::relay::hub) fn mail_waits(&mut self, name: &Name) {
        let known = self.native.names.find(name);
        if let Some(index) = known.and_then(|name| self.native.names.get(name).session) {
            self.native.mail_is_kept(index);
            self.native.fetch(index);
        }
    }
}
