//! The store: messages for those who are away, and names, on this machine's disk.
//!
//! A thread takes all errands that have come and writes what is to be kept in one group ([`keeper`]) to the [`disk`], in a
//! given [`form`]. Nothing is said to be kept before the disk has it.

mod args;
mod disk;
mod figures;
mod form;
mod keeper;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use proto::relay::hub::Hub;
use proto::relay::hub::elsewhere::Errand;
use runtime::random;

pub(super) use args::Args;
pub(super) use figures::Figures;
use keeper::Keeper;

use super::outside::Runner;
use super::post::Post;
use super::relay::Relay;

/// A store that is open.
pub(super) struct Store {
    errands: mpsc::Receiver<Vec<Errand>>,
    keeper: Keeper,
}

impl Store {
    /// How many bytes of letters are taken into one group, about.
    const GROUP: usize = 4 * 1024 * 1024;

    /// Opens the store, and makes it where it is not there.
    pub(super) fn open(path: &Path, args: &Args) -> anyhow::Result<(Self, Runner)> {
        let seed = u64::from_ne_bytes(random::bytes()?);
        let keeper = Keeper::open(path, args.limits(), seed)?;
        let (tell, errands) = mpsc::channel();
        let runner = move |errands: Vec<Errand>| {
            // It fails when the thread has ended, which says why itself.
            let _ = tell.send(errands);
        };
        Ok((Self { errands, keeper }, Box::new(runner)))
    }

    /// Tells the hub whose names are.
    pub(super) fn recall(&self, hub: &mut Hub) -> anyhow::Result<()> {
        self.keeper.recall(hub)
    }

    /// What it counts.
    pub(super) fn figures(&self) -> Arc<Figures> {
        Arc::clone(self.keeper.figures())
    }

    /// Runs errands until there are no more.
    pub(super) fn run(mut self, relay: &Relay) {
        let mut post = Post::default();
        while let Some(errands) = self.gather() {
            let news = self.keeper.turn(errands, time_of_day());
            if !news.is_empty() {
                relay.hear(&mut post, news);
            }
        }
        self.keeper.close();
    }

    /// Waits for errands, or until something else is due; takes all that have come, as far as they fit a group. `None`
    /// when there will be no more.
    fn gather(&self) -> Option<Vec<Errand>> {
        let wait = self
            .keeper
            .deadline()
            .saturating_duration_since(Instant::now());
        let mut all = match self.errands.recv_timeout(wait) {
            Ok(errands) => errands,
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let mut bytes: usize = all.iter().map(weight).sum();
        while bytes < Self::GROUP
            && let Ok(errands) = self.errands.try_recv()
        {
            bytes += errands.iter().map(weight).sum::<usize>();
            all.extend(errands);
        }
        Some(all)
    }
}

/// What an errand counts in a group.
fn weight(errand: &Errand) -> usize {
    match errand {
        Errand::Send { content, .. } => 256 + content.len(),
        _ => 256,
    }
}

/// The time of the day in seconds since 1970.
fn time_of_day() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}
