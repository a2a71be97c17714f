//! What people read at the start and at the end. All times are in ms.

use std::io::{self, Write};

use super::super::schedule::Schedule;
use super::super::{Outcome, Plan, Wire};
use super::{table, words};
use crate::columns::{self, paragraph};
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
        check(&sample::native(), "");
    }

    #[test]
    fn the_summary_of_few_packets_on_the_classic_wire() {
        check(&sample::classic(), "");
    }

    #[test]
    fn the_summary_without_an_answer() {
        check(&sample::silent(), "");
    }
}
