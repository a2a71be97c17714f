//! The names of the figures that `--metrics` serves, and what is said of them at the end.

use proto::relay::hub;
use runtime::metrics::{Kind, Page, Value};
use runtime::udp;

use super::relay::Relay;

/// A figure: its name, what it is, and how it is read.
type Figure<C> = (&'static str, &'static str, fn(&C) -> u64);

/// Why something was not done, and how often.
type Reason<C> = (&'static str, fn(&C) -> u64);

const SOCKETS: &[Figure<udp::Counts>] = &[
    (
        "relay_received_datagrams_total",
        "Datagrams received.",
        |counts| counts.received,
    ),
    (
        "relay_received_bytes_total",
        "UDP payload received.",
        |counts| counts.received_bytes,
    ),
    ("relay_sent_datagrams_total", "Datagrams sent.", |counts| {
        counts.sent
    }),
    ("relay_sent_bytes_total", "UDP payload sent.", |counts| {
        counts.sent_bytes
    }),
    (
        "relay_send_failed_datagrams_total",
        "Datagrams that the system did not send.",
        |counts| counts.failed,
    ),
    (
        "relay_queue_dropped_datagrams_total",
        "Datagrams that found no room in the system's queue before the relay.",
        |counts| counts.dropped,
    ),
];

/// Why datagrams that were received were not looked at.
const NOT_ADMITTED: &[Reason<udp::Counts>] = &[
    ("over_rate", |counts| counts.over_rate),
    ("forbidden_address", |counts| counts.never_answered),
];

/// Why datagrams that were looked at were dropped in silence.
const IGNORED: &[Reason<hub::Counts>] = &[
    ("answer", |counts| counts.answers_dropped),
    ("too_long", |counts| counts.too_long),
    ("native_malformed", |counts| counts.native_malformed),
];

const COUNTERS: &[Figure<hub::Counts>] = &[
    (
        "relay_hellos_total",
        "Classic clients that asked for their address.",
        |counts| counts.hellos,
    ),
    (
        "relay_malformed_total",
        "Classic datagrams that were no messages (400 to 404).",
        |counts| counts.malformed,
    ),
    (
        "relay_withheld_answers_total",
        "Classic answers that were not given.",
        |counts| counts.withheld,
    ),
    (
        "relay_registrations_total",
        "Registrations on the native wire.",
        |counts| counts.registered,
    ),
    (
        "relay_registrations_refused_total",
        "Registrations on the native wire that were refused.",
        |counts| counts.registrations_refused,
    ),
    ("relay_messages_total", "Messages taken.", |counts| {
        counts.messages
    }),
    (
        "relay_duplicate_messages_total",
        "Messages that had come before.",
        |counts| counts.duplicates,
    ),
    (
        "relay_refused_messages_total",
        "Messages refused.",
        |counts| counts.refused,
    ),
    (
        "relay_deliveries_total",
        "Deliveries of messages, to each receiver.",
        |counts| counts.deliveries,
    ),
    (
        "relay_dropped_deliveries_total",
        "Deliveries of messages to rooms that passed slow members by.",
        |counts| counts.dropped,
    ),
    (
        "relay_resent_packets_total",
        "Packets sent again.",
        |counts| counts.resent,
    ),
];

const GAUGES: &[Figure<hub::Counts>] = &[
    (
        "relay_classic_clients",
        "Classic clients heard of in the last 300 s.",
        |counts| counts.classic_clients,
    ),
    ("relay_sessions", "Sessions on the native wire.", |counts| {
        counts.sessions
    }),
    ("relay_names", "Names that belong to somebody.", |counts| {
        counts.names
    }),
    ("relay_rooms", "Rooms.", |counts| counts.rooms),
    (
        "relay_waiting_bytes",
        "Messages that wait in queues.",
        |counts| counts.waiting,
    ),
    (
        "relay_stuck_sessions",
        "Sessions whose queue stands still.",
        |counts| counts.stuck,
    ),
];

/// What is said of a relay at its end.
pub(super) fn summary(relay: &Relay) -> String {
    let counts = relay.counts();
    format!(
        "{}, {} messages, {} deliveries, {} refused",
        relay.totals(),
        counts.messages,
        counts.deliveries,
        counts.refused
    )
}

/// All figures as they are now.
pub(super) fn page(relay: &Relay) -> Page {
    let mut page = Page::default();
    page.program("relay", env!("CARGO_PKG_VERSION"), relay.uptime());
    of_sockets(&relay.totals().counts(), &mut page);
    of_hub(&relay.counts(), &mut page);
    for part in relay.parts() {
        part.show(&mut page);
    }
    page
}

fn of_sockets(counts: &udp::Counts, page: &mut Page) {
    for (name, help, read) in SOCKETS {
        page.single(name, Kind::Counter, help, Value::Count(read(counts)));
    }
    let help = "Datagrams received that were not looked at.";
    let mut metric = page.metric("relay_not_admitted_datagrams_total", Kind::Counter, help);
    for (reason, read) in NOT_ADMITTED {
        metric.sample(&[("reason", reason)], Value::Count(read(counts)));
    }
}

fn of_hub(counts: &hub::Counts, page: &mut Page) {
    let help = "Datagrams that were dropped in silence.";
    let mut metric = page.metric("relay_ignored_datagrams_total", Kind::Counter, help);
    for (reason, read) in IGNORED {
        metric.sample(&[("reason", reason)], Value::Count(read(counts)));
    }
    for (kind, figures) in [(Kind::Counter, COUNTERS), (Kind::Gauge, GAUGES)] {
        for (name, help, read) in figures {
            page.single(name, kind, help, Value::Count(read(counts)));
        }
    }
}
