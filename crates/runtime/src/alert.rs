//! When it pays to look for what comes instead of sleeping: to be woken takes longer than most answers.
//!
//! A thread that is spoken to again and again, one message at a time, would spend its time falling asleep and being woken.
//! So while what comes follows closely, it looks for a moment before it sleeps; and each time it looks in vain, it does
//! without for twice as many arrivals as the last time. What comes rarely, or while another program needs the same
//! processor, costs next to nothing.

use std::time::{Duration, Instant};

/// Arrivals that are closer than this follow each other closely.
const CLOSE: Duration = Duration::from_micros(250);

/// How long a thread looks at the most.
const LONGEST: Duration = Duration::from_micros(100);

/// The most arrivals for which nobody looks, after many times in vain.
const MOST_RESTS: u32 = 4096;

/// Whether a thread is to look, from what came before.
#[derive(Debug, Default)]
pub(crate) struct Alert {
    last: Option<Instant>,
    follows_closely: bool,
    /// For how many arrivals more it does without.
    rests: u32,
    /// For how many it did without when it last looked in vain.
    penalty: u32,
}

impl Alert {
    /// Something has come.
    pub(crate) fn came(&mut self, now: Instant) {
        let gap = self
            .last
            .replace(now)
            .map(|last| now.saturating_duration_since(last));
        self.follows_closely = gap.is_some_and(|gap| gap < CLOSE);
        self.rests = self.rests.saturating_sub(1);
    }

    /// Until when to look before sleeping; `None` is not at all.
    pub(crate) fn until(&self, now: Instant) -> Option<Instant> {
        (self.follows_closely && self.rests == 0).then(|| now + LONGEST)
    }

    /// It was found by looking.
    pub(crate) fn found(&mut self) {
        self.penalty /= 2;
    }

    /// It was looked for in vain.
    pub(crate) fn missed(&mut self) {
        self.penalty = (self.penalty * 2).clamp(1, MOST_RESTS);
        self.rests = self.penalty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of arrivals with this gap between them, how many times it looked, and how often in vain, if what is looked for
    /// comes after the gap.
    fn looked(gap: Duration, arrivals: u32) -> (u32, u32) {
        let (mut alert, mut now) = (Alert::default(), Instant::now());
        let (mut looked, mut missed) = (0, 0);
        for _ in 0..arrivals {
            alert.came(now);
            if alert.until(now).is_some() {
                looked += 1;
                if gap <= LONGEST {
                    alert.found();
                } else {
                    missed += 1;
                    alert.missed();
                }
            }
            now += gap;
        }
        (looked, missed)
    }

    #[test]
    fn it_looks_for_what_comes_soon_and_gives_up_on_what_does_not() {
        assert_eq!(looked(Duration::from_micros(40), 1000), (999, 0));
        assert_eq!(looked(Duration::from_millis(1), 1000), (0, 0));
        let (looked, missed) = looked(Duration::from_micros(200), 100_000);
        assert_eq!(looked, missed);
        assert!((10..50).contains(&looked), "{looked}");
    }

    #[test]
    fn it_is_alert_again_when_what_comes_is_close_again() {
        let (mut alert, start) = (Alert::default(), Instant::now());
        for _ in 0..20 {
            alert.missed();
        }
        let mut now = start;
        let waits = (0..10_000).position(|_| {
            now += Duration::from_micros(40);
            alert.came(now);
            alert.until(now).is_some()
        });
        assert_eq!(waits, Some(MOST_RESTS as usize - 1));
    }
}
