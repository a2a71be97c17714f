//! How much strangers are answered: their addresses may be forged, and the answers reach somebody else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::super::keyed::{Keyed, network, octets};

/// Limits for each address and for each network.
///
/// Both are token buckets in as many places as there are, found by a keyed hash: who comes to a place that is another's
/// too shares its rate. So nothing grows, and nobody can choose whose rate to take.
#[derive(Debug)]
pub(super) struct Limits {
    keyed: Keyed,
    addresses: Buckets,
    networks: Buckets,
}

/// Token buckets by the generic cell rate algorithm (ITU-T I.371): one time stamp each.
#[derive(Debug)]
struct Buckets {
    /// When each is full again, in microseconds.
    due: Box<[u64]>,
    /// Between two answers, in microseconds.
    interval: u64,
}

impl Limits {
    /// Answers to an address in a second, and at once.
    pub(super) const PER_ADDRESS: u32 = 1000;

    /// The same to a network.
    pub(super) const PER_NETWORK: u32 = 10_000;

    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self {
            keyed: Keyed::new(secret, "limits of answers on the classic wire"),
            addresses: Buckets::new(Self::PER_ADDRESS),
            networks: Buckets::new(Self::PER_NETWORK),
        }
    }

    /// How many of so many answers may be given to this address.
    ///
    /// An address is an IPv4 one or an IPv6 /64, whatever the port, since one machine can use them all. Programs on
    /// this machine are told apart by their port, and make no network.
    pub(super) fn grant(&mut self, to: SocketAddr, wanted: u32, now: Duration) -> u32 {
        let is_here = to.ip().is_loopback();
        let ip = source(to.ip());
        let address = self.keyed.hash(ip, if is_here { to.port() } else { 0 });
        let granted = self.addresses.grant(address, wanted, now);
        if is_here || granted == 0 {
            return granted;
        }
        let network = self.keyed.hash(network(ip), u16::MAX);
        self.networks.grant(network, granted, now)
    }
}

impl Buckets {
    /// A power of two.
    const PLACES: usize = 1 << 14;

    /// What is granted at once, in microseconds of the rate.
    const BURST: u64 = 1_000_000;

    fn new(per_second: u32) -> Self {
        Self {
            due: vec![0; Self::PLACES].into_boxed_slice(),
            interval: 1_000_000 / u64::from(per_second),
        }
    }

    fn grant(&mut self, hash: u64, wanted: u32, now: Duration) -> u32 {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 2);
        let due = &mut self.due[hash as usize % Self::PLACES];
        *due = now.max(*due);
        let room = (now + Self::BURST).saturating_sub(*due) / self.interval;
        let granted = room.min(u64::from(wanted));
        *due += granted * self.interval;
        granted as u32
    }
}

fn source(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) if !ip.is_loopback() => (ip.to_bits() >> 64 << 64).to_be_bytes(),
        ip => octets(ip),
    }
}
