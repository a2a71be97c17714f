//! What a measurement looks like: lines for people, JSON for programs. All times of a form are in one unit.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Arrival, Spread, Version};
use runtime::units::show_time;
use serde::Serialize;

use super::measure::Event;
use super::{Outcome, Plan};

/// Milliseconds, with every digit that a nanosecond clock gives up to the microsecond.
fn ms(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

fn what(version: Option<Version>) -> &'static str {
    match version {
        Some(_) => "a Plumbline server, on the classic wire",
        None => "a classic server",
    }
}

pub(super) fn header(
    plan: &Plan,
    version: Option<Version>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        out,
        "measuring udp://{} ({}): {} packets of {} bytes, one every {}, time-out {}",
        plan.server,
        what(version),
        plan.count,
        plan.size,
        show_time(plan.interval),
        show_time(plan.timeout)
    )
}

pub(super) fn packet(event: Event, out: &mut impl Write) -> io::Result<()> {
    match event {
        Event::Answered(number, Arrival::OnTime(time)) => {
            writeln!(out, "packet {}: {} ms", number + 1, ms(time))
        }
        Event::Answered(number, Arrival::Late(time)) => {
            writeln!(out, "packet {}: {} ms, late", number + 1, ms(time))
        }
        Event::Answered(number, Arrival::Duplicate) => {
            writeln!(out, "packet {}: answered again", number + 1)
        }
        Event::Answered(number, Arrival::Unknown) => {
            writeln!(out, "packet {}: answered after it was given up", number + 1)
        }
        Event::Overdue(number) => writeln!(out, "packet {}: no answer in time", number + 1),
        Event::Refused => writeln!(
            out,
            "the host answers \"port unreachable\": the server is gone"
        ),
        Event::NotSent(number, error) => {
            writeln!(out, "packet {}: not sent: {error}", number + 1)
        }
    }
}

pub(super) fn summary(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let found = &outcome.summary;
    writeln!(out, "--- udp://{} ---", outcome.plan.server)?;
    write!(
        out,
        "{} sent, {} answered, {} late, {} lost ({:.1} %)",
        found.sent,
        found.answered,
        found.late,
        found.lost,
        found.loss_percent()
    )?;
    if found.waiting > 0 {
        write!(out, ", {} still waiting", found.waiting)?;
    }
    if found.duplicates > 0 {
        write!(out, ", {} answered twice", found.duplicates)?;
    }
    writeln!(out)?;
    let Some(rtt) = found.round_trip else {
        return writeln!(out, "no answer in time: no round-trip times");
    };
    writeln!(
        out,
        "RTT ms: min {}, mean {}, median {}, p99 {}, max {}, stddev {}",
        ms(rtt.min),
        ms(rtt.mean),
        ms(rtt.median),
        ms(rtt.p99),
        ms(rtt.max),
        ms(rtt.stddev)
    )?;
    if let Some(jitter) = found.jitter {
        writeln!(out, "jitter ms: {} (RFC 3550)", ms(jitter))?;
    }
    Ok(())
}

/// The result for programs; `schema` names this form. All times are in nanoseconds, 0 digits after the point.
#[derive(Debug, Serialize)]
pub(super) struct Json {
    schema: &'static str,
    target: String,
    server: &'static str,
    size_bytes: usize,
    interval_ns: u64,
    timeout_ns: u64,
    requested: u64,
    sent: u64,
    answered: u64,
    late: u64,
    lost: u64,
    waiting: u64,
    loss_percent: f64,
    duplicates: u64,
    reordered: u64,
    rtt_ns: Option<JsonSpread>,
    jitter_rfc3550_ns: Option<u64>,
}

#[derive(Debug, Serialize)]
struct JsonSpread {
    min: u64,
    mean: u64,
    median: u64,
    p99: u64,
    max: u64,
    stddev: u64,
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&Outcome> for Json {
    fn from(outcome: &Outcome) -> Self {
        let (plan, found) = (&outcome.plan, &outcome.summary);
        Self {
            schema: "plumbline/probe/1",
            target: plan.server.to_string(),
            server: outcome.version.map_or("classic", |_| "plumbline"),
            size_bytes: plan.size.bytes(),
            interval_ns: ns(plan.interval),
            timeout_ns: ns(plan.timeout),
            requested: plan.count,
            sent: found.sent,
            answered: found.answered,
            late: found.late,
            lost: found.lost,
            waiting: found.waiting,
            loss_percent: found.loss_percent(),
            duplicates: found.duplicates,
            reordered: found.reordered,
            rtt_ns: found.round_trip.map(JsonSpread::from),
            jitter_rfc3550_ns: found.jitter.map(ns),
        }
    }
}

impl From<Spread> for JsonSpread {
    fn from(spread: Spread) -> Self {
        Self {
            min: ns(spread.min),
            mean: ns(spread.mean),
            median: ns(spread.median),
            p99: ns(spread.p99),
            max: ns(spread.max),
            stddev: ns(spread.stddev),
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::measure::{PacketSize, Tally};

    use super::*;

    fn outcome(version: Option<Version>) -> Outcome {
        let ms = Duration::from_millis;
        let mut tally = Tally::new(ms(1000));
        for number in 0..4 {
            tally.sent(ms(100 * number));
        }
        tally.answered(0, ms(20));
        tally.answered(1, ms(110));
        tally.answered(1, ms(111));
        tally.answered(2, ms(1300));
        while tally.overdue(ms(1400)).is_some() {}
        Outcome {
            plan: Plan {
                server: "192.0.2.7:8080".parse().unwrap(),
                count: 4,
                interval: ms(100),
                size: PacketSize::new(64).unwrap(),
                timeout: ms(1000),
                sockets: 4,
            },
            version,
            summary: tally.summary(),
        }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn for_people() {
        let outcome = outcome(None);
        assert_eq!(
            text(|out| header(&outcome.plan, None, out)),
            "measuring udp://192.0.2.7:8080 (a classic server): 4 packets of 64 bytes, one every 100 ms, time-out 1 s\n"
        );
        assert_eq!(
            text(|out| summary(&outcome, out)),
            "--- udp://192.0.2.7:8080 ---\n\
             4 sent, 2 answered, 1 late, 1 lost (25.0 %), 1 answered twice\n\
             RTT ms: min 10.000, mean 15.000, median 10.000, p99 20.000, max 20.000, stddev 5.000\n\
             jitter ms: 0.625 (RFC 3550)\n"
        );
    }

    #[test]
    fn for_programs() {
        let json = serde_json::to_value(Json::from(&outcome(Some(Version(0))))).unwrap();
        let expected = serde_json::json!({
            "schema": "plumbline/probe/1",
            "target": "192.0.2.7:8080",
            "server": "plumbline",
            "size_bytes": 64,
            "interval_ns": 100_000_000,
            "timeout_ns": 1_000_000_000,
            "requested": 4,
            "sent": 4,
            "answered": 2,
            "late": 1,
            "lost": 1,
            "waiting": 0,
            "loss_percent": 25.0,
            "duplicates": 1,
            "reordered": 0,
            "rtt_ns": {
                "min": 10_000_000, "mean": 15_000_000, "median": 10_000_000,
                "p99": 20_000_000, "max": 20_000_000, "stddev": 5_000_000,
            },
            "jitter_rfc3550_ns": 625_000,
        });
        assert_eq!(json, expected);
    }
}
