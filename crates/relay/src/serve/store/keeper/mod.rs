//! What the store does with errands: it decides by its index, writes what is to be kept in one group, and says what came
//! of that.
//!
//! When writing fails, nothing of the group counts: its letters are refused, and what may be on the disk of them is
//! removed before anything else is written. Until there is room again letters are refused, what is there is handed out,
//! and what is to be removed is remembered.

mod mending;
mod reading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use proto::relay::hub::elsewhere::{Errand, News, Outcome, Ticket};
use proto::relay::letter::{Letter, Place};
use proto::relay::mail::{Keep, Limits, Mail};
use proto::relay::native::Name;
use proto::relay::native::frames::{RelayState, Trouble, Why};
use runtime::escape::Escaped;
use runtime::log::Throttle;

use super::disk::{Change, Disk, Lock, Spare, Use};
use super::figures::Figures;
use super::form;
use reading::Wanted;

/// A store at work.
pub(in crate::serve::store) struct Keeper {
    root: PathBuf,
    mail: Mail,
    /// `None` while it cannot be opened.
    disk: Option<Disk>,
    spare: Spare,
    /// What is to be changed with the next group: removals, and all that could not be written.
    late: Vec<Change>,
    late_since: Option<Instant>,
    /// Up to where letters are done with, where that is to be written with the next group.
    marks: BTreeMap<Name, Place>,
    /// Letters that are done with and still on the disk: up to this place.
    done: BTreeMap<Name, Place>,
    trouble: Option<Failing>,
    /// Letters were refused since there are as many as may be.
    is_at_limit: bool,
    /// What is asked for.
    wanted: VecDeque<Wanted>,
    /// When what has waited for too long is looked for.
    expiry: Instant,
    expire_every: Duration,
    /// When it is looked whether the database has become too large for what is in it.
    tidy: Option<Instant>,
    told: Told,
    warnings: Throttle,
    figures: Arc<Figures>,
    _lock: Lock,
}

/// The disk does not do what it should.
#[derive(Clone, Copy, Debug)]
struct Failing {
    trouble: Trouble,
    retry: Instant,
    pause: Duration,
}

/// What the hub was told last.
#[derive(Debug, Default)]
struct Told {
    state: Option<RelayState>,
    at: Option<Instant>,
}

/// A group of errands.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    settled: Vec<(Ticket, Result<Place, Why>)>,
    /// The place of its first letter.
    first: Option<Place>,
    receivers: BTreeSet<Name>,
}

impl Keeper {
    /// For how long what is to be removed waits for something else to be written.
    const LATE: Duration = Duration::from_millis(100);

    /// How much is removed in one group.
    const REMOVED: usize = 20_000;

    /// From how many letters on a mark is written in their place, which is sooner done than removing each.
    const MARKED: usize = 8;

    /// How often the hub is told how the store is.
    const TELL: Duration = Duration::from_secs(1);

    /// How soon after something was removed it is looked whether the database is too large.
    const TIDY: Duration = Duration::from_secs(5);

    /// Opens the store in this folder, and reads what waits.
    pub(in crate::serve::store) fn open(
        root: &Path,
        limits: Limits,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let lock = Lock::take(root)?;
        let disk = Disk::open(root, Use::Writing).with_context(|| cannot_open(root))?;
        let (now, figures) = (Instant::now(), Arc::default());
        let expire_every = Duration::from_secs((limits.keep / 100).clamp(1, 3600));
        let mut keeper = Self {
            root: root.to_owned(),
            mail: Mail::new(limits, seed),
            disk: None,
            spare: Spare::new(root),
            late: Vec::new(),
            late_since: None,
            marks: BTreeMap::new(),
            done: BTreeMap::new(),
            trouble: None,
            is_at_limit: false,
            wanted: VecDeque::new(),
            expiry: now,
            expire_every,
            tidy: Some(now),
            told: Told::default(),
            warnings: Throttle::default(),
            figures,
            _lock: lock,
        };
        keeper.find(&disk).with_context(|| cannot_open(root))?;
        keeper.disk = Some(disk);
        if let Err(error) = keeper.spare.take() {
            keeper.fail(&error.into(), now);
        }
        keeper.note_figures();
        Ok(keeper)
    }

    pub(in crate::serve::store) fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// When there is something to do if no errand comes until then.
    pub(in crate::serve::store) fn deadline(&self) -> Instant {
        let late = self.late_since.map(|since| since + Self::LATE);
        let due = match &self.trouble {
            Some(failing) => Some(failing.retry),
            None if !self.wanted.is_empty() => Some(Instant::now()),
            None => late,
        };
        let told = self.told.at.map(|at| at + Self::TELL);
        let told = told.filter(|_| self.told.state.as_ref() != Some(&self.state()));
        let others = [due, self.tidy, told].into_iter().flatten();
        others.fold(self.expiry, Instant::min)
    }

