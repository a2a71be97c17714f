//! Measurements for the tests of what they look like.

use std::time::Duration;

use proto::measure::native::{Echo, Left, Report};
use proto::measure::{Came, PacketSize, SessionId, Tally, Version};
use runtime::udp::{Options, StampClock};

use super::super::schedule::{Limit, Schedule};
use super::super::send::Pace;
use super::super::{Measured, Outcome, Plan, Wire};

const EPOCH: u64 = 1_700_000_000_000_000_000;
/// How far the server's clock is ahead, in ns.
const AHEAD: u64 = 5_000_000;

fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

pub(super) fn plan(count: u64) -> Plan {
    Plan {
        server: ([127, 0, 0, 1], 8080).into(),
        schedule: Schedule::Even {
            interval: us(1000),
            limit: Limit {
                count: Some(count),
                time: None,
            },
        },
        size: PacketSize::new(64).unwrap(),
        timeout: us(100_000),
        spin: false,
        options: Options::default(),
    }
}

pub(super) const NATIVE: Wire = Wire::Native {
    keyed: false,
    clock: StampClock::Kernel,
};

/// What was counted, sent 2 µs late at the end.
fn outcome(tally: Tally, wire: Wire, count: u64, interrupted: bool) -> Outcome {
    let pace = Pace {
        slots: count + 1,
        missed: 1,
        first: us(10),
        last: us(1000 * count + 12),
        first_slot: 0,
        last_slot: count,
    };
    Outcome {
        plan: plan(count + 1),
        wire,
        summary: tally.summary(),
        measured: Measured { tally, pace },
        interrupted,
        notes: vec!["the server was started anew".to_owned()],
    }
}

/// The echo of a packet that left then: the way there takes 30 µs and up to 6 more, the server 7.
fn echo(number: u64, left: Duration) -> Echo {
    let there = us(30 + number % 7);
    let received = EPOCH + AHEAD + (left + there).as_nanos() as u64;
    Echo {
        session: SessionId(1),
        number,
        received,
        received_by_kernel: true,
        sent: received + 5_000,
        tells_left: true,
        left: None,
        service: None,
        count: number as u32 + 1,
        emulated: 0,
        before: u32::MAX,
    }
}

/// A thousand packets on the native wire. Of every hundred, two in a row are lost on the way back; one more never left.
pub(super) fn native() -> Outcome {
    let mut tally = Tally::new(us(100_000), EPOCH);
    tally.expect_stamps();
    for number in 0..1000 {
        let sent = us(1000 * number);
        tally.sent(sent);
        if number == 10 {
            tally.not_sent(number);
            continue;
        }
        let left = sent + us(3);
        tally.left(number, left);
        if matches!(number % 100, 50 | 51) {
            continue;
        }
        let stamp = left + us(30 + number % 7 + 7 + 30);
        let came = Came {
            at: stamp + us(20 + number % 50),
            stamp: Some(stamp),
        };
        let echo = echo(number, left);
        tally.echoed(&echo, came);
        if number % 400 == 399 {
            tally.echoed(&echo, came);
        }
        let left = Left {
            number,
            after: 2_000,
        };
        tally.report(&Report {
            received: number,
            emulated: 5,
            left: vec![left],
            ..Report::default()
        });
    }
    while tally.overdue(us(2_000_000)).is_some() {}
    tally.finish();
    outcome(tally, NATIVE, 1000, false)
}

/// Four packets on the classic wire: on time, on time, lost, and one that waits; it was interrupted.
pub(super) fn classic() -> Outcome {
    let mut tally = Tally::new(us(100_000), 0);
    for number in 0..3 {
        tally.sent(us(1000 * number));
    }
    tally.answered(0, us(20_000));
    tally.answered(1, us(31_500));
    while tally.overdue(us(150_000)).is_some() {}
    tally.sent(us(150_000));
    tally.finish();
    outcome(tally, Wire::Classic(Some(Version::OURS)), 4, true)
}

/// Five packets to a classic server that is gone.
pub(super) fn silent() -> Outcome {
    let mut tally = Tally::new(us(100_000), 0);
    for number in 0..5 {
        tally.sent(us(1000 * number));
    }
    while tally.overdue(us(150_000)).is_some() {}
    tally.finish();
    outcome(tally, Wire::Classic(None), 4, false)
}
