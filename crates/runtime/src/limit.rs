//! Rate limits for each source, so that one that floods takes nothing from the others.

use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::peers::PeerTable;
use crate::units::ByteRate;

/// Who a datagram is charged to: an IPv4 address or an IPv6 /64 network, whatever the port, since one machine can use
/// them all. Programs on this machine are told apart by their port: they do not forge each other's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(u128, u16);

impl Source {
    /// Who is charged for a datagram from this address.
    pub fn of(addr: SocketAddr) -> Self {
        let port = if addr.ip().is_loopback() {
            addr.port()
        } else {
            0
        };
        let ip = match addr.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) if ip.is_loopback() => ip.to_bits(),
            IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
        };
        Self(ip, port)
    }
}

/// A token bucket for one flow of packets, by the generic cell rate algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    interval: Duration,
    due: Option<Instant>,
}

impl Meter {
    /// What may come at once: a flow is judged soon after it became too fast.
    const BURST: Duration = Duration::from_millis(10);

    /// Lets so many packets pass a second, a hundredth of that (at least one) at once.
    pub fn new(per_second: NonZeroU32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.get(),
            due: None,
        }
    }

    /// Whether one more may pass now. A refusal costs nothing further.
    pub fn allows(&mut self, now: Instant) -> bool {
        let next = self.due.unwrap_or(now).max(now) + self.interval;
        let allowed = next <= now + Self::BURST.max(self.interval);
        if allowed {
            self.due = Some(next);
        }
        allowed
    }
}

/// Makes a stream of bytes as slow as it is to be, without bursts: it says when the next piece is due, with the time in
/// hand, and how large pieces are to be.
///
/// Time in which nothing was sent is made up for by one piece at the most.
#[derive(Clone, Copy, Debug)]
pub struct StreamMeter {
    rate: ByteRate,
    due: Option<Instant>,
}

impl StreamMeter {
    /// What is sent at once lasts so long.
    pub const PIECE: Duration = Duration::from_millis(50);

    /// The smallest piece in bytes: below it heads would outweigh what they stand before.
    const LEAST: u64 = 512;

    /// Lets this rate pass.
    pub fn new(rate: ByteRate) -> Self {
        Self { rate, due: None }
    }

    /// How many bytes make a piece: [`PIECE`](Self::PIECE) of the rate, at least 512.
    pub fn piece(&self) -> usize {
        let bytes = u128::from(self.rate.get()) * Self::PIECE.as_millis() / 1000;
        usize::try_from(bytes.max(Self::LEAST.into())).unwrap_or(usize::MAX)
    }

    /// So many bytes were sent.
    pub fn spend(&mut self, bytes: u64, now: Instant) {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate.get());
        let lasts = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let earliest = now.checked_sub(Self::PIECE).unwrap_or(now);
        let from = self.due.unwrap_or(now).max(earliest);
        self.due = Some(from.checked_add(lasts).unwrap_or(from));
    }

    /// How long to wait before anything more is sent.
    pub fn wait(&self, now: Instant) -> Duration {
        let due = self.due.unwrap_or(now);
        due.saturating_duration_since(now)
    }
}

/// Where a peer is, as far as one owner has it: an IPv4 /24 or an IPv6 /48 network. Whoever has one of these has all of
/// its addresses, or is near those who do. Programs on this machine are told apart as by [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Prefix);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Prefix {
    V4([u8; 3]),
    V6([u8; 6]),
    Here(IpAddr, u16),
}

impl Network {
    /// Where this address is.
    pub fn of(addr: SocketAddr) -> Self {
        Self(match addr.ip() {
            ip if ip.is_loopback() => Prefix::Here(ip, addr.port()),
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Prefix::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Prefix::V6([a, b, c, d, e, f])
            }
        })
    }
}

/// How much each of many may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// What each may have a second in any case. `None` sets no fixed limit: one is then held back only where others
    /// contend with it for a server that is behind.
    pub fixed: Option<NonZeroU32>,
    /// What stands for "no limit" where there is no fixed one: more than the server answers a second.
    pub most: NonZeroU32,
    /// What each may have a second at the least, however many contend (or the fixed rate, where that is less).
    pub floor: NonZeroU32,
}

impl Rates {
    /// More than a server answers that is handed datagrams one by one.
    const MOST: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();

    /// What a person with one program at a time does with.
    const FLOOR: NonZeroU32 = NonZeroU32::new(1000).unwrap();

    /// What the sources of a server that answers datagrams one by one may have; see [`Rates::fixed`].
    pub const fn of_sources(fixed: Option<NonZeroU32>) -> Self {
        Self {
            fixed,
            most: Self::MOST,
            floor: Self::FLOOR,
        }
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, factor: NonZeroU32) -> Self {
        Self {
            fixed: self.fixed.map(|fixed| fixed.saturating_mul(factor)),
            most: self.most.saturating_mul(factor),
            floor: self.floor.saturating_mul(factor),
        }
    }
}

