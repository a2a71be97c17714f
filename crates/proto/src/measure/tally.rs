//! The count of a measurement: which probes were answered in time, late, twice or never, and their round-trip times.

use std::collections::VecDeque;
use std::time::Duration;

/// What an answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It came within the time-out; its round-trip time.
    OnTime(Duration),
    /// It came after the time-out; its round-trip time.
    Late(Duration),
    /// The probe had been answered before.
    Duplicate,
    /// No such probe is waited for: it was never sent, or is older than twice the time-out.
    Unknown,
}

/// From the last time at which an answer is on time to the first at which it is overdue.
const JUST_AFTER: Duration = Duration::from_nanos(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Overdue,
    Answered,
}

#[derive(Clone, Copy, Debug)]
struct Outstanding {
    sent: Duration,
    state: State,
}

/// Counts the probes of one measurement. It has no clock: all times are since the measurement began, and those given to
/// one method must not go back.
///
/// Call [`sent`](Self::sent) for each probe in order, [`answered`](Self::answered) for each answer, and
/// [`overdue`](Self::overdue) whenever time has passed; [`summary`](Self::summary) may be asked for at any time.
/// An answer is *on time* within the time-out, *late* within twice the time-out, and a probe without either is *lost*.
/// Memory: 16 bytes for each probe answered on time and 24 for each probe of the last two time-outs.
#[derive(Clone, Debug)]
pub struct Tally {
    timeout: Duration,
    window: VecDeque<Outstanding>,
    first: u64,
    checked: u64,
    highest_answered: Option<u64>,
    round_trips: Vec<Duration>,
    late: u64,
    lost: u64,
    duplicates: u64,
    reordered: u64,
    jitter: Jitter,
}

impl Tally {
    /// A measurement whose probes are answered on time within `timeout`, that duration included.
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            window: VecDeque::new(),
            first: 0,
            checked: 0,
            highest_answered: None,
            round_trips: Vec::new(),
            late: 0,
            lost: 0,
            duplicates: 0,
            reordered: 0,
            jitter: Jitter::default(),
        }
    }

    /// The next probe went out at `at`. Its number, from 0, is returned.
    pub fn sent(&mut self, at: Duration) -> u64 {
        self.window.push_back(Outstanding {
            sent: at,
            state: State::Waiting,
        });
        self.first + self.window.len() as u64 - 1
    }

    /// An answer to probe `number` came at `at`. The number is the one that [`sent`](Self::sent) returned.
    pub fn answered(&mut self, number: u64, at: Duration) -> Arrival {
        self.forget(at);
        let timeout = self.timeout;
        let Some(probe) = number
            .checked_sub(self.first)
            .and_then(|place| self.window.get_mut(usize::try_from(place).ok()?))
        else {
            return Arrival::Unknown;
        };
        if probe.state == State::Answered {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        probe.state = State::Answered;
        let round_trip = at.saturating_sub(probe.sent);
        self.reordered += u64::from(self.highest_answered > Some(number));
        self.highest_answered = self.highest_answered.max(Some(number));
        if round_trip > timeout {
            self.late += 1;
            return Arrival::Late(round_trip);
        }
        self.jitter.add(round_trip);
        self.round_trips.push(round_trip);
        Arrival::OnTime(round_trip)
    }

    /// The next probe whose time-out has passed unanswered at `now`, once for each; `None` when there is no further.
    ///
    /// Call it until it says `None`. It also drops what is older than twice the time-out: such probes are lost, and an
    /// answer that comes for one of them still is [`Arrival::Unknown`]. Where it is called so seldom that a probe is
    /// that old before it was named overdue, the probe counts as lost and is never named.
    pub fn overdue(&mut self, now: Duration) -> Option<u64> {
        self.forget(now);
        self.checked = self.checked.max(self.first);
        loop {
            let number = self.checked;
            let probe = self.window.get_mut((number - self.first) as usize)?;
            if now.saturating_sub(probe.sent) <= self.timeout {
                return None;
            }
            self.checked += 1;
            if probe.state == State::Waiting {
                probe.state = State::Overdue;
                return Some(number);
            }
        }
    }

    /// The earliest time at which [`overdue`](Self::overdue) names another probe, unless its answer comes first.
    pub fn next_overdue(&self) -> Option<Duration> {
        let from = self.checked.saturating_sub(self.first) as usize;
        self.window
            .iter()
            .skip(from)
            .find(|probe| probe.state == State::Waiting)
            .map(|probe| (probe.sent.saturating_add(self.timeout)).saturating_add(JUST_AFTER))
    }

    /// Whether a probe is still within its time-out and unanswered.
    pub fn is_waiting(&self) -> bool {
        self.next_overdue().is_some()
    }

    /// Drops from the window what is older than twice the time-out: unanswered by then is lost.
    fn forget(&mut self, now: Duration) {
        while let Some(probe) = self.window.front()
            && now.saturating_sub(probe.sent) > self.timeout.saturating_mul(2)
        {
            self.lost += u64::from(probe.state != State::Answered);
            self.window.pop_front();
            self.first += 1;
        }
    }

    /// What is known so far. Call [`overdue`](Self::overdue) before, so that what is lost by now counts as lost.
    ///
    /// It copies and sorts the round-trip times: cheap enough for a report, too dear for every answer.
    pub fn summary(&self) -> Summary {
        let count = |state| {
            let probes = self.window.iter().filter(|probe| probe.state == state);
            probes.count() as u64
        };
        Summary {
            sent: self.first + self.window.len() as u64,
            answered: self.round_trips.len() as u64,
            late: self.late,
            lost: self.lost + count(State::Overdue),
            waiting: count(State::Waiting),
            duplicates: self.duplicates,
            reordered: self.reordered,
            round_trip: Spread::of(self.round_trips.clone()),
            jitter: self.jitter.value(),
        }
    }
}

