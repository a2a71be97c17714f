//! How many addresses each network has in a table, nearly.

/// A count-min sketch: each network counts in two places, and has no more than the lesser of them.
#[derive(Debug)]
pub(super) struct Crowds {
    /// A power of two of them.
    counts: Box<[u32]>,
    total: usize,
}

impl Crowds {
    /// Room for so many addresses, such that few networks meet.
    pub(super) fn new(room: usize) -> Self {
        let places = (2 * room.max(32)).next_power_of_two();
        Self {
            counts: vec![0; places].into_boxed_slice(),
            total: 0,
        }
    }

    /// Whether there are as many addresses as it has room for.
    pub(super) fn is_full(&self) -> bool {
        2 * self.total >= self.counts.len()
    }

    pub(super) fn join(&mut self, network: u64) {
        for place in self.places(network) {
            self.counts[place] += 1;
        }
        self.total += 1;
    }

    pub(super) fn leave(&mut self, network: u64) {
        for place in self.places(network) {
            self.counts[place] -= 1;
        }
        self.total -= 1;
    }

    /// How large the network is, in powers of two: one of seven is as small as one of one, since some meet others in both
    /// places.
    pub(super) fn size(&self, network: u64) -> u32 {
        let [one, other] = self.places(network).map(|place| self.counts[place]);
        (one.min(other) | 7).ilog2()
    }

    fn places(&self, network: u64) -> [usize; 2] {
        [network, network >> 32].map(|hash| hash as usize & (self.counts.len() - 1))
    }

    #[cfg(test)]
    pub(super) fn total(&self) -> usize {
        assert_eq!(self.counts.iter().sum::<u32>() as usize, 2 * self.total);
        self.total
    }
}