    /// Runs errands, and whatever is due, at this time of the day in seconds.
    pub(in crate::serve::store) fn turn(&mut self, errands: Vec<Errand>, time: u64) -> Vec<News> {
        let now = Instant::now();
        self.mend(now);
        self.expire(now, time);
        let mut group = Group::default();
        for errand in errands {
            self.take(errand, &mut group, time);
        }
        let mut news = self.settle(&mut group, now);
        news.extend(self.answer(time));
        self.tidy(now);
        self.note_figures();
        news.extend(self.tell(now));
        news
    }

    /// Writes what is still to be written: there are no more errands.
    pub(in crate::serve::store) fn close(mut self) {
        let now = Instant::now();
        while self.trouble.is_none() && self.has_late() {
            let changes = self.some_late();
            self.commit(changes, now);
        }
        if self.has_late() {
            let messages = self.late.len();
            tracing::warn!(
                messages,
                "what was fetched could not be removed from the store"
            );
        }
    }

    fn take(&mut self, errand: Errand, group: &mut Group, time: u64) {
        match errand {
            Errand::Owner { name, keys } => match form::name_value(&keys) {
                Ok(value) => group
                    .changes
                    .push(Change::put(form::name_key(&name), value)),
                Err(error) => tracing::warn!(%name, %error, "cannot write down whose a name is"),
            },
            Errand::Send {
                ticket,
                letter,
                content,
                ..
            } => {
                let settled = self.keep(&letter, &content, group, time);
                group.settled.push((ticket, settled));
            }
            Errand::Fetch { name, round, after } => {
                self.wanted.push_back(Wanted { name, round, after });
            }
            Errand::Forget { name, until } => {
                // What is not written yet cannot have been fetched.
                let until = group.first.map_or(until, |first| until.min(before(first)));
                let places = self.mail.forget(&name, until);
                match places.last() {
                    Some(last) if places.len() >= Self::MARKED => self.mark(name, *last),
                    _ => self.remove(places.into_iter().map(|place| (name, place))),
                }
            }
            _ => {}
        }
    }

    /// Takes a letter into the group.
    fn keep(
        &mut self,
        letter: &Letter,
        content: &[u8],
        group: &mut Group,
        time: u64,
    ) -> Result<Place, Why> {
        if self.trouble.is_some() {
            return self.mail.place(letter).ok_or(Why::Full);
        }
        let value = form::mail_value(letter, content, time).map_err(|_| Why::TooLong)?;
        let bytes = size(form::mail_key(&letter.to, Place(0)).len(), value.len());
        let kept = self.mail.keep(letter, bytes, time);
        self.is_at_limit = match kept {
            Ok(_) => false,
            Err(why) => self.is_at_limit || why == Why::Full,
        };
        let kept = kept?;
        if let Keep::At(place) = kept {
            let key = form::mail_key(&letter.to, place);
            group.changes.push(Change::put(key, value));
            group.receivers.insert(letter.to);
            group.first.get_or_insert(place);
        }
        Ok(kept.place())
    }

    fn remove(&mut self, letters: impl IntoIterator<Item = (Name, Place)>) {
        let before = self.late.len();
        let removals = letters.into_iter();
        self.late
            .extend(removals.map(|(to, place)| Change::remove(&to, place)));
        if self.late.len() > before {
            self.is_at_limit = false;
            self.late_since.get_or_insert_with(Instant::now);
        }
    }

    /// The letters for a name up to this place are done with.
    fn mark(&mut self, name: Name, until: Place) {
        self.marks.insert(name, until);
        self.done.insert(name, until);
        self.is_at_limit = false;
        self.late_since.get_or_insert_with(Instant::now);
    }

    fn has_late(&self) -> bool {
        !(self.late.is_empty() && self.marks.is_empty())
    }

    /// Writes a group, and says what became of its letters.
    fn settle(&mut self, group: &mut Group, now: Instant) -> Vec<News> {
        let mut changes = std::mem::take(&mut group.changes);
        let is_late = self
            .late_since
            .is_some_and(|since| since + Self::LATE <= now);
        if self.trouble.is_some() {
            self.late.append(&mut changes);
        } else if !changes.is_empty() || is_late {
            let mut all = self.some_late();
            all.append(&mut changes);
            if !self.commit(all, now) {
                self.take_back(group);
            }
        }
        let settled = group.settled.drain(..);
        let settled = settled.map(|(ticket, settled)| {
            let (figure, outcome) = match settled {
                Ok(_) => (&self.figures.stored, Outcome::Kept),
                Err(why) => (&self.figures.refused, Outcome::Refused(why)),
            };
            figure.add(1);
            News::Settled { ticket, outcome }
        });
        settled.collect()
    }

