//! A search on a simulated path: a server that counts as ours does, and a link with an MTU for each way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::super::SessionId;
use super::super::native::Probe;
use super::super::session::{Arrived, Session};
use super::*;

/// What the hosts of the path say of packets that are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Icmp {
    Honest,
    Silent,
    /// Whatever is sent, someone says that it was longer than this.
    Forged(Mtu),
}

/// What becomes of echoes that are too long for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TooLongBack {
    Vanish,
    Cut,
}

/// Which packets get lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    None,
    /// Every so many-th, both ways together.
    Every(u32),
    /// This share each way.
    Share(f64),
    /// All from one to the other.
    Outage(u32, u32),
}

#[derive(Clone, Copy, Debug)]
struct Path {
    interface: Mtu,
    there: Mtu,
    back: Mtu,
    too_long_back: TooLongBack,
    icmp: Icmp,
    loss: Loss,
    delay_ms: (u64, u64),
    seed: u64,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            interface: Mtu(1500),
            there: Mtu(1500),
            back: Mtu(1500),
            too_long_back: TooLongBack::Vanish,
            icmp: Icmp::Silent,
            loss: Loss::None,
            delay_ms: (1, 1),
            seed: 1,
        }
    }
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    AtServer(u64, Mtu),
    Echo {
        number: u64,
        before: u32,
        cut: Option<Mtu>,
    },
    Told(Mtu),
}

struct Simulation {
    path: Path,
    session: Session,
    under_way: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    order: u64,
    random: u64,
    passed: u32,
}

impl Simulation {
    fn new(path: Path) -> Self {
        Self {
            path,
            session: Session::default(),
            under_way: BinaryHeap::new(),
            order: 0,
            random: path.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            passed: 0,
        }
    }

    /// From 0 to 1 (Marsaglia's xorshift).
    fn dice(&mut self) -> f64 {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            let shifted = if left {
                self.random << by
            } else {
                self.random >> by
            };
            self.random ^= shifted;
        }
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn is_lost(&mut self) -> bool {
        self.passed += 1;
        match self.path.loss {
            Loss::None => false,
            Loss::Every(nth) => self.passed.is_multiple_of(nth),
            Loss::Share(share) => self.dice() < share,
            Loss::Outage(from, to) => (from..to).contains(&self.passed),
        }
    }

    fn put(&mut self, at: Duration, event: Event) {
        self.order += 1;
        self.under_way.push(Reverse((at, self.order, event)));
    }

    fn delay(&mut self) -> Duration {
        let (least, most) = self.path.delay_ms;
        let more = self.dice() * (most - least) as f64;
        Duration::from_secs_f64((least as f64 + more) / 1e3)
    }

    fn send(&mut self, search: &mut Search, number: u64, size: Mtu, now: Duration) {
        if size > self.path.interface {
            return search.refused(number, Some(self.path.interface));
        }
        if self.is_lost() {
            return;
        }
        match self.path.icmp {
            Icmp::Honest if size > self.path.there => self.put(now, Event::Told(self.path.there)),
            Icmp::Forged(mtu) => self.put(now, Event::Told(mtu)),
            _ => {}
        }
        if size <= self.path.there {
            self.put(
                now + Duration::from_millis(1),
                Event::AtServer(number, size),
            );
        }
    }

    fn serve(&mut self, number: u64, size: Mtu, now: Duration) {
        let (session, wants_left) = (SessionId(1), false);
        let probe = Probe {
            session,
            number,
            sent: 0,
            wants_left,
        };
        let arrived = Arrived {
            at: 0,
            by_kernel: false,
            service: None,
        };
        let echo = self.session.probe(&probe, arrived, false);
        let too_long = size > self.path.back;
        if self.is_lost() || too_long && self.path.too_long_back == TooLongBack::Vanish {
            return;
        }
        let longest = Mtu(20 + (self.path.back.0 - 20) / 8 * 8);
        let cut = too_long.then_some(longest);
        let at = now + self.delay();
        self.put(
            at,
            Event::Echo {
                number,
                before: echo.before,
                cut,
            },
        );
    }

