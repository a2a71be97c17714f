//! Which of a name's addresses is tried when: Happy Eyeballs version 2 (RFC 8305), with the time in hand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long an attempt is ahead of the next one: the Connection Attempt Delay (RFC 8305, section 5).
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried at the most: whoever answers for a name can list thousands.
const MAX_ADDRESSES: usize = 32;

/// The addresses in the order in which they are tried: each once, the resolver's first one first, then the families in
/// turn, each in the resolver's order (RFC 8305, section 4, with a First Address Family Count of 1).
pub(super) fn interleave(addrs: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addrs.first() else {
        return Vec::new();
    };
    let (ours, others): (Vec<_>, Vec<_>) = addrs
        .iter()
        .partition(|addr| addr.is_ipv4() == first.is_ipv4());
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    while ours.len() + others.len() > 0 {
        for addr in [ours.next(), others.next()].into_iter().flatten() {
            if !ordered.contains(addr) {
                ordered.push(*addr);
            }
        }
        ordered.truncate(MAX_ADDRESSES);
    }
    ordered
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin the attempt at this place of the order, and ask again.
    Begin(usize),
    /// Nothing until this time, or until an attempt fails.
    Wait(Instant),
    /// Nothing any more: all attempts have failed, or the time is over. One at least was begun.
    GiveUp,
}

/// The attempts at a name's addresses. The first that connects wins, which is the end of this.
///
/// Ask [`step`](Self::step) until it says to wait; tell [`failed`](Self::failed) of each attempt that fails.
#[derive(Debug)]
pub(super) struct Race {
    /// How many addresses there are.
    count: usize,
    begun: usize,
    failed: usize,
    next_due: Instant,
    deadline: Instant,
}

impl Race {
    /// For so many addresses, within this time.
    pub(super) fn new(count: usize, now: Instant, deadline: Instant) -> Self {
        Self {
            count,
            begun: 0,
            failed: 0,
            next_due: now,
            deadline,
        }
    }

    pub(super) fn step(&mut self, now: Instant) -> Step {
        let too_late = now >= self.deadline && self.begun > 0;
        if too_late || self.failed == self.count {
            return Step::GiveUp;
        }
        if self.begun == self.count {
            return Step::Wait(self.deadline);
        }
        if now < self.next_due {
            return Step::Wait(self.next_due.min(self.deadline));
        }
        self.begun += 1;
        self.next_due = now + ATTEMPT_DELAY;
        Step::Begin(self.begun - 1)
    }

