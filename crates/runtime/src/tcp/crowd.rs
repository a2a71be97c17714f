//! Who has to go when a house is full and somebody waits outside.

use std::cmp::Reverse;
use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use super::call::Called;
use super::peer::Peer;
use crate::limit::Network;

/// How long a connection has nothing to do before it has to go: what its peer asks for first may be on its way.
const SETTLED: Duration = Duration::from_millis(250);

/// Who is taken to belong together. Programs of this machine are each on their own: behind a proxy they are many people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Party {
    Network(Network),
    Local(Called),
}

/// A connection, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) called: Called,
    pub(super) peer: Peer,
    /// Since when it has nothing to do; `None` where it has.
    pub(super) idle_since: Option<Instant>,
}

#[derive(Debug, Default)]
struct Members {
    size: usize,
    idle: Vec<(Instant, Called)>,
}

/// Connections that have to go, of `guests`, who are all that are there: at most so many, in this order. Only those go that
/// have nothing to do; first those of the network that has most connections, and of these who has been idle for longest.
/// So whoever takes all the room with idle connections gives his own away, not those of others.
pub(super) fn who_goes(
    guests: impl Iterator<Item = Guest>,
    most: usize,
    now: Instant,
) -> VecDeque<Called> {
    let mut parties: Vec<Members> = gather(guests, now);
    for party in &mut parties {
        party
            .idle
            .sort_unstable_by_key(|(since, _)| Reverse(*since));
    }
    let rank = |party: &Members, place| {
        let oldest = party.idle.last()?.0;
        Some((party.size, Reverse(oldest), place))
    };
    let ranked = parties.iter().enumerate();
    let mut heap: BinaryHeap<_> = ranked.filter_map(|(place, one)| rank(one, place)).collect();
    let mut going = VecDeque::new();
    while going.len() < most
        && let Some((_, _, place)) = heap.pop()
    {
        let party = &mut parties[place];
        going.extend(party.idle.pop().map(|(_, called)| called));
        party.size -= 1;
        heap.extend(rank(party, place));
    }
    going
}

fn gather(guests: impl Iterator<Item = Guest>, now: Instant) -> Vec<Members> {
    let mut places = HashMap::new();
    let mut parties: Vec<Members> = Vec::new();
    for guest in guests {
        let place = match places.entry(party(&guest)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                parties.push(Members::default());
                *new.insert(parties.len() - 1)
            }
        };
        let members = &mut parties[place];
        members.size += 1;
        let settled = |since: &Instant| now.saturating_duration_since(*since) >= SETTLED;
        let idle = guest.idle_since.filter(settled);
        members.idle.extend(idle.map(|since| (since, guest.called)));
    }
    parties
}

fn party(guest: &Guest) -> Party {
    match guest.peer {
        Peer::Inet(addr) => Party::Network(Network::of(addr)),
        Peer::Local => Party::Local(guest.called),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    /// Connections by address and for how many milliseconds they have been idle, numbered as they stand here.
    fn going(guests: &[(&str, Option<u64>)], most: usize) -> Vec<usize> {
        let now = Instant::now() + Duration::from_secs(3600);
        let guest = |(number, (addr, idle)): (usize, &(&str, Option<u64>))| Guest {
            called: Called {
                number,
                generation: 1,
            },
            peer: addr.parse().map_or(Peer::Local, Peer::Inet),
            idle_since: idle.map(|idle| now - Duration::from_millis(idle)),
        };
        let all = guests.iter().enumerate().map(guest);
        let going = who_goes(all, most, now).into_iter();
        going.map(|called| called.number).collect()
    }

    #[test]
    fn who_was_idle_for_longest_goes_first() {
        let guests = [
            ("192.0.2.1:1", Some(MINUTE)),
            ("198.51.100.1:1", Some(2 * MINUTE)),
            ("203.0.113.1:1", None),
            ("203.0.114.1:1", Some(100)),
        ];
        assert_eq!(going(&guests, 9), [1, 0]);
        assert_eq!(going(&guests, 1), [1]);
    }

    #[test]
    fn whoever_takes_the_room_gives_his_own_away() {
        let mut guests = vec![
            ("192.0.2.1:1", Some(50 * MINUTE)),
            ("[2001:db8::1]:1", Some(50 * MINUTE)),
            ("unix", Some(50 * MINUTE)),
        ];
        guests.extend([("203.0.113.9:1", Some(1000)); 20]);
        let all = going(&guests, 20);
        assert_eq!(all.len(), 20);
        assert!(all[..18].iter().all(|number| *number > 2), "{all:?}");
    }

    #[test]
    fn what_is_busy_counts_for_its_network() {
        let guests = [
            ("192.0.2.1:1", Some(50 * MINUTE)),
            ("203.0.113.1:1", None),
            ("203.0.113.2:1", None),
            ("203.0.113.3:1", Some(1000)),
        ];
        assert_eq!(going(&guests, 1), [3]);
    }

    #[test]
    fn nobody_goes_who_is_busy_or_new() {
        let guests = [("192.0.2.1:1", None), ("192.0.2.1:2", Some(200))];
        assert_eq!(going(&guests, 9), [0; 0]);
        assert_eq!(going(&[], 9), [0; 0]);
    }

    #[test]
    fn programs_of_this_machine_are_each_on_their_own() {
        let mut guests = vec![("unix", Some(1000)); 9];
        guests.extend([("127.0.0.1:1", Some(1000)), ("127.0.0.1:2", Some(1000))]);
        guests.extend([("192.0.2.1:1", Some(600)), ("192.0.2.1:2", Some(600))]);
        assert!(going(&guests, 1)[0] >= 11);
    }
}