    fn happen(&mut self, event: Event, search: &mut Search, now: Duration) {
        match event {
            Event::AtServer(number, size) => self.serve(number, size, now),
            Event::Told(mtu) => drop(search.hint(mtu)),
            Event::Echo {
                number,
                before,
                cut,
            } => {
                let shape = cut.map_or(Shape::Whole, Shape::Cut);
                search.heard(
                    Heard {
                        number,
                        before,
                        shape,
                    },
                    now,
                );
            }
        }
    }

    fn run(mut self) -> (Finding, Duration) {
        let mut search = Search::new(Family::V4, Duration::from_secs(1));
        let mut now = Duration::ZERO;
        loop {
            match search.next(now) {
                Step::Done => return (search.finding(), now),
                Step::Send { number, size } => self.send(&mut search, number, size, now),
                Step::Wait(until) => {
                    let first = self.under_way.peek().map(|Reverse((at, ..))| *at);
                    match first.filter(|at| *at <= until) {
                        None => now = now.max(until),
                        Some(at) => {
                            now = now.max(at);
                            let Reverse((_, _, event)) = self.under_way.pop().unwrap();
                            self.happen(event, &mut search, now);
                        }
                    }
                }
            }
        }
    }
}

fn found(path: Path) -> (Finding, Duration) {
    Simulation::new(path).run()
}

#[test]
fn a_clean_path_takes_few_packets() {
    let table = [
        (1500, 1500, Icmp::Silent, Limit::Interface, 8),
        (9000, 1500, Icmp::Silent, Limit::Silent, 20),
        (1500, 1420, Icmp::Honest, Limit::Told, 20),
        (1500, 1420, Icmp::Silent, Limit::Silent, 36),
        (1500, 1419, Icmp::Silent, Limit::Silent, 50),
        (1500, 1000, Icmp::Honest, Limit::Told, 20),
        (65_536, 65_535, Icmp::Silent, Limit::Longest, 8),
    ];
    for (interface, there, icmp, limit, most) in table {
        let (interface, there) = (Mtu(interface), Mtu(there));
        let path = Path {
            interface,
            there,
            back: there,
            icmp,
            ..Path::default()
        };
        let (found, took) = found(path);
        assert_eq!(
            (found.there.mtu, found.there.limit),
            (there, limit),
            "{path:?}"
        );
        assert_eq!(
            (found.back.mtu, found.end),
            (there, End::Complete),
            "{path:?}"
        );
        assert!(found.sent <= most, "{} packets for {path:?}", found.sent);
        assert!(took < Duration::from_secs(1), "{took:?} for {path:?}");
    }
}

#[test]
fn the_way_back_is_told_from_the_way_there() {
    for (too_long_back, limit) in [
        (TooLongBack::Vanish, Limit::Silent),
        (TooLongBack::Cut, Limit::Cut),
    ] {
        for back in [1280, 1399, 1400, 1407, 1499] {
            let back = Mtu(back);
            let (found, _) = found(Path {
                back,
                too_long_back,
                ..Path::default()
            });
            assert_eq!(found.there.mtu, Mtu(1500));
            assert_eq!(found.back, Reach { mtu: back, limit });
        }
    }
}

#[test]
fn a_forged_word_makes_nothing_smaller() {
    for forged in [92, 576, 1280, 1399, 1400, 1499] {
        let icmp = Icmp::Forged(Mtu(forged));
        let (found, _) = found(Path {
            there: Mtu(1400),
            icmp,
            ..Path::default()
        });
        assert_eq!(found.there.mtu, Mtu(1400), "{forged}");
    }
}

#[test]
fn a_lossy_path_with_long_delays_is_measured_to_the_byte() {
    let (mut most, mut longest) = ([0; 4], Duration::ZERO);
    for seed in 1..=400 {
        let share = [0.05, 0.1, 0.3, 0.5][seed as usize % 4];
        let there = Mtu(1280 + (seed * 7919 % 7721) as u32);
        let path = Path {
            interface: Mtu(9000),
            there,
            back: Mtu(9000),
            loss: Loss::Share(share),
            delay_ms: (0, 500),
            icmp: [Icmp::Silent, Icmp::Honest][seed as usize / 4 % 2],
            seed,
            ..Path::default()
        };
        let (found, took) = found(path);
        assert_eq!(
            (found.there.mtu, found.end),
            (there, End::Complete),
            "{path:?}"
        );
        let most = &mut most[seed as usize % 4];
        *most = found.sent.max(*most);
        longest = longest.max(took);
    }
    for (most, bound) in most.into_iter().zip([200, 200, 400, 700]) {
        assert!(most < bound, "{most} packets");
    }
    assert!(longest < Duration::from_secs(120), "{longest:?}");
}