    /// The attempt at this place failed. If it was the last one that was begun, the next need not wait any longer.
    pub(super) fn failed(&mut self, place: usize, now: Instant) {
        self.failed += 1;
        if place + 1 == self.begun {
            self.next_due = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What becomes of an attempt, and how many milliseconds after it began.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Connects(u64),
        Fails(u64),
        Nothing,
    }
    use Fate::{Connects, Fails, Nothing};

    #[derive(Debug, PartialEq, Eq)]
    struct Outcome {
        /// When each attempt began, in milliseconds.
        begun: Vec<u64>,
        /// Who won, and when; `None` is nobody.
        winner: Option<usize>,
        at: u64,
    }

    /// Plays a race in which each attempt has its fate.
    fn play(fates: &[Fate], timeout: u64) -> Outcome {
        let start = Instant::now();
        let time = |ms| start + Duration::from_millis(ms);
        let mut race = Race::new(fates.len(), start, time(timeout));
        let (mut begun, mut pending, mut now) = (Vec::new(), Vec::new(), 0);
        loop {
            let until = match race.step(time(now)) {
                Step::Begin(place) => {
                    assert_eq!(place, begun.len());
                    begun.push(now);
                    match fates[place] {
                        Connects(after) => pending.push((now + after, place, true)),
                        Fails(after) => pending.push((now + after, place, false)),
                        Nothing => {}
                    }
                    continue;
                }
                Step::Wait(until) => (until - start).as_millis() as u64,
                Step::GiveUp => {
                    let (winner, at) = (None, now);
                    return Outcome { begun, winner, at };
                }
            };
            assert!(until > now, "no progress at {now} ms");
            pending.sort_unstable();
            match pending.first().copied() {
                Some((at, place, connects)) if at < until => {
                    now = at;
                    if connects {
                        let winner = Some(place);
                        return Outcome { begun, winner, at };
                    }
                    pending.remove(0);
                    race.failed(place, time(now));
                }
                _ => now = until,
            }
        }
    }

    #[test]
    fn who_wins_and_when() {
        type Row = (&'static [Fate], &'static [u64], Option<usize>, u64);
        let table: &[Row] = &[
            (&[Connects(30)], &[0], Some(0), 30),
            (&[Connects(30), Connects(0)], &[0], Some(0), 30),
            (&[Connects(300), Connects(100)], &[0, 250], Some(0), 300),
            (&[Connects(400), Connects(100)], &[0, 250], Some(1), 350),
            (&[Nothing, Connects(10)], &[0, 250], Some(1), 260),
            (&[Fails(0), Connects(10)], &[0, 0], Some(1), 10),
            (&[Fails(20), Connects(10)], &[0, 20], Some(1), 30),
            // The next one is due when the last one has failed, not when an earlier one has.
            (
                &[Fails(300), Nothing, Connects(1)],
                &[0, 250, 500],
                Some(2),
                501,
            ),
            (
                &[Nothing, Fails(100), Connects(1)],
                &[0, 250, 350],
                Some(2),
                351,
            ),
            (
                &[Connects(900), Nothing, Nothing, Nothing, Nothing],
                &[0, 250, 500, 750],
                Some(0),
                900,
            ),
            (&[Fails(5), Fails(7)], &[0, 5], None, 12),
            (&[Fails(5), Nothing], &[0, 5], None, 1000),
            (&[Nothing], &[0], None, 1000),
            (&[Connects(1000)], &[0], None, 1000),
        ];
        for (fates, begun, winner, at) in table {
            let expected = Outcome {
                begun: begun.to_vec(),
                winner: *winner,
                at: *at,
            };
            assert_eq!(play(fates, 1000), expected, "{fates:?}");
        }
        assert_eq!(play(&[], 1000).at, 0);
    }

    #[test]
    fn the_families_take_turns() {
        let table: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["[::1]:1"], &["[::1]:1"]),
            (&["1.1.1.1:1", "[::1]:1"], &["1.1.1.1:1", "[::1]:1"]),
            (
                &["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"],
                &["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"],
            ),
            (
                &["1.1.1.1:1", "1.1.1.1:1", "[::1]:1", "1.1.1.2:1"],
                &["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"],
            ),
        ];
        for (given, expected) in table {
            let given: Vec<SocketAddr> = given.iter().map(|addr| addr.parse().unwrap()).collect();
            let ordered = interleave(&given);
            let ordered: Vec<_> = ordered.iter().map(SocketAddr::to_string).collect();
            assert_eq!(ordered, *expected);
        }
    }

    #[test]
    fn a_name_with_thousands_of_addresses_is_cut() {
        let many: Vec<_> = (1..5000)
            .map(|port| SocketAddr::from(([192, 0, 2, 1], port)))
            .collect();
        assert_eq!(interleave(&many), many[..MAX_ADDRESSES]);
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            (0u64..2000).prop_map(Connects),
            (0u64..2000).prop_map(Fails),
            Just(Nothing)
        ]
    }

    proptest! {
        #[test]
        fn every_race_ends_in_time(fates in prop::collection::vec(fate(), 0..8), timeout in 1u64..3000) {
            let outcome = play(&fates, timeout);
            prop_assert!(outcome.at <= timeout);
            prop_assert!(outcome.begun.is_sorted() && outcome.begun.len() <= fates.len());
            let longest = ATTEMPT_DELAY.as_millis() as u64;
            prop_assert!(outcome.begun.windows(2).all(|pair| pair[1] - pair[0] <= longest));
            if outcome.winner.is_none() && outcome.at < timeout {
                prop_assert!(fates.iter().all(|fate| matches!(fate, Fails(_))));
            }
        }
    }
}
