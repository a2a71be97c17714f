//! Who is registered on the classic wire: a bounded table of addresses, which forgets who was silent for too long.
//!
//! It takes 36 bytes for each address, at most 12 for finding it and 16 for counting its network. A full one makes room at the cost of those whose
//! network has many, as far as a few places taken at random tell.

mod chain;
mod crowds;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use hashbrown::HashTable;

use super::Via;
use super::keyed::{Keyed, network, octets};
use crate::relay::native::LIFETIME;
use chain::Chain;
use crowds::Crowds;

/// Addresses, each with the way that it came in by.
#[derive(Debug)]
pub(super) struct Table {
    places: HashTable<u32>,
    /// Those that are in no use are in the chain `free`.
    entries: Vec<Entry>,
    /// From the one silent for longest to the one heard of last.
    heard: Chain,
    free: Chain,
    crowds: Crowds,
    capacity: usize,
    keyed: Keyed,
    /// Tells whoever remembers what was found that it may hold no more.
    changes: u64,
    draws: u64,
}

#[derive(Debug)]
struct Entry {
    ip: [u8; 16],
    scope: u32,
    heard: u32,
    links: chain::Links,
    port: u16,
    via: Via,
}

/// Where a registered address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// The address, with the scope that it came in by.
    pub(super) at: SocketAddr,
    /// The way.
    pub(super) via: Via,
}

/// Whether an address is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was heard of in time.
    Registered,
    /// It is not known.
    Stranger,
}

/// Of how many the one that yields is chosen.
const SAMPLES: usize = 8;

/// How many expired ones an admission drops at the most, so that it never takes long.
const DROPPED_AT_ONCE: usize = 2;

const SECONDS: u32 = LIFETIME.as_secs() as u32;

impl Table {
    /// A table of at most so many addresses, at least one.
    pub(super) fn new(capacity: usize, secret: &[u8; 32]) -> Self {
        Self {
            places: HashTable::new(),
            entries: Vec::new(),
            heard: Chain::default(),
            free: Chain::default(),
            crowds: Crowds::new(0),
            capacity: capacity.clamp(1, 1 << 31),
            keyed: Keyed::new(secret, "addresses on the classic wire"),
            changes: 0,
            draws: 0,
        }
    }

    /// How many are remembered, those included that are silent for too long and not yet [dropped](Self::expire).
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// As long as this is the same, what was found stays true until its time is over.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Where this address is reached, if it was heard of in time.
    pub(super) fn find(&self, addr: SocketAddr, now: Duration) -> Option<Reached> {
        let place = self.place(&addr)?;
        self.is_alive(place, now).then(|| self.reached(place))
    }

    /// This address was heard of.
    pub(super) fn renew(&mut self, addr: SocketAddr, via: Via, now: Duration) -> Standing {
        match self.place(&addr) {
            Some(place) if self.is_alive(place, now) => self.hear(place, &addr, via, now),
            _ => Standing::Stranger,
        }
    }

    /// Registers this address. One from a crowded network is not taken where those of smaller ones would have to yield.
    pub(super) fn admit(&mut self, addr: SocketAddr, via: Via, now: Duration) -> Standing {
        if let Some(place) = self.place(&addr) {
            return self.hear(place, &addr, via, now);
        }
        self.expire(now, DROPPED_AT_ONCE);
        if self.len() >= self.capacity {
            let Some(yields) = self.who_yields(&addr) else {
                return Standing::Stranger;
            };
            self.remove(yields);
        }
        self.insert(addr, via, now);
        Standing::Registered
    }

    /// Drops those that were silent for too long, at most so many.
    pub(super) fn expire(&mut self, now: Duration, most: usize) {
        for _ in 0..most {
            match self.heard.oldest() {
                Some(oldest) if !self.is_alive(oldest, now) => self.remove(oldest),
                _ => return,
            }
        }
    }

