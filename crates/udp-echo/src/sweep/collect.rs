//! What the records of a sweep's packets say of its seconds and its steps.

use std::time::Duration;

use proto::measure::{Falling, PacketSize, Record, Second, Seconds, State, Steps};

use super::walk::Walk;

/// A second of a sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// As the classic client counts: answers that came before the interval of their packet had passed.
    pub(super) in_time: Second,
    /// With all answers.
    pub(super) all: Second,
}

/// Counts the packets of a sweep, of which the records come in order.
pub(super) struct Collector<'a> {
    walk: Walk<'a>,
    in_time: Seconds,
    all: Seconds,
    steps: Steps,
    beside: Vec<Beside>,
    /// Seconds that have been handed out.
    told: usize,
}

/// What is known of a step beside what [`Steps`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Answers that came before the interval of their packet had passed.
    pub(super) in_time: u64,
    /// Packets that were sent, and still waited for when the sweep was ended.
    pub(super) waiting: u64,
}

/// What was collected.
pub(super) struct Collected {
    pub(super) seconds: Vec<Moment>,
    pub(super) steps: Vec<proto::measure::Step>,
    pub(super) beside: Vec<Beside>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(sweep: &'a Falling, size: PacketSize) -> Self {
        Self {
            walk: Walk::new(sweep),
            in_time: Seconds::new(size),
            all: Seconds::new(size),
            steps: Steps::new(sweep),
            beside: vec![Beside::default(); sweep.steps()],
            told: 0,
        }
    }

    /// Takes the next record. A packet that this machine could not send is left out: its slot was missed.
    pub(super) fn take(&mut self, record: &Record) {
        let slot = self.walk.to(record.sent);
        let beside = &mut self.beside[slot.step];
        match record.state {
            State::NotSent => return,
            State::Waiting => {
                beside.waiting += 1;
                return;
            }
            State::Overdue | State::OnTime | State::Late => {}
        }
        for seconds in [&mut self.in_time, &mut self.all] {
            seconds.sent(record.sent);
        }
        self.steps.sent(slot.step);
        let Some(round_trip) = record.application() else {
            return;
        };
        self.steps.answered(slot.step, round_trip);
        self.all.answered(record.sent, round_trip);
        if round_trip <= slot.interval {
            self.in_time.answered(record.sent, round_trip);
            beside.in_time += 1;
        }
    }

    /// The seconds that have ended since this was asked last, before the one in which `sent` is.
    pub(super) fn ended(&mut self, sent: Duration) -> Vec<Moment> {
        let current = usize::try_from(sent.as_secs()).unwrap_or(usize::MAX);
        if current <= self.told {
            return Vec::new();
        }
        let mut moments = self.moments();
        moments.truncate(current);
        let new = moments.split_off(self.told.min(moments.len()));
        self.told = current;
        new
    }

    /// The seconds that have not been handed out.
    pub(super) fn rest(&self) -> Vec<Moment> {
        self.moments()
            .split_off(self.told.min(self.moments().len()))
    }

    fn moments(&self) -> Vec<Moment> {
        let pairs = self.in_time.rows().into_iter().zip(self.all.rows());
        pairs
            .map(|(in_time, all)| Moment { in_time, all })
            .collect()
    }

    pub(super) fn finish(self) -> Collected {
        Collected {
            seconds: self.moments(),
            steps: self.steps.steps(),
            beside: self.beside,
        }
    }
}
