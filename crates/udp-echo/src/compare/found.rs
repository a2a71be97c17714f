//! What changed from one result to the other.

use std::time::Duration;

use runtime::escape::Escaped;
use runtime::units::show_time;

use super::read::Found;
use crate::probe::{ENOUGH, SeriesView};

/// Two results beside each other.
#[derive(Debug)]
pub(super) struct Comparison {
    /// How the two were measured differently.
    pub(super) differences: Vec<String>,
    pub(super) loss: Loss,
    pub(super) series: Vec<SeriesChange>,
}

/// The loss, in percent.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) change: Change,
    pub(super) before_95: Option<[f64; 2]>,
    pub(super) after_95: Option<[f64; 2]>,
    /// Whether the intervals overlap, so that the difference may be chance.
    pub(super) overlap: Option<bool>,
}

/// The figures of a series that both results have.
#[derive(Debug)]
pub(super) struct SeriesChange {
    /// Its name for people, and its key.
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    /// Each with its name and key; in nanoseconds.
    pub(super) figures: Vec<(&'static str, &'static str, Change)>,
    /// Whether the 95 % intervals of the means overlap.
    pub(super) overlap: Option<bool>,
}

/// A figure before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) before: f64,
    pub(super) after: f64,
}

impl Change {
    pub(super) fn difference(self) -> f64 {
        self.after - self.before
    }

    /// `None` of nothing.
    pub(super) fn ratio(self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before)
    }
}

type Series = (&'static str, &'static str, fn(&Found) -> Option<SeriesView>);

const SERIES: [Series; 4] = [
    ("network RTT", "network_rtt_ns", |found| {
        found.network_rtt_ns
    }),
    ("application RTT", "application_rtt_ns", |found| {
        found.application_rtt_ns
    }),
    ("there", "there_ns", |found| found.there_ns),
    ("back", "back_ns", |found| found.back_ns),
];

/// A figure: its name, its key, itself, and how many times it takes.
type Figure = (
    &'static str,
    &'static str,
    fn(&SeriesView) -> Option<u64>,
    u64,
);

const FIGURES: [Figure; 10] = [
    ("min", "min", |times| Some(times.min), 1),
    ("mean", "mean", |times| Some(times.mean), 1),
    ("p50", "median", |times| Some(times.median), ENOUGH.p50),
    ("p90", "p90", |times| Some(times.p90), ENOUGH.p90),
    ("p99", "p99", |times| Some(times.p99), ENOUGH.p99),
    ("p99.9", "p99_9", |times| Some(times.p99_9), ENOUGH.p999),
    ("p99.99", "p99_99", |times| Some(times.p99_99), ENOUGH.p9999),
    ("max", "max", |times| Some(times.max), 1),
    (
        "jitter, RFC 3550",
        "jitter_rfc3550",
        |times| times.jitter.rfc3550,
        2,
    ),
    (
        "jitter, PDV p99",
        "jitter_pdv_p99",
        |times| times.jitter.pdv_p99,
        ENOUGH.p99,
    ),
];

impl Comparison {
    pub(super) fn of(before: &Found, after: &Found) -> Self {
        let series = SERIES.iter().filter_map(|(name, key, of)| {
            let (before, after) = (of(before)?, of(after)?);
            Some(SeriesChange {
                name,
                key,
                figures: figures(&before, &after),
                overlap: overlap(before.mean_95, after.mean_95),
            })
        });
        Self {
            differences: differences(before, after),
            loss: Loss {
                change: Change {
                    before: before.loss_percent,
                    after: after.loss_percent,
                },
                before_95: before.loss_percent_95,
                after_95: after.loss_percent_95,
                overlap: overlap(before.loss_percent_95, after.loss_percent_95),
            },
            series: series.collect(),
        }
    }
}

/// The figures for which both series have enough times.
fn figures(before: &SeriesView, after: &SeriesView) -> Vec<(&'static str, &'static str, Change)> {
    let count = before.count.min(after.count);
    let known = FIGURES.iter().filter(|(.., takes)| count >= *takes);
    let changes = known.filter_map(|(name, key, of, _)| {
        let change = Change {
            before: of(before)? as f64,
            after: of(after)? as f64,
        };
        Some((*name, *key, change))
    });
    changes.collect()
}

fn overlap<T: PartialOrd>(one: Option<[T; 2]>, other: Option<[T; 2]>) -> Option<bool> {
    let ([low, high], [other_low, other_high]) = (one?, other?);
    Some(low <= other_high && other_low <= high)
}

/// What makes the two hard to compare.
fn differences(before: &Found, after: &Found) -> Vec<String> {
    let interval = |found: &Found| match found.interval_ns {
        Some(nanos) => format!("a packet every {}", show_time(Duration::from_nanos(nanos))),
        None => "one packet in flight".to_owned(),
    };
    let text = |text: &str| Escaped(text.as_bytes()).to_string();
    let table = [
        ("target", text(&before.target), text(&after.target)),
        ("wire", text(&before.wire), text(&after.wire)),
        ("clock", text(&before.clock), text(&after.clock)),
        (
            "packet size",
            format!("{} bytes", before.size_bytes),
            format!("{} bytes", after.size_bytes),
        ),
        ("pace", interval(before), interval(after)),
        (
            "time-out",
            show_time(Duration::from_nanos(before.timeout_ns)),
            show_time(Duration::from_nanos(after.timeout_ns)),
        ),
    ];
    let different = table
        .into_iter()
        .filter(|(_, before, after)| before != after);
    let mut texts: Vec<_> = different
        .map(|(what, before, after)| format!("different {what}: {before} before, {after} after"))
        .collect();
    for (found, when) in [(before, "before"), (after, "after")] {
        if found.interrupted {
            texts.push(format!("the measurement {when} was interrupted"));
        }
        if found.sent == 0 {
            texts.push(format!("nothing was sent {when}"));
        }
    }
    texts
}
