//! What the bus counts, and how it is served.

use std::sync::atomic::{AtomicU64, Ordering};

use runtime::metrics::{Kind, Page, Value};

/// What has passed over the bus since the relay started.
#[derive(Debug, Default)]
pub(in crate::serve) struct Figures {
    /// 1 while the bus is there.
    pub(super) connected: Count,
    /// How often it came, the first time included.
    pub(super) connects: Count,
    /// Letters that another relay took.
    pub(super) passed: Count,
    /// Letters that were kept.
    pub(super) kept: Count,
    /// Letters that were refused.
    pub(super) refused: Count,
    /// Letters that other relays passed here.
    pub(super) heard: Count,
    /// Letters that were fetched from where they were kept.
    pub(super) fetched: Count,
    /// Things said in rooms that were heard from other relays.
    pub(super) said: Count,
    /// Messages that came over the bus and mean nothing.
    pub(super) unread: Count,
    /// How often messages were lost since this relay was too slow for them.
    pub(super) dropped: Count,
    /// Letters that wait, those of all relays.
    pub(super) mail: Count,
    /// Their size in bytes.
    pub(super) mail_bytes: Count,
    /// Relays that were heard of, this one included.
    pub(super) relays: Count,
}

/// A figure.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A figure: its name, what it is, and how it is read.
type Figure = (&'static str, Kind, &'static str, fn(&Figures) -> &Count);

const FIGURES: &[Figure] = &[
    (
        "relay_bus_connected",
        Kind::Gauge,
        "1 while NATS can be reached.",
        |figures| &figures.connected,
    ),
    (
        "relay_bus_connects_total",
        Kind::Counter,
        "Connections to NATS, the first included.",
        |figures| &figures.connects,
    ),
    (
        "relay_bus_relays",
        Kind::Gauge,
        "Relays of the community that are heard of, this one included.",
        |figures| &figures.relays,
    ),
    (
        "relay_bus_passed_letters_total",
        Kind::Counter,
        "Letters that another relay has brought to their receiver.",
        |figures| &figures.passed,
    ),
    (
        "relay_bus_kept_letters_total",
        Kind::Counter,
        "Letters that NATS keeps.",
        |figures| &figures.kept,
    ),
    (
        "relay_bus_refused_letters_total",
        Kind::Counter,
        "Letters that could neither be brought nor kept.",
        |figures| &figures.refused,
    ),
    (
        "relay_bus_heard_letters_total",
        Kind::Counter,
        "Letters that other relays have passed to this one.",
        |figures| &figures.heard,
    ),
    (
        "relay_bus_fetched_letters_total",
        Kind::Counter,
        "Letters that were fetched for clients who came back.",
        |figures| &figures.fetched,
    ),
    (
        "relay_bus_said_total",
        Kind::Counter,
        "Messages to rooms that were heard from other relays.",
        |figures| &figures.said,
    ),
    (
        "relay_bus_unread_total",
        Kind::Counter,
        "What came over NATS and means nothing.",
        |figures| &figures.unread,
    ),
    (
        "relay_bus_dropped_total",
        Kind::Counter,
        "How often something from NATS was lost since this relay was too slow for it.",
        |figures| &figures.dropped,
    ),
    (
        "relay_bus_mail",
        Kind::Gauge,
        "Messages that wait in NATS for those who are away, of all relays.",
        |figures| &figures.mail,
    ),
    (
        "relay_bus_mail_bytes",
        Kind::Gauge,
        "Their size.",
        |figures| &figures.mail_bytes,
    ),
];

impl Figures {
    /// All figures as they are now.
    pub(in crate::serve) fn show(&self, page: &mut Page) {
        for (name, kind, help, read) in FIGURES {
            page.single(name, *kind, help, Value::Count(read(self).get()));
        }
    }
}
