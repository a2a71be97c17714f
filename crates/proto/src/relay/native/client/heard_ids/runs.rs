//! The numbers of one sender that were heard, as runs of such that follow each other.

use std::collections::VecDeque;

use crate::relay::native::MAX_UNANSWERED;

/// The most runs below the highest one: where there would be more, the lowest is forgotten, and all up to its end counts
/// as heard. A sender who writes to several in turn makes a run with each message, and may have said as many without a
/// verdict, twice, before one that was held up comes.
pub(super) const RUNS: usize = 2 * MAX_UNANSWERED;

/// What was heard of a sender.
#[derive(Debug)]
pub(super) struct Runs {
    /// The one with the highest numbers.
    top: Run,
    /// The others, upwards; there is at least one number between any two.
    below: VecDeque<Run>,
    /// Up to this number all counts as heard.
    floor: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
}

impl Run {
    fn of(number: u64) -> Self {
        let (first, last) = (number, number);
        Self { first, last }
    }
}

impl Runs {
    /// This number alone.
    pub(super) fn of(number: u64) -> Self {
        Self {
            top: Run::of(number),
            below: VecDeque::new(),
            floor: 0,
        }
    }

    /// Whether this number was not heard.
    #[inline]
    pub(super) fn is_new(&self, number: u64) -> bool {
        number > self.top.last || self.is_between(number)
    }

    /// This number was heard.
    #[inline]
    pub(super) fn note(&mut self, number: u64) {
        if number > self.top.last && number - self.top.last == 1 {
            self.top.last = number;
        } else if number > self.top.last {
            self.begin(number);
        } else if self.is_between(number) {
            self.note_between(number);
        }
    }

    /// Whether it lies between the runs, or between the floor and the lowest.
    fn is_between(&self, number: u64) -> bool {
        let after = self.below.partition_point(|run| run.last < number);
        let next = self.below.get(after).unwrap_or(&self.top);
        number > self.floor && number < next.first
    }

    fn begin(&mut self, number: u64) {
        self.below.push_back(self.top);
        self.top = Run::of(number);
        self.bound();
    }

    fn note_between(&mut self, number: u64) {
        self.below.push_back(self.top);
        let after = self.below.partition_point(|run| run.last < number);
        self.below.insert(after, Run::of(number));
        self.join(after + 1);
        self.join(after);
        self.top = self.below.pop_back().unwrap_or(self.top);
        self.bound();
    }

    /// Makes one run of that at this place and the one before, if nothing is between them.
    fn join(&mut self, at: usize) {
        let before = at.checked_sub(1).and_then(|at| self.below.get(at).copied());
        let (Some(before), Some(run)) = (before, self.below.get_mut(at)) else {
            return;
        };
        if before.last + 1 == run.first {
            run.first = before.first;
            self.below.remove(at - 1);
        }
    }

    fn bound(&mut self) {
        self.keep(RUNS);
    }

    /// How many runs there are below the highest one.
    #[inline]
    pub(super) fn below(&self) -> usize {
        self.below.len()
    }

    /// Forgets the lowest runs, down to so many below the highest one.
    pub(super) fn keep(&mut self, most: usize) {
        while self.below.len() > most
            && let Some(lowest) = self.below.pop_front()
        {
            self.floor = lowest.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_one_run() {
        let mut runs = Runs::of(5);
        for (number, below) in [
            (6, 0),
            (9, 1),
            (11, 2),
            (10, 1),
            (8, 1),
            (7, 0),
            (3, 1),
            (4, 0),
        ] {
            assert!(runs.is_new(number), "{number}");
            runs.note(number);
            assert!(!runs.is_new(number), "{number}");
            assert_eq!(runs.below.len(), below, "{number}");
        }
        assert_eq!(runs.top, Run { first: 3, last: 11 });
        assert!(runs.is_new(2) && runs.is_new(12));
    }

    #[test]
    fn what_lies_below_all_that_is_remembered_was_heard() {
        let mut runs = Runs::of(10);
        for number in 1..=RUNS as u64 + 1 {
            runs.note(10 + 2 * number);
        }
        assert_eq!((runs.below.len(), runs.floor), (RUNS, 10));
        for (number, is_new) in [(9, false), (10, false), (11, true), (12, false), (13, true)] {
            assert_eq!(runs.is_new(number), is_new, "{number}");
        }
        runs.note(11);
        assert_eq!(
            (runs.below.len(), runs.floor),
            (RUNS, 10),
            "it joins the run above"
        );
    }

    #[test]
    fn the_greatest_number_is_one_too() {
        let mut runs = Runs::of(u64::MAX);
        assert!(!runs.is_new(u64::MAX) && runs.is_new(u64::MAX - 1));
        runs.note(u64::MAX);
        runs.note(u64::MAX - 1);
        assert_eq!(runs.top.first, u64::MAX - 1);
        runs.note(1);
        assert!(!runs.is_new(1) && runs.is_new(2));
    }

    proptest! {
        #[test]
        fn nothing_is_new_twice_and_what_was_not_heard_is_new(
            first in 1..600_u64,
            numbers in prop::collection::vec(1..600_u64, 0..900),
        ) {
            let (mut runs, mut heard) = (Runs::of(first), BTreeSet::from([first]));
            for number in numbers {
                let is_known = number > runs.floor;
                prop_assert_eq!(runs.is_new(number), is_known && !heard.contains(&number));
                runs.note(number);
                heard.insert(number);
                prop_assert!(!runs.is_new(number));
                prop_assert!(runs.below.len() <= RUNS);
            }
            let all: Vec<_> = runs.below.iter().chain([&runs.top]).collect();
            prop_assert!(all.iter().all(|run| run.first <= run.last));
            prop_assert!(all.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
        }
    }
}
