//! Rate limits for each source, so that one that floods takes nothing from the others.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::peers::PeerTable;

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

/// A token bucket for each source, by the generic cell rate algorithm (ITU-T I.371): one time stamp a source.
#[derive(Debug)]
pub struct RateLimit {
    sources: PeerTable<Source, Option<Instant>>,
    interval: Duration,
    burst: Duration,
}

impl RateLimit {
    /// At most this many sources are told apart; a new one takes the place of the one not heard of for longest.
    pub const SOURCES: usize = 65_536;

    /// What a source may send a second unless a server says otherwise: above what a client that waits for each answer
    /// reaches (about 100,000 without a network between, far less with one), below what keeps a server busy.
    pub const DEFAULT: NonZeroU32 = NonZeroU32::new(150_000).unwrap();

    /// How much of a second's share a source may have at once.
    const BURST: Duration = Duration::from_millis(100);

    /// Lets each source have `per_second` a second, a tenth of that (at least one) at once.
    pub fn new(per_second: NonZeroU32) -> Self {
        let interval = Duration::from_secs(1) / per_second.get();
        let burst = Self::BURST.max(interval);
        Self {
            sources: PeerTable::new(Self::SOURCES, burst),
            interval,
            burst,
        }
    }

    /// Whether this source may have one more now. A refusal costs it nothing further.
    pub fn allows(&mut self, source: Source, now: Instant) -> bool {
        let due = self.sources.get(source, now);
        let next = due.unwrap_or(now).max(now) + self.interval;
        if next > now + self.burst {
            return false;
        }
        *due = Some(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(addr: &str) -> Source {
        Source::of(addr.parse().unwrap())
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
    fn a_source_has_its_rate_and_the_others_theirs() {
        let start = Instant::now();
        let mut limit = RateLimit::new(NonZeroU32::new(100).unwrap());
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
}
