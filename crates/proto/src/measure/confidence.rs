//! How far a measured share or mean may be from the true one: intervals that hold it in 95 of 100 measurements.

use std::time::Duration;

use super::histogram::time;

/// The 97.5th percentile of the standard normal distribution, for two-sided intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a share of which `hits` of `of` were seen, such as the loss: from low to high, both 0 to 1.
/// `None` of nothing. More hits than there can be are taken as all.
///
/// By E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927). It takes it that
/// each event is independent of the others; losses in bursts make the true interval wider.
///
/// ```
/// let (low, high) = proto::measure::wilson(0, 100).expect("not of nothing");
/// assert!(low == 0.0 && high < 0.037, "none of 100 lost may still be 3.7 %");
/// ```
pub fn wilson(hits: u64, of: u64) -> Option<(f64, f64)> {
    if of == 0 {
        return None;
    }
    let hits = hits.min(of);
    let (count, misses) = (of as f64, of - hits);
    let share = hits as f64 / count;
    let center = share + Z * Z / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + (Z / (2.0 * count)).powi(2)).sqrt();
    let scale = 1.0 + Z * Z / count;
    // At the ends the formula gives 0 and 1, but for rounding.
    let low = if hits == 0 {
        0.0
    } else {
        (center - half) / scale
    };
    let high = if misses == 0 {
        1.0
    } else {
        (center + half) / scale
    };
    Some((low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)))
}

/// The 95 % interval of the mean of `count` times, from their mean and their standard deviation (of the population), by
/// the normal distribution: from low to high, not below 0. `None` for fewer than two times, which say nothing of it.
///
/// It is good from about 30 times, more where a few are much longer than all others. Times that depend on each other,
/// as behind a queue that fills, make the true interval wider.
pub fn mean_interval(mean: Duration, stddev: Duration, count: u64) -> Option<(Duration, Duration)> {
    let others = count.checked_sub(1).filter(|others| *others > 0)?;
    // Bessel's correction, σ·√(n ⁄ (n − 1)), then ⁄ √n.
    let error = stddev.as_nanos() as f64 / (others as f64).sqrt();
    let half = time(Z * error);
    Some((mean.saturating_sub(half), mean.saturating_add(half)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(got: f64, expected: f64) -> bool {
        (got - expected).abs() < 5e-5
    }

    #[test]
    fn wilson_by_the_table() {
        // R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
        let table = [
            (81, 263, (0.2553, 0.3662)),
            (15, 148, (0.0624, 0.1605)),
            (0, 20, (0.0, 0.1611)),
            (1, 29, (0.0061, 0.1718)),
            (29, 29, (0.8830, 1.0)),
        ];
        for (hits, of, (low, high)) in table {
            let got = wilson(hits, of).unwrap();
            assert!(
                near(got.0, low) && near(got.1, high),
                "{hits}/{of}: {got:?}"
            );
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(5, 3), wilson(3, 3));
    }

    #[test]
    fn means_by_the_formula() {
        let us = Duration::from_micros;
        // 100 ± 1.96 · 10 ⁄ √100
        let (low, high) = mean_interval(us(100), us(10), 101).unwrap();
        assert_eq!((low.as_nanos(), high.as_nanos()), (98_040, 101_960));
        assert_eq!(mean_interval(us(1), us(10), 2).unwrap().0, Duration::ZERO);
        assert_eq!(mean_interval(us(1), us(0), 1), None);
        assert_eq!(mean_interval(us(1), us(0), 0), None);
    }

    proptest! {
        #[test]
        fn the_share_seen_is_inside(hits: u64, of in 1u64..) {
            let hits = hits % of.saturating_add(1).max(1);
            let (low, high) = wilson(hits, of).unwrap();
            let share = hits as f64 / of as f64;
            prop_assert!(0.0 <= low && low <= share + 1e-12);
            prop_assert!(share - 1e-12 <= high && high <= 1.0);
        }

        #[test]
        fn more_of_the_same_says_more(hits in 0u64..1000, of in 1000u64..2000) {
            let width = |(low, high): (f64, f64)| high - low;
            let (few, many) = (wilson(hits, of).unwrap(), wilson(10 * hits, 10 * of).unwrap());
            prop_assert!(width(many) < width(few));
        }

        #[test]
        fn any_mean_is_taken(mean: Duration, stddev: Duration, count: u64) {
            if let Some((low, high)) = mean_interval(mean, stddev, count) {
                prop_assert!(low <= mean && mean <= high);
            }
        }
    }
}
