//! A measurement over time, for charts, in constant memory however long it takes.

use std::time::Duration;

use chart::{Axis, Chart, Panel, Series, Unit};
use proto::measure::{Histogram, Record, State};

/// The most buckets of time: about what a chart has pixels.
const MOST: usize = 600;

/// The width of a bucket at the start where packets have no interval.
const NARROWEST: Duration = Duration::from_millis(1);

/// Where the longest time is this many times the shortest, their axis is logarithmic.
const FAR: u32 = 20;

/// A point of a distribution is drawn where the share has grown by this much, in percent.
const STEP: f64 = 0.1;

/// Buckets of time, each as wide as the others. Where there would be too many, two become one.
#[derive(Debug)]
pub(super) struct Timeline {
    width: Duration,
    buckets: Vec<Bucket>,
    sent: u64,
    last: Duration,
}

/// What happened to the packets that were sent in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    sent: u64,
    answered: u64,
    lost: u64,
    network: Spread,
    application: Spread,
}

/// The times of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spread {
    count: u32,
    sum: Duration,
    extremes: Option<(Duration, Duration)>,
}

impl Spread {
    fn add(&mut self, time: Duration) {
        self.merge(&Self {
            count: 1,
            sum: time,
            extremes: Some((time, time)),
        });
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.extremes = match (self.extremes, other.extremes) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (one, another) => one.or(another),
        };
    }

    fn mean(&self) -> Option<Duration> {
        self.sum.checked_div(self.count)
    }
}