/// The result of a measurement. `sent` = `answered` + `late` + `lost` + `waiting`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Probes that went out.
    pub sent: u64,
    /// Probes answered within the time-out.
    pub answered: u64,
    /// Probes answered after the time-out.
    pub late: u64,
    /// Probes without an answer whose time-out has passed.
    pub lost: u64,
    /// Probes without an answer that may still come in time, where the measurement ended early.
    pub waiting: u64,
    /// Further answers to probes that had been answered, as long as they were within twice the time-out.
    pub duplicates: u64,
    /// Answers, late ones included, that came after the answer to a later probe.
    pub reordered: u64,
    /// Round-trip times of the probes answered on time; `None` where there is none.
    pub round_trip: Option<Spread>,
    /// Interarrival jitter by the estimator of RFC 3550, section 6.4.1, with round-trip times in place of transit
    /// times, in the order in which the answers came. Only answers on time count; `None` with fewer than two of them.
    pub jitter: Option<Duration>,
}

impl Summary {
    /// Lost probes in percent of those sent, 0 to 100, the ones still waiting left aside; 0 where there is none.
    pub fn loss_percent(&self) -> f64 {
        match self.sent - self.waiting {
            0 => 0.0,
            decided => self.lost as f64 / decided as f64 * 100.0,
        }
    }
}

/// How times are spread. A percentile by nearest rank is one of the times, never a value between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub min: Duration,
    /// The arithmetic mean.
    pub mean: Duration,
    /// The 50th percentile, by nearest rank.
    pub median: Duration,
    /// The 99th percentile, by nearest rank.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// The standard deviation (of the population).
    pub stddev: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let (&min, &max) = (times.first()?, times.last()?);
        let count = times.len() as f64;
        let mean = times.iter().map(Duration::as_secs_f64).sum::<f64>() / count;
        let variance = times
            .iter()
            .map(|time| (time.as_secs_f64() - mean).powi(2))
            .sum::<f64>()
            / count;
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self {
            min,
            mean: Duration::from_secs_f64(mean),
            median: rank(50),
            p99: rank(99),
            max,
            stddev: Duration::from_secs_f64(variance.sqrt()),
        })
    }
}

/// The running estimate of RFC 3550, section 6.4.1: J += (|D| − J) / 16.
#[derive(Clone, Copy, Debug, Default)]
struct Jitter {
    last: Option<Duration>,
    estimate: Option<f64>,
}

impl Jitter {
    fn add(&mut self, transit: Duration) {
        if let Some(last) = self.last.replace(transit) {
            let difference = transit.abs_diff(last).as_secs_f64();
            let estimate = self.estimate.unwrap_or(0.0);
            self.estimate = Some(estimate + (difference - estimate) / 16.0);
        }
    }

