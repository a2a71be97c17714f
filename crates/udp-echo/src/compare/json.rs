//! The comparison as JSON, for programs. All times are in nanoseconds.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::found::{Change, Comparison, Loss, SeriesChange};

const SCHEMA: &str = "plumbline/compare/1";

#[derive(Serialize)]
struct ComparisonView<'a> {
    schema: &'static str,
    loss_percent: LossView,
    network_rtt_ns: Option<SeriesView>,
    application_rtt_ns: Option<SeriesView>,
    there_ns: Option<SeriesView>,
    back_ns: Option<SeriesView>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LossView {
    #[serde(flatten)]
    change: ChangeView<f64>,
    before_95: Option<[f64; 2]>,
    after_95: Option<[f64; 2]>,
    overlap_95: Option<bool>,
}

#[derive(Serialize)]
struct SeriesView {
    #[serde(flatten)]
    figures: BTreeMap<&'static str, ChangeView<i64>>,
    mean_overlap_95: Option<bool>,
}

#[derive(Serialize)]
struct ChangeView<T> {
    before: T,
    after: T,
    difference: T,
    ratio: Option<f64>,
}

impl<T> ChangeView<T> {
    fn of(change: Change, number: impl Fn(f64) -> T) -> Self {
        Self {
            before: number(change.before),
            after: number(change.after),
            difference: number(change.difference()),
            ratio: change.ratio(),
        }
    }
}

impl From<&Loss> for LossView {
    fn from(loss: &Loss) -> Self {
        Self {
            change: ChangeView::of(loss.change, |share| share),
            before_95: loss.before_95,
            after_95: loss.after_95,
            overlap_95: loss.overlap,
        }
    }
}

impl From<&SeriesChange> for SeriesView {
    fn from(series: &SeriesChange) -> Self {
        let figures = series.figures.iter();
        Self {
            figures: figures
                .map(|(_, key, change)| (*key, ChangeView::of(*change, |nanos| nanos as i64)))
                .collect(),
            mean_overlap_95: series.overlap,
        }
    }
}

pub(super) fn print(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let series = |key: &str| {
        let mut all = comparison.series.iter();
        all.find(|series| series.key == key).map(SeriesView::from)
    };
    let view = ComparisonView {
        schema: SCHEMA,
        loss_percent: (&comparison.loss).into(),
        network_rtt_ns: series("network_rtt_ns"),
        application_rtt_ns: series("application_rtt_ns"),
        there_ns: series("there_ns"),
        back_ns: series("back_ns"),
        notes: &comparison.differences,
    };
    runtime::json::print(&view, out)
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::found;
    use super::*;

    #[test]
    fn a_comparison_for_programs() {
        let (before, after) = (found(100, [0.0, 0.0, 0.38]), found(150, [1.0, 0.3, 1.8]));
        let mut out = Vec::new();
        print(&Comparison::of(&before, &after), &mut out).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        let loss = serde_json::json!({
            "before": 0.0, "after": 1.0, "difference": 1.0, "ratio": null,
            "before_95": [0.0, 0.38], "after_95": [0.3, 1.8], "overlap_95": true,
        });
        assert_eq!(json["loss_percent"], loss);
        let median = serde_json::json!({
            "before": 58_000, "after": 87_000, "difference": 29_000, "ratio": 1.5,
        });
        assert_eq!(json["network_rtt_ns"]["median"], median);
        assert!(
            json["network_rtt_ns"]["p99_99"].is_null(),
            "1,000 times are too few"
        );
        assert_eq!(json["there_ns"]["mean_overlap_95"], false);
        assert!(json["back_ns"].is_null());
    }
}
