//! A bounded table that is fair to groups of peers: a full one makes room at the cost of the group that has the most.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

use slab::Slab;

use super::chain::{self, Chain, Linked, Links, Place};

/// How many expired values one admission drops at the most, so that no call takes long.
const DROPPED_AT_ONCE: usize = 2;

/// A table of one value for each peer, where peers belong to groups, such as the networks that they are in.
///
/// It never holds more than its capacity. Where it is full a newcomer takes the place of the peer that was silent for
/// longest in the group that has the most, so that no group can take what another has, unless that has more. A value
/// not asked for in `lifetime` is forgotten. Its memory is what it holds at the most; nothing is allocated ahead.
#[derive(Debug)]
pub struct FairTable<G, K, V> {
    places: HashMap<K, Place>,
    entries: Slab<Entry<G, K, V>>,
    all: Chain,
    groups: HashMap<G, Group>,
    by_count: BTreeSet<(u32, G)>,
    capacity: usize,
    lifetime: Duration,
    changes: Changes,
}

/// How a table came to hold what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Peers that were admitted.
    pub admitted: u64,
    /// Peers that were not heard of for too long.
    pub expired: u64,
    /// Peers whose place a newcomer took.
    pub displaced: u64,
}

#[derive(Debug)]
struct Entry<G, K, V> {
    key: K,
    group: G,
    heard: Instant,
    among_all: Links,
    in_group: Links,
    value: V,
}

#[derive(Debug, Default)]
struct Group {
    chain: Chain,
    count: u32,
}

/// The chain of all entries.
struct All;

/// The chain of the entries of a group.
struct Kin;

impl<G, K, V> Linked<All> for Entry<G, K, V> {
    fn links(&mut self) -> &mut Links {
        &mut self.among_all
    }
}

impl<G, K, V> Linked<Kin> for Entry<G, K, V> {
    fn links(&mut self) -> &mut Links {
        &mut self.in_group
    }
}

