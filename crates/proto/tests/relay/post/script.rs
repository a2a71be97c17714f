//! What happens in a world, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::peer::{KNOWN, PEERS};
use super::{Kind, World, telling};
use crate::network::Random;

/// For how long something is done, in microseconds.
const BUSY: u64 = 40_000_000;

/// What is done at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Say(usize),
    Move(usize),
    /// The program is killed.
    Kill(usize),
    /// The program says goodbye, and ends a little later.
    Close(usize),
    Start(usize),
    /// Nothing comes through between a client and all relays.
    Cut(usize),
    Heal(usize),
    KillRelay(usize),
    StartRelay(usize),
    /// Nothing can be written to the disk.
    FillDisk,
    KillBus,
    CutRelay(usize),
    /// Neither clients nor the bus reach a relay.
    Isolate(usize),
    Rejoin(usize),
}

/// Deeds in the order in which they are due.
#[derive(Debug, Default)]
pub(super) struct Script {
    deeds: BTreeMap<(Duration, u64), Deed>,
    added: u64,
}

impl Script {
    pub(super) fn new(kind: Kind, relays: usize, random: &mut Random, now: Duration) -> Self {
        let mut script = Self::default();
        let peer = |random: &mut Random| random.below(PEERS as u64) as usize;
        let relay = |random: &mut Random| random.below(relays as u64) as usize;
        // In every fourth world all of this comes closely.
        let often = if random.one_in(4) { 4 } else { 1 };
        let some = |random: &mut Random, most: u64| random.below(often * most + 1);
        let mut deeds = Vec::new();
        deeds.extend((0..60).map(|_| Deed::Say(peer(random))));
        deeds.extend((0..some(random, 3)).map(|_| Deed::Kill(peer(random))));
        deeds.extend((0..some(random, 3)).map(|_| Deed::Close(peer(random))));
        deeds.extend((0..some(random, 2)).map(|_| Deed::Cut(peer(random))));
        deeds.extend((0..some(random, 2)).map(|_| Deed::Move(peer(random))));
        deeds.extend((0..some(random, 2)).map(|_| Deed::KillRelay(relay(random))));
        match kind {
            Kind::Store => deeds.extend((0..some(random, 2)).map(|_| Deed::FillDisk)),
            Kind::Fleet => {
                deeds.extend((0..some(random, 1)).map(|_| Deed::KillBus));
                deeds.extend((0..some(random, 2)).map(|_| Deed::CutRelay(relay(random))));
                deeds.extend((0..some(random, 1)).map(|_| Deed::Isolate(relay(random))));
                let at = now + Duration::from_micros(random.below(BUSY));
                for peer in KNOWN..PEERS {
                    let at = at + Duration::from_millis(random.below(20));
                    script.add(at, Deed::Start(peer));
                }
            }
        }
        for deed in deeds {
            script.add(now + Duration::from_micros(random.below(BUSY)), deed);
        }
        script
    }

    pub(super) fn add(&mut self, due: Duration, deed: Deed) {
        self.added += 1;
        self.deeds.insert((due, self.added), deed);
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.deeds.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn take(&mut self, now: Duration) -> Option<Deed> {
        let entry = self.deeds.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn is_over(&self) -> bool {
        self.deeds.is_empty()
    }
}

impl World {
    pub(super) fn do_deed(&mut self, deed: Deed) {
        telling::trace(self.now, "script", &deed);
        match deed {
            Deed::Say(peer) => self.say_some(peer),
            Deed::Move(peer) => self.moves(peer),
            Deed::Kill(peer) => self.kill(peer),
            Deed::Close(peer) => self.close(peer),
            Deed::Start(peer) => self.start(peer),
            Deed::Cut(peer) => self.cut(peer),
            Deed::Heal(peer) => self.peers[peer].is_cut = false,
            Deed::KillRelay(relay) => self.kill_relay(relay),
            Deed::StartRelay(relay) => self.start_relay(relay),
            Deed::FillDisk => self.fill_disk(),
            Deed::KillBus => self.kill_bus(),
            Deed::CutRelay(relay) => {
                self.cut_relay(relay);
            }
            Deed::Isolate(relay) => self.isolate(relay),
            Deed::Rejoin(relay) => self.machines[relay].is_isolated = false,
        }
    }
}
