//! A measurement as JSON, for programs.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::Recent;

use super::super::{Outcome, Plan, Wire};
use super::view::{LineView, PeriodView, ResultView, StartView};

/// The result as one object, a line for each of its keys.
pub(in crate::probe) fn result(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    runtime::json::print(&ResultView::of(outcome), out)
}

/// The last line of `--json-lines`.
pub(in crate::probe) fn result_line(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    line(&LineView::Result(Box::new(ResultView::of(outcome))), out)
}

/// The first line of `--json-lines`.
pub(in crate::probe) fn start_line(
    plan: &Plan,
    wire: Wire,
    every: Duration,
    out: &mut impl Write,
) -> io::Result<()> {
    line(&LineView::Start(StartView::of(plan, wire, every)), out)
}

/// The line of a period.
pub(in crate::probe) fn period_line(
    at: Duration,
    recent: &Recent,
    out: &mut impl Write,
) -> io::Result<()> {
    line(&LineView::Period(PeriodView::of(at, recent)), out)
}

/// The line of a note.
pub(in crate::probe) fn note_line(note: &str, out: &mut impl Write) -> io::Result<()> {
    line(&LineView::Note { note }, out)
}

fn line(view: &LineView<'_>, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, view)?;
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{SeriesView, sample};
    use super::*;

    fn shown(outcome: &Outcome) -> Value {
        let mut out = Vec::new();
        result(outcome, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_result_of_few_packets() {
        let series = json!({
            "count": 2, "min": 20_000_000, "mean": 25_250_000, "median": 20_000_000, "p90": 30_500_000,
            "p95": 30_500_000, "p99": 30_500_000, "p99_9": 30_500_000, "p99_99": 30_500_000, "max": 30_500_000,
            "stddev": 5_250_000, "mean_95": [14_960_189, 35_539_811],
            "jitter": {"rfc3550": 656_250, "ipdv_mean": 10_500_000, "ipdv_p99": 10_500_000,
                "pdv_mean": 5_250_000, "pdv_p99": 10_500_000},
        });
        let expected = json!({
            "schema": "plumbline/probe/2", "target": "127.0.0.1:8080", "server": "plumbline", "wire": "classic",
            "keyed": false, "clock": "program", "size_bytes": 64, "interval_ns": 1_000_000,
            "timeout_ns": 100_000_000, "requested": 5, "duration_ns": null, "slots": 5, "missed": 1,
            "interval_mean_ns": 1_000_500.0, "interval_error_ppm": 500.0, "sent": 4, "answered": 2, "late": 0,
            "lost": 1, "waiting": 1, "loss_percent": 33.33333333333333, "loss_percent_95": [6.149_194_472_039_621, 79.234_039_919_795_24],
            "losses": {"local": 0, "there": 0, "emulated": 0, "back": 0, "unknown": 1},
            "bursts": {"count": 1, "longest": 1}, "duplicates": 0, "reordered": 0, "strays": 0,
            "server_duplicates": 0, "server_restarts": 0, "network_rtt_ns": null, "application_rtt_ns": series,
            "there_ns": null, "back_ns": null, "network_histogram": null,
            "application_histogram": [[20_000_000, 1], [30_500_000, 1]], "clocks": null,
            "notes": ["the server was started anew"], "interrupted": true,
        });
        assert_eq!(shown(&sample::classic()), expected);
    }

    #[test]
    fn a_result_of_the_native_wire() {
        let json = shown(&sample::native());
        assert_eq!(
            (&json["wire"], &json["clock"]),
            (&json!("native"), &json!("kernel"))
        );
        let losses = json!({"local": 1, "there": 0, "emulated": 5, "back": 15, "unknown": 0});
        assert_eq!(json["losses"], losses);
        assert_eq!(json["network_rtt_ns"]["min"], 60_000);
        let counts = json["network_histogram"].as_array().unwrap().iter();
        let counted: u64 = counts.map(|bucket| bucket[1].as_u64().unwrap()).sum();
        assert_eq!(json["answered"], counted);
        let clocks = &json["clocks"];
        let off = clocks["offset_ns"].as_i64().unwrap().abs_diff(5_000_000);
        assert!(off <= clocks["error_ns"].as_u64().unwrap(), "{clocks}");
        assert_eq!(
            (&clocks["even"], &clocks["steps"]),
            (&json!(true), &json!(0))
        );
        let there: SeriesView = serde_json::from_value(json["there_ns"].clone()).unwrap();
        assert_eq!(there.count, 979);
    }

    #[test]
    fn lines_are_objects_with_a_type() {
        let mut recent = Recent {
            sent: 3,
            lost: 1,
            ..Recent::default()
        };
        recent.application.record(Duration::from_nanos(580));
        let (plan, second) = (sample::plan(4), Duration::from_secs(1));
        let mut out = Vec::new();
        start_line(&plan, sample::NATIVE, second, &mut out).unwrap();
        period_line(second, &recent, &mut out).unwrap();
        note_line("a \"note\"\n", &mut out).unwrap();
        result_line(&sample::silent(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1..3],
            [
                r#"{"type":"period","at_ns":1000000000,"sent":3,"lost":1,"network_rtt_ns":null,"application_rtt_ns":{"count":1,"min":580,"median":580,"p99":580,"max":580}}"#,
                r#"{"type":"note","note":"a \"note\"\n"}"#,
            ]
        );
        assert!(lines[0].starts_with(r#"{"type":"start","schema":"plumbline/probe/2","target":"#));
        assert!(
            lines[0].ends_with(r#""every_ns":1000000000}"#),
            "{}",
            lines[0]
        );
        let result: Value = serde_json::from_str(lines[3]).unwrap();
        assert_eq!(
            (&result["type"], &result["lost"]),
            (&json!("result"), &json!(5))
        );
        assert!(result["application_rtt_ns"].is_null());
    }
}
