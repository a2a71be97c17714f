//! A network that loses, delays, reorders and repeats datagrams, all from one seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Numbers that look random (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end` less 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for part in seed.as_chunks_mut::<8>().0 {
            *part = self.next().to_le_bytes();
        }
        seed
    }
}

/// How bad the paths are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Of a hundred datagrams.
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    /// In microseconds, to which up to the second is added.
    pub(crate) delay: u64,
    pub(crate) jitter: u64,
}

impl Weather {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            lost: random.below(21),
            repeated: random.below(6),
            delay: 100 + random.below(30_000),
            jitter: 1 + random.below(30_000),
        }
    }
}

/// Where a datagram goes where there is one relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToRelay { from: SocketAddr },
    ToClient { to: SocketAddr },
}

/// What is on its way, and where it goes.
pub(crate) struct Network<W> {
    flying: BTreeMap<(Duration, u64), (W, Vec<u8>)>,
    sent: u64,
}

impl<W> Default for Network<W> {
    fn default() -> Self {
        Self {
            flying: BTreeMap::new(),
            sent: 0,
        }
    }
}

impl<W: Copy> Network<W> {
    pub(crate) fn send(
        &mut self,
        way: W,
        datagram: &[u8],
        weather: Weather,
        random: &mut Random,
        now: Duration,
    ) {
        let copies = 1 + u64::from(random.below(100) < weather.repeated);
        for _ in 0..copies {
            if random.below(100) < weather.lost {
                continue;
            }
            let delay = weather.delay + random.below(weather.jitter);
            self.sent += 1;
            let due = now + Duration::from_micros(delay);
            self.flying
                .insert((due, self.sent), (way, datagram.to_vec()));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.flying.keys().next().map(|(due, _)| *due)
    }

    pub(crate) fn take(&mut self, now: Duration) -> Option<(W, Vec<u8>)> {
        let entry = self.flying.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
