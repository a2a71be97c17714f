//! A measurement as JSON, for programs. All times are integers in nanoseconds.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Clocks, Distribution, Histogram, Losses, Recent, Times, mean_interval};
use runtime::udp::StampClock;
use serde::{Deserialize, Serialize};

use super::super::schedule::Schedule;
use super::super::{Outcome, Plan, Wire};
use super::words;

/// Says what the object is, and what its keys mean.
pub(crate) const SCHEMA: &str = "plumbline/probe/2";

/// The result.
#[derive(Debug, Serialize)]
struct ResultView<'a> {
    schema: &'static str,
    #[serde(flatten)]
    how: HowView,
    slots: u64,
    missed: u64,
    interval_mean_ns: Option<f64>,
    interval_error_ppm: Option<f64>,
    sent: u64,
    answered: u64,
    late: u64,
    lost: u64,
    waiting: u64,
    loss_percent: f64,
    loss_percent_95: Option<[f64; 2]>,
    losses: LossesView,
    bursts: BurstsView,
    duplicates: u64,
    reordered: u64,
    strays: u64,
    server_duplicates: u64,
    server_restarts: u64,
    network_rtt_ns: Option<SeriesView>,
    application_rtt_ns: Option<SeriesView>,
    there_ns: Option<SeriesView>,
    back_ns: Option<SeriesView>,
    network_histogram: Option<Vec<(u64, u64)>>,
    application_histogram: Option<Vec<(u64, u64)>>,
    clocks: Option<ClocksView>,
    notes: &'a [String],
    interrupted: bool,
}

/// What was asked for, and of whom.
#[derive(Debug, Serialize)]
struct HowView {
    target: String,
    server: &'static str,
    wire: &'static str,
    keyed: bool,
    clock: &'static str,
    size_bytes: u64,
    interval_ns: Option<u64>,
    timeout_ns: u64,
    requested: Option<u64>,
    duration_ns: Option<u64>,
}

#[derive(Debug, Serialize)]
struct LossesView {
    local: u64,
    there: u64,
    emulated: u64,
    back: u64,
    unknown: u64,
}

#[derive(Debug, Serialize)]
struct BurstsView {
    count: u64,
    longest: u64,
}

/// A series of times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeriesView {
    pub(crate) count: u64,
    pub(crate) min: u64,
    pub(crate) mean: u64,
    pub(crate) median: u64,
    pub(crate) p90: u64,
    pub(crate) p95: u64,
    pub(crate) p99: u64,
    pub(crate) p99_9: u64,
    pub(crate) p99_99: u64,
    pub(crate) max: u64,
    pub(crate) stddev: u64,
    pub(crate) mean_95: Option<[u64; 2]>,
    pub(crate) jitter: JitterView,
}

/// How a series varies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JitterView {
    pub(crate) rfc3550: Option<u64>,
    pub(crate) ipdv_mean: Option<u64>,
    pub(crate) ipdv_p99: Option<u64>,
    pub(crate) pdv_mean: Option<u64>,
    pub(crate) pdv_p99: Option<u64>,
}

#[derive(Debug, Serialize)]
struct ClocksView {
    offset_ns: i64,
    drift_ppm: f64,
    drift_bound_ppm: f64,
    error_ns: u64,
    even: bool,
    steps: u64,
    last_step_ns: Option<i64>,
}

