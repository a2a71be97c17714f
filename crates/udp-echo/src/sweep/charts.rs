//! The pictures of a sweep: the classic two series over time, and what each rate showed.

use std::time::Duration;

use chart::{Axis, Chart, Mark, Panel, Series, Unit};
use proto::measure::{Distribution, Second};

use super::collect::Moment;
use super::found::{Found, Rung};
use super::words;

/// How many charts there are.
pub(super) const CHARTS: usize = 2;

pub(super) fn charts(found: &Found) -> [Chart; CHARTS] {
    [over_time(found), by_rate(found)]
}

fn over_time(found: &Found) -> Chart {
    let throughput = |second: &Second| second.throughput_bps;
    let delay = |second: &Second| second.delay.as_secs_f64();
    let title = format!(
        "Over time: udp://{}, {} bytes, {}",
        found.plan.server,
        found.plan.size,
        words::range(&found.sweep)
    );
    Chart::new(title, Axis::new("time", Unit::Seconds))
        .with(panel(
            found,
            "throughput, there and back",
            Unit::BitsPerSecond,
            throughput,
        ))
        .with(panel(found, "mean delay", Unit::Seconds, delay))
}

/// One of the two series: of answers in time, and, where that differs, of all.
fn panel(found: &Found, label: &str, unit: Unit, value: impl Fn(&Second) -> f64) -> Panel {
    let (seconds, end) = (&found.seconds, found.pace.last.as_secs_f64());
    let series = |name: &str, of: fn(&Moment) -> &Second| {
        let mut points: Vec<_> = seconds
            .iter()
            .map(|moment| (of(moment).second as f64, value(of(moment))))
            .collect();
        // The last second is seldom a whole one.
        points.extend(points.last().map(|(_, value)| (end, *value)));
        Series::steps(name, points)
    };
    let panel = Panel::new(Axis::new(label, unit).from_zero());
    let in_time = series("answered in time", |moment| &moment.in_time);
    let all = series("all answers", |moment| &moment.all);
    if all.points == in_time.points {
        return panel.with(Series {
            name: String::new(),
            ..in_time
        });
    }
    panel.with(all).with(in_time)
}

fn by_rate(found: &Found) -> Chart {
    let axis = Axis::new("rate", Unit::PacketsPerSecond).logarithmic();
    let title = format!(
        "By rate: udp://{}, {} bytes",
        found.plan.server, found.plan.size
    );
    let mut round_trips = Panel::new(Axis::new("round trip", Unit::Seconds).logarithmic())
        .with(Series::line("p50", times(found, |times| times.median)))
        .with(Series::line("p99", times(found, |times| times.p99)));
    let loss = |rung: &Rung| (rung.step.sent > 0).then_some(rung.loss_near * 100.0);
    let mut losses = Panel::new(Axis::new("loss", Unit::Percent).from_zero())
        .with(Series::line("", points(found, true, loss)));
    let doubtful = points(found, false, loss);
    if !doubtful.is_empty() {
        let median = |rung: &Rung| Some(rung.step.round_trips?.median.as_secs_f64());
        let medians = points(found, false, median);
        round_trips = round_trips.with(Series::points("p50, not judged", medians));
        losses = losses.with(Series::points("not judged", doubtful));
    }
    if let Some(rung) = found.rung(found.limit.delay_climbs) {
        round_trips = round_trips.marked(Mark::new(rung.rate(), "delay climbs"));
    }
    if let (Some(rung), Some(_)) = (
        found.rung(found.limit.without_loss),
        found.limit.loss_begins,
    ) {
        losses = losses.marked(Mark::new(rung.rate(), "without loss up to here"));
    }
    Chart::new(title, axis).with(round_trips).with(losses)
}

fn times(found: &Found, time: fn(&Distribution) -> Duration) -> Vec<(f64, f64)> {
    points(found, true, |rung| {
        let times = rung.step.round_trips.as_ref()?;
        Some(time(times).as_secs_f64())
    })
}

/// What the steps that are judged, or the others, showed.
fn points(found: &Found, judged: bool, value: impl Fn(&Rung) -> Option<f64>) -> Vec<(f64, f64)> {
    let rungs = found.rungs.iter();
    let rungs = rungs.filter(|rung| rung.doubt.is_none() == judged && rung.rate() > 0.0);
    let points = rungs.filter_map(|rung| Some((rung.rate(), value(rung)?)));
    let mut points: Vec<_> = points.collect();
    // Where slots were missed, a step may be slower than the one before.
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points
}
