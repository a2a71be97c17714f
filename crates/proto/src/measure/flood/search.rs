//! The highest rate that a path carries with no more than some loss, by trials.
//!
//! As RFC 2544, section 26.1, has it: first as fast as can be, then the rate is halved between the highest that passed
//! and the lowest that failed. What differs: a trial that fails is repeated once before it counts, since a machine that
//! does other things too now and then loses packets of its own (compare RFC 9411 and the multiple-loss-ratio search of
//! draft-ietf-bmwg-mlrsearch); and the next trials are around the rate that came through in the first.

use super::Rate;

/// A search, driven by its owner: it makes each [`trial`](Self::trial) and says what was [`seen`](Self::seen).
#[derive(Clone, Debug)]
pub struct Search {
    /// The share of packets that may be lost, 0 to 1.
    max_loss: f64,
    /// The search ends when this part of the rate is all that is left.
    resolution: f64,
    passed: Option<Passed>,
    failed: Option<f64>,
    again: bool,
    /// Rates that are tried before others, the last one first.
    likely: Vec<f64>,
    next: Option<Trial>,
    trials: u32,
}

/// What is to be tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trial {
    /// As fast as can be.
    Unlimited,
    /// At this rate.
    At(Rate),
}

/// What a trial showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No more than the loss that is allowed.
    Passed,
    /// More, and it will be tried once more.
    Doubtful,
    /// More, twice.
    Failed,
}

/// The highest rate that passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// Packets a second, as they were sent.
    pub rate: f64,
    /// The share of them that was lost, 0 to 1.
    pub loss: f64,
}

impl Search {
    /// The most trials there are.
    pub const MOST: u32 = 64;

    /// What may be lost, as a share from 0 to 1; how exact the rate is to be, as a part of it.
    pub fn new(max_loss: f64, resolution: f64) -> Self {
        Self {
            max_loss,
            resolution,
            passed: None,
            failed: None,
            again: false,
            likely: Vec::new(),
            next: Some(Trial::Unlimited),
            trials: 0,
        }
    }

    /// What to try next; `None` when the search is over.
    pub fn trial(&self) -> Option<Trial> {
        self.next.filter(|_| self.trials < Self::MOST)
    }

    /// A trial was made: packets a second as they were sent, and the share of them that was lost, 0 to 1.
    pub fn seen(&mut self, sent: f64, loss: f64) -> Verdict {
        self.trials += 1;
        if sent > 0.0 && loss <= self.max_loss {
            return self.pass(Passed { rate: sent, loss });
        }
        // Faster than can be passes at no second attempt: it is the trials at a rate that decide.
        if !std::mem::replace(&mut self.again, true) && self.next != Some(Trial::Unlimited) {
            return Verdict::Doubtful;
        }
        self.fail(sent, sent * (1.0 - loss))
    }

    fn pass(&mut self, passed: Passed) -> Verdict {
        if self.passed.is_none_or(|before| before.rate < passed.rate) {
            self.passed = Some(passed);
        }
        self.go_on();
        Verdict::Passed
    }

    fn fail(&mut self, sent: f64, delivered: f64) -> Verdict {
        // A trial at a rate failed at that rate, also where it was not quite kept.
        let at = match self.next {
            Some(Trial::At(rate)) => rate.packets(),
            _ => {
                let aside = 3.0 * self.resolution;
                self.likely = [1.0 - aside, 1.0 + aside, 1.0]
                    .map(|part| part * delivered)
                    .to_vec();
                sent
            }
        };
        self.failed = Some(self.failed.map_or(at, |before| before.min(at)));
        self.go_on();
        Verdict::Failed
    }

    /// Chooses the next trial.
    fn go_on(&mut self) {
        self.again = false;
        let (low, high) = match (self.passed, self.failed) {
            (_, None) => return self.next = None, // nothing failed: it is as fast as can be
            (None, Some(high)) => (0.0, high),
            (Some(passed), Some(high)) => (passed.rate, high),
        };
        let is_over = high - low <= high * self.resolution || high < 1.0;
        let likely =
            std::iter::from_fn(|| self.likely.pop()).find(|rate| low < *rate && *rate < high);
        // Halfway between orders of magnitude, where they are far apart.
        let middle = if low > 0.0 && high > 2.0 * low {
            (low * high).sqrt()
        } else {
            (low + high) / 2.0
        };
        let next = Rate::per_second(likely.unwrap_or(middle)).filter(|_| !is_over);
        self.next = next.map(Trial::At);
    }

    /// The highest rate that passed so far.
    pub fn found(&self) -> Option<Passed> {
        self.passed
    }

    /// How many trials were made.
    pub fn trials(&self) -> u32 {
        self.trials
    }
}
