//! The names of the figures that `--metrics` serves, and where their values are.

use std::sync::Arc;

use runtime::metrics::{Endpoint, Kind, Page, Value};
use runtime::udp::Counts;

use super::companions::Companions;
use super::measured::{Floods, Measured};
use super::watched::Watched;

/// How a figure is read from the counts of a service.
type Read = fn(&Counts) -> u64;

/// What is counted of each service.
const OF_SERVICES: &[(&str, &str, Read)] = &[
    (
        "udp_echo_received_datagrams_total",
        "Datagrams received.",
        |counts| counts.received,
    ),
    (
        "udp_echo_received_bytes_total",
        "UDP payload received.",
        |counts| counts.received_bytes,
    ),
    (
        "udp_echo_sent_datagrams_total",
        "Datagrams sent, duplicates included.",
        |counts| counts.sent,
    ),
    ("udp_echo_sent_bytes_total", "UDP payload sent.", |counts| {
        counts.sent_bytes
    }),
    (
        "udp_echo_queue_dropped_datagrams_total",
        "Datagrams that found no room in the system's queue before the server.",
        |counts| counts.dropped,
    ),
];

/// Why datagrams that were received had no reply.
const UNANSWERED: &[(&str, Read)] = &[
    ("over_rate", |counts| counts.over_rate),
    ("forbidden_address", |counts| counts.never_answered),
    ("nothing_to_say", |counts| counts.unanswered),
];

/// Why replies were not sent.
const UNSENT: &[(&str, Read)] = &[
    ("emulated_loss", |counts| counts.lost),
    ("no_room_to_delay", |counts| counts.no_room),
    ("send_failed", |counts| counts.failed),
];

/// Serves the figures until the server ends.
pub(super) fn start(
    endpoint: Endpoint,
    watched: Arc<Watched>,
    companions: &mut Companions,
) -> std::io::Result<()> {
    companions.start("metrics", move |shutdown| {
        Ok(endpoint.run(shutdown, || page(&watched))?)
    })
}

/// All figures as they are now.
fn page(watched: &Watched) -> Page {
    let mut page = Page::default();
    page.program(
        "udp_echo",
        env!("CARGO_PKG_VERSION"),
        watched.began.elapsed(),
    );
    of_services(watched, &mut page);
    if let Some(measured) = &watched.measured {
        of_wires(measured, &mut page);
        of_sessions(measured, &mut page);
        of_floods(&measured.floods, &mut page);
    }
    page
}

fn of_services(watched: &Watched, page: &mut Page) {
    let services: Vec<_> = watched.counts().collect();
    for (name, help, read) in OF_SERVICES {
        let mut metric = page.metric(name, Kind::Counter, help);
        for (service, counts) in &services {
            metric.sample(&[("service", service)], Value::Count(read(counts)));
        }
    }
    let by_reason = [
        (
            "udp_echo_unanswered_datagrams_total",
            "Datagrams received that got no reply.",
            UNANSWERED,
        ),
        (
            "udp_echo_unsent_replies_total",
            "Replies that were not sent.",
            UNSENT,
        ),
    ];
    for (name, help, reasons) in by_reason {
        let mut metric = page.metric(name, Kind::Counter, help);
        for (service, counts) in &services {
            for (reason, read) in reasons {
                let labels = [("service", *service), ("reason", reason)];
                metric.sample(&labels, Value::Count(read(counts)));
            }
        }
    }
}

fn of_floods(floods: &Floods, page: &mut Page) {
    let now = floods.begun.get().saturating_sub(floods.ended.get());
    let help = "Flows that flood the server, or that it floods.";
    page.single("udp_echo_floods", Kind::Gauge, help, Value::Count(now));
    let counters = [
        (
            "udp_echo_flood_flows_begun_total",
            "Flows begun.",
            &floods.begun,
        ),
        (
            "udp_echo_flood_received_packets_total",
            "Packets of floods received.",
            &floods.received,
        ),
        (
            "udp_echo_flood_received_bytes_total",
            "UDP payload of floods received.",
            &floods.received_bytes,
        ),
        (
            "udp_echo_flood_sent_packets_total",
            "Packets of floods sent.",
            &floods.sent,
        ),
        (
            "udp_echo_flood_sent_bytes_total",
            "UDP payload of floods sent.",
            &floods.sent_bytes,
        ),
    ];
    for (name, help, counter) in counters {
        page.single(name, Kind::Counter, help, Value::Count(counter.get()));
    }
}

fn of_wires(measured: &Measured, page: &mut Page) {
    let wires = [("native", &measured.native), ("classic", &measured.classic)];
    let help = "Packets of the measurement that came, by their wire.";
    let mut metric = page.metric("udp_echo_requests_total", Kind::Counter, help);
    for (name, wire) in wires {
        metric.sample(&[("wire", name)], Value::Count(wire.requests.get()));
    }
    let help = "Calibrations, by the wire that they are to lead to.";
    let mut metric = page.metric("udp_echo_calibrations_total", Kind::Counter, help);
    for (name, wire) in wires {
        metric.sample(&[("wire", name)], Value::Count(wire.calibrations.get()));
    }
}

fn of_sessions(measured: &Measured, page: &mut Page) {
    let sessions = &measured.sessions;
    let now = Value::Count(sessions.now());
    page.single(
        "udp_echo_sessions",
        Kind::Gauge,
        "Sessions that are remembered.",
        now,
    );
    let counters = [
        (
            "udp_echo_sessions_begun_total",
            "Sessions begun.",
            &sessions.begun,
        ),
        (
            "udp_echo_sessions_expired_total",
            "Sessions forgotten after their time.",
            &sessions.expired,
        ),
        (
            "udp_echo_sessions_displaced_total",
            "Sessions forgotten because a full table needed their place.",
            &sessions.displaced,
        ),
        (
            "udp_echo_unknown_sessions_total",
            "Packets of no session, which were told so.",
            &measured.unknown,
        ),
        (
            "udp_echo_wrong_proofs_total",
            "Packets of a session with a wrong proof, which got no reply.",
            &measured.wrong_proofs,
        ),
        (
            "udp_echo_exits_refused_total",
            "Requests to stop the server that were refused.",
            &measured.exits_refused,
        ),
    ];
    for (name, help, counter) in counters {
        page.single(name, Kind::Counter, help, Value::Count(counter.get()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_is_there_once_and_well_named() {
        let watched = Watched::new("ack", &Arc::default(), Some(Arc::default()));
        let page = page(&watched);
        let text = page.text();
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{text}");
        assert!(names.len() >= 20, "{text}");
        for name in names {
            let (name, kind) = name.split_once(' ').unwrap();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        }
        let zero = "udp_echo_received_datagrams_total{service=\"ack\"} 0\n";
        assert!(text.contains(zero), "{text}");
    }

    #[test]
    fn an_echo_without_sessions_has_no_figures_of_them() {
        let page = page(&Watched::new("upper", &Arc::default(), None));
        assert!(!page.text().contains("session"), "{}", page.text());
        let reason = "{service=\"upper\",reason=\"over_rate\"} 0\n";
        assert!(page.text().contains(reason));
    }
}
