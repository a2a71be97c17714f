//! What a measurement looks like for people. All times are in ms.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Arrival, Distribution, Recent, Summary, Times};
use runtime::udp::StampClock;
use runtime::units::show_time;

use super::count::Event;
use super::schedule::Schedule;
use super::{Outcome, Plan, Wire};

/// Milliseconds with as many digits as tell.
fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 1.0 {
        format!("{ms:.5}")
    } else {
        format!("{ms:.3}")
    }
}

fn what(wire: Wire) -> String {
    match wire {
        Wire::Classic(None) => "a classic server".to_owned(),
        Wire::Classic(Some(_)) => "a Plumbline server, on the classic wire".to_owned(),
        Wire::Native { keyed, clock } => {
            let keyed = if keyed { ", with a key" } else { "" };
            let stamps = match clock {
                StampClock::Program => "without stamps of the kernel's",
                StampClock::Kernel => "stamped by the kernel",
                StampClock::Card => "stamped by the network card",
            };
            format!("a Plumbline server{keyed}, {stamps}")
        }
    }
}

pub(super) fn header(plan: &Plan, wire: Wire, out: &mut impl Write) -> io::Result<()> {
    let packets = match plan.schedule.count() {
        Some(count) => format!("{count} packets"),
        None => "packets".to_owned(),
    };
    let pace = match &plan.schedule {
        Schedule::Even { interval, .. } => format!("one every {}", show_time(*interval)),
        Schedule::BackToBack { .. } => "one in flight".to_owned(),
        Schedule::Falling(_) => "ever faster".to_owned(),
    };
    writeln!(
        out,
        "measuring udp://{} ({}): {packets} of {} bytes, {pace}, time-out {}",
        plan.server,
        what(wire),
        plan.size,
        show_time(plan.timeout)
    )
}

pub(super) fn packet(event: Event, out: &mut impl Write) -> io::Result<()> {
    match event {
        Event::Answered(number, arrival) => match arrival {
            Arrival::OnTime(time) => writeln!(out, "packet {}: {} ms", number + 1, ms(time)),
            Arrival::Late(time) => writeln!(out, "packet {}: {} ms, late", number + 1, ms(time)),
            Arrival::Duplicate => writeln!(out, "packet {}: answered again", number + 1),
            Arrival::Unknown => {
                writeln!(out, "packet {}: answered after it was given up", number + 1)
            }
        },
        Event::Overdue(number) => writeln!(out, "packet {}: no answer in time", number + 1),
        _ => Ok(()),
    }
}

pub(super) fn not_sent(number: u64, error: &io::Error) -> String {
    format!("packet {}: not sent: {error}", number + 1)
}

pub(super) fn period(at: Duration, recent: &Recent, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "{:.1} s: {} sent, {} lost",
        at.as_secs_f64(),
        recent.sent,
        recent.lost
    )?;
    let series = [("network", &recent.network), ("RTT", &recent.application)];
    for (name, histogram) in series {
        if let Some(times) = histogram.distribution() {
            write!(
                out,
                ", {name} ms p50 {} p99 {} max {}",
                ms(times.median),
                ms(times.p99),
                ms(times.max)
            )?;
        }
    }
    writeln!(out)
}

pub(super) fn summary(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let found = &outcome.summary;
    writeln!(out, "--- udp://{} ---", outcome.plan.server)?;
    counts(found, out)?;
    if found.application.is_none() {
        writeln!(out, "no answer in time: no round-trip times")?;
    }
    let series = [
        ("network RTT", &found.network),
        ("application RTT", &found.application),
        ("there", &found.there),
        ("back", &found.back),
    ];
    for (name, times) in series {
        if let Some(times) = times {
            writeln!(out, "{name} ms: {}", spread(&times.distribution))?;
            jitter(times, out)?;
        }
    }
    if let Some(clocks) = &found.clocks {
        writeln!(
            out,
            "one-way error ± {} ms, drift {:.3} ppm ± {:.3}, steps {}",
            ms(clocks.fit.bound()),
            clocks.fit.drift_ppm(),
            clocks.fit.drift_bound_ppm(),
            clocks.steps
        )?;
    }
    let pace = outcome.measured.pace;
    if let Some(interval) = pace.interval() {
        writeln!(
            out,
            "interval {:.9} s, {} slots, {} missed",
            interval.as_secs_f64(),
            pace.slots,
            pace.missed
        )?;
    }
    Ok(())
}

fn counts(found: &Summary, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "{} sent, {} answered, {} late, {} lost ({:.1} %)",
        found.sent,
        found.answered,
        found.late,
        found.lost,
        found.loss_percent()
    )?;
    writeln!(out, " {:?} {:?}", found.losses, found.bursts)
}

fn spread(times: &Distribution) -> String {
    format!(
        "min {}, mean {}, median {}, p90 {}, p99 {}, p99.9 {}, p99.99 {}, max {}, stddev {}",
        ms(times.min),
        ms(times.mean),
        ms(times.median),
        ms(times.p90),
        ms(times.p99),
        ms(times.p999),
        ms(times.p9999),
        ms(times.max),
        ms(times.stddev)
    )
}

fn jitter(times: &Times, out: &mut impl Write) -> io::Result<()> {
    let jitter = &times.jitter;
    let (Some(rfc), Some(ipdv), Some(pdv)) = (jitter.rfc3550, jitter.ipdv, jitter.pdv) else {
        return Ok(());
    };
    writeln!(
        out,
        "  jitter ms: {} (RFC 3550), {} (mean IPDV, RFC 3393), {} (p99 PDV, RFC 5481)",
        ms(rfc),
        ms(ipdv.mean),
        ms(pdv.p99)
    )
}
