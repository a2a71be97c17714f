//! Two links over a path that loses, doubles, delays and reorders.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::super::MAX_DATAGRAM;
use super::super::super::packet::MAX_FRAME;
use super::super::{Link, Received};
use super::{TOKEN, ms};

/// Numbers that look random and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// What a path does to packets.
#[derive(Clone, Copy, Debug)]
struct Path {
    delay: Duration,
    /// Each packet takes up to so much longer.
    jitter: Duration,
    /// Of 1000 packets so many are lost.
    loss: u64,
    /// Of 1000 packets so many come twice.
    doubled: u64,
    /// So many are under way at most, one way; what is more is lost.
    queue: usize,
}

const GOOD: Path = Path {
    delay: Duration::from_millis(10),
    jitter: Duration::ZERO,
    loss: 0,
    doubled: 0,
    queue: 4096,
};

/// Two sides, what is under way between them, and what has come out.
struct Net {
    path: Path,
    chance: Chance,
    now: Duration,
    sides: [Side; 2],
    under_way: BTreeMap<(Duration, u64), (usize, Vec<u8>)>,
    count: u64,
}

struct Side {
    link: Link,
    came: Vec<Vec<u8>>,
    packets: u64,
    queued: usize,
}

impl Side {
    fn new() -> Self {
        Self {
            link: Link::new(TOKEN),
            came: Vec::new(),
            packets: 0,
            queued: 0,
        }
    }

    fn receive(&mut self, datagram: &[u8], now: Duration) {
        match self.link.receive(datagram, now) {
            Received::Next(frames) => self.came.push(frames.to_vec()),
            Received::Nothing => return,
            Received::Foreign => panic!("a foreign packet"),
        }
        while let Some(frames) = self.link.next_waiting() {
            self.came.push(frames);
        }
    }
}

impl Net {
    fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            chance: Chance(seed),
            now: ms(1),
            sides: [Side::new(), Side::new()],
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    fn transmit(&mut self, from: usize) {
        let mut out = Vec::new();
        let now = self.now;
        self.sides[from]
            .link
            .transmit(now, |packet| out.push(packet.to_vec()));
        for packet in out {
            assert!(packet.len() <= MAX_DATAGRAM);
            self.sides[from].packets += 1;
            self.put(1 - from, &packet);
            if self.chance.below(1000) < self.path.doubled {
                self.put(1 - from, &packet);
            }
        }
    }

    fn put(&mut self, to: usize, packet: &[u8]) {
        let is_lost = self.chance.below(1000) < self.path.loss;
        if is_lost || self.sides[to].queued >= self.path.queue {
            return;
        }
        let jitter = self.path.jitter.as_micros() as u64;
        let extra = Duration::from_micros(self.chance.below(jitter + 1));
        self.count += 1;
        self.sides[to].queued += 1;
        let at = self.now + self.path.delay + extra;
        self.under_way
            .insert((at, self.count), (to, packet.to_vec()));
    }

    /// Goes on to the next moment in which something happens; `false` when nothing will any more.
    fn step(&mut self) -> bool {
        let comes = self.under_way.keys().next().map(|(at, _)| *at);
        let deadlines = self.sides.iter().filter_map(|side| side.link.deadline());
        let Some(next) = deadlines.chain(comes).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now
        {
            let (to, packet) = entry.remove();
            self.sides[to].queued -= 1;
            self.sides[to].receive(&packet, self.now);
        }
        self.transmit(0);
        self.transmit(1);
        true
    }

    fn run(&mut self, until: Duration) {
        for _ in 0..2_000_000 {
            if self.now >= until || !self.step() {
                return;
            }
        }
        panic!("it does not end");
    }
}

/// A frame of at least four bytes that begins with its number.
fn frame(number: u32, length: usize) -> Vec<u8> {
    let mut frame = number.to_be_bytes().to_vec();
    frame.resize(length.max(4), number as u8);
    frame
}

/// Many frames of different lengths both ways: all come, once and in order.
fn converse(path: Path, seed: u64, burst: u64, within: Duration) {
    let mut net = Net::new(path, seed);
    let mut said = [Vec::new(), Vec::new()];
    for round in 0..200u32 {
        for (from, said) in said.iter_mut().enumerate() {
            for _ in 0..net.chance.below(burst) {
                let length = 4 + net.chance.below((MAX_FRAME - 3) as u64) as usize;
                let frame = frame(round, length);
                net.sides[from].link.push(&frame);
                said.extend_from_slice(&frame);
            }
            net.transmit(from);
        }
        let pause = Duration::from_micros(net.chance.below(20_000));
        net.run(net.now + pause);
        net.now += pause / 2;
    }
    net.run(net.now + within);
    for (from, said) in said.iter().enumerate() {
        let side = &net.sides[from];
        assert_eq!(side.link.backlog(), 0, "{path:?} with seed {seed}");
        assert!(!side.link.is_lost(net.now));
        assert!(
            *said == net.sides[1 - from].came.concat(),
            "{path:?} with seed {seed}"
        );
        assert_eq!(side.link.kept(), 0);
    }
}