impl Bucket {
    fn add(&mut self, record: &Record) {
        self.sent += 1;
        match record.state {
            State::OnTime | State::Late => self.answered += 1,
            State::Overdue | State::NotSent => self.lost += 1,
            State::Waiting => {}
        }
        // As in the figures: late answers are counted, their times are not.
        if record.state == State::OnTime {
            let times = [
                (&mut self.network, record.network),
                (&mut self.application, record.application()),
            ];
            for (spread, time) in times {
                if let Some(time) = time {
                    spread.add(time);
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.lost += other.lost;
        self.network.merge(&other.network);
        self.application.merge(&other.application);
    }

    fn loss_percent(&self) -> f64 {
        // Without any fate decided it is no number, and a gap in the chart.
        self.lost as f64 / (self.lost + self.answered) as f64 * 100.0
    }
}

impl Timeline {
    /// Nothing yet; packets are this far apart, where they have an interval.
    pub(super) fn new(interval: Option<Duration>) -> Self {
        let width = interval.filter(|interval| !interval.is_zero());
        Self {
            width: width.unwrap_or(NARROWEST),
            buckets: Vec::new(),
            sent: 0,
            last: Duration::ZERO,
        }
    }

    /// The fate of a packet is sealed.
    pub(super) fn add(&mut self, record: &Record) {
        let place = loop {
            let place = record.sent.as_nanos() / self.width.as_nanos();
            match usize::try_from(place).ok().filter(|place| *place < MOST) {
                Some(place) => break place,
                None => self.widen(),
            }
        };
        if place >= self.buckets.len() {
            self.buckets.resize(place + 1, Bucket::default());
        }
        self.buckets[place].add(record);
        self.sent += 1;
        self.last = self.last.max(record.sent);
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        let merged = self.buckets.chunks(2).map(|pair| {
            let mut both = pair[0];
            pair[1..].iter().for_each(|other| both.merge(other));
            both
        });
        self.buckets = merged.collect();
    }

    /// What a chart shows: delay, loss and throughput over time.
    pub(super) fn charts(&self) -> Vec<Chart> {
        if self.buckets.is_empty() {
            return Vec::new();
        }
        let time = Axis::new("time", Unit::Seconds).from_zero();
        let loss = Series::bars("", self.points(0.5, Bucket::loss_percent));
        let chart = Chart::new("Delay, loss and throughput over time", time)
            .with(self.delay())
            .with(Panel::new(Axis::new("loss", Unit::Percent).from_zero()).with(loss))
            .with(self.throughput());
        vec![chart]
    }

    /// A point for each bucket, at this part of its width.
    fn points(&self, part: f64, value: impl Fn(&Bucket) -> f64) -> Vec<(f64, f64)> {
        let width = self.width.as_secs_f64();
        let points = self.buckets.iter().enumerate();
        points
            .map(|(place, bucket)| ((place as f64 + part) * width, value(bucket)))
            .collect()
    }

    fn delay(&self) -> Panel {
        // Where stamps came of few packets only, the network's times would be a chart of gaps.
        let count = |of: fn(&Bucket) -> u32| -> u64 {
            let counts = self.buckets.iter().map(|bucket| u64::from(of(bucket)));
            counts.sum()
        };
        let (network, all) = (
            count(|bucket| bucket.network.count),
            count(|bucket| bucket.application.count),
        );
        let has_network = network > all / 2;
        let (name, of): (_, fn(&Bucket) -> &Spread) = if has_network {
            ("network RTT", |bucket| &bucket.network)
        } else {
            ("application RTT", |bucket| &bucket.application)
        };
        let line = |name: &str, value: &dyn Fn(&Spread) -> Option<Duration>| {
            let seconds =
                |bucket: &Bucket| value(of(bucket)).map_or(f64::NAN, |time| time.as_secs_f64());
            Series::line(name, self.points(0.5, seconds))
        };
        let extremes = || self.buckets.iter().filter_map(|bucket| of(bucket).extremes);
        let (min, max) = (
            extremes().map(|(min, _)| min).min(),
            extremes().map(|(_, max)| max).max(),
        );
        let is_far = min
            .zip(max)
            .is_some_and(|(min, max)| max > min.saturating_mul(FAR) && !min.is_zero());
        let axis = Axis::new(name, Unit::Seconds);
        let panel = Panel::new(if is_far {
            axis.logarithmic()
        } else {
            axis.from_zero()
        });
        if self.buckets.iter().all(|bucket| of(bucket).count <= 1) {
            return panel.with(line("", &Spread::mean));
        }
        panel
            .with(line("max", &|spread| spread.extremes.map(|(_, max)| max)))
            .with(line("mean", &Spread::mean))
            .with(line("min", &|spread| spread.extremes.map(|(min, _)| min)))
    }

    fn throughput(&self) -> Panel {
        let sent = self.rate(|bucket| bucket.sent);
        let answered = self.rate(|bucket| bucket.answered);
        Panel::new(Axis::new("throughput", Unit::PacketsPerSecond).from_zero())
            .with(Series::steps("sent", sent))
            .with(Series::steps("answered", answered))
    }

    /// Packets a second.
    fn rate(&self, count: impl Fn(&Bucket) -> u64) -> Vec<(f64, f64)> {
        let width = self.width.as_secs_f64();
        let mut points = self.points(0.0, |bucket| count(bucket) as f64 / width);
        // The last bucket may have only begun: its packets are spread over no more than the time that has passed.
        let end = self.end().as_secs_f64();
        if let (Some((start, rate)), Some(bucket)) = (points.last_mut(), self.buckets.last()) {
            *rate = count(bucket) as f64 / (end - *start);
            let last = (end, *rate);
            points.push(last);
        }
        points
    }

    /// When the packet after the last would have been sent, as far as the last bucket goes.
    fn end(&self) -> Duration {
        let others = u32::try_from(self.sent.saturating_sub(1)).unwrap_or(u32::MAX);
        let interval = self.last.checked_div(others).unwrap_or(self.width);
        let full = self.width.saturating_mul(self.buckets.len() as u32);
        full.min(self.last.saturating_add(interval))
    }
}

/// Which share of the answers took no longer than a time.
pub(super) fn distribution(application: &Histogram, network: &Histogram) -> Option<Chart> {
    let series = [("network RTT", network), ("application RTT", application)];
    let mut panel = Panel::new(Axis::new("share of packets", Unit::Percent).from_zero());
    for (name, histogram) in series {
        if histogram.count() > 0 {
            panel = panel.with(Series::steps(name, cumulative(histogram)));
        }
    }
    let axis = Axis::new("round-trip time up to", Unit::Seconds).logarithmic();
    (!panel.series.is_empty())
        .then(|| Chart::new("How round-trip times are spread", axis).with(panel))
}

fn cumulative(histogram: &Histogram) -> Vec<(f64, f64)> {
    let (mut points, mut seen, mut drawn) = (Vec::new(), 0u64, 0.0);
    for (time, count) in histogram.buckets() {
        seen += count;
        let share = seen as f64 / histogram.count() as f64 * 100.0;
        if share - drawn >= STEP || points.is_empty() || seen == histogram.count() {
            points.push((time.as_secs_f64(), share));
            drawn = share;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use proto::measure::Came;

    use super::*;

    fn record(number: u64, sent: Duration, round_trip: Option<Duration>) -> Record {
        Record {
            number,
            state: round_trip.map_or(State::Overdue, |_| State::OnTime),
            sent,
            left: None,
            at_server: None,
            came: round_trip.map(|time| Came {
                at: sent + time,
                stamp: None,
            }),
            times: None,
            network: None,
        }
    }

    fn filled(count: u64, interval: Duration) -> Timeline {
        let mut timeline = Timeline::new(Some(interval));
        for number in 0..count {
            let sent = interval * number as u32;
            let round_trip = Duration::from_micros(100 + number % 7);
            let answered = (number % 10 != 3).then_some(round_trip);
            timeline.add(&record(number, sent, answered));
        }
        timeline
    }

    #[test]
    fn buckets_grow_wider_and_nothing_is_lost() {
        for count in [1, 599, 600, 601, 5000, 100_000] {
            let timeline = filled(count, Duration::from_millis(1));
            let sum = |of: fn(&Bucket) -> u64| timeline.buckets.iter().map(of).sum::<u64>();
            assert!(timeline.buckets.len() <= MOST);
            assert!(count < 600 || timeline.buckets.len() >= MOST / 2);
            assert_eq!(sum(|bucket| bucket.sent), count);
            assert_eq!(sum(|bucket| bucket.answered + bucket.lost), count);
            assert_eq!(
                sum(|bucket| bucket.application.count.into()),
                sum(|bucket| bucket.answered)
            );
        }
    }

    #[test]
    fn any_time_has_a_bucket() {
        let mut timeline = Timeline::new(Some(Duration::from_nanos(1)));
        timeline.add(&record(0, Duration::ZERO, None));
        timeline.add(&record(1, Duration::MAX / 2, None));
        assert!(timeline.buckets.len() <= MOST);
        assert_eq!(timeline.charts().len(), 1);
    }

    #[test]
    fn the_rate_is_that_of_the_schedule_to_the_end() {
        let timeline = filled(1001, Duration::from_millis(1));
        assert_eq!(timeline.width, Duration::from_millis(2));
        let sent = timeline.rate(|bucket| bucket.sent);
        assert!(
            sent.iter().all(|(_, rate)| (rate - 1000.0).abs() < 1e-6),
            "{:?}",
            sent.last()
        );
        assert_eq!(sent.last().unwrap().0, 1.001);
    }

    #[test]
    fn a_chart_has_delay_loss_and_throughput() {
        let charts = filled(2000, Duration::from_millis(1)).charts();
        let labels: Vec<_> = charts[0]
            .panels
            .iter()
            .map(|panel| panel.y.label.as_str())
            .collect();
        assert_eq!(labels, ["application RTT", "loss", "throughput"]);
        let delay = &charts[0].panels[0];
        let names: Vec<_> = delay
            .series
            .iter()
            .map(|series| series.name.as_str())
            .collect();
        assert_eq!(names, ["max", "mean", "min"]);
        assert!(Timeline::new(None).charts().is_empty());
    }

    #[test]
    fn shares_rise_to_all() {
        let ms = Duration::from_millis;
        let histogram = Histogram::from_buckets((1..=5000).map(|time| (ms(time), 1)));
        let points = cumulative(&histogram);
        assert!(points.len() < 1200, "{}", points.len());
        assert_eq!(points.last().unwrap(), &(5.0, 100.0));
        assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert_eq!(distribution(&Histogram::new(), &Histogram::new()), None);
    }
}
