//! Packing on modelled links, with time in hand.

use proptest::prelude::*;

use super::*;

/// What a block is like: what compressing a byte of it costs in nanoseconds, and what is left.
#[derive(Clone, Copy)]
struct Content {
    cost: f64,
    ratio: f64,
}

const TEXT: Content = Content {
    cost: 2.3,
    ratio: 0.3,
};
const RANDOM: Content = Content {
    cost: 0.9,
    ratio: 1.0,
};

/// A sender's thread, a buffer and the wire behind it. Seconds, bytes.
struct Link {
    now: f64,
    speed: f64,
    buffer: f64,
    /// When the wire will have sent all that is in the buffer.
    empty: f64,
    wire: usize,
}

/// Reading and hashing, and the copy into the buffer, in nanoseconds a byte.
const READING: f64 = 0.25;
const COPY: f64 = 0.15;

impl Link {
    fn new(speed: f64) -> Self {
        Self {
            now: 0.0,
            speed,
            buffer: 4.0 * MIB as f64,
            empty: 0.0,
            wire: 0,
        }
    }

    /// Writes; the answer is how long it took.
    fn write(&mut self, bytes: usize) -> f64 {
        let start = self.now;
        self.now += COPY * 1e-9 * bytes as f64;
        self.empty = self.empty.max(self.now) + bytes as f64 / self.speed;
        self.now = self.now.max(self.empty - self.buffer / self.speed);
        self.wire += bytes;
        self.now - start
    }

    fn send(&mut self, packing: &mut Packing, size: usize, content: Content) -> Choice {
        let start = self.now;
        self.now += READING * 1e-9 * size as f64;
        let choice = packing.choose(size);
        let cost = |bytes: usize| content.cost * 1e-9 * bytes as f64;
        let left = |bytes: usize| (content.ratio * bytes as f64) as usize;
        let (wire, compressing) = match choice {
            Choice::AsIs => (size, 0.0),
            Choice::Sample => {
                let sample = Packing::SAMPLE.min(size);
                self.now += cost(sample);
                packing.sampled(sample, left(sample), Duration::from_secs_f64(cost(sample)));
                (size, 0.0)
            }
            Choice::Pack(_) => (left(size), cost(size)),
        };
        self.now += compressing;
        let writing = self.write(wire);
        packing.sent(Sent {
            size,
            wire,
            packing: Duration::from_secs_f64(compressing),
            writing: Duration::from_secs_f64(writing),
            whole: Duration::from_secs_f64(self.now - start),
        });
        choice
    }

    /// When all has left.
    fn end(&self) -> f64 {
        self.now.max(self.empty)
    }
}

/// How many times as fast `blocks` of 1 MiB are as without packing.
fn gain(speed: f64, blocks: usize, content: impl Fn(usize) -> Content) -> f64 {
    let (mut link, mut without) = (Link::new(speed), Link::new(speed));
    let mut packing = Packing::new();
    for number in 0..blocks {
        link.send(&mut packing, MIB, content(number));
        without.now += READING * 1e-9 * MIB as f64;
        without.write(MIB);
    }
    without.end() / link.end()
}

const LINKS: [f64; 5] = [1e6, 10e6, 125e6, 300e6, 3e9];

#[test]
fn text_is_packed_where_the_wire_is_slow() {
    let table = [
        (1e6, 3.0),
        (10e6, 3.0),
        (125e6, 2.5),
        (250e6, 1.2),
        (3e9, 0.995),
    ];
    for (speed, least) in table {
        let gain = gain(speed, 512, |_| TEXT);
        assert!(gain > least, "{speed}: {gain}");
    }
}

#[test]
fn packing_makes_nothing_slower() {
    for speed in LINKS {
        let random = gain(speed, 512, |_| RANDOM);
        assert!(random > 0.99, "random at {speed}: {random}");
        for run in [1, 3, 64] {
            let mixed = gain(speed, 1024, |number| {
                if number / run % 2 == 0 { TEXT } else { RANDOM }
            });
            assert!(mixed > 0.99, "mixed by {run} at {speed}: {mixed}");
        }
    }
}

#[test]
fn a_wire_faster_than_the_source_is_left_alone() {
    let (mut link, mut packing) = (Link::new(1.7e9), Packing::new());
    for _ in 0..4096 {
        assert_eq!(link.send(&mut packing, MIB, TEXT), Choice::AsIs);
    }
}

/// Random bytes on a slow wire: looked at now and then.
#[test]
fn what_does_not_shrink_costs_next_to_nothing() {
    let (mut link, mut packing) = (Link::new(125e6), Packing::new());
    let looks = (0..4096)
        .map(|_| link.send(&mut packing, MIB, RANDOM))
        .filter(|choice| *choice != Choice::AsIs)
        .count();
    assert!((1..100).contains(&looks), "{looks}");
}

