//! A load for people.

use std::io::{self, Write};
use std::time::Duration;

use chart::number::{self, NONE, scaled, three_digits};
use chart::{Table, columns};
use proto::measure::{Distribution, Histogram};
use runtime::units::show_time;

use super::found::{Found, ratio};
use super::plan::{End, Pace, Plan};

/// A column: its heading, its figure, and how many times it takes for the figure to say something.
type Column = (&'static str, fn(&Distribution) -> Duration, u64);

const COLUMNS: [Column; 8] = [
    ("min", |times| times.min, 1),
    ("mean", |times| times.mean, 1),
    ("p50", |times| times.median, 2),
    ("p90", |times| times.p90, 10),
    ("p99", |times| times.p99, 100),
    ("p99.9", |times| times.p999, 1_000),
    ("p99.99", |times| times.p9999, 10_000),
    ("max", |times| times.max, 1),
];

/// What is about to be done.
pub(super) fn header(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let pace = match plan.pace {
        Pace::Answers => "each when one before it is answered".to_owned(),
        Pace::Schedule(rate) => format!("{}requests/s", scaled(f64::from(rate))),
    };
    let end = match plan.end {
        End::After(time) => show_time(time),
        End::Requests(count) => format!("{count} requests"),
    };
    let text = format!(
        "loading tcp://{}: {}, requests of {} bytes, {} in flight on each at most, {pace}, {end}",
        plan.server,
        connections(plan.connections as u64),
        plan.size,
        plan.pipeline
    );
    columns::paragraph(&text, out)?;
    out.flush()
}

/// What came of it.
pub(super) fn end(found: &Found, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n--- tcp://{} ---", found.plan.server)?;
    columns::paragraph(&rate(found), out)?;
    columns::paragraph(&counts(found), out)?;
    if let Some(time) = found.processor {
        let share = 100.0 * ratio(time.as_secs_f64(), found.lasted.as_secs_f64());
        let each = ratio(time.as_nanos() as f64, found.count.answered as f64);
        let (share, each) = (three_digits(share), three_digits(each));
        let line = format!("this program's processor time: {share} % of one, {each} ns a request");
        columns::paragraph(&line, out)?;
    }
    for (failure, count) in found.count.failures.seen() {
        let line = format!("{} {}", connections(count), failure.explained());
        columns::paragraph(&line, out)?;
    }
    times(found, out)?;
    if found.interrupted {
        writeln!(out, "ended before its time")?;
    }
    out.flush()
}

fn connections(count: u64) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} connection{ending}")
}

fn rate(found: &Found) -> String {
    let (answers, bits) = (scaled(found.per_second()), scaled(found.bits_per_second()));
    let text = format!("{answers}requests/s answered, {bits}bit/s of payload each way");
    match found.plan.pace {
        Pace::Answers => text,
        Pace::Schedule(rate) => {
            let (wanted, sent) = (scaled(f64::from(rate)), scaled(found.sent_per_second()));
            format!("{text}; {wanted}requests/s asked for, {sent}requests/s sent")
        }
    }
}

fn counts(found: &Found) -> String {
    let count = &found.count;
    let mut text = format!(
        "{} sent, {} answered, {} unanswered",
        count.sent,
        count.answered,
        found.unanswered()
    );
    if found.unsent > 0 {
        text += &format!(
            ", {} due and not sent (their connections had all in flight that they may, or were lost)",
            found.unsent
        );
    }
    format!(
        "{text}, in {:.3} s on {}",
        found.elapsed.as_secs_f64(),
        connections(found.opened as u64)
    )
}

/// The table of times, and what they are.
fn times(found: &Found, out: &mut impl Write) -> io::Result<()> {
    let count = &found.count;
    let mut series: Vec<(&str, &Histogram)> = Vec::new();
    if let Some(scheduled) = &count.scheduled {
        series.push(("latency from due", &scheduled.from_due));
        series.push(("latency from send", &count.from_send));
        series.push(("sent late", &scheduled.late));
    } else {
        series.push(("latency", &count.from_send));
    }
    let series: Vec<_> = series
        .into_iter()
        .filter_map(|(name, times)| Some((name, times.distribution()?)))
        .collect();
    let Some((_, first)) = series.first() else {
        return Ok(());
    };
    let digits = number::decimals([first.min]);
    let row = |(name, times): &(&str, Distribution)| {
        let cells = COLUMNS
            .iter()
            .map(|(_, of, takes)| match times.count >= *takes {
                true => number::cell(of(times), digits),
                false => NONE.to_owned(),
            });
        std::iter::once((*name).to_owned()).chain(cells).collect()
    };
    let names = COLUMNS.iter().map(|(name, ..)| (*name).to_owned());
    let table = Table {
        caption: "times in ms".to_owned(),
        header: std::iter::once(String::new()).chain(names).collect(),
        rows: series.iter().map(row).collect(),
    };
    writeln!(out)?;
    columns::table(&table, 1, out)?;
    if count.scheduled.is_some() {
        let note = "latency from due: from when a request was to be sent until its answer, so that a stall of the server counts for all who would have waited; from send: the same requests from when they were sent.";
        columns::paragraph(note, out)?;
    }
    Ok(())
}
