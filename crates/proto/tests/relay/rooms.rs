//! What somebody heard in a room, and what they had to hear.

use std::collections::{BTreeMap, BTreeSet};

use proto::relay::native::frames::Joined;

/// At which place stands which message, and who has said it, in each epoch.
pub(crate) type Truth = BTreeMap<u64, BTreeMap<u64, (usize, usize)>>;

/// What a peer heard between joining a room and leaving it.
#[derive(Debug, Default)]
pub(crate) struct Stay {
    epochs: BTreeMap<u64, Heard>,
    now: u64,
    messages: BTreeSet<usize>,
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

    /// A message with this place was heard; hands out the epoch.
    pub(crate) fn heard(&mut self, place: u64, message: usize) -> u64 {
        self.messages.insert(message);
        let heard = self.epochs.get_mut(&self.now).expect("joined before");
        assert!(heard.places.insert(place), "place {place} was heard twice");
        self.now
    }

    /// All places were heard, were the peer's own, or it was told that it missed them. What was not whole when the relay
    /// was started anew is not said again; the new epoch tells of that.
    pub(crate) fn check(&self, peer: usize, truth: &Truth, has_parts: impl Fn(usize) -> bool) {
        for (epoch, heard) in &self.epochs {
            let Some(said) = truth.get(epoch) else {
                continue;
            };
            let stays = !self.is_over && self.now == *epoch;
            let last = if stays { said } else { &BTreeMap::new() };
            let last = last.keys().chain(&heard.places).max().copied().unwrap_or(0);
            // A message whose sender is gone before it is whole has a place too; what was said to one relay, which is
            // gone, is said again to the next.
            let was_cut = |message| self.now != *epoch && has_parts(message);
            let is_there = |place: &u64| match said.get(place) {
                Some((message, _)) if was_cut(*message) => false,
                Some((message, sender)) => *sender != peer && !self.messages.contains(message),
                None => false,
            };
            let gaps: Vec<_> = (heard.start..=last)
                .filter(|place| !heard.places.contains(place) && is_there(place))
                .collect();
            assert!(
                gaps.len() as u64 <= heard.missed,
                "peer {peer} has not heard {gaps:?} of {last} and knows of {} that it missed",
                heard.missed
            );
        }
    }
}
