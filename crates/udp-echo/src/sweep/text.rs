//! The result of a sweep for people: charts, a table of steps, the knee in words. All times are in ms.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use chart::Width;
use chart::number::grouped;
use proto::measure::Distribution;

use super::charts::charts;
use super::found::{Found, Rung};
use super::words;

/// About how many rows the table has.
const ROWS: usize = 20;

/// What it is written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    pub(super) width: Width,
    /// Columns after which text goes on in a new line, on a terminal.
    pub(super) wrap: Option<usize>,
    pub(super) color: bool,
}

impl Screen {
    /// The text with line breaks where it would not fit; further lines are indented.
    pub(super) fn wrapped(self, text: &str) -> String {
        let (mut lines, mut column) = (String::new(), 0);
        for word in text.split(' ') {
            let width = word.chars().count();
            if column > 0 && self.wrap.is_some_and(|wrap| column + 1 + width > wrap) {
                lines += "\n  ";
                column = 2;
            } else if column > 0 {
                lines.push(' ');
                column += 1;
            }
            lines += word;
            column += width;
        }
        lines
    }
}

/// Writes it.
pub(super) fn result(found: &Found, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    if !found.rungs.is_empty() {
        for chart in charts(found) {
            writeln!(
                out,
                "\n{}",
                chart::terminal(&chart, screen.width, screen.color)
            )?;
        }
        writeln!(out)?;
        table(found, out)?;
        writeln!(out)?;
    }
    for line in words::verdict(found) {
        writeln!(out, "{}", screen.wrapped(&line))?;
    }
    Ok(())
}

fn table(found: &Found, out: &mut impl Write) -> io::Result<()> {
    let missed = found.rungs.iter().any(|rung| rung.kept < 1.0);
    let header = [
        "packets/s",
        "achieved",
        "sent",
        "answered",
        "loss %",
        "p50 ms",
        "p99 ms",
        "max ms",
    ];
    line(&header.map(str::to_owned), missed, "", out)?;
    for place in chosen(found) {
        line(&cells(&found.rungs[place]), missed, note(found, place), out)?;
    }
    Ok(())
}

fn line(cells: &[String; 8], missed: bool, note: &str, out: &mut impl Write) -> io::Result<()> {
    const WIDTHS: [usize; 8] = [9, 9, 7, 9, 7, 9, 9, 9];
    let shown = (0..cells.len()).filter(|column| missed || *column != 1);
    let row: String = shown
        .map(|column| format!("{:>1$}", cells[column], WIDTHS[column]))
        .collect();
    writeln!(out, "{}", format!("{row} {note}").trim_end())
}

/// What stands in each column.
pub(super) fn cells(rung: &Rung) -> [String; 8] {
    let step = &rung.step;
    let times = step.round_trips.as_ref();
    let ms = |time: fn(&Distribution) -> Duration| match times {
        Some(times) => format!("{:.3}", time(times).as_secs_f64() * 1e3),
        None => "-".to_owned(),
    };
    [
        whole(step.rate()),
        whole(rung.rate()),
        grouped(step.sent),
        grouped(step.answered),
        match step.sent {
            0 => "-".to_owned(),
            _ => format!("{:.1}", rung.loss() * 100.0),
        },
        ms(|times| times.median),
        ms(|times| times.p99),
        ms(|times| times.max),
    ]
}

fn whole(rate: f64) -> String {
    if rate < 10.0 {
        return words::rate(rate);
    }
    grouped(rate.round() as u64)
}

/// What is to be said of a step.
pub(super) fn note(found: &Found, place: usize) -> &'static str {
    let limit = &found.limit;
    if !found.rungs[place].is_judged() {
        return "not judged";
    }
    match Some(place) {
        at if at == limit.loss_begins => "loss begins",
        at if at == limit.delay_climbs => "delay grows",
        at if at == limit.without_loss && limit.loss_begins.is_some() => "no loss yet",
        _ => "",
    }
}

/// The steps of the table: some, evenly, and those that are talked of.
fn chosen(found: &Found) -> BTreeSet<usize> {
    let last = found.rungs.len().saturating_sub(1);
    let limit = &found.limit;
    let talked_of = [limit.without_loss, limit.loss_begins, limit.delay_climbs];
    let evenly = (0..ROWS).map(|row| row * last / (ROWS - 1));
    evenly.chain(talked_of.into_iter().flatten()).collect()
}
