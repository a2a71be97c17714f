//! The result of a sweep as JSON. All times are in nanoseconds.

use std::time::Duration;

use proto::measure::{Distribution, Losses};
use runtime::units::date;
use serde::Serialize;

use super::collect::Moment;
use super::found::{Doubt, Found, Rung};

/// Names what the fields mean.
const SCHEMA: &str = "plumbline/sweep/1";
const SECOND_SCHEMA: &str = "plumbline/sweep-second/1";

#[derive(Serialize)]
struct Result<'a> {
    schema: &'static str,
    began: String,
    target: String,
    server: &'static str,
    wire: &'static str,
    size_bytes: usize,
    interval_ns: u64,
    shrink: f64,
    packets_per_step: u64,
    until_ns: u64,
    timeout_ns: u64,
    planned_steps: usize,
    planned_length_ns: u64,
    interrupted: bool,
    slots: u64,
    missed: u64,
    sent: u64,
    answered: u64,
    in_time: u64,
    lost: u64,
    waiting: u64,
    lost_at: Places,
    duplicates: u64,
    reordered: u64,
    knee: Knee,
    steps: Vec<Step>,
    seconds: Vec<Second>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Places {
    there: u64,
    back: u64,
    here: u64,
    emulated: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct Knee {
    without_loss: Option<Place>,
    loss_begins: Option<Place>,
    own_loss_percent: Option<f64>,
    delay_climbs: Option<Place>,
    comes_through: Option<Rate>,
}

#[derive(Serialize)]
struct Rate {
    packets_per_second: f64,
    payload_bps: f64,
}

#[derive(Serialize)]
struct Place {
    step: usize,
    #[serde(flatten)]
    rate: Rate,
}

#[derive(Serialize)]
struct Step {
    step: usize,
    interval_ns: u64,
    packets_per_second: f64,
    achieved_per_second: f64,
    slots: u64,
    missed: u64,
    sent: u64,
    answered: u64,
    in_time: u64,
    lost: u64,
    loss_percent: Option<f64>,
    rtt_ns: Option<Times>,
    judged: bool,
    why_not: Option<&'static str>,
}

#[derive(Serialize)]
struct Times {
    min: u64,
    mean: u64,
    median: u64,
    p90: u64,
    p99: u64,
    max: u64,
    stddev: u64,
}

#[derive(Serialize)]
struct Second {
    second: usize,
    sent: u64,
    in_time: u64,
    throughput_bps: f64,
    delay_ns: u64,
    answered: u64,
    all_throughput_bps: f64,
    all_delay_ns: u64,
}

#[derive(Serialize)]
struct SecondLine {
    schema: &'static str,
    #[serde(flatten)]
    second: Second,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The result, in a line or in many.
pub(super) fn result(found: &Found, pretty: bool) -> serde_json::Result<String> {
    let result = Result::of(found);
    if pretty {
        serde_json::to_string_pretty(&result)
    } else {
        serde_json::to_string(&result)
    }
}

/// A second that has ended, in a line.
pub(super) fn second(moment: &Moment) -> serde_json::Result<String> {
    serde_json::to_string(&SecondLine {
        schema: SECOND_SCHEMA,
        second: Second::of(moment),
    })
}

impl<'a> Result<'a> {
    fn of(found: &'a Found) -> Self {
        let total = |count: fn(&Rung) -> u64| found.rungs.iter().map(count).sum();
        let (server, wire) = found.wire.names();
        let missed: u64 = total(Rung::missed);
        Self {
            schema: SCHEMA,
            began: date(found.began),
            target: found.plan.server.to_string(),
            server,
            wire,
            size_bytes: found.plan.size.bytes(),
            interval_ns: nanos(found.asked.interval),
            shrink: found.asked.shrink,
            packets_per_step: found.asked.packets,
            until_ns: nanos(found.asked.until),
            timeout_ns: nanos(found.plan.timeout),
            planned_steps: found.sweep.steps(),
            planned_length_ns: nanos(found.sweep.length()),
            interrupted: found.interrupted,
            slots: found.pace.slots,
            missed: found.pace.missed.max(missed),
            sent: total(|rung| rung.step.sent),
            answered: total(|rung| rung.step.answered),
            in_time: total(|rung| rung.in_time),
            lost: total(|rung| rung.step.lost),
            waiting: total(|rung| rung.waiting),
            lost_at: Places::of(&found.summary.losses),
            duplicates: found.summary.duplicates,
            reordered: found.summary.reordered,
            knee: Knee::of(found),
            steps: (0..).zip(&found.rungs).map(Step::of).collect(),
            seconds: found.seconds.iter().map(Second::of).collect(),
            notes: &found.notes,
        }
    }
}

impl Places {
    fn of(losses: &Losses) -> Self {
        Self {
            there: losses.there,
            back: losses.back,
            here: losses.local,
            emulated: losses.emulated,
            unknown: losses.unknown,
        }
    }
}

impl Knee {
    fn of(found: &Found) -> Self {
        let rate = |packets: f64| Rate {
            packets_per_second: packets,
            payload_bps: packets * found.plan.size.bytes() as f64 * 8.0,
        };
        let place = |step: Option<usize>| {
            Some(Place {
                step: step?,
                rate: rate(found.rung(step)?.rate()),
            })
        };
        let limit = &found.limit;
        Self {
            without_loss: place(limit.without_loss),
            loss_begins: place(limit.loss_begins),
            own_loss_percent: limit.own_loss.map(|share| share * 100.0),
            delay_climbs: place(limit.delay_climbs),
            comes_through: limit.comes_through.map(rate),
        }
    }
}

impl Step {
    fn of((place, rung): (usize, &Rung)) -> Self {
        let step = &rung.step;
        Self {
            step: place,
            interval_ns: nanos(step.interval),
            packets_per_second: step.rate(),
            achieved_per_second: rung.rate(),
            slots: rung.slots,
            missed: rung.missed(),
            sent: step.sent,
            answered: step.answered,
            in_time: rung.in_time,
            lost: step.lost,
            loss_percent: (step.sent > 0).then(|| rung.loss() * 100.0),
            rtt_ns: step.round_trips.as_ref().map(Times::of),
            judged: rung.is_judged(),
            why_not: match rung.doubt {
                Some(Doubt::Missed) => Some("missed"),
                Some(Doubt::Ports) => Some("ports"),
                None if step.sent == 0 => Some("empty"),
                None => None,
            },
        }
    }
}

impl Times {
    fn of(times: &Distribution) -> Self {
        Self {
            min: nanos(times.min),
            mean: nanos(times.mean),
            median: nanos(times.median),
            p90: nanos(times.p90),
            p99: nanos(times.p99),
            max: nanos(times.max),
            stddev: nanos(times.stddev),
        }
    }
}

impl Second {
    fn of(moment: &Moment) -> Self {
        let (in_time, all) = (&moment.in_time, &moment.all);
        Self {
            second: in_time.second,
            sent: in_time.sent,
            in_time: in_time.answered,
            throughput_bps: in_time.throughput_bps,
            delay_ns: nanos(in_time.delay),
            answered: all.answered,
            all_throughput_bps: all.throughput_bps,
            all_delay_ns: nanos(all.delay),
        }
    }
}

/// A line for each step.
pub(super) fn csv(found: &Found) -> String {
    let mut text = "step,interval_ns,packets_per_second,achieved_per_second,slots,missed,sent,answered,in_time,lost,rtt_min_ns,rtt_mean_ns,rtt_median_ns,rtt_p90_ns,rtt_p99_ns,rtt_max_ns,rtt_stddev_ns,judged\n".to_owned();
    for step in (0..).zip(&found.rungs).map(Step::of) {
        let times = step.rtt_ns.as_ref().map_or_else(
            || ",,,,,,".to_owned(),
            |t| {
                format!(
                    "{},{},{},{},{},{},{}",
                    t.min, t.mean, t.median, t.p90, t.p99, t.max, t.stddev
                )
            },
        );
        text += &format!(
            "{},{},{},{},{},{},{},{},{},{},{times},{}\n",
            step.step,
            step.interval_ns,
            step.packets_per_second,
            step.achieved_per_second,
            step.slots,
            step.missed,
            step.sent,
            step.answered,
            step.in_time,
            step.lost,
            step.judged
        );
    }
    text
}
