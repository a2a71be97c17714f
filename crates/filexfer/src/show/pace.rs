//! How fast it went lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far it has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// Bytes that came or went.
    pub(super) moved: u64,
    /// Bytes that are there.
    pub(super) bytes: u64,
    /// Files that are there.
    pub(super) files: u64,
}

/// The same in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) moved: f64,
    pub(super) bytes: f64,
    pub(super) files: f64,
}

/// Remembers the last seconds.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<(Instant, Point)>);

impl Pace {
    const STEP: Duration = Duration::from_millis(250);
    const STEPS: usize = 16;

    pub(super) fn note(&mut self, point: Point, now: Instant) {
        let last = self.0.back().copied();
        if last.is_some_and(|(_, last)| point.bytes < last.bytes || point.files < last.files) {
            // It has begun anew.
            self.0.clear();
        } else if last.is_some_and(|(at, _)| now.saturating_duration_since(at) < Self::STEP) {
            return;
        }
        if self.0.len() == Self::STEPS {
            self.0.pop_front();
        }
        self.0.push_back((now, point));
    }

    /// `None` at the very first.
    pub(super) fn rates(&self, point: Point, now: Instant) -> Option<Rates> {
        let (since, before) = self.0.front()?;
        let time = now.saturating_duration_since(*since);
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / time.as_secs_f64();
        (time >= Self::STEP).then(|| Rates {
            moved: each(point.moved, before.moved),
            bytes: each(point.bytes, before.bytes),
            files: each(point.files, before.files),
        })
    }
}
