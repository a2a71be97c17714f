//! What a load has found.

use std::time::Duration;

use proto::measure::Histogram;
use runtime::cli::Exit;

use super::connection::Times;
use super::failure::{Failure, Failures};
use super::plan::{Pace, Plan};

/// The times of an open loop beside those from the send.
#[derive(Debug, Default)]
pub(super) struct Scheduled {
    /// From when a request was due until its answer: what someone who came at that time would have waited.
    pub(super) from_due: Histogram,
    /// From when a request was due until it was sent.
    pub(super) late: Histogram,
}

/// Requests and their answers, counted as they come.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) sent: u64,
    /// Those that were sent before the end.
    pub(super) sent_in_time: u64,
    pub(super) answered: u64,
    /// Those that were answered before the end.
    pub(super) in_time: u64,
    /// Those whose connection was lost before they were answered.
    pub(super) lost: u64,
    /// When the last answer came, since the start.
    pub(super) last: Duration,
    pub(super) from_send: Histogram,
    /// `None` in a closed loop, where each request is due when it is sent.
    pub(super) scheduled: Option<Scheduled>,
    pub(super) failures: Failures,
}

impl Count {
    pub(super) fn new(pace: Pace, failures: Failures) -> Self {
        Self {
            sent: 0,
            sent_in_time: 0,
            answered: 0,
            in_time: 0,
            lost: 0,
            last: Duration::ZERO,
            from_send: Histogram::new(),
            scheduled: matches!(pace, Pace::Schedule(_)).then(Scheduled::default),
            failures,
        }
    }

    /// A request is sent, in a load that ends at `end`.
    pub(super) fn send(&mut self, times: Times, end: Duration) {
        self.sent += 1;
        self.sent_in_time += u64::from(times.sent <= end);
        if let Some(scheduled) = &mut self.scheduled {
            scheduled.late.record(times.sent.saturating_sub(times.due));
        }
    }

    /// An answer has come at this time, to a load that ends at `end`.
    pub(super) fn answer(&mut self, times: Times, at: Duration, end: Duration) {
        self.answered += 1;
        self.in_time += u64::from(at <= end);
        self.last = at;
        self.from_send.record(at.saturating_sub(times.sent));
        if let Some(scheduled) = &mut self.scheduled {
            scheduled.from_due.record(at.saturating_sub(times.due));
        }
    }

    /// A connection failed with so many requests in flight.
    pub(super) fn fail(&mut self, failure: Failure, in_flight: usize) {
        self.failures.add(failure);
        self.lost += in_flight as u64;
    }

    /// Requests whose answer can still come.
    pub(super) fn in_flight(&self) -> u64 {
        self.sent - self.answered - self.lost
    }
}

/// A load and what came of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) plan: Plan,
    /// When it began, in nanoseconds since the Unix epoch.
    pub(super) began: u64,
    /// How many connections stood when it began.
    pub(super) opened: usize,
    /// From the start to the end that was set, or to the last answer where a number of requests was.
    pub(super) elapsed: Duration,
    /// From the start until nothing more was waited for.
    pub(super) lasted: Duration,
    /// Requests of an open loop that were due and not sent.
    pub(super) unsent: u64,
    pub(super) interrupted: bool,
    /// Processor time of the thread that sends and receives, where the system tells.
    pub(super) processor: Option<Duration>,
    pub(super) count: Count,
}

impl Found {
    /// Answers in a second.
    pub(super) fn per_second(&self) -> f64 {
        ratio(self.count.in_time as f64, self.elapsed.as_secs_f64())
    }

    /// Requests sent in a second, up to the end.
    pub(super) fn sent_per_second(&self) -> f64 {
        ratio(self.count.sent_in_time as f64, self.elapsed.as_secs_f64())
    }

    /// Payload each way, in bits a second.
    pub(super) fn bits_per_second(&self) -> f64 {
        self.per_second() * 8.0 * self.plan.size as f64
    }

    /// Requests that were sent and never answered.
    pub(super) fn unanswered(&self) -> u64 {
        self.count.sent - self.count.answered
    }

    /// Failure where nothing was answered, or something wrongly.
    pub(super) fn exit(&self) -> Exit {
        match self.count.answered == 0 || self.count.failures.of(Failure::Wrong) > 0 {
            true => Exit::Failure,
            false => Exit::Success,
        }
    }
}

/// A share; 0 of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
