//! What people read at the start and at the end. All times are in ms.

use std::io::{self, Write};

use super::super::schedule::Schedule;
use super::super::{Outcome, Plan, Wire};
use super::{table, words};
use chart::columns::{self, paragraph};
use runtime::units::show_time;

/// Said of a measurement that was ended before its time.
pub(super) const CUT_SHORT: &str = "interrupted: the figures are of what was measured until then";

pub(in crate::probe) fn header(plan: &Plan, wire: Wire, out: &mut impl Write) -> io::Result<()> {
    let text = format!(
        "measuring udp://{} ({}): {}, time-out {}",
        plan.server,
        words::server(wire),
        words::packets(plan),
        show_time(plan.timeout)
    );
    paragraph(&text, out)
}

pub(in crate::probe) fn summary(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let (plan, found) = (&outcome.plan, &outcome.summary);
    writeln!(out, "\n--- udp://{} ---", plan.server)?;
    if is_cut_short(outcome) {
        writeln!(out, "{CUT_SHORT}")?;
    }
    let mut lines = vec![words::counts(found)];
    lines.extend(words::losses(found));
    lines.extend(words::oddities(found).map(|odd| format!("also: {odd}")));
    lines.extend(words::pace(plan, &outcome.measured.pace));
    for line in lines {
        paragraph(&line, out)?;
    }
    times(outcome, out)?;
    jitter(outcome, out)
}

/// Whether it was ended before its time; a measurement without an end is not.
pub(super) fn is_cut_short(outcome: &Outcome) -> bool {
    let has_end = match &outcome.plan.schedule {
        Schedule::Even { limit, .. } | Schedule::BackToBack { limit } => {
            limit.count.is_some() || limit.time.is_some()
        }
        Schedule::Falling(_) => true,
    };
    outcome.interrupted && has_end
}

fn times(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)?;
    if let Some(times) = table::times(outcome) {
        columns::table(&times, 2, out)?;
    }
    for text in words::round_trips(outcome) {
        paragraph(&text, out)?;
    }
    for text in clocks(outcome) {
        paragraph(&text, out)?;
    }
    Ok(())
}

/// What is to be said of the clocks.
pub(super) fn clocks(outcome: &Outcome) -> Vec<String> {
    let clocks = outcome.summary.clocks;
    clocks.map_or_else(Vec::new, |clocks| {
        words::clocks(&clocks, words::offset_ns(outcome, &clocks))
    })
}

fn jitter(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let Some(jitter) = table::jitter(outcome) else {
        return Ok(());
    };
    writeln!(out)?;
    columns::table(&jitter, 1, out)?;
    paragraph(words::JITTER, out)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn shown(outcome: &Outcome) -> String {
        let mut out = Vec::new();
        summary(outcome, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn check(outcome: &Outcome, expected: &str) {
        let text = shown(outcome);
        assert_eq!(text, expected, "\n{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= columns::WIDTH, "{line}");
        }
    }

    #[test]
    fn the_summary_of_a_native_measurement() {
        check(
            &sample::native(),
            "
--- udp://127.0.0.1:8080 ---
1000 sent, 979 answered, 0 late, 21 lost; loss 2.1 % (95 % interval 1.38 to 3.19 %)
lost: 15 back, 5 emulated by the server, 1 in this machine's buffers; in 11 bursts, the longest of 2
also: 2 answered twice
pace: one packet every 1 ms asked for, every 1.000002 ms kept (+2.0 ppm); 1 of 1001 slots missed

times in ms      clock       min    mean     p50     p90     p99  p99.9  p99.99     max  stddev
network RTT      kernel   0.0600  0.0630  0.0630  0.0660  0.0660      –       –  0.0660  0.0020
application RTT  program  0.0900  0.1180  0.1180  0.1381  0.1431      –       –  0.1450  0.0143
there            fitted   0.0298  0.0330  0.0330  0.0360  0.0360      –       –  0.0360  0.0020
back             fitted   0.0300  0.0300  0.0300  0.0300  0.0301      –       –  0.0327  0.0001
network RTT: from the stamp of a packet on its way out to that of its answer, less the server's stay
  by the server's stamps.
application RTT: around this program's system calls, the waits of both machines included.
one-way delays by a fitted clock: offset +5.00000 ms, drift +0.000 ppm (±60.483), error at most
  ±0.03036 ms (they cannot be known better than half the shortest round trip). How they vary is
  right whatever the offset.

jitter in ms     RFC 3550  IPDV mean  IPDV p99  PDV mean  PDV p99
network RTT       0.00162    0.00171   0.00600   0.00299  0.00600
application RTT   0.00252    0.00286   0.00500   0.02800  0.05302
there             0.00162    0.00171   0.00600   0.00319  0.00621
back              0.00000    0.00001   0.00005   0.00001  0.00006
RFC 3550: running estimate at the end. IPDV: from each packet to the next (RFC 3393, RFC 5481). PDV:
  above the shortest (RFC 5481).
",
        );
    }

    #[test]
    fn the_summary_of_few_packets_on_the_classic_wire() {
        check(
            &sample::classic(),
            "
--- udp://127.0.0.1:8080 ---
interrupted: the figures are of what was measured until then
4 sent, 2 answered, 0 late, 1 lost, 1 still waiting; loss 33.3 % (95 % interval 6.15 to 79.2 %)
lost: 1 it is not known where; in 1 burst, the longest of 1
pace: one packet every 1 ms asked for, every 1.000500 ms kept (+500.0 ppm); 1 of 5 slots missed

times in ms      clock       min    mean     p50  p90  p99  p99.9  p99.99     max  stddev
application RTT  program  20.000  25.250  20.000    –    –      –       –  30.500   5.250
application RTT: around this program's system calls, the waits of both machines included.
No network RTT, no one-way delays and no place of a loss: packets of the classic wire carry no times
  or numbers.

jitter in ms     RFC 3550  IPDV mean  IPDV p99  PDV mean  PDV p99
application RTT     0.656     10.500         –     5.250        –
RFC 3550: running estimate at the end. IPDV: from each packet to the next (RFC 3393, RFC 5481). PDV:
  above the shortest (RFC 5481).
",
        );
    }

    #[test]
    fn the_summary_without_an_answer() {
        check(
            &sample::silent(),
            "
--- udp://127.0.0.1:8080 ---
5 sent, 0 answered, 0 late, 5 lost; loss 100 % (95 % interval 56.6 to 100 %)
lost: 5 it is not known where; in 1 burst, the longest of 5
pace: one packet every 1 ms asked for, every 1.000500 ms kept (+500.0 ppm); 1 of 5 slots missed

no answer in time: no round-trip times
",
        );
    }
}
