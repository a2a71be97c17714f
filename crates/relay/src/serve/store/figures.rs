//! What the store counts, for those who watch it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What waits, and what the store has done since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Messages that wait.
    pub(crate) waiting: AtomicU64,
    /// Their bytes.
    pub(crate) waiting_bytes: AtomicU64,
    /// Messages that were kept.
    pub(crate) stored: AtomicU64,
    /// Messages that were handed on to who came back, each time that they were.
    pub(crate) fetched: AtomicU64,
    /// Messages that nobody came for in time.
    pub(crate) expired: AtomicU64,
    /// Messages that were not kept.
    pub(crate) refused: AtomicU64,
    /// Groups that were written to the disk.
    pub(crate) commits: AtomicU64,
    /// How long that took in all, in nanoseconds.
    pub(crate) commit_nanos: AtomicU64,
}

impl Figures {
    pub(super) fn add(counter: &AtomicU64, by: usize) {
        counter.fetch_add(by as u64, Relaxed);
    }

    pub(super) fn committed(&self, took: Duration) {
        Self::add(&self.commits, 1);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.fetch_add(nanos, Relaxed);
    }
}
