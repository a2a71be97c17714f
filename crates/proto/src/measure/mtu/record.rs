//! What was sent in a search for an MTU, what became of it, and what that proves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Heard, Mtu, Shape};

/// How many packets before its own an echo tells of.
const TOLD: u64 = 32;

/// So many misses say that a size is too long without a doubt: its echo came in fragments.
const CERTAIN: u32 = 1000;

/// Which way is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

/// What became of a packet on its way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    /// This machine did not send it.
    NotSent,
    Unknown,
    /// The same, and echoes that follow tell of later packets alone.
    Untold,
    /// It had not arrived when a later one did.
    Missing,
    Arrived,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    size: Mtu,
    sent: Duration,
    there: There,
    /// How its echo came, if it did.
    back: Option<Shape>,
}

/// What one way did with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Through,
    /// It counts as so many that did not get through.
    Missed(u32),
    /// That is not known yet.
    Open,
    /// It says nothing of this way.
    Void,
}

impl Packet {
    fn fate(&self, way: Way, now: Duration, patience: Duration) -> Fate {
        match (way, self.there, self.back) {
            (_, There::NotSent | There::Untold, _) => Fate::Void,
            (_, There::Unknown, _) => Fate::Open,
            (Way::There, There::Missing, _) => Fate::Missed(1),
            (Way::There, There::Arrived, _) => Fate::Through,
            (Way::Back, There::Missing, _) => Fate::Void,
            (Way::Back, There::Arrived, Some(Shape::Whole)) => Fate::Through,
            (Way::Back, There::Arrived, Some(Shape::Cut(_))) => Fate::Missed(CERTAIN),
            (Way::Back, There::Arrived, None) if now < self.sent + patience => Fate::Open,
            (Way::Back, There::Arrived, None) => Fate::Missed(1),
        }
    }

    fn is_through(&self, way: Way) -> bool {
        self.fate(way, Duration::MAX, Duration::ZERO) == Fate::Through
    }
}

/// What the packets prove of one way.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The longest that got through.
    pub(super) proven: Option<Mtu>,
    /// How many of each longer size did not.
    pub(super) misses: BTreeMap<Mtu, u32>,
    /// Packets no longer than what is proven whose fate is known, and those of them that got lost.
    pub(super) known: u32,
    pub(super) lost: u32,
}

/// All packets of a search.
#[derive(Debug, Default)]
pub(super) struct Record {
    packets: Vec<Packet>,
    longest_round_trip: Option<Duration>,
}

impl Record {
    /// Notes a packet that is about to be sent, and gives its number.
    pub(super) fn sent(&mut self, size: Mtu, now: Duration) -> u64 {
        self.packets.push(Packet {
            size,
            sent: now,
            there: There::Unknown,
            back: None,
        });
        self.packets.len() as u64 - 1
    }

    /// The packet was not sent after all; its size.
    pub(super) fn refused(&mut self, number: u64) -> Option<Mtu> {
        let packet = self.get(number)?;
        packet.there = There::NotSent;
        Some(packet.size)
    }

    /// Notes what an echo says; whether it is one of a packet that was sent.
    pub(super) fn heard(&mut self, heard: Heard, now: Duration) -> bool {
        let Some(packet) = self.get(heard.number) else {
            return false;
        };
        if packet.there == There::NotSent {
            return false;
        }
        packet.there = There::Arrived;
        if packet.back.is_none() {
            packet.back = Some(heard.shape);
            let took = now.saturating_sub(packet.sent);
            self.longest_round_trip = self.longest_round_trip.max(Some(took));
        }
        for back in 1..=TOLD.min(heard.number) {
            let arrived = heard.before >> (back - 1) & 1 == 1;
            self.told(heard.number - back, arrived);
        }
        self.leave_untold(heard.number.saturating_sub(TOLD));
        true
    }

