//! A flood for people.

use std::io::{self, Write};
use std::time::Duration;

use chart::Table;
use proto::measure::Histogram;
use proto::measure::flood::{Offload, Verdict, Way};

use super::found::{Found, OneWay, Tried, ratio};
use super::plan::Plan;
use chart::columns;
use chart::number::{self, NONE, scaled, three_digits};

/// A way by its name.
pub(super) fn name(way: Way) -> &'static str {
    match way {
        Way::There => "there",
        Way::Back => "back",
        Way::Echo => "echo",
    }
}

/// Packets a second, and the bits of their payload.
pub(super) fn rates(packets: f64, size: usize) -> (String, String) {
    let bits = packets * 8.0 * size as f64;
    (
        format!("{}packets/s", scaled(packets)),
        format!("{}bit/s", scaled(bits)),
    )
}

/// What is about to be done.
pub(super) fn header(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let how_fast = match plan.rate {
        Some(rate) => {
            let (packets, bits) = rates(rate.packets(), plan.size.bytes());
            format!("{packets} ({bits})")
        }
        None => "as fast as can be".to_owned(),
    };
    let flows = match plan.flows {
        1 => String::new(),
        flows => format!(" on {flows} flows"),
    };
    let text = format!(
        "flooding udp://{}: packets of {} bytes{flows}, {how_fast}, {}",
        plan.server,
        plan.size,
        runtime::units::show_time(plan.duration)
    );
    columns::paragraph(&text, out)?;
    out.flush()
}

fn offload(offload: Offload) -> &'static str {
    match (offload.send, offload.receive) {
        (true, true) => "GSO, GRO",
        (true, false) => "GSO",
        (false, true) => "GRO",
        (false, false) => "none",
    }
}

/// Processor time as a share of one processor, and for each packet.
fn processor(time: Option<Duration>, way: &OneWay, packets: u64) -> String {
    let Some(time) = time else {
        return NONE.to_owned();
    };
    let share = 100.0 * ratio(time.as_secs_f64(), way.sending().as_secs_f64());
    let each = ratio(time.as_nanos() as f64, packets as f64);
    format!("{share:.0} % ({} ns each)", three_digits(each))
}

/// One way, as soon as it has ended.
pub(super) fn way(way: &OneWay, out: &mut impl Write) -> io::Result<()> {
    let size = ratio(way.bits_per_second(), 8.0 * way.per_second());
    let (packets, bits) = rates(way.per_second(), size.round() as usize);
    let (sent, _) = rates(way.sent_per_second(), 0);
    let (sender, receiver) = way.sender_and_receiver();
    let mut line = format!(
        "{}: {packets}, {bits} arrived; {} of {} lost ({} %), sent {sent}",
        name(way.way),
        way.lost(),
        way.sent(),
        three_digits(100.0 * way.loss()),
    );
    let beside = [
        (way.lost_there().unwrap_or(0), "lost there"),
        (way.over_rate(), "over the rate that the server allows"),
        (way.duplicates(), "duplicates"),
        (way.reordered(), "reordered"),
        (way.missed(), "not sent in time"),
    ];
    for (count, what) in beside {
        if count > 0 {
            line += &format!(", {count} {what}");
        }
    }
    if way.overflows() > 0 {
        line += &format!("; the receiver's socket was full {} times", way.overflows());
    }
    columns::paragraph(&line, out)?;
    let line = format!(
        "  processors: sending {}, receiving {}; offload: {}",
        processor(sender, way, way.sent()),
        processor(receiver, way, way.received()),
        offload(way.offload())
    );
    columns::paragraph(&line, out)?;
    round_trips(way, &way.round_trips(), out)?;
    out.flush()
}

fn round_trips(way: &OneWay, times: &Histogram, out: &mut impl Write) -> io::Result<()> {
    let of = |percent| times.percentile(percent).unwrap_or_default();
    let Some((min, max)) = times.min().zip(times.max()) else {
        return Ok(());
    };
    let all = [min, of(50.0), of(99.0), of(99.9), max];
    let decimals = number::decimals(all);
    let what = match way.way {
        Way::Echo => format!("of {} packets", times.count()),
        Way::There | Way::Back => format!("of {} orders beside the flood", times.count()),
    };
    let cells = all.map(|time| number::cell(time, decimals));
    let table = Table {
        caption: format!("  RTT in ms, {what}"),
        header: ["", "min", "p50", "p99", "p99.9", "max"]
            .map(String::from)
            .to_vec(),
        rows: vec![
            std::iter::once("  (program's clock)".to_owned())
                .chain(cells)
                .collect(),
        ],
    };
    columns::table(&table, 1, out)
}

/// A trial of a search.
pub(super) fn trial(number: usize, tried: &Tried, out: &mut impl Write) -> io::Result<()> {
    let what = match tried.verdict {
        Verdict::Passed => "passed",
        Verdict::Doubtful => "too much; once more",
        Verdict::Failed => "too much",
        Verdict::TooSlow => "slower than wanted; once more",
        Verdict::NotSent => "this machine sends no more",
    };
    writeln!(
        out,
        "trial {number}: {}packets/s, {} % lost: {what}",
        scaled(tried.sent),
        three_digits(100.0 * tried.loss)
    )?;
    out.flush()
}

/// What there is to say at the end.
pub(super) fn end(found: &Found, out: &mut impl Write) -> io::Result<()> {
    if let Some(search) = &found.search {
        let allowed = three_digits(100.0 * search.max_loss);
        let trials = search.trials.len();
        let line = match &search.found {
            Some(passed) => {
                let (packets, bits) = rates(passed.rate, found.plan.size.bytes());
                format!(
                    "the path carries {packets} of {} bytes ({bits}) with at most {allowed} % loss: {} % seen, found by {trials} trials",
                    found.plan.size,
                    three_digits(100.0 * passed.loss)
                )
            }
            None => format!(
                "no rate was found with at most {allowed} % loss in {trials} trials: the path loses packets at any; allow more with --max-loss"
            ),
        };
        columns::paragraph(&line, out)?;
    }
    if found.interrupted {
        writeln!(out, "ended before its time")?;
    }
    let plan = &found.plan;
    if found.on_loopback() && (plan.offload.send || plan.offload.receive) {
        let note = "on loopback, offloaded packets are never taken apart: these are figures of this machine's network stack (--no-gso --no-gro for single packets)";
        columns::paragraph(note, out)?;
    }
    Ok(())
}
