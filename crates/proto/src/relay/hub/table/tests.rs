use proptest::prelude::*;

use super::*;

const START: Duration = Duration::from_secs(5000);

fn table(capacity: usize) -> Table {
    Table::new(capacity, &[3; 32])
}

/// Somebody in this IPv4 /24.
fn peer(network: u16, number: u8) -> SocketAddr {
    let [high, low] = network.to_be_bytes();
    SocketAddr::from(([20, high, low, number], 4000))
}

fn admit(table: &mut Table, addr: SocketAddr, now: Duration) -> Standing {
    table.admit(addr, Via(0), now)
}

fn known(table: &Table, addrs: impl Iterator<Item = SocketAddr>, now: Duration) -> usize {
    addrs
        .filter(|addr| table.find(*addr, now).is_some())
        .count()
}

#[test]
fn addresses_are_found_by_the_way_they_came() {
    let mut table = table(10);
    let bob: SocketAddr = "[2001:db8::7]:4000".parse().unwrap();
    table.admit(bob, Via(3), START);
    let reached = Reached {
        at: bob,
        via: Via(3),
    };
    assert_eq!(table.find(bob, START), Some(reached));
    assert_eq!(
        table.find("[2001:db8::7]:4001".parse().unwrap(), START),
        None
    );
    assert_eq!(
        table.find("[2001:db8::8]:4000".parse().unwrap(), START),
        None
    );
    table.renew(bob, Via(4), START);
    assert_eq!(
        table.find(bob, START).map(|reached| reached.via),
        Some(Via(4))
    );
}

#[test]
fn a_mapped_address_is_the_same() {
    let mut table = table(10);
    let (mapped, plain): (SocketAddr, SocketAddr) = (
        "[::ffff:192.0.2.7]:4000".parse().unwrap(),
        "192.0.2.7:4000".parse().unwrap(),
    );
    table.admit(mapped, Via(0), START);
    table.admit(plain, Via(0), START);
    assert_eq!(table.len(), 1);
    assert_eq!(
        table.find(mapped, START).map(|reached| reached.at),
        Some(plain)
    );
}

/// A message cannot name the link that an address is on: it is the one it came from.
#[test]
fn a_scope_is_kept_and_not_asked_for() {
    let mut table = table(10);
    let scoped = SocketAddrV6::new("fe80::7".parse().unwrap(), 4000, 0, 2).into();
    table.admit(scoped, Via(0), START);
    let asked = "[fe80::7]:4000".parse().unwrap();
    assert_eq!(
        table.find(asked, START).map(|reached| reached.at),
        Some(scoped)
    );
}

#[test]
fn who_is_silent_is_forgotten() {
    let mut table = table(100);
    for number in 0..50 {
        admit(&mut table, peer(1, number), START);
    }
    assert_eq!(
        table.deadline(),
        Some(START + LIFETIME + Duration::from_secs(1))
    );
    let later = START + LIFETIME;
    assert_eq!(table.renew(peer(1, 7), Via(0), later), Standing::Registered);
    let after = later + Duration::from_secs(1);
    assert_eq!(table.find(peer(1, 8), after), None);
    assert_eq!(table.renew(peer(1, 8), Via(0), after), Standing::Stranger);
    table.expire(after, 10);
    assert_eq!(table.len(), 40);
    table.expire(after, 100);
    assert_eq!(table.len(), 1, "the one that was heard of");
    assert_eq!(known(&table, [peer(1, 7)].into_iter(), after), 1);
    table.expire(after + LIFETIME * 2, 100);
    assert_eq!((table.len(), table.deadline()), (0, None));
    assert_eq!(table.crowds.total(), 0);
    assert_eq!(admit(&mut table, peer(1, 8), after), Standing::Registered);
    assert_eq!(table.entries.len(), 50, "a free place was taken");
}

#[test]
fn a_network_that_floods_takes_nothing_from_others() {
    let mut table = table(1000);
    for network in 0..300 {
        admit(&mut table, peer(network, 1), START);
    }
    let flood = |port: u16| SocketAddr::from(([30, 0, 0, 1], port));
    for port in 1..=10_000 {
        admit(&mut table, flood(port), START + LIFETIME / 2);
    }
    assert_eq!(table.len(), 1000);
    let quiet = (0..300).map(|network| peer(network, 1));
    assert_eq!(known(&table, quiet, START + LIFETIME / 2), 300);
}

#[test]
fn a_newcomer_from_elsewhere_gets_in() {
    let mut table = table(1000);
    for port in 1..=2000 {
        admit(&mut table, SocketAddr::from(([30, 0, 0, 1], port)), START);
    }
    for network in 0..300 {
        assert_eq!(
            admit(&mut table, peer(network, 1), START),
            Standing::Registered
        );
    }
    let newcomers = (0..300).map(|network| peer(network, 1));
    assert_eq!(known(&table, newcomers, START), 300);
    assert_eq!(table.len(), 1000);
}

/// Forged addresses are all from different networks: those that are heard of again and again outlive them.
#[test]
fn who_is_heard_of_outlives_a_flood_from_everywhere() {
    let mut table = table(1000);
    let alive = || (0..100).map(|network| peer(60_000 + network, 1));
    for addr in alive() {
        admit(&mut table, addr, START);
    }
    for forged in 0..20_000u16 {
        let now = START + Duration::from_millis(u64::from(forged) * 10);
        admit(&mut table, peer(forged, 9), now);
        if forged % 100 == 0 {
            alive().for_each(|addr| {
                table.renew(addr, Via(0), now);
            });
        }
    }
    assert_eq!(table.len(), 1000);
    let found = known(&table, alive(), START + Duration::from_secs(200));
    assert!(found > 90, "{found}");
}

#[test]
fn a_table_of_one() {
    let mut table = table(0);
    for network in 0..10 {
        assert_eq!(
            admit(&mut table, peer(network, 1), START),
            Standing::Registered
        );
        assert_eq!(table.len(), 1);
    }
    assert_eq!(known(&table, [peer(9, 1)].into_iter(), START), 1);
}

impl Table {
    /// That all that is kept of the entries is the same.
    fn check(&self) {
        let mut places = Vec::new();
        let mut at = self.heard.oldest();
        while let Some(place) = at {
            places.push(place);
            at = self.entries[place as usize].links.newer();
        }
        assert_eq!(places.len(), self.len());
        let heard = places
            .iter()
            .map(|place| self.entries[*place as usize].heard);
        assert!(heard.is_sorted());
        for place in &places {
            let entry = &self.entries[*place as usize];
            let addr = SocketAddr::from((IpAddr::from(entry.ip), entry.port));
            assert_eq!(self.place(&addr), Some(*place));
        }
        assert_eq!(self.crowds.total(), self.len());
    }
}

proptest! {
    /// Whoever comes, the table keeps to its size, and who was taken last is known.
    #[test]
    fn it_stays_whole(
        capacity in 1..20usize,
        heard in proptest::collection::vec((0..5u16, 0..12u8, 0..200u64), 0..200),
    ) {
        let (mut now, mut table) = (START, table(capacity));
        for (network, number, seconds) in heard {
            now += Duration::from_secs(seconds);
            let addr = peer(network, number);
            let standing = admit(&mut table, addr, now);
            prop_assert_eq!(table.find(addr, now).is_some(), standing == Standing::Registered);
            prop_assert!(table.len() <= capacity);
            table.check();
        }
    }
}
