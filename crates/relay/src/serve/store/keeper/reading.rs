//! What is read: all of it when the store is opened, and letters for those who come back.

use std::time::Instant;

use anyhow::Context;
use proto::relay::hub::Hub;
use proto::relay::hub::elsewhere::{Errand, News};
use proto::relay::letter::{Kept, Place};
use proto::relay::native::Name;

use super::{Keeper, cannot_open, shown, size};
use crate::serve::store::disk::{Change, Disk};
use crate::serve::store::form;

/// Letters that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) round: u32,
    pub(super) after: Place,
}

impl Keeper {
    /// About how many bytes are answered at once, when many ask.
    const ANSWERED: usize = 2 * 1024 * 1024;

    /// Reads all letters.
    pub(super) fn find(&mut self, disk: &Disk) -> anyhow::Result<()> {
        let mut damaged = 0_u64;
        for entry in disk.done() {
            let (key, value) = entry.into_inner()?;
            match form::parse_done(&key, &value) {
                Some((name, until)) => {
                    self.done.insert(name, until);
                    self.mail.passed(until);
                }
                None => damaged += 1,
            }
        }
        for entry in disk.mail() {
            let (key, value) = entry.into_inner()?;
            let place = form::parse_mail_key(&key);
            let stored = place.and_then(|(to, place)| {
                form::parse_mail_value(&to, &value).map(|stored| (to, place, stored))
            });
            let Some((to, place, stored)) = stored else {
                damaged += 1;
                continue;
            };
            if self.done.get(&to).is_some_and(|until| place <= *until) {
                continue;
            }
            let bytes = size(key.len(), value.len());
            if !self.mail.found(place, &stored.letter, bytes, stored.since) {
                self.late.push(Change::remove(&to, place));
            }
        }
        if damaged > 0 {
            tracing::warn!(messages = damaged, "damaged mail in the store is passed by");
        }
        Ok(())
    }

    /// Tells the hub whose names are.
    pub(in crate::serve::store) fn recall(&self, hub: &mut Hub) -> anyhow::Result<()> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        let (mut names, mut damaged) = (0_u64, 0_u64);
        for entry in disk.names() {
            let entry = entry.into_inner();
            let (key, value) = entry.with_context(|| cannot_open(&self.root))?;
            match form::parse_name(&key, &value) {
                Some((name, keys)) => {
                    hub.remember_keys(name, &keys);
                    names += 1;
                }
                None => damaged += 1,
            }
        }
        if damaged > 0 {
            tracing::warn!(names = damaged, "damaged names in the store are passed by");
        }
        let (counts, path) = (self.mail.counts(), shown(&self.root));
        let (messages, bytes) = (counts.letters, counts.bytes);
        tracing::info!(messages, bytes, names, %path, "mail waits");
        Ok(())
    }

    /// Answers what is asked for, as much as is handy at once.
    pub(super) fn answer(&mut self, time: u64) -> Vec<News> {
        let (mut news, mut bytes) = (Vec::new(), 0);
        while self.disk.is_some()
            && bytes < Self::ANSWERED
            && let Some(wanted) = self.wanted.pop_front()
        {
            match self.fetch(&wanted, time) {
                Ok((fetched, length)) => {
                    news.push(fetched);
                    bytes += length;
                }
                Err(error) => {
                    self.wanted.push_back(wanted);
                    self.fail(&error, Instant::now());
                    break;
                }
            }
        }
        news
    }

    fn fetch(&mut self, wanted: &Wanted, time: u64) -> anyhow::Result<(News, usize)> {
        let Wanted { name, round, after } = *wanted;
        let waiting = self.mail.after(&name, after, Errand::FETCHED);
        let letters = self.read(&name, &waiting.places, time)?;
        self.figures.fetched.add(letters.len() as u64);
        if letters.len() < waiting.places.len() {
            self.pass_by(&name, &waiting.places, &letters);
        }
        let bytes = letters.iter().map(|kept| kept.content.len()).sum();
        let is_all = waiting.is_all;
        let fetched = News::Fetched {
            name,
            round,
            letters,
            is_all,
        };
        Ok((fetched, bytes))
    }

    fn read(&self, name: &Name, places: &[Place], time: u64) -> anyhow::Result<Vec<Kept>> {
        let mut letters = Vec::with_capacity(places.len());
        let (Some(first), Some(last), Some(disk)) = (places.first(), places.last(), &self.disk)
        else {
            return Ok(letters);
        };
        for entry in disk.mail_for(name, *first..=*last) {
            let (key, value) = entry.into_inner()?;
            let place = form::parse_mail_key(&key).map(|(_, place)| place);
            let place = place.filter(|place| places.binary_search(place).is_ok());
            let stored = form::parse_mail_value(name, &value);
            let (Some(place), Some(stored)) = (place, stored) else {
                continue;
            };
            let waited = time.saturating_sub(stored.since).max(1);
            letters.push(Kept {
                place,
                waited: u32::try_from(waited).unwrap_or(u32::MAX),
                letter: stored.letter,
                content: stored.content.to_vec(),
            });
        }
        Ok(letters)
    }

    /// Some letters are not there, or damaged: they no longer count.
    fn pass_by(&mut self, name: &Name, places: &[Place], letters: &[Kept]) {
        let is_there = |place: &Place| {
            let found = letters.binary_search_by_key(place, |kept| kept.place);
            found.is_ok()
        };
        let lost: Vec<_> = places.iter().copied().filter(|p| !is_there(p)).collect();
        self.mail.remove(name, &lost);
        let messages = lost.len();
        tracing::warn!(%name, messages, "damaged mail in the store is passed by");
    }
}
