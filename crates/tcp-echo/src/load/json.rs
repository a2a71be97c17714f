//! A load for programs.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::Histogram;
use serde::Serialize;

use super::failure::Failure;
use super::found::Found;
use super::plan::Pace;

const SCHEMA: &str = "plumbline/load/1";

#[derive(Serialize)]
struct View {
    schema: &'static str,
    command: String,
    began_unix_ns: u64,
    server: String,
    on_loopback: bool,
    mode: &'static str,
    connections: usize,
    connections_opened: usize,
    size_bytes: usize,
    pipeline: usize,
    wanted_requests_per_s: Option<u32>,
    interrupted: bool,
    elapsed_ns: u64,
    sent: u64,
    answered: u64,
    answered_in_time: u64,
    unanswered: u64,
    unsent: u64,
    sent_requests_per_s: f64,
    requests_per_s: f64,
    payload_bits_per_s: f64,
    cpu_ns: Option<u64>,
    latency_from_send_ns: Option<TimesView>,
    latency_from_due_ns: Option<TimesView>,
    sent_late_ns: Option<TimesView>,
    failed_connections: FailuresView,
}

#[derive(Serialize)]
struct TimesView {
    count: u64,
    min: u64,
    mean: u64,
    stddev: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p99_9: u64,
    p99_99: u64,
    max: u64,
}

#[derive(Serialize)]
struct FailuresView {
    refused: u64,
    timed_out: u64,
    reset: u64,
    closed_early: u64,
    wrong_answer: u64,
    no_port: u64,
    no_descriptor: u64,
    other: u64,
}

/// Prints the result as one object.
pub(super) fn print(found: &Found, out: &mut impl Write) -> io::Result<()> {
    let (plan, count) = (&found.plan, &found.count);
    let scheduled = count.scheduled.as_ref();
    let (mode, wanted) = match plan.pace {
        Pace::Answers => ("closed", None),
        Pace::Schedule(rate) => ("open", Some(rate)),
    };
    let view = View {
        schema: SCHEMA,
        command: runtime::cli::command_line(),
        began_unix_ns: found.began,
        server: plan.server.to_string(),
        on_loopback: plan.server.ip().to_canonical().is_loopback(),
        mode,
        connections: plan.connections,
        connections_opened: found.opened,
        size_bytes: plan.size,
        pipeline: plan.pipeline,
        wanted_requests_per_s: wanted,
        interrupted: found.interrupted,
        elapsed_ns: nanos(found.elapsed),
        sent: count.sent,
        answered: count.answered,
        answered_in_time: count.in_time,
        unanswered: found.unanswered(),
        unsent: found.unsent,
        sent_requests_per_s: found.sent_per_second(),
        requests_per_s: found.per_second(),
        payload_bits_per_s: found.bits_per_second(),
        cpu_ns: found.processor.map(nanos),
        latency_from_send_ns: times(&count.from_send),
        latency_from_due_ns: scheduled.and_then(|scheduled| times(&scheduled.from_due)),
        sent_late_ns: scheduled.and_then(|scheduled| times(&scheduled.late)),
        failed_connections: failures(found),
    };
    runtime::json::print(&view, out)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn times(times: &Histogram) -> Option<TimesView> {
    times.distribution().map(|times| TimesView {
        count: times.count,
        min: nanos(times.min),
        mean: nanos(times.mean),
        stddev: nanos(times.stddev),
        p50: nanos(times.median),
        p90: nanos(times.p90),
        p99: nanos(times.p99),
        p99_9: nanos(times.p999),
        p99_99: nanos(times.p9999),
        max: nanos(times.max),
    })
}

fn failures(found: &Found) -> FailuresView {
    let of = |failure| found.count.failures.of(failure);
    FailuresView {
        refused: of(Failure::Refused),
        timed_out: of(Failure::TimedOut),
        reset: of(Failure::Reset),
        closed_early: of(Failure::Closed),
        wrong_answer: of(Failure::Wrong),
        no_port: of(Failure::NoPort),
        no_descriptor: of(Failure::NoDescriptor),
        other: of(Failure::Other),
    }
}
