//! Lines that are shown while a measurement runs.

use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Arrival, Histogram, Recent};

use super::super::count::Event;
use super::super::plan::Plan;
use super::super::schedule::Schedule;
use super::ENOUGH;
use crate::number::{NONE, ms, watch};

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

pub(in crate::probe) fn not_sent(number: u64, error: &io::Error) -> String {
    format!("packet {}: not sent: {error}", number + 1)
}

/// The headings above the lines of periods.
pub(in crate::probe) fn period_header(out: &mut impl Write) -> io::Result<()> {
    let (network, application) = ("network RTT in ms", "application RTT in ms");
    writeln!(out, "{:25}{network:>30}{application:>30}", "")?;
    let figures = ["p50", "p99", "max"]
        .map(|name| format!(" {name:>9}"))
        .concat();
    writeln!(
        out,
        "{:>9} {:>8} {:>6}{figures}{figures}",
        "time", "sent", "lost"
    )
}

/// The line of a period.
pub(in crate::probe) fn period(
    at: Duration,
    recent: &Recent,
    out: &mut impl Write,
) -> io::Result<()> {
    let (time, Recent { sent, lost, .. }) = (watch(at), recent);
    let (network, application) = (figures(&recent.network), figures(&recent.application));
    writeln!(out, "{time:>9} {sent:>8} {lost:>6}{network}{application}")
}

fn figures(times: &Histogram) -> String {
    rolling(times).map(|text| format!(" {text:>9}")).concat()
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
        let times = if recent.network.count() > 0 {
            &recent.network
        } else {
            &recent.application
        };
        let [p50, p99, max] = rolling(times);
        let line = format!(
            "{progress}: {} sent, {} lost; RTT ms p50 {p50} p99 {p99} max {max}",
            self.sent, self.lost
        );
        line.chars().take(STATUS).collect()
    }
}