    /// A group could not be written: its letters are not kept.
    fn take_back(&mut self, group: &mut Group) {
        let Some(first) = group.first else {
            return;
        };
        for name in &group.receivers {
            self.mail.take_back(name, first);
        }
        for (_, settled) in &mut group.settled {
            if settled.is_ok_and(|place| place >= first) {
                *settled = Err(Why::Full);
            }
        }
    }

    /// What is to be removed, as much as fits a group.
    fn some_late(&mut self) -> Vec<Change> {
        let left = self.late.split_off(self.late.len().min(Self::REMOVED));
        let mut some = std::mem::replace(&mut self.late, left);
        let marks = std::mem::take(&mut self.marks).into_iter();
        some.extend(
            marks.map(|(name, until)| Change::put(form::done_key(&name), form::done_value(until))),
        );
        self.late_since = (!self.late.is_empty()).then(Instant::now);
        if !some.is_empty() {
            let soon = Instant::now() + Self::TIDY;
            self.tidy.get_or_insert(soon);
        }
        some
    }

    /// Writes changes; `false` where they could not be written. What they were to put is then to be removed, but for
    /// names, and what they were to remove still is.
    fn commit(&mut self, changes: Vec<Change>, now: Instant) -> bool {
        if changes.is_empty() {
            return true;
        }
        let Some(disk) = &self.disk else {
            self.postpone(changes);
            return false;
        };
        let began = Instant::now();
        match disk.commit(changes.clone()) {
            Ok(()) => {
                self.figures.committed(began.elapsed());
                true
            }
            Err(error) => {
                self.postpone(changes);
                self.fail(&error, now);
                false
            }
        }
    }

    fn postpone(&mut self, changes: Vec<Change>) {
        let postponed = changes.into_iter().map(|change| match change {
            Change::Put(key, _) if key.starts_with(form::MAIL) => Change::Remove(key),
            change => change,
        });
        self.late.extend(postponed);
        self.late_since.get_or_insert_with(Instant::now);
    }

    /// Looks for what has waited for too long, when it is time to.
    fn expire(&mut self, now: Instant, time: u64) {
        if now < self.expiry {
            return;
        }
        self.expiry = now + self.expire_every;
        let gone = self.mail.expire(time);
        if !gone.is_empty() {
            let messages = gone.len();
            self.figures.expired.add(messages as u64);
            tracing::info!(messages, "mail that nobody came for in time was removed");
            self.remove(gone);
        }
    }

    /// How the store is.
    fn state(&self) -> RelayState {
        let counts = self.mail.counts();
        let failing = self.trouble.map(|failing| failing.trouble);
        let at_limit = self.is_at_limit.then_some(Trouble::StoreFull);
        RelayState {
            mail: counts.letters,
            mail_bytes: counts.bytes,
            troubles: failing.or(at_limit).into_iter().collect(),
            ..RelayState::default()
        }
    }

    /// Tells the hub how the store is, where that has changed and it is time to.
    fn tell(&mut self, now: Instant) -> Option<News> {
        if self.told.at.is_some_and(|at| now < at + Self::TELL) {
            return None;
        }
        let state = self.state();
        if self.told.state.as_ref() == Some(&state) {
            return None;
        }
        self.told = Told {
            state: Some(state.clone()),
            at: Some(now),
        };
        let relays = vec![state];
        Some(News::Fleet { relays })
    }

    /// Writes changes past everything else.
    #[cfg(test)]
    pub(in crate::serve::store) fn write_by_hand(&self, changes: Vec<Change>) {
        self.disk.as_ref().unwrap().commit(changes).unwrap();
    }

    /// How many letters and marks are on the disk.
    #[cfg(test)]
    pub(in crate::serve::store) fn on_disk(&self) -> (usize, usize) {
        let disk = self.disk.as_ref().unwrap();
        (disk.mail().count(), disk.done().count())
    }

    /// How many bytes of the disk the database takes.
    #[cfg(test)]
    pub(in crate::serve::store) fn used(&self) -> u64 {
        self.disk.as_ref().unwrap().used().unwrap()
    }

    fn note_figures(&self) {
        let counts = self.mail.counts();
        self.figures.waiting.set(counts.letters);
        self.figures.waiting_bytes.set(counts.bytes);
    }
}

fn before(Place(place): Place) -> Place {
    Place(place.saturating_sub(1))
}

/// What an entry counts.
fn size(key: usize, value: usize) -> u32 {
    u32::try_from(key + value).unwrap_or(u32::MAX)
}

fn shown(path: &Path) -> String {
    Escaped(path.as_os_str().as_encoded_bytes()).to_string()
}

fn cannot_open(root: &Path) -> String {
    format!("cannot open the store in {}", shown(root))
}
