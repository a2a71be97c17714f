//! Emulated impairment: loss, delay, duplication and reordering of what a server sends.
//!
//! [`Impairment`] decides what happens to each datagram; [`DelayLine`] keeps those that wait. Each datagram is delayed
//! on its own: one that waits holds up no other, to the same peer or to another.

mod line;

use std::fmt;
use std::time::Duration;

pub use line::{DelayLine, Ticket};

use crate::units::{Percent, TimeRange};

/// What to emulate. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Profile {
    /// The share of datagrams that are not sent.
    pub loss: Percent,
    /// The range that each datagram's delay is drawn from, uniformly.
    pub delay: TimeRange,
    /// The share of datagrams that are sent twice, the second with a delay of its own.
    pub duplicate: Percent,
    /// The share of datagrams that are held back until the next one to the same peer has gone, or for
    /// [`Profile::LONGEST_HOLD`].
    pub reorder: Percent,
}

impl Profile {
    /// How long a datagram is held back at the most when no other follows.
    pub const LONGEST_HOLD: Duration = Duration::from_millis(50);

    /// Whether nothing is emulated.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The longest that a datagram can wait.
    pub fn longest_wait(&self) -> Duration {
        if self.reorder.is_zero() {
            return self.delay.max();
        }
        self.delay.max() + Self::LONGEST_HOLD
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {}, delay {}", self.loss, self.delay)?;
        if !self.duplicate.is_zero() {
            write!(f, ", duplication {}", self.duplicate)?;
        }
        if !self.reorder.is_zero() {
            write!(f, ", reordering {}", self.reorder)?;
        }
        Ok(())
    }
}

/// What becomes of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The delay of the datagram; `None` if it is lost.
    pub sent: Option<Duration>,
    /// The delay of a second copy, where there is one.
    pub copy: Option<Duration>,
    /// Whether the datagram (not its copy) is held back until the next one has gone.
    pub held: bool,
}

/// Decides the fate of datagrams, one after the other. The same profile and seed decide alike, and each kind of
/// impairment has a sequence of its own, so that changing one leaves the others' decisions as they were.
#[derive(Clone, Debug)]
pub struct Impairment {
    profile: Profile,
    loss: fastrand::Rng,
    delay: fastrand::Rng,
    duplicate: fastrand::Rng,
    reorder: fastrand::Rng,
}

impl Impairment {
    /// Starts the sequences that belong to this seed.
    pub fn new(profile: Profile, seed: u64) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            profile,
            loss: seeds.fork(),
            delay: seeds.fork(),
            duplicate: seeds.fork(),
            reorder: seeds.fork(),
        }
    }

    /// The fate of the next datagram.
    pub fn decide(&mut self) -> Fate {
        let lost = hits(&mut self.loss, self.profile.loss);
        let copied = hits(&mut self.duplicate, self.profile.duplicate);
        let held = hits(&mut self.reorder, self.profile.reorder);
        let (first, second) = (self.draw(), self.draw());
        Fate {
            sent: (!lost).then_some(first),
            copy: (copied && !lost).then_some(second),
            held,
        }
    }

    fn draw(&mut self) -> Duration {
        let (min, max) = (self.profile.delay.min(), self.profile.delay.max());
        min + (max - min).mul_f64(self.delay.f64())
    }
}

fn hits(rng: &mut fastrand::Rng, share: Percent) -> bool {
    rng.f64() < share.fraction()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn percent(percent: f64) -> Percent {
        Percent::new(percent).unwrap()
    }

    fn documented() -> Profile {
        Profile {
            loss: percent(10.0),
            delay: TimeRange::new(Duration::from_micros(100), ms(500)).unwrap(),
            duplicate: percent(5.0),
            reorder: percent(1.0),
        }
    }

    fn fates(profile: Profile, seed: u64) -> Vec<Fate> {
        let mut impairment = Impairment::new(profile, seed);
        (0..100_000).map(|_| impairment.decide()).collect()
    }

    #[test]
    fn the_shares_are_what_was_asked_for() {
        let fates = fates(documented(), 42);
        let share = |test: fn(&Fate) -> bool| {
            fates.iter().filter(|fate| test(fate)).count() as f64 / fates.len() as f64
        };
        let near = |share: f64, expected: f64| (share - expected).abs() < 0.005;
        assert!(near(share(|fate| fate.sent.is_none()), 0.1));
        assert!(near(share(|fate| fate.copy.is_some()), 0.05 * 0.9));
        assert!(near(share(|fate| fate.held), 0.01));
        let delays: Vec<_> = fates.iter().filter_map(|fate| fate.sent).collect();
        let mean = delays.iter().sum::<Duration>() / delays.len() as u32;
        assert!(mean.abs_diff(ms(250)) < ms(3), "{mean:?}");
        let (min, max) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(*min >= Duration::from_micros(100) && *min < ms(1));
        assert!(*max <= ms(500) && *max > ms(499));
    }

    #[test]
    fn a_seed_decides_alike_and_kinds_do_not_mix() {
        assert_eq!(fates(documented(), 7), fates(documented(), 7));
        assert_ne!(fates(documented(), 7), fates(documented(), 8));
        let without_loss = Profile {
            loss: Percent::default(),
            ..documented()
        };
        let kept = fates(documented(), 7)
            .into_iter()
            .zip(fates(without_loss, 7));
        for (with, without) in kept.filter(|(with, _)| with.sent.is_some()) {
            assert_eq!(with, without);
        }
    }

    #[test]
    fn nothing_is_emulated_unless_asked_for() {
        let untouched = Fate {
            sent: Some(Duration::ZERO),
            copy: None,
            held: false,
        };
        assert!(
            fates(Profile::default(), 1)
                .iter()
                .all(|fate| *fate == untouched)
        );
        let all_lost = Profile {
            loss: percent(100.0),
            ..Profile::default()
        };
        assert!(fates(all_lost, 1).iter().all(|fate| fate.sent.is_none()));
    }
}
