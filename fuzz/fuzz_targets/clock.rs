//! The count of a measurement on the native wire: whatever times and totals a server invents and whatever stamps come,
//! each probe is counted exactly once, each loss has one place, and the figures are possible ones.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::measure::native::{Echo, Left, Report};
use proto::measure::{Came, SessionId, State, Summary, Tally, Times};

#[derive(Arbitrary, Debug)]
struct Input {
    timeout: u32,
    epoch: u64,
    expects_stamps: bool,
    steps: Vec<Step>,
}

/// Numbers of probes are so many before the next; times are in nanoseconds.
#[derive(Arbitrary, Debug)]
enum Step {
    Wait(u32),
    WaitLong(u64),
    Send,
    NotSent(u8),
    Left {
        back: u8,
        at: u64,
    },
    Answer(u8),
    Echo(Box<Said>),
    Report {
        totals: [u64; 4],
        left: Vec<(u8, u32)>,
    },
    DroppedHere(u32),
    Restart,
    Overdue,
    Look,
}

/// What a server says of a probe.
#[derive(Arbitrary, Debug)]
struct Said {
    back: u8,
    received: Clock,
    sent: Clock,
    received_by_kernel: bool,
    left: Option<(u8, u32)>,
    tells_left: bool,
    service: Option<u8>,
    count: u32,
    emulated: u32,
    before: u32,
    stamp: Option<Clock>,
}

/// What a clock shows: near the truth, or anything.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Clock {
    Off(i32),
    Any(u64),
}

impl Clock {
    fn shows(self, truth: Duration) -> u64 {
        match self {
            Self::Off(by) => (truth.as_nanos() as u64).saturating_add_signed(by.into()),
            Self::Any(time) => time,
        }
    }
}

/// Looking is dear.
const LOOKS: usize = 4;

fuzz_target!(|input: Input| {
    let timeout = Duration::from_nanos(u64::from(input.timeout) + 1);
    let mut tally = Tally::new(timeout, input.epoch);
    tally.keep_records();
    if input.expects_stamps {
        tally.expect_stamps();
    }
    let mut run = Run {
        epoch: Duration::from_nanos(input.epoch),
        tally,
        now: Duration::ZERO,
        sent: 0,
        looks: 0,
    };
    for step in input.steps {
        run.step(step);
    }
    run.end();
});

struct Run {
    tally: Tally,
    epoch: Duration,
    now: Duration,
    sent: u64,
    looks: usize,
}

impl Run {
    fn number(&self, back: u8) -> u64 {
        self.sent.wrapping_sub(back.into())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(nanos) => self.wait(nanos.into()),
            Step::WaitLong(nanos) => self.wait(nanos),
            Step::Send => {
                assert_eq!(self.tally.sent(self.now), self.sent);
                self.sent += 1;
            }
            Step::NotSent(back) => self.tally.not_sent(self.number(back)),
            Step::Left { back, at } => {
                self.tally.left(self.number(back), Duration::from_nanos(at));
            }
            Step::Answer(back) => {
                self.tally.answered(self.number(back), self.now);
            }
            Step::Echo(said) => self.echo(&said),
            Step::Report { totals, left } => self.report(totals, &left),
            Step::DroppedHere(dropped) => self.tally.dropped_here(dropped),
            Step::Restart => self.tally.server_restarted(),
            Step::Overdue => while self.tally.overdue(self.now).is_some() {},
            Step::Look if self.looks < LOOKS => {
                self.looks += 1;
                self.check(&self.tally.summary());
            }
            Step::Look => {}
        }
    }

    fn wait(&mut self, nanos: u64) {
        self.now = self.now.saturating_add(Duration::from_nanos(nanos));
    }

    fn lefts(&self, (back, after): (u8, u32)) -> Left {
        Left {
            number: self.number(back),
            after,
        }
    }

    fn echo(&mut self, said: &Said) {
        let truth = self.epoch.saturating_add(self.now);
        let echo = Echo {
            session: SessionId(1),
            number: self.number(said.back),
            received: said.received.shows(truth),
            received_by_kernel: said.received_by_kernel,
            sent: said.sent.shows(truth),
            tells_left: said.tells_left,
            left: said.left.map(|left| self.lefts(left)),
            service: said.service,
            count: said.count,
            emulated: said.emulated,
            before: said.before,
        };
        let stamp = said.stamp.map(|stamp| stamp.shows(self.now));
        let came = Came {
            at: self.now,
            stamp: stamp.map(Duration::from_nanos),
        };
        self.tally.echoed(&echo, came);
    }

    fn report(&mut self, totals: [u64; 4], left: &[(u8, u32)]) {
        let [received, duplicates, emulated, dropped] = totals;
        let left = left.iter().take(Report::LEFT);
        self.tally.report(&Report {
            session: SessionId(1),
            received,
            duplicates,
            emulated,
            dropped,
            left: left.map(|left| self.lefts(*left)).collect(),
        });
    }

    fn end(mut self) {
        while self.tally.overdue(self.now).is_some() {}
        let before = self.tally.summary();
        self.check(&before);
        self.tally.finish();
        let summary = self.tally.summary();
        self.check(&summary);
        let counts = |summary: &Summary| {
            (
                summary.answered,
                summary.late,
                summary.lost,
                summary.waiting,
            )
        };
        assert_eq!(counts(&before), counts(&summary), "the end changes no fate");
        let records: Vec<_> = std::iter::from_fn(|| self.tally.record()).collect();
        assert!(records.iter().map(|record| record.number).eq(0..self.sent));
        let states = |wanted: &[State]| {
            let records = records.iter();
            let records = records.filter(|record| wanted.contains(&record.state));
            records.count() as u64
        };
        assert_eq!(states(&[State::OnTime]), summary.answered);
        assert_eq!(states(&[State::Late]), summary.late);
        assert_eq!(states(&[State::Overdue, State::NotSent]), summary.lost);
        assert_eq!(states(&[State::Waiting]), summary.waiting);
        assert!(summary.bursts.longest <= summary.lost && summary.bursts.count <= summary.lost);
    }

    fn check(&self, summary: &Summary) {
        assert_eq!(summary.sent, self.sent);
        let decided = summary.answered + summary.late + summary.lost;
        assert_eq!(decided + summary.waiting, self.sent, "each probe once");
        assert_eq!(summary.losses.lost(), summary.lost, "each loss has a place");
        assert!((0.0..=100.0).contains(&summary.loss_percent()));
        let application = summary.application.as_ref();
        assert_eq!(
            application.map_or(0, |times| times.distribution.count),
            summary.answered
        );
        let series = [
            &summary.application,
            &summary.network,
            &summary.there,
            &summary.back,
        ];
        for times in series.into_iter().flatten() {
            check_times(times, summary.answered);
        }
        if let Some(clocks) = &summary.clocks {
            assert!(clocks.fit.drift_ppm().is_finite());
            assert_eq!(clocks.last_step.is_some(), clocks.steps > 0);
        }
    }
}

fn check_times(times: &Times, answered: u64) {
    let (spread, jitter) = (&times.distribution, &times.jitter);
    assert!((1..=answered).contains(&spread.count));
    assert!(spread.min <= spread.mean && spread.mean <= spread.max);
    assert!(spread.min <= spread.median && spread.median <= spread.p99);
    assert!(spread.p99 <= spread.p9999 && spread.p9999 <= spread.max);
    if let Some(pdv) = &jitter.pdv {
        assert_eq!(pdv.min, Duration::ZERO);
    }
    if let Some(ipdv) = &jitter.ipdv {
        assert!(ipdv.count < answered);
    }
}
