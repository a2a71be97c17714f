//! A flood for programs.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::Histogram;
use proto::measure::flood::Verdict;
use serde::Serialize;

use super::found::{Found, OneWay, Searched, Tried};
use super::text::name;

const SCHEMA: &str = "plumbline/flood/1";

#[derive(Serialize)]
struct View {
    schema: &'static str,
    command: String,
    began_unix_ns: u64,
    server: String,
    on_loopback: bool,
    size: usize,
    flows: usize,
    interrupted: bool,
    ways: Vec<WayView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<SearchView>,
}

#[derive(Serialize)]
struct WayView {
    way: &'static str,
    seconds: f64,
    sent: u64,
    received: u64,
    lost: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_there: Option<u64>,
    loss_percent: f64,
    duplicates: u64,
    reordered: u64,
    not_sent_in_time: u64,
    over_rate: u64,
    socket_overflows: u64,
    sent_packets_per_s: f64,
    packets_per_s: f64,
    bits_per_s: f64,
    sender: SideView,
    receiver: SideView,
    rtt_of: &'static str,
    rtt_ns: Option<TimesView>,
}

#[derive(Serialize)]
struct SideView {
    cpu_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gso: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gro: Option<bool>,
}

#[derive(Serialize)]
struct TimesView {
    count: u64,
    min: u64,
    mean: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
}

#[derive(Serialize)]
struct SearchView {
    max_loss_percent: f64,
    packets_per_s: Option<f64>,
    bits_per_s: Option<f64>,
    loss_percent: Option<f64>,
    trials: Vec<TrialView>,
}

#[derive(Serialize)]
struct TrialView {
    wanted_packets_per_s: Option<f64>,
    sent_packets_per_s: f64,
    delivered_packets_per_s: f64,
    loss_percent: f64,
    verdict: &'static str,
}

/// Prints the result as one object.
pub(super) fn print(found: &Found, out: &mut impl Write) -> io::Result<()> {
    let size = found.plan.size.bytes();
    let view = View {
        schema: SCHEMA,
        command: runtime::cli::command_line(),
        began_unix_ns: found.began,
        server: found.plan.server.to_string(),
        on_loopback: found.on_loopback(),
        size,
        flows: found.plan.flows,
        interrupted: found.interrupted,
        ways: found.ways.iter().map(way).collect(),
        search: found.search.as_ref().map(|searched| search(searched, size)),
    };
    runtime::json::print(&view, out)
}

fn way(way: &OneWay) -> WayView {
    let (sender, receiver) = way.sender_and_receiver();
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let offload = way.offload();
    WayView {
        way: name(way.way),
        seconds: way.sending().as_secs_f64(),
        sent: way.sent(),
        received: way.received(),
        lost: way.lost(),
        lost_there: way.lost_there(),
        loss_percent: 100.0 * way.loss(),
        duplicates: way.duplicates(),
        reordered: way.reordered(),
        not_sent_in_time: way.missed(),
        over_rate: way.over_rate(),
        socket_overflows: way.overflows(),
        sent_packets_per_s: way.sent_per_second(),
        packets_per_s: way.per_second(),
        bits_per_s: way.bits_per_second(),
        sender: SideView {
            cpu_s: seconds(sender),
            gso: Some(offload.send),
            gro: None,
        },
        receiver: SideView {
            cpu_s: seconds(receiver),
            gso: None,
            gro: Some(offload.receive),
        },
        rtt_of: match way.way {
            proto::measure::flood::Way::Echo => "packets",
            _ => "orders",
        },
        rtt_ns: times(&way.round_trips()),
    }
}

fn times(times: &Histogram) -> Option<TimesView> {
    let nanos = |time: Option<Duration>| time.map_or(0, |time| time.as_nanos() as u64);
    let at = |percent| nanos(times.percentile(percent));
    (times.count() > 0).then(|| TimesView {
        count: times.count(),
        min: nanos(times.min()),
        mean: nanos(times.mean()),
        p50: at(50.0),
        p90: at(90.0),
        p99: at(99.0),
        p99_9: at(99.9),
        max: nanos(times.max()),
    })
}

fn search(searched: &Searched, size: usize) -> SearchView {
    let found = searched.found;
    SearchView {
        max_loss_percent: 100.0 * searched.max_loss,
        packets_per_s: found.map(|passed| passed.rate),
        bits_per_s: found.map(|passed| passed.rate * 8.0 * size as f64),
        loss_percent: found.map(|passed| 100.0 * passed.loss),
        trials: searched.trials.iter().map(trial).collect(),
    }
}

fn trial(tried: &Tried) -> TrialView {
    TrialView {
        wanted_packets_per_s: tried.wanted,
        sent_packets_per_s: tried.sent,
        delivered_packets_per_s: tried.delivered,
        loss_percent: 100.0 * tried.loss,
        verdict: match tried.verdict {
            Verdict::Passed => "passed",
            Verdict::Doubtful => "doubtful",
            Verdict::Failed => "failed",
            Verdict::TooSlow => "too_slow",
            Verdict::NotSent => "not_sent",
        },
    }
}