/// A line of `--json-lines`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum LineView<'a> {
    Start(StartView),
    Period(PeriodView),
    Note { note: &'a str },
    Result(ResultView<'a>),
}

#[derive(Serialize)]
struct StartView {
    schema: &'static str,
    #[serde(flatten)]
    how: HowView,
    every_ns: u64,
}

#[derive(Serialize)]
struct PeriodView {
    at_ns: u64,
    sent: u64,
    lost: u64,
    network_rtt_ns: Option<RollingView>,
    application_rtt_ns: Option<RollingView>,
}

#[derive(Serialize)]
struct RollingView {
    count: u64,
    min: u64,
    median: u64,
    p99: u64,
    max: u64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl HowView {
    fn of(plan: &Plan, wire: Wire) -> Self {
        let (server, wire, keyed, clock) = match wire {
            Wire::Classic(None) => ("classic", "classic", false, StampClock::Program),
            Wire::Classic(Some(_)) => ("plumbline", "classic", false, StampClock::Program),
            Wire::Native { keyed, clock } => ("plumbline", "native", keyed, clock),
        };
        let time = match &plan.schedule {
            Schedule::Even { limit, .. } | Schedule::BackToBack { limit } => limit.time,
            Schedule::Falling(_) => None,
        };
        Self {
            target: plan.server.to_string(),
            server,
            wire,
            keyed,
            clock: match clock {
                StampClock::Kernel => "kernel",
                StampClock::Card => "card",
                StampClock::Program => "program",
            },
            size_bytes: plan.size.bytes() as u64,
            interval_ns: plan.schedule.interval().map(nanos),
            timeout_ns: nanos(plan.timeout),
            requested: plan.schedule.count(),
            duration_ns: time.map(nanos),
        }
    }
}

impl SeriesView {
    fn of(times: &Times) -> Self {
        let (series, jitter) = (times.distribution, times.jitter);
        let mean_95 = mean_interval(series.mean, series.stddev, series.count);
        let mean = |times: Option<Distribution>| times.map(|times| nanos(times.mean));
        let p99 = |times: Option<Distribution>| times.map(|times| nanos(times.p99));
        Self {
            count: series.count,
            min: nanos(series.min),
            mean: nanos(series.mean),
            median: nanos(series.median),
            p90: nanos(series.p90),
            p95: nanos(series.p95),
            p99: nanos(series.p99),
            p99_9: nanos(series.p999),
            p99_99: nanos(series.p9999),
            max: nanos(series.max),
            stddev: nanos(series.stddev),
            mean_95: mean_95.map(|(low, high)| [nanos(low), nanos(high)]),
            jitter: JitterView {
                rfc3550: jitter.rfc3550.map(nanos),
                ipdv_mean: mean(jitter.ipdv),
                ipdv_p99: p99(jitter.ipdv),
                pdv_mean: mean(jitter.pdv),
                pdv_p99: p99(jitter.pdv),
            },
        }
    }
}

impl ClocksView {
    fn of(clocks: &Clocks, offset_ns: i64) -> Self {
        Self {
            offset_ns,
            drift_ppm: clocks.fit.drift_ppm(),
            drift_bound_ppm: clocks.fit.drift_bound_ppm(),
            error_ns: nanos(clocks.fit.bound()),
            even: clocks.fit.even(),
            steps: clocks.steps,
            last_step_ns: clocks.last_step,
        }
    }
}

impl From<Losses> for LossesView {
    fn from(losses: Losses) -> Self {
        Self {
            local: losses.local,
            there: losses.there,
            emulated: losses.emulated,
            back: losses.back,
            unknown: losses.unknown,
        }
    }
}

fn buckets(histogram: &Histogram) -> Option<Vec<(u64, u64)>> {
    let buckets = histogram
        .buckets()
        .map(|(time, count)| (nanos(time), count));
    (histogram.count() > 0).then(|| buckets.collect())
}

impl<'a> ResultView<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let (plan, found, pace) = (&outcome.plan, &outcome.summary, &outcome.measured.pace);
        let (application, network) = outcome.measured.tally.histograms();
        let series = |times: &Option<Times>| times.as_ref().map(SeriesView::of);
        let clocks = found.clocks.as_ref();
        Self {
            schema: SCHEMA,
            how: HowView::of(plan, outcome.wire),
            slots: pace.slots,
            missed: pace.missed,
            interval_mean_ns: words::mean_interval_ns(pace),
            interval_error_ppm: words::interval_error_ppm(plan, pace),
            sent: found.sent,
            answered: found.answered,
            late: found.late,
            lost: found.lost,
            waiting: found.waiting,
            loss_percent: found.loss_percent(),
            loss_percent_95: found.loss_interval().map(|(low, high)| [low, high]),
            losses: found.losses.into(),
            bursts: BurstsView {
                count: found.bursts.count,
                longest: found.bursts.longest,
            },
            duplicates: found.duplicates,
            reordered: found.reordered,
            strays: found.strays,
            server_duplicates: found.server_duplicates,
            server_restarts: found.server_restarts,
            network_rtt_ns: series(&found.network),
            application_rtt_ns: series(&found.application),
            there_ns: series(&found.there),
            back_ns: series(&found.back),
            network_histogram: buckets(network),
            application_histogram: buckets(application),
            clocks: clocks.map(|clocks| ClocksView::of(clocks, words::offset_ns(outcome, clocks))),
            notes: &outcome.notes,
            interrupted: outcome.interrupted,
        }
    }
}

impl RollingView {
    fn of(times: &Histogram) -> Option<Self> {
        Some(Self {
            count: times.count(),
            min: nanos(times.min()?),
            median: nanos(times.percentile(50.0)?),
            p99: nanos(times.percentile(99.0)?),
            max: nanos(times.max()?),
        })
    }
}

/// The result as one object, a line for each of its keys.
pub(in crate::probe) fn result(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    crate::json::print(&ResultView::of(outcome), out)
}

/// The last line of `--json-lines`.
pub(in crate::probe) fn result_line(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    line(&LineView::Result(ResultView::of(outcome)), out)
}

/// The first line of `--json-lines`.
pub(in crate::probe) fn start_line(
    plan: &Plan,
    wire: Wire,
    every: Duration,
    out: &mut impl Write,
) -> io::Result<()> {
    let start = StartView {
        schema: SCHEMA,
        how: HowView::of(plan, wire),
        every_ns: nanos(every),
    };
    line(&LineView::Start(start), out)
}

/// The line of a period.
pub(in crate::probe) fn period_line(
    at: Duration,
    recent: &Recent,
    out: &mut impl Write,
) -> io::Result<()> {
    let period = PeriodView {
        at_ns: nanos(at),
        sent: recent.sent,
        lost: recent.lost,
        network_rtt_ns: RollingView::of(&recent.network),
        application_rtt_ns: RollingView::of(&recent.application),
    };
    line(&LineView::Period(period), out)
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

    use super::super::sample;
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
            "lost": 1, "waiting": 1, "loss_percent": 33.33333333333333, "loss_percent_95": [6.1491944720396215, 79.23403991979523],
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