#[test]
fn all_of_it_comes_once_and_in_order() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let path = Path {
            delay: Duration::from_micros(chance.below(50_000)),
            jitter: Duration::from_micros(chance.below(2) * chance.below(30_000)),
            loss: chance.below(if seed.is_multiple_of(20) { 30 } else { 300 }),
            doubled: chance.below(100),
            queue: 20 + chance.below(2000) as usize,
        };
        let burst = if seed.is_multiple_of(20) { 60 } else { 8 };
        converse(path, seed, burst, Duration::from_secs(120));
    }
}

#[test]
fn a_good_path_carries_each_packet_once() {
    let mut net = Net::new(GOOD, 1);
    for number in 0..20_000 {
        net.sides[0].link.push(&frame(number, 600));
    }
    net.transmit(0);
    net.run(Duration::from_secs(10));
    assert_eq!(net.sides[0].packets, 10_000, "two frames to a packet");
    assert_eq!(net.sides[1].came.len(), 10_000);
    assert_eq!(net.sides[0].link.resent(), 0);
}

/// How many bytes come in two seconds.
fn carried(path: Path) -> usize {
    let mut net = Net::new(path, 7);
    let until = net.now + Duration::from_secs(2);
    for number in 0..2_000_000 {
        if net.now >= until {
            break;
        }
        while net.sides[0].link.backlog() < 2_000_000 {
            net.sides[0].link.push(&frame(number, MAX_FRAME));
        }
        net.transmit(0);
        net.step();
    }
    net.sides[1].came.iter().map(Vec::len).sum()
}

/// A round trip takes 20 ms, so that 1024 packets each time are 122 MB.
#[test]
fn a_path_carries_what_it_can() {
    let table = [
        (GOOD, 110_000),
        (Path { queue: 100, ..GOOD }, 7_000),
        (Path { loss: 1, ..GOOD }, 4_000),
        (Path { loss: 10, ..GOOD }, 1_500),
        (Path { loss: 50, ..GOOD }, 600),
        (
            Path {
                jitter: ms(1),
                ..GOOD
            },
            9_000,
        ),
        (
            Path {
                jitter: ms(10),
                ..GOOD
            },
            6_000,
        ),
    ];
    for (path, least) in table {
        let carried = carried(path) / 1000;
        assert!(
            carried >= least,
            "{path:?} carried {carried} kB, expected {least}"
        );
    }
}

#[test]
fn what_is_lost_at_the_end_is_said_again_soon() {
    let mut net = Net::new(GOOD, 1);
    net.sides[0].link.push(&frame(0, 100));
    net.transmit(0);
    net.run(ms(100));
    net.path.loss = 1000;
    for number in 1..=200 {
        net.sides[0].link.push(&frame(number, MAX_FRAME));
    }
    net.transmit(0);
    net.path.loss = 0;
    let begun = net.now;
    while net.sides[0].link.backlog() > 0 && net.step() {}
    assert_eq!(net.sides[1].came.len(), 201);
    let took = net.now - begun;
    assert!(
        took < ms(300),
        "{took:?}: one time-out, then six round trips at most"
    );
}

#[test]
fn who_does_not_answer_is_lost() {
    let mut net = Net::new(Path { loss: 1000, ..GOOD }, 1);
    let begun = net.now;
    net.sides[0].link.push(&frame(0, 100));
    assert!(
        net.sides[0].link.moved_since(begun + ms(500)),
        "it was not even sent"
    );
    net.transmit(0);
    net.run(begun + ms(9_000));
    assert!(!net.sides[0].link.is_lost(begun + ms(9_999)));
    assert!(net.sides[0].link.is_lost(begun + ms(10_000)));
    assert!(!net.sides[0].link.moved_since(begun + ms(500)));
    let packets = net.sides[0].packets;
    assert!((6..12).contains(&packets), "{packets} in nine seconds");
    assert_eq!(net.sides[0].link.resent(), packets - 1);
}

#[test]
fn a_window_of_none_is_asked_about() {
    let mut net = Net::new(GOOD, 1);
    net.sides[1].link.set_window(0);
    for number in 0..200 {
        net.sides[0].link.push(&frame(number, MAX_FRAME));
    }
    net.transmit(0);
    net.run(ms(3_000));
    let packets = net.sides[0].packets;
    assert!(
        packets < 100,
        "{packets} of 200 were tried in three seconds"
    );
    assert_eq!(net.sides[1].came.len(), 0);
    assert_eq!(net.sides[1].link.kept(), 0);
    net.sides[1].link.set_window(8);
    net.transmit(1);
    net.run(net.now + ms(3_000));
    assert_eq!(net.sides[1].came.len(), 200);
}
