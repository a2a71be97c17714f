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
    /// What need not be tried any more, from above and from below: packets a second.
    failed: Option<f64>,
    settled: f64,
    /// How often the next trial was made already without an answer.
    attempts: u32,
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
    /// No more, but fewer packets were sent than was wanted; it will be tried again.
    TooSlow,
    /// The same, for the last time: this machine does not send so many.
    NotSent,
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

    /// A trial is made at a rate if this part of it is sent.
    const KEPT: f64 = 0.98;

    /// How often a trial is made that loses too much, and one that is sent too slowly.
    const LOSSES: u32 = 2;
    const SLOW: u32 = 3;

    /// What may be lost, as a share from 0 to 1; how exact the rate is to be, as a part of it.
    pub fn new(max_loss: f64, resolution: f64) -> Self {
        Self {
            max_loss,
            resolution,
            passed: None,
            failed: None,
            settled: 0.0,
            attempts: 0,
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
        self.attempts += 1;
        let wanted = match self.next {
            Some(Trial::At(rate)) => rate.packets(),
            _ => sent,
        };
        if sent > 0.0 && loss <= self.max_loss {
            return self.pass(wanted, Passed { rate: sent, loss });
        }
        match self.next {
            Some(Trial::At(_)) if self.attempts < Self::LOSSES => return Verdict::Doubtful,
            Some(Trial::At(_)) => {}
            _ => {
                let (aside, delivered) = (3.0 * self.resolution, sent * (1.0 - loss));
                self.likely = [1.0 - aside, 1.0 + aside, 1.0]
                    .map(|part| part * delivered)
                    .to_vec();
            }
        }
        self.fail(wanted);
        Verdict::Failed
    }

    fn pass(&mut self, wanted: f64, passed: Passed) -> Verdict {
        if self.passed.is_none_or(|before| before.rate < passed.rate) {
            self.passed = Some(passed);
        }
        self.settled = self.settled.max(passed.rate);
        if passed.rate >= wanted * Self::KEPT {
            self.settled = self.settled.max(wanted);
            self.go_on();
            return Verdict::Passed;
        }
        if self.attempts < Self::SLOW {
            return Verdict::TooSlow;
        }
        self.fail(wanted);
        Verdict::NotSent
    }

    fn fail(&mut self, at: f64) {
        self.failed = Some(self.failed.map_or(at, |before| before.min(at)));
        self.go_on();
    }

    /// Chooses the next trial.
    fn go_on(&mut self) {
        self.attempts = 0;
        let Some(high) = self.failed else {
            return self.next = None; // as fast as can be
        };
        let low = self.settled;
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
