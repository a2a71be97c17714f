//! How clients came in, and so how they are reached: a number for each socket and address of ours.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use proto::relay::hub::Via;

/// A socket, and the address of ours that datagrams come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    /// The socket's number.
    pub(super) socket: usize,
    /// The address; the system chooses without one.
    pub(super) from: Option<IpAddr>,
}

/// All ways that there are. Each stays for good: a machine has few addresses.
#[derive(Debug)]
pub(super) struct Ways(RwLock<Table>);

#[derive(Debug)]
struct Table {
    ways: Vec<Way>,
    numbers: HashMap<Way, Via>,
}

impl Ways {
    /// At most so many, but for the first of each socket: loopback alone has 16 million addresses.
    const MOST: usize = 4096;

    /// Of so many sockets, whose numbers are the first.
    pub(super) fn new(sockets: usize) -> Self {
        let mut table = Table {
            ways: Vec::new(),
            numbers: HashMap::new(),
        };
        for socket in 0..sockets {
            table.add(Way { socket, from: None });
        }
        Self(RwLock::new(table))
    }

    /// The number of this way. Where there are too many, it is that of its socket, and the system chooses the address.
    pub(super) fn number(&self, way: Way) -> Via {
        let known = self.read().numbers.get(&way).copied();
        known.unwrap_or_else(|| self.write().add(way))
    }

    /// Copies what is not in `ways` yet.
    pub(super) fn copy(&self, ways: &mut Vec<Way>) {
        let table = self.read();
        ways.extend_from_slice(table.ways.get(ways.len()..).unwrap_or_default());
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, way: Way) -> Via {
        let next = Via(u16::try_from(self.ways.len()).unwrap_or(u16::MAX));
        if let Some(known) = self.numbers.get(&way) {
            return *known;
        }
        if way.from.is_some() && self.ways.len() >= Ways::MOST {
            let socket = Way { from: None, ..way };
            return self.numbers.get(&socket).copied().unwrap_or_default();
        }
        self.ways.push(way);
        self.numbers.insert(way, next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(socket: usize, from: u32) -> Way {
        Way {
            socket,
            from: Some(IpAddr::from(from.to_be_bytes())),
        }
    }

    #[test]
    fn a_way_keeps_its_number() {
        let ways = Ways::new(2);
        let (a, b) = (ways.number(way(0, 7)), ways.number(way(1, 7)));
        assert_eq!((a, b), (Via(2), Via(3)));
        assert_eq!(ways.number(way(0, 7)), a);
        let mut copy = Vec::new();
        ways.copy(&mut copy);
        assert_eq!(copy[usize::from(b.0)], way(1, 7));
        ways.number(way(0, 8));
        ways.copy(&mut copy);
        assert_eq!((copy.len(), copy[4]), (5, way(0, 8)));
    }

    #[test]
    fn more_addresses_than_a_machine_has_take_no_more_room() {
        let ways = Ways::new(2);
        for from in 0..100_000 {
            let number = ways.number(way(1, from));
            assert!(usize::from(number.0) < Ways::MOST);
        }
        assert_eq!(ways.number(way(1, 99_999)), Via(1));
    }
}
