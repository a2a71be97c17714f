//! Lines that are shown while a measurement runs.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Arrival, Histogram, Recent};

use super::super::count::Event;
use super::super::plan::Plan;
use super::super::schedule::Schedule;
use super::ENOUGH;
use chart::number::{NONE, ms, watch};

/// What a status line takes at most: a column less than a terminal has at least, so that it never wraps.
const STATUS: usize = 79;

/// The line of a packet. Packets are numbered from 1.
pub(in crate::probe) fn packet(event: &Event, out: &mut impl Write) -> io::Result<()> {
    match event {
        Event::Answered(number, arrival) => {
            let number = number + 1;
            match arrival {
                Arrival::OnTime(time) => writeln!(out, "packet {number}: {} ms", ms(*time)),
                Arrival::Late(time) => writeln!(out, "packet {number}: {} ms, late", ms(*time)),
                Arrival::Duplicate => writeln!(out, "packet {number}: answered again"),
                Arrival::Unknown => {
                    writeln!(out, "packet {number}: answered after it was given up")
                }
            }
        }
        Event::Overdue(number) => writeln!(out, "packet {}: no answer in time", number + 1),
        _ => Ok(()),
    }
}

pub(crate) fn not_sent(number: u64, error: &io::Error) -> String {
    format!("packet {}: not sent: {error}", number + 1)
}

/// The headings above the lines of periods.
pub(in crate::probe) fn period_header(out: &mut impl Write) -> io::Result<()> {
    let (network, application) = ("network RTT in ms", "application RTT in ms");
    writeln!(out, "{:23}{network:>27}{application:>27}", "")?;
    let figures = ["p50", "p99", "max"].map(|name| format!(" {name:>8}"));
    let figures = figures.concat();
    writeln!(
        out,
        "{:>8} {:>7} {:>6}{figures}{figures}",
        "time s", "sent", "lost"
    )
}

/// The line of a period.
pub(in crate::probe) fn period(
    at: Duration,
    recent: &Recent,
    out: &mut impl Write,
) -> io::Result<()> {
    let (time, Recent { sent, lost, .. }) = (at.as_secs_f64(), recent);
    let (network, application) = (figures(&recent.network), figures(&recent.application));
    writeln!(out, "{time:>8.1} {sent:>7} {lost:>6}{network}{application}")
}

fn figures(times: &Histogram) -> String {
    rolling(times).map(|text| format!(" {text:>8}")).concat()
}

/// Median, 99th percentile and longest, as far as there are enough times.
fn rolling(times: &Histogram) -> [String; 3] {
    let enough = |takes: u64, time: Option<Duration>| {
        let time = time.filter(|_| times.count() >= takes);
        time.map_or(NONE.to_owned(), ms)
    };
    [
        enough(ENOUGH.p50, times.percentile(50.0)),
        enough(ENOUGH.p99, times.percentile(99.0)),
        enough(1, times.max()),
    ]
}

/// How far a measurement is.
#[derive(Debug)]
pub(in crate::probe) struct Progress {
    /// How long packets are sent, in seconds, where that is known.
    time: Option<f64>,
    /// The packets, where no time is known.
    count: Option<u64>,
    sent: u64,
    lost: u64,
}

impl Progress {
    pub(in crate::probe) fn of(plan: &Plan) -> Self {
        let count = plan.schedule.count();
        let time = match &plan.schedule {
            Schedule::BackToBack { limit } => limit.time.map(|time| time.as_secs_f64()),
            schedule => count
                .zip(schedule.interval())
                .map(|(count, interval)| interval.as_secs_f64() * count as f64),
        };
        Self {
            time,
            count,
            sent: 0,
            lost: 0,
        }
    }

    /// The part that is done, from 0 to 1; `None` where there is no end.
    fn done(&self, at: Duration) -> Option<f64> {
        let by_time = self.time.map(|time| at.as_secs_f64() / time);
        let by_count = self.count.map(|count| self.sent as f64 / count as f64);
        let done = match (by_time, by_count) {
            (Some(one), Some(other)) => one.max(other),
            (one, other) => one.or(other)?,
        };
        Some(done.clamp(0.0, 1.0))
    }

    /// The status line after another period.
    pub(in crate::probe) fn status(&mut self, at: Duration, recent: &Recent) -> String {
        self.sent += recent.sent;
        self.lost += recent.lost;
        let elapsed = watch(at);
        let progress = match self.done(at).filter(|done| *done > 0.0) {
            Some(done) => {
                let left = at.as_secs_f64() * (1.0 / done - 1.0);
                let left = watch(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX));
                format!("{:.0} % {elapsed}, {left} left", done * 100.0)
            }
            None => elapsed,
        };
        let (network, application) = (&recent.network, &recent.application);
        // Stamps may come of few packets only, or with a delay.
        let (name, times) = if network.count() > application.count() / 2 {
            ("network RTT", network)
        } else {
            ("RTT", application)
        };
        let [p50, p99, max] = rolling(times);
        let line = format!(
            "{progress}: {} sent, {} lost; {name} ms p50 {p50} p99 {p99} max {max}",
            self.sent, self.lost
        );
        line.chars().take(STATUS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn recent(sent: u64, time: Duration) -> Recent {
        let mut recent = Recent {
            sent,
            ..Recent::default()
        };
        for _ in 0..sent.min(100) {
            recent.application.record(time);
            recent.network.record(time);
        }
        recent
    }

    #[test]
    fn the_status_line_says_how_far_it_is() {
        let mut progress = Progress::of(&sample::plan(8000));
        let at = Duration::from_secs(2);
        let line = progress.status(at, &recent(2000, Duration::from_nanos(580)));
        let expected = "25 % 0:02, 0:06 left: 2000 sent, 0 lost; network RTT ms p50 0.00058 p99 0.00058 max 0.00058";
        assert_eq!(line, expected[..STATUS]);
    }

    #[test]
    fn the_status_line_never_wraps() {
        let mut progress = Progress::of(&sample::plan(u64::MAX));
        let week = Duration::from_secs(7 * 24 * 3600);
        let line = progress.status(week, &recent(1 << 50, Histogram::MAX));
        assert!(line.chars().count() <= STATUS, "{line}");
        let line = progress.status(Duration::ZERO, &Recent::default());
        assert!(line.starts_with("0 % 0:00, 0:00 left: "), "{line}");
    }

    #[test]
    fn the_lines_of_periods_stand_below_their_headings() {
        let mut out = Vec::new();
        period_header(&mut out).unwrap();
        let mut some = recent(99, Duration::from_micros(1234));
        some.lost = 3;
        some.network.clear();
        period(Duration::from_millis(3_600_040), &some, &mut out).unwrap();
        let expected = "
                                 network RTT in ms      application RTT in ms
  time s    sent   lost      p50      p99      max      p50      p99      max
  3600.0      99      3        –        –        –    1.234        –    1.234
";
        assert_eq!(String::from_utf8(out).unwrap(), expected[1..]);
    }

    #[test]
    fn packets_have_a_line_each() {
        let ms = Duration::from_millis;
        let arrivals = [
            Arrival::OnTime(Duration::from_micros(59)),
            Arrival::Late(ms(1200)),
            Arrival::Duplicate,
            Arrival::Unknown,
        ];
        let answered = arrivals.map(|arrival| Event::Answered(0, arrival));
        let mut out = Vec::new();
        for event in answered.iter().chain([&Event::Overdue(1)]) {
            packet(event, &mut out).unwrap();
        }
        let expected = "\
packet 1: 0.05900 ms
packet 1: 1200.000 ms, late
packet 1: answered again
packet 1: answered after it was given up
packet 2: no answer in time
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