    fn value(self) -> Option<Duration> {
        self.estimate.map(Duration::from_secs_f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn every_kind_of_arrival() {
        let mut tally = Tally::new(ms(100));
        for number in 0..5 {
            assert_eq!(tally.sent(ms(10 * number)), number);
        }
        assert_eq!(tally.answered(1, ms(20)), Arrival::OnTime(ms(10)));
        assert_eq!(tally.answered(0, ms(30)), Arrival::OnTime(ms(30)));
        assert_eq!(tally.answered(1, ms(31)), Arrival::Duplicate);
        assert_eq!(tally.answered(9, ms(31)), Arrival::Unknown);
        let next = tally.next_overdue().unwrap();
        assert_eq!(next, ms(120) + Duration::from_nanos(1));
        assert_eq!(tally.overdue(ms(120)), None);
        assert_eq!(tally.overdue(ms(121)), Some(2));
        assert_eq!(tally.overdue(ms(121)), None);
        assert_eq!(tally.answered(2, ms(125)), Arrival::Late(ms(105)));
        assert_eq!(tally.overdue(ms(500)), None, "3 and 4 are past being late");
        assert_eq!(tally.answered(3, ms(500)), Arrival::Unknown);
        let summary = tally.summary();
        assert_eq!(
            (summary.sent, summary.answered, summary.late, summary.lost),
            (5, 2, 1, 2)
        );
        assert_eq!((summary.duplicates, summary.reordered), (1, 1));
        assert_eq!(summary.waiting, 0);
        assert_eq!(summary.loss_percent(), 40.0);
        assert!(!tally.is_waiting());
    }

    #[test]
    fn what_still_waits_is_not_lost() {
        let mut tally = Tally::new(ms(100));
        for number in 0..4 {
            tally.sent(ms(50 * number));
        }
        assert_eq!(tally.overdue(ms(101)), Some(0));
        let summary = tally.summary();
        assert_eq!((summary.lost, summary.waiting), (1, 3));
        assert_eq!(summary.loss_percent(), 100.0);
    }

    #[test]
    fn the_spread_of_known_times() {
        let spread = Spread::of((1..=100).rev().map(ms).collect()).unwrap();
        assert_eq!((spread.min, spread.max), (ms(1), ms(100)));
        assert_eq!((spread.median, spread.p99), (ms(50), ms(99)));
        assert_eq!(spread.mean, Duration::from_micros(50_500));
        assert_eq!(spread.stddev.as_micros(), 28_866); // sqrt((100² − 1) / 12)
        let one = Spread::of(vec![ms(7)]).unwrap();
        assert_eq!((one.median, one.p99, one.stddev), (ms(7), ms(7), ms(0)));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn jitter_is_the_formula_of_the_rfc() {
        let mut tally = Tally::new(ms(100));
        for (number, round_trip) in [16, 32, 16].into_iter().enumerate() {
            let at = ms(1000 * number as u64);
            tally.sent(at);
            tally.answered(number as u64, at + ms(round_trip));
        }
        // J₁ = 16/16 = 1 ms, J₂ = 1 + (16 − 1)/16 ms
        assert_eq!(
            tally.summary().jitter,
            Some(Duration::from_nanos(1_937_500))
        );
    }

    #[test]
    fn a_measurement_without_probes_has_no_figures() {
        let summary = Tally::new(ms(1)).summary();
        assert_eq!(
            (summary.sent, summary.round_trip, summary.jitter),
            (0, None, None)
        );
        assert_eq!(summary.loss_percent(), 0.0);
    }

    proptest! {
        /// Whatever happens in whatever order, each probe is counted exactly once.
        #[test]
        fn nothing_is_lost_in_the_count(steps in proptest::collection::vec((0u8..3, 0u64..40, 0u64..60), 0..200)) {
            let mut tally = Tally::new(ms(100));
            let mut now = ms(0);
            let mut sent = 0;
            for (step, number, passes) in steps {
                now += ms(passes);
                match step {
                    0 => { prop_assert_eq!(tally.sent(now), sent); sent += 1; }
                    1 => { tally.answered(number, now); }
                    _ => while tally.overdue(now).is_some() {},
                }
            }
            let summary = tally.summary();
            prop_assert_eq!(summary.sent, sent);
            let decided = summary.answered + summary.late + summary.lost;
            prop_assert_eq!(decided + summary.waiting, sent);
        }
    }
}