impl<G: Copy + Ord + Hash, K: Copy + Eq + Hash, V> FairTable<G, K, V> {
    /// A table of at most `capacity` peers (at least one, at most 2³¹), each forgotten after `lifetime`.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            places: HashMap::new(),
            entries: Slab::new(),
            all: Chain::default(),
            groups: HashMap::new(),
            by_count: BTreeSet::new(),
            capacity: capacity.clamp(1, 1 << 31),
            lifetime,
            changes: Changes::default(),
        }
    }

    /// The value of this peer, if it is known and was heard of in time.
    pub fn find(&mut self, peer: &K, now: Instant) -> Option<&mut V> {
        let place = self.hear(peer, now)?;
        Some(&mut self.entries[place].value)
    }

    /// The value of this peer, if it is known and was heard of in time, or else the one that `admit` gives it. Without
    /// one the peer is not remembered. A peer is always of the same group.
    pub fn find_or_admit(
        &mut self,
        group: G,
        peer: K,
        now: Instant,
        admit: impl FnOnce() -> Option<V>,
    ) -> Option<&mut V> {
        let place = match self.hear(&peer, now) {
            Some(place) => place,
            None => {
                let value = admit()?;
                self.make_room(group, now);
                self.insert(group, peer, now, value)
            }
        };
        Some(&mut self.entries[place].value)
    }

    /// Forgets peers not heard of in time, at most so many in one call.
    pub fn expire(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            match self.all.oldest() {
                Some(oldest) if self.is_expired(oldest, now) => self.expel(oldest),
                _ => return,
            }
        }
    }

    /// How many peers are remembered, expired ones included until they have been dropped.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no peer is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How it came to hold what it holds.
    pub fn changes(&self) -> Changes {
        self.changes
    }

    /// Takes note that this peer was heard of, if it is known.
    fn hear(&mut self, peer: &K, now: Instant) -> Option<Place> {
        let place = *self.places.get(peer)?;
        if self.is_expired(place, now) {
            self.expel(place);
            return None;
        }
        let entry = &mut self.entries[place];
        entry.heard = now;
        let group = entry.group;
        chain::renew::<All, _>(&mut self.all, &mut self.entries, place);
        if let Some(group) = self.groups.get_mut(&group) {
            chain::renew::<Kin, _>(&mut group.chain, &mut self.entries, place);
        }
        Some(place)
    }

    fn is_expired(&self, place: Place, now: Instant) -> bool {
        now.saturating_duration_since(self.entries[place].heard) > self.lifetime
    }

    fn expel(&mut self, expired: Place) {
        self.changes.expired += 1;
        self.remove(expired);
    }

    fn make_room(&mut self, newcomer: G, now: Instant) {
        self.expire(now, DROPPED_AT_ONCE);
        if self.entries.len() < self.capacity {
            return;
        }
        if let Some(place) = self.yields_to(newcomer) {
            self.changes.displaced += 1;
            self.remove(place);
        }
    }

    /// Whose place a newcomer of this group takes. A group that has no less than the others takes from itself: two that
    /// are full would otherwise go on taking from each other.
    fn yields_to(&self, newcomer: G) -> Option<Place> {
        let oldest = |group: &G| self.groups.get(group)?.chain.oldest();
        let own = self.groups.get(&newcomer).map_or(0, |group| group.count);
        match self.by_count.last() {
            Some((count, largest)) if *count > own + 1 => oldest(largest),
            _ if own > 0 => oldest(&newcomer),
            _ => self.all.oldest(),
        }
    }

    fn insert(&mut self, group: G, key: K, now: Instant, value: V) -> Place {
        let place = self.entries.insert(Entry {
            key,
            group,
            heard: now,
            among_all: Links::default(),
            in_group: Links::default(),
            value,
        });
        self.changes.admitted += 1;
        self.places.insert(key, place);
        chain::push::<All, _>(&mut self.all, &mut self.entries, place);
        let kin = self.groups.entry(group).or_default();
        chain::push::<Kin, _>(&mut kin.chain, &mut self.entries, place);
        self.by_count.remove(&(kin.count, group));
        kin.count += 1;
        self.by_count.insert((kin.count, group));
        place
    }

    fn remove(&mut self, place: Place) {
        chain::unlink::<All, _>(&mut self.all, &mut self.entries, place);
        let group = self.entries[place].group;
        if let Some(kin) = self.groups.get_mut(&group) {
            chain::unlink::<Kin, _>(&mut kin.chain, &mut self.entries, place);
            self.by_count.remove(&(kin.count, group));
            kin.count -= 1;
            if kin.count > 0 {
                self.by_count.insert((kin.count, group));
            } else {
                self.groups.remove(&group);
            }
        }
        let entry = self.entries.remove(place);
        self.places.remove(&entry.key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(10);

    type Table = FairTable<u8, u32, u32>;

    fn admit(table: &mut Table, group: u8, peers: std::ops::Range<u32>, now: Instant) {
        for peer in peers {
            assert!(
                table
                    .find_or_admit(group, peer, now, || Some(peer))
                    .is_some()
            );
        }
    }

    fn known(table: &mut Table, peers: std::ops::Range<u32>, now: Instant) -> usize {
        peers.filter(|peer| table.find(peer, now).is_some()).count()
    }

    #[test]
    fn a_group_that_floods_takes_nothing_from_another() {
        let start = Instant::now();
        let mut table = Table::new(100, LIFETIME);
        admit(&mut table, 1, 0..30, start);
        admit(&mut table, 2, 1000..100_000, start + LIFETIME / 2);
        assert_eq!(table.len(), 100);
        assert_eq!(known(&mut table, 0..30, start + LIFETIME), 30);
        assert_eq!(known(&mut table, 99_930..100_000, start + LIFETIME), 70);
    }

    #[test]
    fn newcomers_get_their_share_of_a_full_table() {
        let now = Instant::now();
        let mut table = Table::new(100, LIFETIME);
        admit(&mut table, 1, 0..1000, now);
        admit(&mut table, 2, 1000..2000, now);
        assert_eq!(known(&mut table, 0..1000, now), 50);
        assert_eq!(known(&mut table, 1950..2000, now), 50);
        admit(&mut table, 3, 2000..2010, now);
        assert_eq!(known(&mut table, 2000..2010, now), 10);
        assert_eq!(known(&mut table, 0..1000, now), 45);
        assert_eq!(table.changes().displaced, 2010 - 100);
    }

    #[test]
    fn as_many_groups_as_places_take_turns() {
        let start = Instant::now();
        let mut table = Table::new(3, LIFETIME);
        for (second, group) in (0..).zip(1..=5) {
            let now = start + Duration::from_secs(second);
            admit(&mut table, group, group.into()..u32::from(group) + 1, now);
        }
        let now = start + Duration::from_secs(5);
        assert_eq!(known(&mut table, 1..3, now), 0);
        assert_eq!(known(&mut table, 3..6, now), 3);
    }

    #[test]
    fn who_is_silent_is_forgotten() {
        let start = Instant::now();
        let mut table = Table::new(100, LIFETIME);
        admit(&mut table, 1, 0..50, start);
        assert_eq!(known(&mut table, 0..1, start + LIFETIME), 1);
        let later = start + LIFETIME + Duration::from_secs(1);
        assert_eq!(known(&mut table, 1..2, later), 0);
        table.expire(later, 10);
        assert_eq!(table.len(), 39);
        table.expire(later, 100);
        assert_eq!(table.len(), 1, "the one that was heard of");
        assert_eq!(known(&mut table, 0..1, later), 1);
        let changes = Changes {
            admitted: 50,
            expired: 49,
            displaced: 0,
        };
        assert_eq!(table.changes(), changes);
        table.expire(later + LIFETIME * 2, 100);
        assert!(table.is_empty() && table.groups.is_empty() && table.by_count.is_empty());
    }

    #[test]
    fn who_is_not_admitted_is_not_remembered() {
        let now = Instant::now();
        let mut table = Table::new(1, LIFETIME);
        admit(&mut table, 1, 0..1, now);
        assert_eq!(table.find_or_admit(1, 7, now, || None), None);
        assert_eq!(known(&mut table, 0..1, now), 1, "it took no place");
    }

    impl Table {
        /// That all that is kept of the entries is the same.
        fn check(&mut self) {
            let all = chain::walk::<All, _>(&self.all, &mut self.entries);
            assert_eq!((all.len(), self.places.len()), (self.len(), self.len()));
            let heard: Vec<_> = all.iter().map(|place| self.entries[*place].heard).collect();
            assert!(heard.is_sorted());
            assert_eq!(self.groups.len(), self.by_count.len());
            let mut kin = 0;
            for (count, group) in &self.by_count {
                let chain = &self.groups[group].chain;
                let places = chain::walk::<Kin, _>(chain, &mut self.entries);
                let mut groups = places.iter().map(|place| self.entries[*place].group);
                assert!(groups.all(|of| of == *group));
                assert_eq!(places.len(), *count as usize);
                kin += places.len();
            }
            assert_eq!(kin, self.len());
        }
    }

    proptest! {
        /// Whoever comes, the table keeps to its size and order, and who came last is known.
        #[test]
        fn it_stays_whole(
            capacity in 1..20usize,
            heard in proptest::collection::vec((0..5u8, 0..12u32, 0..4u64), 0..200),
        ) {
            let mut now = Instant::now();
            let mut table = Table::new(capacity, LIFETIME);
            for (group, peer, seconds) in heard {
                now += Duration::from_secs(seconds);
                let peer = u32::from(group) * 100 + peer;
                prop_assert_eq!(table.find_or_admit(group, peer, now, || Some(peer)), Some(&mut peer.clone()));
                prop_assert!(table.len() <= capacity);
                table.check();
            }
            let Changes { admitted, expired, displaced } = table.changes();
            prop_assert_eq!(admitted - expired - displaced, table.len() as u64);
        }
    }
}
