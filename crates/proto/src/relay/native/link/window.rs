//! How many packets may be on their way: as many as the path is seen to carry (RFC 5681).

/// How many at the beginning. Most packets of this wire are far from full.
const START: u32 = 64;

/// How many after nothing came back.
const RESTART: u32 = 8;

/// The fewest.
const FLOOR: u32 = 4;

/// The most.
const MOST: u32 = 4096;

/// The congestion window, in packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    packets: u16,
    threshold: u16,
    acknowledged: u16,
    before: u16,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            packets: START as u16,
            threshold: MOST as u16,
            acknowledged: 0,
            before: 0,
        }
    }

    /// How many may be on their way.
    pub(super) fn packets(&self) -> u32 {
        u32::from(self.packets)
    }

    /// So many have come, and the window was used up: it grows, by one for each in the beginning, later by one for each
    /// time that all of it has come.
    pub(super) fn grow(&mut self, came: u32) {
        if self.packets < self.threshold {
            return self.set(self.packets() + came);
        }
        let came = u32::from(self.acknowledged) + came;
        self.acknowledged = (came % self.packets()) as u16;
        self.set(self.packets() + came / self.packets());
    }

    /// One was lost while others came: half.
    pub(super) fn halve(&mut self) {
        self.before = self.packets;
        self.set(self.packets() / 2);
        self.threshold = self.packets;
        self.acknowledged = 0;
    }

    /// What was thought lost has come: as before.
    pub(super) fn restore(&mut self) {
        self.packets = self.packets.max(self.before);
        self.threshold = self.threshold.max(self.before);
    }

    /// Nothing comes back: it begins anew.
    pub(super) fn restart(&mut self) {
        self.halve();
        self.set(self.packets().min(RESTART));
    }

    /// Nothing was sent for a while: what the path carried then says little.
    pub(super) fn rest(&mut self) {
        self.set(self.packets().min(START));
    }

    fn set(&mut self, packets: u32) {
        self.packets = packets.clamp(FLOOR, MOST) as u16;
    }
}