#[test]
fn a_new_file_is_looked_at_again() {
    let (mut link, mut packing) = (Link::new(125e6), Packing::new());
    for _ in 0..200 {
        link.send(&mut packing, MIB, RANDOM);
    }
    packing.begin(50 << 20);
    assert_eq!(packing.choose(MIB), Choice::Sample);
    link.send(&mut packing, MIB, TEXT);
    assert_eq!(packing.choose(MIB), Choice::Pack(1));
}

/// The first sample takes very long, for a reason that has nothing to do with it.
#[test]
fn a_sample_that_was_interrupted_decides_nothing() {
    let (mut link, mut packing) = (Link::new(10e6), Packing::new());
    while packing.choose(MIB) != Choice::Sample {
        link.send(&mut packing, MIB, TEXT);
    }
    packing.sampled(Packing::SAMPLE, 20_000, Duration::from_secs(1));
    for _ in 0..3 {
        link.send(&mut packing, MIB, TEXT);
    }
    assert_eq!(packing.choose(MIB), Choice::Pack(1));
}

/// A wire that becomes faster than the compressor, and slow again.
#[test]
fn a_wire_that_changes_is_noticed() {
    let (mut link, mut packing) = (Link::new(50e6), Packing::new());
    for _ in 0..256 {
        link.send(&mut packing, MIB, TEXT);
    }
    assert_eq!(packing.choose(MIB), Choice::Pack(1));
    link.speed = 3e9;
    let mut blocks = 0;
    while packing.choose(MIB) != Choice::AsIs || blocks < 1024 {
        link.send(&mut packing, MIB, TEXT);
        blocks += 1;
        assert!(blocks < 2048);
    }
    link.speed = 50e6;
    let mut blocks = 0;
    while packing.choose(MIB) != Choice::Pack(1) {
        link.send(&mut packing, MIB, TEXT);
        blocks += 1;
        assert!(blocks < 512);
    }
}

/// A sink that is held up by its disk, so that packing changes nothing, and one that unpacks slowly.
#[test]
fn a_slow_sink_is_no_slow_wire() {
    for (disk, unpacking) in [(5.0, 0.0), (5.0, 1.0)] {
        let (mut now, mut packed, mut packing) = (0.0, 0, Packing::new());
        for _ in 0..2048 {
            let start: f64 = now;
            let choice = packing.choose(MIB);
            let is_packed = matches!(choice, Choice::Pack(_));
            if choice == Choice::Sample {
                let took = TEXT.cost * 1e-9 * Packing::SAMPLE as f64;
                packing.sampled(Packing::SAMPLE, 20_000, Duration::from_secs_f64(took));
            }
            let busy = READING + if is_packed { TEXT.cost } else { 0.0 };
            let sink = disk + if is_packed { unpacking } else { 0.0 };
            now += busy.max(sink) * 1e-9 * MIB as f64;
            packed += u32::from(is_packed);
            packing.sent(Sent {
                size: MIB,
                wire: if is_packed { MIB / 3 } else { MIB },
                packing: Duration::from_secs_f64(if is_packed { 2.3e-9 * MIB as f64 } else { 0.0 }),
                writing: Duration::from_secs_f64((sink - busy).max(0.0) * 1e-9 * MIB as f64),
                whole: Duration::from_secs_f64(now - start),
            });
        }
        let without = 2048.0 * disk * 1e-9 * MIB as f64;
        assert!(now < 1.02 * without, "{} {packed}", now / without);
    }
}

#[test]
fn small_files_are_packed_too() {
    let (mut link, mut packing) = (Link::new(10e6), Packing::new());
    for _ in 0..10_000 {
        link.send(&mut packing, 4096, TEXT);
    }
    assert!(link.wire < 10_000 * 4096 * 6 / 10, "{}", link.wire);
    assert_eq!(packing.choose(100), Choice::AsIs);
}

proptest! {
    /// Whatever the figures, there is an answer.
    #[test]
    fn any_figures_are_taken(blocks: Vec<(usize, usize, u64, u64, u64)>) {
        let mut packing = Packing::new();
        for (size, wire, a, b, c) in blocks {
            if packing.choose(size) == Choice::Sample {
                packing.sampled(size, wire, Duration::from_nanos(a));
            }
            packing.sent(Sent {
                size: size >> 8,
                wire: wire >> 8,
                packing: Duration::from_nanos(a),
                writing: Duration::from_nanos(b),
                whole: Duration::from_nanos(c),
            });
        }
    }
}