    /// When the next is to be dropped.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let oldest = self.heard.oldest()?;
        let heard = self.entries[oldest as usize].heard;
        Some(Duration::from_secs(
            u64::from(heard) + u64::from(SECONDS) + 1,
        ))
    }

    fn place(&self, addr: &SocketAddr) -> Option<u32> {
        let (ip, port) = (octets(addr.ip()), addr.port());
        let is_same = |place: &u32| {
            let entry = &self.entries[*place as usize];
            entry.port == port && entry.ip == ip
        };
        self.places
            .find(self.keyed.hash(ip, port), is_same)
            .copied()
    }

    fn is_alive(&self, place: u32, now: Duration) -> bool {
        seconds(now).saturating_sub(self.entries[place as usize].heard) <= SECONDS
    }

    fn reached(&self, place: u32) -> Reached {
        let entry = &self.entries[place as usize];
        let at = match IpAddr::V6(Ipv6Addr::from(entry.ip)).to_canonical() {
            IpAddr::V4(ip) => SocketAddr::from((ip, entry.port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, entry.port, 0, entry.scope).into(),
        };
        Reached { at, via: entry.via }
    }

    fn hear(&mut self, place: u32, addr: &SocketAddr, via: Via, now: Duration) -> Standing {
        let entry = &mut self.entries[place as usize];
        if (entry.via, entry.scope) != (via, scope(addr)) {
            (entry.via, entry.scope) = (via, scope(addr));
            self.changes += 1;
        }
        if entry.heard != seconds(now) {
            entry.heard = seconds(now);
            self.heard.unlink(&mut self.entries, place);
            self.heard.push(&mut self.entries, place);
        }
        Standing::Registered
    }

    fn insert(&mut self, addr: SocketAddr, via: Via, now: Duration) {
        let entry = Entry {
            ip: octets(addr.ip()),
            scope: scope(&addr),
            heard: seconds(now),
            links: chain::Links::default(),
            port: addr.port(),
            via,
        };
        self.make_room_for_counts();
        self.crowds.join(self.network(entry.ip));
        let hash = self.keyed.hash(entry.ip, entry.port);
        let place = self.put(entry);
        self.heard.push(&mut self.entries, place);
        let (entries, keyed) = (&self.entries, &self.keyed);
        self.places.insert_unique(hash, place, |place| {
            let entry = &entries[*place as usize];
            keyed.hash(entry.ip, entry.port)
        });
    }

    fn put(&mut self, entry: Entry) -> u32 {
        if let Some(place) = self.free.oldest() {
            self.free.unlink(&mut self.entries, place);
            self.entries[place as usize] = entry;
            return place;
        }
        if self.entries.len() == self.entries.capacity() {
            // Less than the usual doubling, which would leave half of it unused.
            let more = (self.entries.len() / 8).max(64);
            self.entries.reserve_exact(more);
        }
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    fn remove(&mut self, place: u32) {
        self.heard.unlink(&mut self.entries, place);
        self.free.push(&mut self.entries, place);
        let (ip, port) = (
            self.entries[place as usize].ip,
            self.entries[place as usize].port,
        );
        self.crowds.leave(self.network(ip));
        self.changes += 1;
        let hash = self.keyed.hash(ip, port);
        if let Ok(found) = self.places.find_entry(hash, |other| *other == place) {
            found.remove();
        }
    }

    fn make_room_for_counts(&mut self) {
        if self.crowds.is_full() {
            let mut crowds = Crowds::new(2 * self.len());
            for place in &self.places {
                crowds.join(self.network(self.entries[*place as usize].ip));
            }
            self.crowds = crowds;
        }
    }

    /// The hash of the network that the address is in: an IPv4 /24 or an IPv6 /48.
    fn network(&self, ip: [u8; 16]) -> u64 {
        self.keyed.hash(network(ip), 0)
    }

    /// Whose place this newcomer takes: of a few, who is from the largest network, and of those from networks that are
    /// alike, who was silent for longest. Nobody from a smaller network than the newcomer's yields.
    fn who_yields(&mut self, newcomer: &SocketAddr) -> Option<u32> {
        let mut yields = None;
        for _ in 0..SAMPLES {
            self.draws += 1;
            let drawn = self.keyed.hash(u128::from(self.draws).to_be_bytes(), 0);
            let place = (drawn % self.entries.len() as u64) as u32;
            let entry = &self.entries[place as usize];
            let size = self.crowds.size(self.network(entry.ip));
            yields = yields.max(Some((size, u32::MAX - entry.heard, place)));
        }
        let (size, _, place) = yields?;
        let own = self.crowds.size(self.network(octets(newcomer.ip())));
        (size >= own).then_some(place)
    }
}

fn scope(addr: &SocketAddr) -> u32 {
    match addr {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(addr) => addr.scope_id(),
    }
}

fn seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