/// A token bucket for each source, or for whatever else `K` tells apart, by the generic cell rate algorithm (ITU-T
/// I.371): one time stamp a source.
///
/// While several sources contend for a server that does not keep up, every source has less, down to
/// [`floor`](Rates::floor): refusing is much cheaper than answering, so those that send little get through. A source that
/// is alone takes nothing from others and keeps its rate.
#[derive(Debug)]
pub struct RateLimit<K: Hash + Eq = Source> {
    sources: PeerTable<K, Option<Instant>>,
    /// Whether a rate was asked for.
    is_fixed: bool,
    /// Between two datagrams of a source, by the rate that was asked for.
    least: Duration,
    /// The same at the lowest rate that there is.
    longest: Duration,
    /// The same as it is now.
    interval: Duration,
    /// The last source, and when it last was another than the one before.
    last: Option<K>,
    contended: Option<Instant>,
    relaxed: Option<Instant>,
    tightened: Option<Instant>,
}

impl<K: Hash + Eq + Copy> RateLimit<K> {
    /// At most this many sources are told apart; a new one takes the place of the one not heard of for longest.
    pub const SOURCES: usize = 65_536;

    /// How much of a second's share a source may have at once.
    const BURST: Duration = Duration::from_millis(100);

    /// How long sources count as contending after one was heard between two of another.
    const CONTENTION: Duration = Duration::from_secs(1);

    /// How long it takes at the least until a lower rate shows: what waited in a server that stood still for a moment is
    /// soon done.
    const EFFECT: Duration = Duration::from_millis(2);

    /// How often the rate recovers by a step while the server keeps up.
    const RECOVERY: Duration = Duration::from_millis(10);

    /// Lets each source have its rate a second, a tenth of that (at least one) at once.
    pub fn new(rates: Rates) -> Self {
        let interval = |rate: NonZeroU32| Duration::from_secs(1) / rate.get();
        let least = interval(rates.fixed.unwrap_or(rates.most));
        Self {
            is_fixed: rates.fixed.is_some(),
            sources: PeerTable::new(Self::SOURCES, Self::BURST.max(least)),
            least,
            longest: interval(rates.floor).max(least),
            interval: least,
            last: None,
            contended: None,
            relaxed: None,
            tightened: None,
        }
    }

    /// Whether this source may have one more now. A refusal costs it nothing further.
    pub fn allows(&mut self, source: K, now: Instant) -> bool {
        self.allowed(source, 1, now) == 1
    }

    /// How many of so many this source may have now. What is refused costs it nothing further.
    pub fn allowed(&mut self, source: K, wanted: usize, now: Instant) -> usize {
        if self.last.replace(source).is_some_and(|last| last != source) {
            self.contended = Some(now);
        }
        if !self.is_fixed && self.interval == self.least {
            return wanted;
        }
        let due = self.sources.get(source, now);
        let from = due.unwrap_or(now).max(now);
        let room = (now + Self::BURST.max(self.interval)).saturating_duration_since(from);
        let places = room.as_nanos() / self.interval.as_nanos().max(1);
        let allowed = wanted.min(usize::try_from(places).unwrap_or(wanted));
        if allowed > 0 {
            let times = u32::try_from(allowed).unwrap_or(u32::MAX);
            *due = Some(from + self.interval * times);
        }
        allowed
    }

