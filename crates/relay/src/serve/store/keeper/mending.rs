//! What is done when the disk fails, or is full, and to give room back.

use std::time::{Duration, Instant};

use proto::relay::letter::Place;
use proto::relay::native::Name;
use proto::relay::native::frames::Trouble;

use super::{Failing, Keeper, shown};
use crate::serve::store::disk::{self, Change, Disk, Spare, Use};
use crate::serve::store::form;

/// What came of trying again.
enum Mended {
    All,
    NoRoom,
}

impl Keeper {
    /// How much a database may take beside four times what is in it.
    const SLACK: u64 = 16 * 1024 * 1024;

    /// How much is written anew at once: for as long as that takes, nothing else is done.
    const RENEWED: u64 = 64 * 1024 * 1024;

    /// How many letters that are done with are removed at once, where the database is not written anew.
    const BURIED: usize = 2000;

    /// How long others have the disk until more are.
    const PAUSE: Duration = Duration::from_millis(50);

    /// The disk has failed: the database takes nothing more before it was opened anew. Until that is mended it is only
    /// read.
    pub(super) fn fail(&mut self, error: &anyhow::Error, now: Instant) {
        self.disk = None;
        let opened = Disk::open(&self.root, Use::Reading);
        let trouble = match disk::is_full(error) || self.spare.is_scarce() {
            true => Trouble::StoreFull,
            false => Trouble::StoreFails,
        };
        self.disk = opened.ok();
        let pause = self.trouble.map_or(Self::TELL, |before| before.pause * 2);
        let pause = pause.min(8 * Self::TELL);
        // Where much of the database is of no use, there is room as soon as it is written anew.
        let is_new = self.trouble.is_none() && trouble == Trouble::StoreFull;
        let retry = match is_new && self.used_if_renewed().is_some() {
            true => now,
            false => now + pause,
        };
        if self.warnings.admits(now) {
            let (path, error) = (shown(&self.root), format!("{error:#}"));
            tracing::warn!(%path, %error, "cannot keep mail: it is refused until that is mended");
        }
        self.trouble = Some(Failing {
            trouble,
            retry,
            pause,
        });
    }

    /// Tries again what has failed, when it is time to.
    pub(super) fn mend(&mut self, now: Instant) {
        let Some(failing) = &mut self.trouble else {
            return;
        };
        if now < failing.retry {
            return;
        }
        failing.retry = now + failing.pause;
        match self.try_to_mend(now) {
            Ok(Mended::All) => {
                let path = shown(&self.root);
                tracing::info!(%path, "mail is kept again");
                self.trouble = None;
            }
            Ok(Mended::NoRoom) => {}
            Err(error) => self.fail(&error, now),
        }
    }

    fn try_to_mend(&mut self, now: Instant) -> anyhow::Result<Mended> {
        if self.disk.is_none() {
            self.disk = Some(Disk::open(&self.root, Use::Reading)?);
        }
        if !self.spare.is_room() {
            self.spare.give_up();
            self.renew();
            // Where it cannot be taken again, there is no room either.
            let _ = self.spare.take();
            if !self.spare.is_room() {
                self.trouble = Some(Failing {
                    trouble: Trouble::StoreFull,
                    retry: now + Self::TELL,
                    pause: Self::TELL,
                });
                return Ok(Mended::NoRoom);
            }
        }
        self.spare.take()?;
        self.disk = None;
        let disk = Disk::open(&self.root, Use::Writing)?;
        while self.has_late() {
            let changes = self.some_late();
            if let Err(error) = disk.commit(changes.clone()) {
                self.postpone(changes);
                return Err(error);
            }
        }
        self.disk = Some(disk);
        Ok(Mended::All)
    }

    /// Gives room back where the database has become too large for what is in it, when it is time to look.
    pub(super) fn tidy(&mut self, now: Instant) {
        if self.trouble.is_some() || self.tidy.is_none_or(|tidy| now < tidy) {
            return;
        }
        self.tidy = None;
        let live = self.mail.counts().bytes;
        let used = self.disk.as_ref().and_then(|disk| disk.used().ok());
        if live <= Self::RENEWED && used.is_some_and(|used| used > 4 * live + Self::SLACK) {
            self.renew();
        }
        self.bury(now);
    }

    /// Removes some of the letters that are done with, and looks again soon if there are more.
    fn bury(&mut self, now: Instant) {
        let Some((name, until)) = self.done.first_key_value() else {
            return;
        };
        let (name, until) = (*name, *until);
        match self.some_done(&name, until) {
            Ok(mut changes) => {
                if changes.len() < Self::BURIED {
                    self.done.remove(&name);
                    changes.push(Change::Remove(form::done_key(&name).into()));
                }
                self.commit(changes, now);
                self.tidy = (!self.done.is_empty()).then(|| now + Self::PAUSE);
            }
            Err(error) => self.fail(&error, now),
        }
    }

    fn some_done(&self, name: &Name, until: Place) -> anyhow::Result<Vec<Change>> {
        let mut changes = Vec::new();
        let Some(disk) = &self.disk else {
            return Ok(changes);
        };
        for entry in disk.mail_for(name, Place(0)..=until).take(Self::BURIED) {
            changes.push(Change::Remove(entry.key()?));
        }
        Ok(changes)
    }

    /// How much the database takes, if that is more than twice of what there is in it.
    fn used_if_renewed(&self) -> Option<u64> {
        let (live, used) = (self.mail.counts().bytes, self.disk.as_ref()?.used().ok()?);
        let is_worth_it = used >= 2 * live + Spare::BYTES as u64 / 2;
        (live <= Self::RENEWED && is_worth_it).then_some(used)
    }

    /// Writes what is of use to a new database, if that is less than half of what there is.
    fn renew(&mut self) {
        let (Some(used), Some(disk)) = (self.used_if_renewed(), &mut self.disk) else {
            return;
        };
        // Changes that are still to be made: letters that were forgotten are not copied, names are.
        match disk.renew(&self.mail) {
            Ok(()) => {
                self.late.retain(|change| matches!(change, Change::Put(..)));
                self.done.clear();
                let left = self.disk.as_ref().and_then(|disk| disk.used().ok());
                tracing::debug!(used, left, "the store has given room back");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::debug!(%error, "the store cannot give room back");
            }
        }
    }
}
