//! Which size a search for an MTU tries next.

use std::collections::VecDeque;

use super::record::Evidence;
use super::{MAX_PROBES, Mtu};

/// That loss alone explains the silence of the size above the result is no likelier than this.
const CHANCE: f64 = 1e-6;

/// So many packets at the most decide that, however lossy the path.
const MOST_PROBES: u32 = 24;

/// The same of a size on the way to the result, which is looked at again if need be.
const CHANCE_ON_THE_WAY: f64 = 0.01;
const MOST_ON_THE_WAY: u32 = 8;

/// The MTU of Ethernet.
const ETHERNET: Mtu = Mtu(1500);

/// MTUs that paths have: the least that every host takes, IPv6's minimum, tunnels (PPPoE, L2TP, GRE, IP in IP,
/// WireGuard, IPsec, VXLAN, GENEVE) in an Ethernet of 1500, the cards of some clouds, WLAN, FDDI, jumbo frames.
const COMMON: [u32; 32] = [
    296, 508, 576, 1006, 1280, 1300, 1358, 1376, 1380, 1400, 1412, 1420, 1428, 1436, 1438, 1440,
    1442, 1450, 1454, 1458, 1460, 1472, 1476, 1480, 1492, 1500, 2304, 4352, 8500, 8950, 9000, 9216,
];

/// Where a size stands among those that got through and those that did not.
#[derive(Debug)]
pub(super) struct Ladder<'a> {
    /// What gets through without a proof.
    pub(super) floor: Mtu,
    /// The longest that there is to try.
    pub(super) ceiling: Mtu,
    /// The same, where there is a reason to try it early.
    pub(super) likely_top: Option<Mtu>,
    /// What is said to be the answer, the latest first.
    pub(super) hints: &'a VecDeque<Mtu>,
    pub(super) evidence: Evidence,
}

/// What is to be tried next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) size: Mtu,
    /// How many packets of it are still to be sent, at least one.
    pub(super) probes: u32,
}

impl Ladder<'_> {
    /// The next size; `None` where the answer is known.
    pub(super) fn target(&self) -> Option<Target> {
        let low = self.evidence.proven.unwrap_or(self.floor);
        if low >= self.ceiling {
            return None;
        }
        let high = self.too_long(low);
        if low.next() < high {
            return Some(self.probes(self.between(low, high), self.enough()));
        }
        let last = self.probes(high, self.needed());
        (last.probes > 0).then_some(last)
    }

    /// The shortest that is held to be too long.
    fn too_long(&self, low: Mtu) -> Mtu {
        let misses = self.evidence.misses.range(low.next()..);
        let mut refuted = misses.filter(|(_, count)| **count >= self.enough());
        let above = self.ceiling.next();
        refuted.next().map_or(above, |(size, _)| above.min(*size))
    }

    fn probes(&self, size: Mtu, goal: u32) -> Target {
        let misses = self.evidence.misses.get(&size).copied().unwrap_or(0);
        Target {
            size,
            probes: goal.saturating_sub(misses),
        }
    }

    /// How many packets of a size must be missing on the way to the result.
    fn enough(&self) -> u32 {
        let Evidence { lost, known, .. } = self.evidence;
        let loss = f64::from(lost) / f64::from(known + 1);
        explained(CHANCE_ON_THE_WAY, loss).clamp(MAX_PROBES, MOST_ON_THE_WAY)
    }

    /// How many of the size above the result. None lost of a few does not mean that none ever is (rule of succession).
    fn needed(&self) -> u32 {
        let Evidence { lost, known, .. } = self.evidence;
        let loss = f64::from(lost + 1) / f64::from(known + 2);
        explained(CHANCE, loss).clamp(self.enough(), MOST_PROBES)
    }

    /// A size between these two: what is said, what is likely, or the middle.
    fn between(&self, low: Mtu, high: Mtu) -> Mtu {
        let is_open = |size: &Mtu| low < *size && *size < high;
        let told = self.hints.iter().copied().find(is_open);
        let first = [Some(Mtu::BASE), self.likely_top, Some(ETHERNET)];
        let first = || first.into_iter().flatten().find(is_open);
        let is_likely = low == ETHERNET || self.hints.contains(&low);
        told.or_else(|| is_likely.then_some(low.next()))
            .or_else(first)
            .unwrap_or_else(|| halved(low, high))
    }
}

/// How many packets in a row this share of loss takes no more often than with this chance.
fn explained(chance: f64, loss: f64) -> u32 {
    (chance.ln() / loss.ln()).ceil() as u32
}

/// The middle of the common sizes between these two; without any, what is just above a common one or the middle.
fn halved(low: Mtu, high: Mtu) -> Mtu {
    let above = COMMON.partition_point(|size| *size <= low.0);
    let below = COMMON.partition_point(|size| *size < high.0);
    if above < below {
        return Mtu(COMMON[above + (below - above) / 2]);
    }
    if COMMON.binary_search(&low.0).is_ok() {
        return low.next();
    }
    Mtu(low.0 + (high.0 - low.0) / 2)
}