    /// Takes note of whether the server keeps up: `behind` says that what it receives has waited for too long. Call it
    /// after each batch.
    pub fn adapt(&mut self, behind: bool, now: Instant) {
        let within = |since: Option<Instant>, time| {
            since.is_some_and(|since| now.saturating_duration_since(since) < time)
        };
        if behind && within(self.contended, Self::CONTENTION) {
            if within(self.tightened, Self::EFFECT) {
                return;
            }
            self.tightened = Some(now);
            self.interval = (self.interval * 2).min(self.longest);
            self.relaxed = Some(now);
        } else if !within(self.relaxed, Self::RECOVERY) {
            self.interval = (self.interval - self.interval / 16).max(self.least);
            self.relaxed = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(addr: &str) -> Source {
        Source::of(addr.parse().unwrap())
    }

    #[test]
    fn a_flow_passes_at_its_rate() {
        let start = Instant::now();
        let mut meter = Meter::new(NonZeroU32::new(10_000).unwrap());
        let at = |micros| start + Duration::from_micros(micros);
        let passed = (0..20_000)
            .filter(|number| meter.allows(at(number * 50)))
            .count();
        assert!(
            (10_000..=10_101).contains(&passed),
            "{passed}: a second, and a burst of 100"
        );
    }

    #[test]
    fn a_stream_is_slowed_without_bursts() {
        for (rate, piece) in [(10_000, 512), (1_000_000, 50_000), (100_000_000, 5_000_000)] {
            let start = Instant::now();
            let mut meter = StreamMeter::new(ByteRate::new(rate).unwrap());
            assert_eq!(meter.piece(), piece);
            assert_eq!(meter.wait(start), Duration::ZERO);
            let (mut now, mut sent) = (start, 0);
            while now < start + Duration::from_secs(20) {
                meter.spend(piece as u64, now);
                sent += piece as u64;
                now += meter.wait(now);
            }
            let share = sent as f64 / (20.0 * rate as f64);
            assert!((0.99..1.01).contains(&share), "{share}");
            now += Duration::from_secs(3600);
            let at_once = (0..100).take_while(|_| {
                meter.spend(piece as u64, now);
                meter.wait(now).is_zero()
            });
            assert!(
                at_once.count() <= 1,
                "an hour of silence is not made up for"
            );
        }
    }

    #[test]
    fn who_is_charged() {
        assert_eq!(source("192.0.2.7:1"), source("192.0.2.7:2"));
        assert_ne!(source("192.0.2.7:1"), source("192.0.2.8:1"));
        assert_eq!(source("[2001:db8::7]:1"), source("[2001:db8::8]:2"));
        assert_ne!(source("[2001:db8:0:1::7]:1"), source("[2001:db8::7]:1"));
        assert_ne!(source("127.0.0.1:1"), source("127.0.0.1:2"));
        assert_ne!(source("[::1]:1"), source("[::1]:2"));
    }

    #[test]
    fn where_a_peer_is() {
        let network = |addr: &str| Network::of(addr.parse().unwrap());
        assert_eq!(network("192.0.2.7:1"), network("192.0.2.200:2"));
        assert_ne!(network("192.0.2.7:1"), network("192.0.3.7:1"));
        assert_eq!(network("[2001:db8::7]:1"), network("[2001:db8:0:9::8]:2"));
        assert_ne!(network("[2001:db8:1::7]:1"), network("[2001:db8::7]:1"));
        assert_ne!(network("127.0.0.1:1"), network("127.0.0.1:2"));
        assert_ne!(network("127.0.0.1:1"), network("127.0.0.2:1"));
        assert_ne!(network("[::1]:1"), network("[::1]:2"));
    }

    #[test]
    fn a_source_has_its_rate_and_the_others_theirs() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Rates::of_sources(NonZeroU32::new(100)));
        let (loud, quiet) = (source("192.0.2.7:1"), source("192.0.2.8:1"));
        let mut passed = 0;
        for millis in 0..2000 {
            let now = start + Duration::from_millis(millis);
            for _ in 0..10 {
                passed += u32::from(limit.allows(loud, now));
            }
            if millis % 20 == 0 {
                assert!(limit.allows(quiet, now));
            }
        }
        assert!(
            (209..=210).contains(&passed),
            "{passed}: a burst of 10 and 2 s"
        );
    }

    #[test]
    fn of_many_at_once_a_source_has_what_is_left_of_its_burst() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Rates::of_sources(NonZeroU32::new(1000)));
        let source = source("192.0.2.7:1");
        assert_eq!(limit.allowed(source, 64, start), 64);
        assert_eq!(limit.allowed(source, 64, start), 36);
        assert_eq!(limit.allowed(source, 64, start), 0);
        let later = start + Duration::from_millis(10);
        assert_eq!(limit.allowed(source, 64, later), 10);
        assert!(!limit.allows(source, later));
    }

    /// Of a network that contends with another for a server that is behind, each address has its own share and all
    /// together have that of the network.
    #[test]
    fn what_is_contended_for_is_shared() {
        let start = Instant::now();
        let rates = Rates::of_sources(None).times(NonZeroU32::new(16).unwrap());
        let mut limit = RateLimit::new(rates);
        let network = |addr: &str| Network::of(addr.parse().unwrap());
        let (loud, quiet) = (network("192.0.2.7:1"), network("198.51.100.7:1"));
        assert_eq!(limit.allowed(loud, 1_000_000, start), 1_000_000, "alone");
        let mut passed = 0;
        for millis in 0..2000 {
            let now = start + Duration::from_millis(millis);
            assert!(limit.allows(quiet, now));
            let allowed = limit.allowed(loud, 1000, now);
            passed += if millis >= 1000 { allowed } else { 0 };
            limit.adapt(true, now);
        }
        assert!((15_999..=16_001).contains(&passed), "{passed}");
    }
}
