//! What somebody heard in a room, and what they had to hear.

use std::collections::{BTreeMap, BTreeSet};

use proto::relay::native::frames::Joined;

/// Who said what is at which place, in each epoch.
pub(crate) type Truth = BTreeMap<u64, BTreeMap<u64, usize>>;

/// What a peer heard between joining a room and leaving it.
#[derive(Debug, Default)]
pub(crate) struct Stay {
    epochs: BTreeMap<u64, Heard>,
    now: u64,
    /// Whether the peer is still in the room.
    pub(crate) is_over: bool,
}

#[derive(Debug, Default)]
struct Heard {
    /// The first place that has to be heard.
    start: u64,
    places: BTreeSet<u64>,
    /// How many were said to be missed.
    missed: u64,
}

impl Stay {
    pub(crate) fn joined(&mut self, joined: &Joined) {
        self.now = joined.mark.epoch;
        let start = joined.mark.place + 1;
        let heard = self.epochs.entry(self.now).or_insert_with(|| Heard {
            start,
            ..Heard::default()
        });
        heard.missed += joined.missed.unwrap_or(0);
    }

    /// Something with this place was heard, once.
    pub(crate) fn heard(&mut self, place: u64) -> u64 {
        let heard = self.epochs.get_mut(&self.now).expect("joined before");
        assert!(heard.places.insert(place), "place {place} was heard twice");
        self.now
    }

    /// All places were heard, were the peer's own, or it was told that it missed them.
    pub(crate) fn check(&self, peer: usize, truth: &Truth) {
        for (epoch, heard) in &self.epochs {
            let Some(said) = truth.get(epoch) else {
                continue;
            };
            let stays = !self.is_over && self.now == *epoch;
            let last = if stays { said } else { &BTreeMap::new() };
            let last = last.keys().chain(&heard.places).max().copied().unwrap_or(0);
            let gaps: Vec<_> = (heard.start..=last)
                .filter(|place| !heard.places.contains(place) && said.get(place) != Some(&peer))
                .collect();
            assert!(
                gaps.len() as u64 <= heard.missed,
                "peer {peer} has not heard {gaps:?} of {last} and knows of {} that it missed",
                heard.missed
            );
        }
    }
}
