//! What is said of repeated measurements: medians over alternating runs, and percentiles within one.

use std::time::Duration;

use serde::Serialize;

/// Measures every candidate once, then every candidate again, `runs` times over.
///
/// Taking turns spreads a disturbance of the machine over all candidates instead of charging it to one.
pub(crate) fn alternate<C: Copy, T>(
    runs: u32,
    candidates: &[C],
    mut measure: impl FnMut(C) -> T,
) -> Vec<(C, Vec<T>)> {
    let mut taken: Vec<(C, Vec<T>)> = candidates.iter().map(|&c| (c, Vec::new())).collect();
    for _ in 0..runs {
        for (candidate, results) in &mut taken {
            results.push(measure(*candidate));
        }
    }
    taken
}

/// The median; of an even number of values the mean of the middle two, of none 0.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// A figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The median of the runs.
    pub(crate) median: f64,
    /// The run with the lowest figure.
    pub(crate) lowest: f64,
    /// The run with the highest figure.
    pub(crate) highest: f64,
}

impl Spread {
    /// What these runs have; of no run all is 0.
    pub(crate) fn of(runs: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            median: median(runs.clone()),
            lowest: runs.clone().reduce(f64::min).unwrap_or_default(),
            highest: runs.reduce(f64::max).unwrap_or_default(),
        }
    }
}

/// Durations of one run in whole nanoseconds, each capped at 4.29 s.
#[derive(Default)]
pub(crate) struct Durations(Vec<u32>);

impl Durations {
    /// Adds one.
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0
            .push(u32::try_from(duration.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Adds all of `other`.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their mean in µs; 0 where nothing was measured.
    pub(crate) fn mean_us(&self) -> f64 {
        let sum: u64 = self.0.iter().copied().map(u64::from).sum();
        sum as f64 / self.0.len().max(1) as f64 / 1e3
    }

    /// The percentiles asked for (each 0 to 100) in µs, by nearest rank; all 0 where nothing was measured.
    pub(crate) fn percentiles_us<const N: usize>(mut self, percents: [f64; N]) -> [f64; N] {
        self.0.sort_unstable();
        percents.map(|percent| f64::from(nearest_rank(&self.0, percent)) / 1e3)
    }
}

fn nearest_rank(sorted: &[u32], percent: f64) -> u32 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(rank.saturating_sub(1).min(last))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let ten: Vec<u32> = (1..=10).collect();
        for (percent, expected) in [(0.0, 1), (10.0, 1), (50.0, 5), (51.0, 6), (100.0, 10)] {
            assert_eq!(nearest_rank(&ten, percent), expected, "{percent}");
        }
        assert_eq!(nearest_rank(&[], 50.0), 0);
    }

    #[test]
    fn durations_are_sorted_and_said_in_microseconds() {
        let mut durations = Durations::default();
        for micros in [3, 1, 2] {
            durations.push(Duration::from_micros(micros));
        }
        assert_eq!(durations.mean_us(), 2.0);
        assert_eq!(durations.percentiles_us([50.0, 99.0]), [2.0, 3.0]);
        assert_eq!(Durations::default().mean_us(), 0.0);
    }

    #[test]
    fn medians() {
        assert_eq!(median([]), 0.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_spread_has_the_extremes_beside_the_median() {
        let spread = Spread::of([3.0, 1.0, 8.0].into_iter());
        assert_eq!(
            (spread.median, spread.lowest, spread.highest),
            (3.0, 1.0, 8.0)
        );
        assert_eq!(Spread::of(std::iter::empty()).highest, 0.0);
    }

    #[test]
    fn candidates_take_turns() {
        let mut order = String::new();
        let taken = alternate(2, &['a', 'b'], |c| order.push(c));
        assert_eq!(order, "abab");
        assert_eq!(taken.len(), 2);
        assert!(taken.iter().all(|(_, results)| results.len() == 2));
    }
}
