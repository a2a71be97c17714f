//! The count of a measurement: whatever happens in whatever order, each probe is counted exactly once, and as a plain
//! list of all probes would count it.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::measure::{Arrival, Summary, Tally};

#[derive(Arbitrary, Debug)]
struct Input {
    timeout: u16,
    steps: Vec<Step>,
}

/// All times are in microseconds.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Wait(u16),
    Send,
    /// An answer to the probe that is so many before the next, with a time stamp that may be off.
    Answer {
        back: u8,
        late_by: i16,
    },
    Overdue,
    Look,
}

/// Looking is dear.
const LOOKS: usize = 8;

fuzz_target!(|input: Input| {
    let timeout = Duration::from_micros(u64::from(input.timeout) + 1);
    let mut tally = Tally::new(timeout, 0);
    let mut list = List::new(timeout);
    let (mut now, mut looks) = (Duration::ZERO, 0);
    for step in input.steps {
        match step {
            Step::Wait(micros) => now += Duration::from_micros(micros.into()),
            Step::Send => assert_eq!(tally.sent(now), list.sent(now)),
            Step::Answer { back, late_by } => {
                let number = (list.probes.len() as u64).wrapping_sub(back.into());
                let at = shifted(now, late_by);
                assert_eq!(tally.answered(number, at), list.answered(number, at));
            }
            Step::Overdue => {
                let told: Vec<u64> = std::iter::from_fn(|| tally.overdue(now)).collect();
                assert_eq!(told, list.overdue(now));
            }
            Step::Look if looks < LOOKS => {
                looks += 1;
                check_next_overdue(&tally);
                list.check(&tally.summary());
            }
            Step::Look => {}
        }
    }
    check_next_overdue(&tally);
    list.check(&tally.summary());
});

fn shifted(now: Duration, micros: i16) -> Duration {
    let shift = Duration::from_micros(micros.unsigned_abs().into());
    if micros < 0 {
        now.saturating_sub(shift)
    } else {
        now + shift
    }
}

/// The time that is announced is the first at which something is overdue.
fn check_next_overdue(tally: &Tally) {
    let mut later = tally.clone();
    let Some(at) = later.next_overdue() else {
        assert!(!tally.is_waiting());
        return;
    };
    assert_eq!(later.overdue(at - Duration::from_nanos(1)), None);
    assert!(later.overdue(at).is_some());
}

struct Probe {
    sent: Duration,
    arrived: Option<Arrival>,
    told: bool,
}

/// The same count, of a list that forgets nothing.
struct List {
    timeout: Duration,
    probes: Vec<Probe>,
    /// How many, from the first, are past being answered.
    closed: usize,
    /// In the order in which they came.
    arrivals: Vec<(u64, Arrival)>,
}

impl List {
    fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            probes: Vec::new(),
            closed: 0,
            arrivals: Vec::new(),
        }
    }

    fn sent(&mut self, sent: Duration) -> u64 {
        self.probes.push(Probe {
            sent,
            arrived: None,
            told: false,
        });
        self.probes.len() as u64 - 1
    }

    fn answered(&mut self, number: u64, at: Duration) -> Arrival {
        self.close(at);
        let arrival = self.judge(number, at);
        if let Arrival::OnTime(_) | Arrival::Late(_) = arrival {
            self.probes[number as usize].arrived = Some(arrival);
        }
        self.arrivals.push((number, arrival));
        arrival
    }

    fn judge(&self, number: u64, at: Duration) -> Arrival {
        let open = self.closed as u64..self.probes.len() as u64;
        if !open.contains(&number) {
            return Arrival::Unknown;
        }
        let probe = &self.probes[number as usize];
        let round_trip = at.saturating_sub(probe.sent);
        match probe.arrived {
            Some(_) => Arrival::Duplicate,
            None if round_trip <= self.timeout => Arrival::OnTime(round_trip),
            None => Arrival::Late(round_trip),
        }
    }

    /// From the first: a later one is only past being answered when all before it are.
    fn close(&mut self, now: Duration) {
        let open = &self.probes[self.closed..];
        let old = |probe: &&Probe| now.saturating_sub(probe.sent) > 2 * self.timeout;
        self.closed += open.iter().take_while(old).count();
    }

    fn overdue(&mut self, now: Duration) -> Vec<u64> {
        self.close(now);
        let (timeout, mut told) = (self.timeout, Vec::new());
        for (number, probe) in self.probes.iter_mut().enumerate().skip(self.closed) {
            let waited = now - probe.sent;
            if waited > timeout && probe.arrived.is_none() && !probe.told {
                probe.told = true;
                told.push(number as u64);
            }
        }
        told
    }

    fn check(&self, summary: &Summary) {
        let of = |wanted: fn(&Arrival) -> bool| {
            let arrivals = self.arrivals.iter().map(|(_, arrival)| arrival);
            arrivals.filter(|arrival| wanted(arrival)).count() as u64
        };
        let unanswered = |lost| {
            let probes = self
                .probes
                .iter()
                .enumerate()
                .filter(|(_, probe)| probe.arrived.is_none());
            let is_lost = |number, probe: &Probe| number < self.closed || probe.told;
            probes
                .filter(|(number, probe)| is_lost(*number, probe) == lost)
                .count() as u64
        };
        assert_eq!(summary.sent, self.probes.len() as u64);
        assert_eq!(summary.answered, of(|a| matches!(a, Arrival::OnTime(_))));
        assert_eq!(summary.late, of(|a| matches!(a, Arrival::Late(_))));
        assert_eq!(summary.lost, unanswered(true));
        assert_eq!(summary.waiting, unanswered(false));
        let decided = summary.answered + summary.late + summary.lost;
        assert_eq!(summary.sent, decided + summary.waiting, "each probe once");
        assert_eq!(summary.duplicates, of(|a| *a == Arrival::Duplicate));
        assert_eq!(summary.reordered, self.reordered());
        assert_eq!(summary.strays, of(|a| *a == Arrival::Unknown));
        assert_eq!(
            summary.losses.lost(),
            summary.losses.unknown,
            "it says no more"
        );
        assert_eq!(summary.losses.unknown, summary.lost);
        check_spread(summary);
        assert!((0.0..=100.0).contains(&summary.loss_percent()));
    }

    fn reordered(&self) -> u64 {
        let mut highest = None;
        let first_answers = self
            .arrivals
            .iter()
            .filter(|(_, arrival)| matches!(arrival, Arrival::OnTime(_) | Arrival::Late(_)));
        let overtaken = first_answers.filter(|(number, _)| {
            let before = highest;
            highest = highest.max(Some(*number));
            before > Some(*number)
        });
        overtaken.count() as u64
    }
}

/// Mean and deviation are rounded to a nanosecond.
fn check_spread(summary: &Summary) {
    let Some(times) = &summary.application else {
        assert_eq!(summary.answered, 0);
        return;
    };
    assert_eq!(times.jitter.rfc3550.is_some(), summary.answered >= 2);
    let spread = &times.distribution;
    let nanosecond = Duration::from_nanos(1);
    assert!(spread.min <= spread.median && spread.median <= spread.p99);
    assert!(spread.p99 <= spread.max);
    assert!(spread.min <= spread.mean + nanosecond && spread.mean <= spread.max + nanosecond);
    assert!(spread.stddev <= spread.max - spread.min + nanosecond);
}
