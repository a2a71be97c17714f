//! Which connection may send a request, with the time in hand.
//!
//! All times are since the start of the load.

use std::time::Duration;

use super::plan::{End, Pace, Plan};

/// Says when requests are sent.
///
/// In an open loop request *n* is due at *n* ⁄ rate, and belongs to connection *n* modulo their number. One that cannot be
/// sent when it is due, since its connection has as many in flight as it may, keeps its due time.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pace: Pace,
    /// Requests of a closed loop that may still be sent, or all of an open one.
    requests: u64,
    /// When no more are sent.
    end: Duration,
    /// Requests of an open loop that were due so far.
    due: u64,
    /// How many each connection has begun (open loop).
    begun: Vec<u64>,
    is_stopped: bool,
}

impl Schedule {
    /// For so many connections as stand.
    pub(super) fn new(plan: &Plan, connections: usize) -> Self {
        let (requests, end) = match (plan.end, plan.pace) {
            (End::Requests(requests), _) => (requests, Duration::MAX),
            (End::After(time), Pace::Answers) => (u64::MAX, time),
            (End::After(time), Pace::Schedule(rate)) => (due_within(rate, time), time),
        };
        Self {
            pace: plan.pace,
            requests,
            end,
            due: 0,
            begun: match plan.pace {
                Pace::Answers => Vec::new(),
                Pace::Schedule(_) => vec![0; connections],
            },
            is_stopped: false,
        }
    }

    /// The due time of the request that this connection may send now, if there is one; it counts as sent.
    pub(super) fn begin(&mut self, connection: usize, now: Duration) -> Option<Duration> {
        let Pace::Schedule(rate) = self.pace else {
            let is_time = self.requests > 0 && now < self.end;
            self.requests -= u64::from(is_time);
            return is_time.then_some(now);
        };
        let begun = self.begun[connection];
        let number = connection as u64 + begun * self.begun.len() as u64;
        let is_due = number < self.due && !self.is_stopped;
        self.begun[connection] += u64::from(is_due);
        is_due.then(|| due(rate, number))
    }

    /// The connections whose turn it is in an open loop, each once however many of its requests have become due.
    pub(super) fn turns(&mut self, now: Duration) -> impl Iterator<Item = usize> + use<> {
        let (before, connections) = (self.due, self.begun.len() as u64);
        if let Pace::Schedule(rate) = self.pace
            && self.next_due().is_some_and(|next| next <= now)
        {
            let due = due_within(rate, now + Duration::from_nanos(1));
            self.due = due.min(self.requests);
        }
        let turns = (self.due - before).min(connections);
        (0..turns).map(move |turn| ((before + turn) % connections) as usize)
    }

    /// When the next request of an open loop is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        match self.pace {
            Pace::Schedule(rate) if self.due < self.requests => Some(due(rate, self.due)),
            _ => None,
        }
    }

    /// No more requests from now on, neither those that wait.
    pub(super) fn stop(&mut self, now: Duration) {
        self.is_stopped = true;
        self.end = self.end.min(now);
        self.requests = match self.pace {
            Pace::Answers => 0,
            Pace::Schedule(_) => self.due,
        };
    }

    /// When the load ends, [`Duration::MAX`] where that is a matter of requests.
    pub(super) fn end(&self) -> Duration {
        self.end
    }

    /// Whether no more requests become due, those that wait aside.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        match self.pace {
            Pace::Answers => self.requests == 0 || now >= self.end,
            Pace::Schedule(_) => self.due >= self.requests,
        }
    }

    /// Requests of an open loop that were due and not sent.
    pub(super) fn waiting(&self) -> u64 {
        self.due - self.begun.iter().sum::<u64>()
    }
}

fn due(rate: u32, number: u64) -> Duration {
    let rate = u64::from(rate);
    let nanos = (number % rate) * 1_000_000_000 / rate;
    Duration::from_secs(number / rate) + Duration::from_nanos(nanos)
}

