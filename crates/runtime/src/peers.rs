//! What a server remembers of its peers: bounded in number, forgotten after a time.

mod chain;
mod fair;

use std::hash::Hash;
use std::time::{Duration, Instant};

use lru::LruCache;

pub use fair::{Changes, FairTable};

/// A table of one value for each peer.
///
/// It never holds more than its capacity: a new peer takes the place of the one not heard of for longest. A value not
/// asked for in `lifetime` is forgotten. Its memory is what it holds at the most; nothing is allocated ahead.
#[derive(Debug)]
pub struct PeerTable<K: Hash + Eq, V> {
    entries: LruCache<K, Entry<V>>,
    capacity: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    heard: Instant,
    value: V,
}

impl<K: Hash + Eq, V> PeerTable<K, V> {
    /// A table of at most `capacity` peers (at least one), each forgotten after `lifetime`.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            entries: LruCache::unbounded(),
            capacity: capacity.max(1),
            lifetime,
        }
    }

    /// The value of this peer, if it is known and was heard of in time.
    pub fn find(&mut self, peer: &K, now: Instant) -> Option<&mut V> {
        let entry = self.entries.get_mut(peer)?;
        if now.saturating_duration_since(entry.heard) > self.lifetime {
            return None;
        }
        entry.heard = now;
        Some(&mut entry.value)
    }

    /// The value of this peer, if it is known and was heard of in time, or else the one that `admit` gives it. Without one
    /// the peer is not remembered.
    pub fn find_or_admit(
        &mut self,
        peer: K,
        now: Instant,
        admit: impl FnOnce() -> Option<V>,
    ) -> Option<&mut V>
    where
        K: Copy,
    {
        let lifetime = self.lifetime;
        let is_known = self.entries.get_mut(&peer).is_some_and(|entry| {
            let is_known = now.saturating_duration_since(entry.heard) <= lifetime;
            entry.heard = now;
            is_known
        });
        if !is_known {
            self.entries.pop(&peer);
            let value = admit()?;
            self.make_room(now);
            self.entries.put(peer, Entry { heard: now, value });
        }
        // It is the one that was used last: found without a search.
        self.entries
            .iter_mut()
            .next()
            .map(|(_, entry)| &mut entry.value)
    }

    /// Forgets this peer.
    pub fn remove(&mut self, peer: &K) {
        self.entries.pop(peer);
    }

    /// How many peers are remembered, expired ones included until their place is needed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no peer is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops the oldest where there is no room, and at most two expired ones besides, so that no call takes long.
    fn make_room(&mut self, now: Instant) {
        for _ in 0..2 {
            let expired = self.entries.peek_lru().is_some_and(|(_, oldest)| {
                now.saturating_duration_since(oldest.heard) > self.lifetime
            });
            if !expired && self.entries.len() < self.capacity {
                return;
            }
            self.entries.pop_lru();
        }
    }
}

impl<K: Hash + Eq, V: Default> PeerTable<K, V> {
    /// The value of this peer, a fresh one if it is not known or was not heard of for too long.
    pub fn get(&mut self, peer: K, now: Instant) -> &mut V {
        if !self.entries.contains(&peer) {
            self.make_room(now);
        }
        let fresh = || Entry {
            heard: now,
            value: V::default(),
        };
        let entry = self.entries.get_or_insert_mut(peer, fresh);
        if now.saturating_duration_since(entry.heard) > self.lifetime {
            entry.value = V::default();
        }
        entry.heard = now;
        &mut entry.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(10);

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let now = Instant::now();
        let mut table = PeerTable::<u8, u8>::new(3, LIFETIME);
        for peer in 1..=3 {
            *table.get(peer, now) = peer;
        }
        assert_eq!(*table.get(1, now), 1);
        *table.get(4, now) = 4;
        assert_eq!(table.len(), 3);
        assert_eq!((*table.get(1, now), *table.get(4, now)), (1, 4));
        assert_eq!(*table.get(2, now), 0, "2 had gone");
    }

    #[test]
    fn values_expire() {
        let start = Instant::now();
        let mut table = PeerTable::<u8, u8>::new(100, LIFETIME);
        for peer in 0..50 {
            *table.get(peer, start) = 1;
        }
        assert_eq!(*table.get(0, start + LIFETIME), 1);
        let later = start + LIFETIME * 2;
        assert_eq!(*table.get(0, later), 1, "asking kept it");
        assert_eq!(*table.get(1, later), 0);
        for peer in 100..125 {
            table.get(peer, later);
        }
        assert!(table.len() < 50, "{} are left", table.len());
    }

    #[test]
    fn who_is_admitted_is_found_until_it_expires() {
        let start = Instant::now();
        let mut table = PeerTable::<u8, u8>::new(2, LIFETIME);
        assert_eq!(table.find_or_admit(1, start, || None), None);
        assert!(table.is_empty());
        for peer in 1..=3 {
            assert_eq!(
                table.find_or_admit(peer, start, || Some(peer)),
                Some(&mut peer.clone())
            );
        }
        assert_eq!(table.find_or_admit(2, start, || None), Some(&mut 2));
        table.find(&3, start);
        assert_eq!(table.find(&1, start), None, "there was no room");
        assert_eq!(table.find(&3, start + LIFETIME), Some(&mut 3));
        assert_eq!(table.find(&2, start + LIFETIME * 2), None);
        assert_eq!(table.find(&3, start + LIFETIME * 2), Some(&mut 3));
    }

    #[test]
    fn a_million_strangers_take_no_more_room() {
        let now = Instant::now();
        let mut table = PeerTable::<u32, u8>::new(1000, LIFETIME);
        for stranger in 0..1_000_000 {
            table.get(stranger, now);
            assert!(table.len() <= 1000);
        }
    }
}
