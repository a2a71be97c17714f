//! How many may register, and take names, from one network: each has a bucket that fills again with time.

use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::relay::hub::keyed::{network, octets};

/// A bucket for each network. Of one that is full nothing is remembered.
#[derive(Debug)]
pub(super) struct Buckets {
    /// When the bucket of a network will be full again.
    full_at: HashMap<[u8; 16], Duration, FixedState>,
    /// How long it takes to fill by one.
    each: Duration,
    /// How much it holds.
    most: u32,
}

impl Buckets {
    /// How many networks are remembered at once; others have to wait until one of these is forgotten.
    const MAX: usize = 65_536;

    pub(super) fn new(most: u32, each: Duration, seed: u64) -> Self {
        let full_at = HashMap::with_hasher(FixedState::with_seed(seed));
        Self {
            full_at,
            each,
            most,
        }
    }

    /// Takes one from the bucket of this address' network; `false` where it is empty. Programs on the same machine are
    /// not one network: for each the bucket would be full.
    pub(super) fn take(&mut self, address: SocketAddr, now: Duration) -> bool {
        let ip = address.ip().to_canonical();
        if ip.is_loopback() {
            return true;
        }
        let network = network(octets(ip));
        if self.full_at.len() >= Self::MAX && !self.full_at.contains_key(&network) {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= Self::MAX {
                return false;
            }
        }
        let full_at = self.full_at.entry(network).or_insert(now);
        let then = (*full_at).max(now) + self.each;
        let is_there = then <= now + self.each * self.most;
        if is_there {
            *full_at = then;
        }
        is_there
    }
}

/// What a network may do.
#[derive(Debug)]
pub(super) struct Limits {
    /// Registrations: 2,000 at once, 50 more in a second.
    pub(super) registrations: Buckets,
    /// Names that were not known before: 10,000 at once, as many more in an hour.
    pub(super) names: Buckets,
}

impl Limits {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            registrations: Buckets::new(2000, Duration::from_millis(20), seed),
            names: Buckets::new(10_000, Duration::from_millis(360), seed),
        }
    }
}
