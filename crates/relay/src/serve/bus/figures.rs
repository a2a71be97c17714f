//! What the bus counts, and how it is served.

use runtime::metrics::{Count, Figure, Page, Shows};

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

const FIGURES: &[Figure<Figures>] = &[
    Figure::gauge(
        "relay_bus_connected",
        "1 while NATS can be reached.",
        |figures| &figures.connected,
    ),
    Figure::counter(
        "relay_bus_connects_total",
        "Connections to NATS, the first included.",
        |figures| &figures.connects,
    ),
    Figure::gauge(
        "relay_bus_relays",
        "Relays of the community that are heard of, this one included.",
        |figures| &figures.relays,
    ),
    Figure::counter(
        "relay_bus_passed_letters_total",
        "Letters that another relay has brought to their receiver.",
        |figures| &figures.passed,
    ),
    Figure::counter(
        "relay_bus_kept_letters_total",
        "Letters that NATS keeps.",
        |figures| &figures.kept,
    ),
    Figure::counter(
        "relay_bus_refused_letters_total",
        "Letters that could neither be brought nor kept.",
        |figures| &figures.refused,
    ),
    Figure::counter(
        "relay_bus_heard_letters_total",
        "Letters that other relays have passed to this one.",
        |figures| &figures.heard,
    ),
    Figure::counter(
        "relay_bus_fetched_letters_total",
        "Letters that were fetched for clients who came back.",
        |figures| &figures.fetched,
    ),
    Figure::counter(
        "relay_bus_said_total",
        "Messages to rooms that were heard from other relays.",
        |figures| &figures.said,
    ),
    Figure::counter(
        "relay_bus_unread_total",
        "What came over NATS and means nothing.",
        |figures| &figures.unread,
    ),
    Figure::counter(
        "relay_bus_dropped_total",
        "How often something from NATS was lost since this relay was too slow for it.",
        |figures| &figures.dropped,
    ),
    Figure::gauge(
        "relay_bus_mail",
        "Messages that wait in NATS for those who are away, of all relays.",
        |figures| &figures.mail,
    ),
    Figure::gauge("relay_bus_mail_bytes", "Their size.", |figures| {
        &figures.mail_bytes
    }),
];

impl Shows for Figures {
    fn show(&self, page: &mut Page) {
        FIGURES.iter().for_each(|figure| figure.show(self, page));
    }
}
