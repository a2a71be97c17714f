//! What the store counts, for those who watch it.

use std::time::Duration;

use runtime::metrics::{Count, Figure, Kind, Page, Shows, Value};

/// What waits, and what the store has done since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Messages that wait.
    pub(crate) waiting: Count,
    /// Their bytes.
    pub(crate) waiting_bytes: Count,
    /// Messages that were kept.
    pub(crate) stored: Count,
    /// Messages that were handed on to who came back, each time that they were.
    pub(crate) fetched: Count,
    /// Messages that nobody came for in time.
    pub(crate) expired: Count,
    /// Messages that were not kept.
    pub(crate) refused: Count,
    /// Groups that were written to the disk.
    pub(crate) commits: Count,
    /// How long that took in all, in nanoseconds.
    pub(crate) commit_nanos: Count,
}

const FIGURES: &[Figure<Figures>] = &[
    Figure::gauge(
        "relay_mail_waiting_messages",
        "Messages that wait for those who are away.",
        |figures| &figures.waiting,
    ),
    Figure::gauge("relay_mail_waiting_bytes", "What they take.", |figures| {
        &figures.waiting_bytes
    }),
    Figure::counter(
        "relay_mail_stored_total",
        "Messages that were kept for those who are away.",
        |figures| &figures.stored,
    ),
    Figure::counter(
        "relay_mail_fetched_total",
        "Kept messages that were handed to who came back, each time that they were.",
        |figures| &figures.fetched,
    ),
    Figure::counter(
        "relay_mail_expired_total",
        "Kept messages that nobody came for in time.",
        |figures| &figures.expired,
    ),
    Figure::counter(
        "relay_mail_refused_total",
        "Messages for those who are away that were not kept.",
        |figures| &figures.refused,
    ),
    Figure::counter(
        "relay_mail_commits_total",
        "Groups of changes that were written to the disk.",
        |figures| &figures.commits,
    ),
];

impl Figures {
    pub(super) fn committed(&self, took: Duration) {
        self.commits.add(1);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.add(nanos);
    }
}

impl Shows for Figures {
    fn show(&self, page: &mut Page) {
        FIGURES.iter().for_each(|figure| figure.show(self, page));
        let seconds = Value::Amount(self.commit_nanos.get() as f64 / 1e9);
        let help = "How long it took until the disk had them.";
        page.single(
            "relay_mail_commit_seconds_total",
            Kind::Counter,
            help,
            seconds,
        );
    }
}