/// How many requests are due before this time.
fn due_within(rate: u32, time: Duration) -> u64 {
    let requests = (time.as_nanos() * u128::from(rate)).div_ceil(1_000_000_000);
    u64::try_from(requests).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    fn schedule(pace: Pace, end: End, connections: usize) -> Schedule {
        let plan = Plan {
            server: SocketAddr::from(([127, 0, 0, 1], 7)),
            connections,
            size: 1,
            pipeline: 1,
            pace,
            end,
        };
        Schedule::new(&plan, connections)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_closed_loop_ends_on_time_or_after_its_requests() {
        let mut timed = schedule(Pace::Answers, End::After(SECOND), 1);
        let early = SECOND - Duration::from_nanos(1);
        assert_eq!(timed.begin(0, early), Some(early));
        assert_eq!(timed.begin(0, SECOND), None);
        assert!(timed.is_over(SECOND) && !timed.is_over(early));
        let mut counted = schedule(Pace::Answers, End::Requests(2), 1);
        let begun = [0, 0, 0].map(|place| counted.begin(place, SECOND).is_some());
        assert_eq!(begun, [true, true, false]);
        assert!(counted.is_over(Duration::ZERO));
    }

    #[test]
    fn a_stop_leaves_what_was_due_waiting() {
        let mut open = schedule(Pace::Schedule(10), End::After(SECOND), 2);
        let half = SECOND / 2;
        assert_eq!(open.turns(half).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(open.waiting(), 6);
        assert!(open.begin(1, half).is_some());
        open.stop(half);
        assert_eq!(
            (open.turns(SECOND).count(), open.begin(0, SECOND)),
            (0, None)
        );
        assert_eq!(open.waiting(), 5);
        assert!(open.is_over(half) && open.end() == half);
    }

    #[test]
    fn a_rate_beyond_reach_takes_no_more_time_than_others() {
        let mut open = schedule(Pace::Schedule(u32::MAX), End::After(SECOND), 3);
        assert_eq!(open.turns(SECOND / 2).count(), 3);
        assert_eq!(open.turns(SECOND * 2).count(), 3);
        assert_eq!(open.waiting(), u64::from(u32::MAX));
    }

    proptest! {
        #[test]
        fn requests_are_due_evenly_and_each_begins_once(
            rate in 1u32..50_000,
            connections in 1usize..70,
            steps in prop::collection::vec(0u64..40_000_000, 1..60),
        ) {
            let mut open = schedule(Pace::Schedule(rate), End::After(SECOND), connections);
            let (mut now, mut dues) = (Duration::ZERO, Vec::new());
            for step in steps {
                now += Duration::from_nanos(step);
                for place in open.turns(now) {
                    dues.extend(std::iter::from_fn(|| open.begin(place, now)));
                }
                let passed = due_within(rate, now.min(SECOND)) as usize;
                prop_assert!(dues.len() >= passed && dues.len() <= passed + 1);
            }
            dues.sort_unstable();
            let expected: Vec<_> = (0..dues.len() as u64).map(|n| due(rate, n)).collect();
            prop_assert_eq!(dues, expected);
            prop_assert_eq!(open.waiting(), 0);
        }

        #[test]
        fn what_waits_keeps_its_due_time(rate in 1u32..10_000, connections in 1usize..20) {
            let mut open = schedule(Pace::Schedule(rate), End::After(SECOND), connections);
            prop_assert!(open.turns(SECOND).count() <= connections);
            prop_assert_eq!(open.waiting(), u64::from(rate));
            let mut dues = Vec::new();
            for place in 0..connections {
                dues.extend(std::iter::from_fn(|| open.begin(place, SECOND * 9)));
            }
            dues.sort_unstable();
            let expected: Vec<_> = (0..u64::from(rate)).map(|n| due(rate, n)).collect();
            prop_assert_eq!(dues, expected);
            prop_assert!(open.is_over(SECOND) && open.waiting() == 0);
        }
    }
}