#[test]
fn an_outage_is_not_taken_for_a_length() {
    for (from, length) in (1..60).flat_map(|from| [5, 8, 12, 45].map(|length| (from, length))) {
        let (there, loss) = (Mtu(1400), Loss::Outage(from, from + length));
        let (found, _) = found(Path {
            there,
            loss,
            ..Path::default()
        });
        assert_eq!((found.there.mtu, found.end), (there, End::Complete));
        let sent = found.sent;
        assert!(sent < 200, "{sent} packets, {length} lost after {from}");
    }
}

#[test]
fn a_server_that_goes_silent_ends_the_search() {
    let (found, took) = found(Path {
        loss: Loss::Share(1.0),
        ..Path::default()
    });
    assert_eq!((found.end, found.answered), (End::Silent, 0));
    assert_eq!(found.there.limit, Limit::Open);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn what_the_system_does_not_say_is_found_without_a_packet() {
    let mut search = Search::new(Family::V6, Duration::from_secs(1));
    let (mut now, mut before) = (Duration::ZERO, 0);
    let found = loop {
        match search.next(now) {
            Step::Done => break search.finding(),
            Step::Wait(until) => now = until,
            Step::Send { number, size } if size > Mtu(1492) => {
                search.refused(number, None);
                before <<= 1;
            }
            Step::Send { number, .. } => {
                search.heard(
                    Heard {
                        number,
                        before,
                        shape: Shape::Whole,
                    },
                    now,
                );
                before = before << 1 | 1;
            }
        }
    };
    assert_eq!(
        found.there,
        Reach {
            mtu: Mtu(1492),
            limit: Limit::Interface
        }
    );
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![Just(Loss::None), (3u32..20).prop_map(Loss::Every)]
}

fn icmp() -> impl Strategy<Value = Icmp> {
    let forged = (0u32..70_000).prop_map(|mtu| Icmp::Forged(Mtu(mtu)));
    prop_oneof![Just(Icmp::Silent), Just(Icmp::Honest), forged]
}

proptest! {
    #[test]
    fn any_mtu_is_found_to_the_byte(
        there in 92u32..=65_535, back in 92u32..=65_535, above in 0u32..=65_536, cuts: bool,
        loss in loss(), icmp in icmp(), delay in 0u64..600,
    ) {
        let too_long_back = if cuts { TooLongBack::Cut } else { TooLongBack::Vanish };
        let interface = Mtu(there.saturating_add(above).min(65_536));
        let (there, back) = (Mtu(there), Mtu(back));
        let delay_ms = (delay / 4, delay);
        let path = Path { interface, there, back, too_long_back, icmp, loss, delay_ms, seed: 1 };
        let (found, _) = found(path);
        prop_assert_eq!(found.end, End::Complete);
        prop_assert_eq!(found.there.mtu, there);
        prop_assert_eq!(found.back.mtu, back.min(there));
        prop_assert!(found.sent < 500, "{} packets", found.sent);
    }

    /// Whatever a server or a stranger says, a search ends, and says no more than what it sent.
    #[test]
    fn any_words_are_taken(words in proptest::collection::vec((0u64..50, 0u32.., 0u32..70_000, 0u8..4), 0..300)) {
        let mut search = Search::new(Family::V4, Duration::from_millis(100));
        let (mut now, mut words) = (Duration::ZERO, words.into_iter());
        let mut sent = 0;
        loop {
            match search.next(now) {
                Step::Done => break,
                Step::Wait(until) => now = until,
                Step::Send { .. } => sent += 1,
            }
            if let Some((number, before, mtu, kind)) = words.next() {
                match kind {
                    0 => search.heard(Heard { number, before, shape: Shape::Whole }, now),
                    1 => search.heard(Heard { number, before, shape: Shape::Cut(Mtu(mtu)) }, now),
                    2 => search.refused(number, Some(Mtu(mtu))),
                    _ => drop(search.hint(Mtu(mtu))),
                }
            }
        }
        prop_assert!(sent <= MAX_PACKETS);
        let found = search.finding();
        prop_assert!(found.sent <= sent as u64 && found.there.mtu <= Family::V4.longest());
    }
}
