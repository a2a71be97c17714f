//! The figures of a measurement in tables, which the text and the page share.

use std::time::Duration;

use chart::Table;
use proto::measure::{Distribution, Summary, Times};
use runtime::udp::StampClock;

use super::super::{Outcome, Wire};
use chart::number::{NONE, cell, decimals};

/// How many times it takes at least for a percentile to say something: one in this many is longer. With fewer, nearest
/// rank only says once more which time was the longest.
pub(crate) struct Enough {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) p9999: u64,
}

/// See [`Enough`]: 1 ⁄ (1 − p).
pub(crate) const ENOUGH: Enough = Enough {
    p50: 2,
    p90: 10,
    p99: 100,
    p999: 1_000,
    p9999: 10_000,
};

/// A column: its heading, its figure, and how many times the figure takes.
type Column = (&'static str, fn(&Distribution) -> Duration, u64);

const COLUMNS: [Column; 9] = [
    ("min", |times| times.min, 1),
    ("mean", |times| times.mean, 1),
    ("p50", |times| times.median, ENOUGH.p50),
    ("p90", |times| times.p90, ENOUGH.p90),
    ("p99", |times| times.p99, ENOUGH.p99),
    ("p99.9", |times| times.p999, ENOUGH.p999),
    ("p99.99", |times| times.p9999, ENOUGH.p9999),
    ("max", |times| times.max, 1),
    ("stddev", |times| times.stddev, 1),
];

/// The series that a summary has, each with its name.
fn series(found: &Summary) -> impl Iterator<Item = (&'static str, &Times)> {
    let all = [
        ("network RTT", &found.network),
        ("application RTT", &found.application),
        ("there", &found.there),
        ("back", &found.back),
    ];
    all.into_iter()
        .filter_map(|(name, times)| Some((name, times.as_ref()?)))
}

/// Whose clock a series is by.
fn clock(name: &str, wire: Wire) -> &'static str {
    match (name, wire.clock()) {
        ("there" | "back", _) => "fitted",
        ("network RTT", StampClock::Card) => "card",
        ("network RTT", _) => "kernel",
        _ => "program",
    }
}

/// How the times are distributed; `None` without any.
pub(super) fn times(outcome: &Outcome) -> Option<Table> {
    let all = || series(&outcome.summary);
    let digits = decimals(all().map(|(_, times)| times.distribution.median));
    let row = |(name, times): (&str, &Times)| {
        let figure = |(_, of, takes): &Column| {
            let times = &times.distribution;
            known(times.count >= *takes, of(times), digits)
        };
        let labels = [name.to_owned(), clock(name, outcome.wire).to_owned()];
        labels
            .into_iter()
            .chain(COLUMNS.iter().map(figure))
            .collect()
    };
    let rows: Vec<_> = all().map(row).collect();
    let names = COLUMNS.iter().map(|(name, ..)| *name);
    let header = ["", "clock"].into_iter().chain(names);
    (!rows.is_empty()).then(|| Table {
        caption: "times in ms".to_owned(),
        header: header.map(str::to_owned).collect(),
        rows,
    })
}

fn known(is_known: bool, time: Duration, digits: usize) -> String {
    if is_known {
        cell(time, digits)
    } else {
        NONE.to_owned()
    }
}

/// How the times vary; `None` where no two packets were answered.
pub(super) fn jitter(outcome: &Outcome) -> Option<Table> {
    let all = || series(&outcome.summary).filter(|(_, times)| times.jitter.rfc3550.is_some());
    let digits = decimals(all().filter_map(|(_, times)| times.jitter.rfc3550));
    let row = |(name, times): (&str, &Times)| {
        let jitter = &times.jitter;
        let mean = |times: Option<Distribution>| {
            times.map_or(NONE.to_owned(), |times| cell(times.mean, digits))
        };
        let p99 = |times: Option<Distribution>| {
            let enough = times.filter(|times| times.count >= ENOUGH.p99);
            enough.map_or(NONE.to_owned(), |times| cell(times.p99, digits))
        };
        let rfc3550 = jitter.rfc3550;
        vec![
            name.to_owned(),
            rfc3550.map_or(NONE.to_owned(), |time| cell(time, digits)),
            mean(jitter.ipdv),
            p99(jitter.ipdv),
            mean(jitter.pdv),
            p99(jitter.pdv),
        ]
    };
    let rows: Vec<_> = all().map(row).collect();
    let header = [
        "",
        "RFC 3550",
        "IPDV mean",
        "IPDV p99",
        "PDV mean",
        "PDV p99",
    ];
    (!rows.is_empty()).then(|| Table {
        caption: "jitter in ms".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows,
    })
}
