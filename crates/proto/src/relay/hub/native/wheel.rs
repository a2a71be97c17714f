//! When sessions are to be looked at again, to 5 ms.

use std::time::Duration;

/// A place on the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u16);

/// A wheel of slots. What is due later than it reaches comes up at its far end and is put again.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<u32>>,
    /// A bit for each slot that has something in it.
    filled: [u64; Self::SLOTS / 64],
    /// The tick up to which everything was taken out.
    past: u64,
}

impl Wheel {
    const TICK: u64 = 5;
    const SLOTS: usize = 512;

    pub(super) fn new(now: Duration) -> Self {
        Self {
            slots: vec![Vec::new(); Self::SLOTS],
            filled: [0; Self::SLOTS / 64],
            past: Self::tick(now),
        }
    }

    fn tick(moment: Duration) -> u64 {
        moment.as_millis() as u64 / Self::TICK
    }

    /// Puts what is due, unless `at`, where it is already, is no later.
    pub(super) fn put(&mut self, index: u32, due: Duration, at: &mut Option<Slot>) {
        let ahead = (Self::tick(due) + 1).saturating_sub(self.past);
        let ahead = ahead.clamp(1, Self::SLOTS as u64 - 1);
        let until = |slot: &Slot| (u64::from(slot.0) + Self::SLOTS as u64 - self.place(0)) % 512;
        if at.as_ref().is_some_and(|slot| until(slot) <= ahead) {
            return;
        }
        let place = self.place(ahead) as usize;
        self.slots[place].push(index);
        self.filled[place / 64] |= 1 << (place % 64);
        *at = Some(Slot(place as u16));
    }

    fn place(&self, ahead: u64) -> u64 {
        (self.past + ahead) % Self::SLOTS as u64
    }

    /// How many ticks ahead the next is.
    fn ahead(&self) -> Option<u64> {
        let start = self.place(1);
        let words = self.filled.len() as u64;
        (0..=words).find_map(|step| {
            let word = (start / 64 + step) % words;
            let mut bits = self.filled[word as usize];
            match step {
                0 => bits &= u64::MAX << (start % 64),
                _ if step == words => bits &= !(u64::MAX << (start % 64)),
                _ => {}
            }
            let place = word * 64 + u64::from(bits.trailing_zeros());
            let slots = Self::SLOTS as u64;
            (bits != 0).then(|| (place + slots - start) % slots + 1)
        })
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Duration> {
        let tick = self.past + self.ahead()?;
        Some(Duration::from_millis(tick * Self::TICK))
    }

    /// Takes out what is due; each may have been put elsewhere since.
    pub(super) fn take(&mut self, now: Duration, due: &mut Vec<(u32, Slot)>) {
        let now = Self::tick(now);
        while let Some(ahead) = self.ahead().filter(|ahead| self.past + ahead <= now) {
            self.past += ahead;
            let place = self.place(0) as usize;
            self.filled[place / 64] &= !(1 << (place % 64));
            let slot = Slot(place as u16);
            due.extend(self.slots[place].drain(..).map(|index| (index, slot)));
        }
        self.past = self.past.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Turns the wheel to each moment that it names, and tells when each came up.
    fn turn(wheel: &mut Wheel, until: Duration) -> Vec<(u64, u32)> {
        let mut came = Vec::new();
        while let Some(next) = wheel.next().filter(|next| *next <= until) {
            let mut due = Vec::new();
            wheel.take(next, &mut due);
            assert!(!due.is_empty(), "nothing was due at {next:?}");
            let at = next.as_millis() as u64;
            came.extend(due.into_iter().map(|(index, _)| (at, index)));
        }
        came
    }

    #[test]
    fn each_comes_up_when_it_is_due_and_no_sooner() {
        for start in [0, 1, 2559, 2560, 2561, 1_000_003] {
            let mut wheel = Wheel::new(ms(start));
            assert_eq!(wheel.next(), None);
            for (index, after) in [0, 4, 5, 17, 319, 320, 321, 1000, 2500]
                .into_iter()
                .enumerate()
            {
                wheel.put(index as u32, ms(start + after), &mut None);
                let came = turn(&mut wheel, ms(start + 10_000));
                let [(at, _)] = came[..] else {
                    panic!("{came:?}")
                };
                let late = at.checked_sub(start + after).expect("no sooner");
                assert!(late <= 10, "{after} came {late} ms late");
                wheel = Wheel::new(ms(start));
            }
        }
    }

    #[test]
    fn what_is_put_sooner_comes_up_sooner_and_later_is_left() {
        let mut wheel = Wheel::new(ms(0));
        let mut at = None;
        wheel.put(1, ms(500), &mut at);
        let first = at;
        wheel.put(1, ms(700), &mut at);
        assert_eq!(at, first);
        wheel.put(1, ms(100), &mut at);
        assert_ne!(at, first);
        assert_eq!(turn(&mut wheel, ms(5000)), [(105, 1), (505, 1)]);
    }

    #[test]
    fn what_is_too_far_comes_up_at_the_end_of_the_wheel() {
        let mut wheel = Wheel::new(ms(1234));
        wheel.put(1, ms(1_000_000), &mut None);
        let came = turn(&mut wheel, ms(1_000_000));
        assert_eq!(came.len(), 1);
        assert!((3500..4000).contains(&came[0].0), "{came:?}");
    }
}
