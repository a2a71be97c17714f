//! What stands in the JSON of a measurement. All times are integers in nanoseconds.

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
pub(super) struct ResultView<'a> {
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
pub(super) enum LineView<'a> {
    Start(StartView),
    Period(PeriodView),
    Note { note: &'a str },
    Result(Box<ResultView<'a>>),
}

#[derive(Serialize)]
pub(super) struct StartView {
    schema: &'static str,
    #[serde(flatten)]
    how: HowView,
    every_ns: u64,
}

#[derive(Serialize)]
pub(super) struct PeriodView {
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
        let (keyed, clock) = (wire.keyed(), wire.clock());
        let (server, wire) = wire.names();
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
    pub(super) fn of(outcome: &'a Outcome) -> Self {
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

impl StartView {
    pub(super) fn of(plan: &Plan, wire: Wire, every: Duration) -> Self {
        Self {
            schema: SCHEMA,
            how: HowView::of(plan, wire),
            every_ns: nanos(every),
        }
    }
}

impl PeriodView {
    pub(super) fn of(at: Duration, recent: &Recent) -> Self {
        Self {
            at_ns: nanos(at),
            sent: recent.sent,
            lost: recent.lost,
            network_rtt_ns: RollingView::of(&recent.network),
            application_rtt_ns: RollingView::of(&recent.application),
        }
    }
}