    /// Packets before this number are too far back for the echoes to come.
    fn leave_untold(&mut self, number: u64) {
        let before = usize::try_from(number).unwrap_or(usize::MAX);
        for packet in self.packets.iter_mut().take(before) {
            if packet.there == There::Unknown {
                packet.there = There::Untold;
            }
        }
    }

    /// Whether this packet had arrived when a later one did. One that is late after all has arrived.
    fn told(&mut self, number: u64, arrived: bool) {
        let Some(packet) = self.get(number) else {
            return;
        };
        packet.there = match (packet.there, arrived) {
            (There::Unknown | There::Untold | There::Missing, true) => There::Arrived,
            (There::Unknown | There::Untold, false) => There::Missing,
            (known, _) => known,
        };
    }

    fn get(&mut self, number: u64) -> Option<&mut Packet> {
        self.packets.get_mut(usize::try_from(number).ok()?)
    }

    /// Numbers given out, those of packets that were not sent included.
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    fn on_the_wire(&self) -> impl Iterator<Item = &Packet> {
        let packets = self.packets.iter();
        packets.filter(|packet| packet.there != There::NotSent)
    }

    pub(super) fn count_sent(&self) -> u64 {
        self.on_the_wire().count() as u64
    }

    pub(super) fn count_answered(&self) -> u64 {
        let echoed = |packet: &&Packet| packet.back.is_some();
        self.packets.iter().filter(echoed).count() as u64
    }

    pub(super) fn longest_round_trip(&self) -> Option<Duration> {
        self.longest_round_trip
    }

    /// Whether a longer packet was sent.
    pub(super) fn has_sent_above(&self, size: Mtu) -> bool {
        self.on_the_wire().any(|packet| packet.size > size)
    }

    /// Whether the echo of a longer packet came in fragments.
    pub(super) fn was_cut_above(&self, size: Mtu) -> bool {
        let is_cut = |packet: &Packet| matches!(packet.back, Some(Shape::Cut(_)));
        self.packets
            .iter()
            .any(|packet| packet.size > size && is_cut(packet))
    }

    /// The longest that got through.
    pub(super) fn proven(&self, way: Way) -> Option<Mtu> {
        let through = self.packets.iter().filter(|packet| packet.is_through(way));
        through.map(|packet| packet.size).max()
    }

    /// The longest whose echo came, however.
    pub(super) fn echoed(&self) -> Option<Mtu> {
        let echoed = self.packets.iter().filter(|packet| packet.back.is_some());
        echoed.map(|packet| packet.size).max()
    }

    /// Whether echoes of packets that arrived stay away, among those no longer than one that came.
    pub(super) fn loses_echoes(&self, patience: Duration) -> bool {
        let Some(last) = self.packets.last() else {
            return false;
        };
        let echoed = self.echoed();
        self.packets.iter().any(|packet| {
            let is_lost = packet.there == There::Arrived && packet.back.is_none();
            is_lost && Some(packet.size) <= echoed && packet.sent + patience < last.sent
        })
    }

    pub(super) fn evidence(&self, way: Way, now: Duration, patience: Duration) -> Evidence {
        let proven = self.proven(way);
        let (mut misses, mut lost, mut known) = (BTreeMap::new(), 0u32, 0u32);
        for packet in &self.packets {
            let fate = packet.fate(way, now, patience);
            if Some(packet.size) <= proven {
                lost += u32::from(matches!(fate, Fate::Missed(_)));
                known += u32::from(matches!(fate, Fate::Missed(_) | Fate::Through));
            } else if let Fate::Missed(count) = fate {
                *misses.entry(packet.size).or_default() += count;
            }
        }
        Evidence {
            proven,
            misses,
            known,
            lost,
        }
    }

    /// Whether the fate of all packets of this size from this number on is known.
    pub(super) fn is_decided(
        &self,
        first: u64,
        size: Mtu,
        way: Way,
        now: Duration,
        patience: Duration,
    ) -> bool {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let mut packets = self.packets.iter().skip(first);
        packets.all(|packet| packet.size != size || packet.fate(way, now, patience) != Fate::Open)
    }
}
