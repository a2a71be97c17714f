//! How times are spread, in constant memory: percentiles from a histogram, all other figures exact.

use std::fmt;
use std::time::Duration;

/// The crate's own sums of floats are not used: its mean and deviation are those of the buckets.
type Counts = hdrhistogram::Histogram<u64>;

/// The time in nanoseconds; what is beyond 584 years is taken as that.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The nearest time to this many nanoseconds, none of which are below zero or no number.
pub(super) fn time(nanos: f64) -> Duration {
    Duration::from_nanos(nanos.round() as u64)
}

/// Count, sum and squared deviation of signed values, combined as in Chan, Golub and LeVeque, "Updating Formulae and
/// a Pairwise Algorithm for Computing Sample Variances" (1979). The sum is exact.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: u64,
    sum: i128,
    squares: f64,
}

impl Moments {
    pub(super) fn of(value: i64, count: u64) -> Self {
        Self {
            count,
            sum: i128::from(value) * i128::from(count),
            squares: 0.0,
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        if let (Some(mean), Some(other_mean)) = (self.mean(), other.mean()) {
            let (count, other_count) = (self.count as f64, other.count as f64);
            let weight = count / (count + other_count) * other_count;
            self.squares += (other_mean - mean).powi(2) * weight;
        }
        self.squares += other.squares;
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
    }

    pub(super) fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The standard deviation of the population.
    pub(super) fn stddev(self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }
}

/// Counts times from 0 to [`Histogram::MAX`] in buckets, each at most 0.1 % wide: three significant digits (see
/// <https://hdrhistogram.org>).
///
/// Count, shortest, longest, mean and standard deviation do not come from the buckets: they are exact to the
/// nanosecond. Longer times count as [`Histogram::MAX`]. Counts stop at [`u64::MAX`].
///
/// Memory: 272 KiB, all of it from the start: 34,816 counters of 64 bits.
#[derive(Clone)]
pub struct Histogram {
    counts: Counts,
    moments: Moments,
    extremes: Option<(u64, u64)>,
}

impl Histogram {
    /// The longest time that is told from longer ones: 2 hours.
    pub const MAX: Duration = Duration::from_secs(2 * 60 * 60);
    const MAX_NANOS: u64 = Self::MAX.as_nanos() as u64;

    /// An empty histogram.
    pub fn new() -> Self {
        Self::with_digits(3)
    }

    /// An empty histogram whose buckets are at most 0.8 % wide. Memory: 37 KiB.
    pub(super) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        let counts = Counts::new_with_bounds(1, Self::MAX_NANOS, digits);
        Self {
            // Neither the bounds nor the digits depend on any input.
            counts: counts.expect("1 ns to 2 h with 2 or 3 digits can be counted"),
            moments: Moments::default(),
            extremes: None,
        }
    }

    /// Counts a time.
    pub fn record(&mut self, time: Duration) {
        self.record_many(time, 1);
    }

    /// Counts so many times that are alike.
    pub fn record_many(&mut self, time: Duration, count: u64) {
        let count = count.min(u64::MAX - self.count());
        if count == 0 {
            return;
        }
        let nanos = nanos(time).min(Self::MAX_NANOS);
        self.counts.saturating_record_n(nanos, count);
        self.moments.merge(Moments::of(nanos as i64, count)); // at most 2 h
        self.widen(nanos, nanos);
    }

    fn widen(&mut self, low: u64, high: u64) {
        let (min, max) = self.extremes.unwrap_or((low, high));
        self.extremes = Some((min.min(low), max.max(high)));
    }

    /// How many times are counted.
    pub fn count(&self) -> u64 {
        self.moments.count
    }

    /// The shortest time; `None` without any.
    pub fn min(&self) -> Option<Duration> {
        self.extremes.map(|(min, _)| Duration::from_nanos(min))
    }

    /// The longest time; `None` without any.
    pub fn max(&self) -> Option<Duration> {
        self.extremes.map(|(_, max)| Duration::from_nanos(max))
    }

    /// The arithmetic mean, to the nearest nanosecond; `None` without any time.
    pub fn mean(&self) -> Option<Duration> {
        let mean = time(self.moments.mean()?);
        Some(mean.clamp(self.min()?, self.max()?))
    }

    /// The standard deviation of the population, to the nearest nanosecond; `None` without any time.
    pub fn stddev(&self) -> Option<Duration> {
        self.moments.stddev().map(time)
    }

    /// The time that `percent` of all times do not exceed, by nearest rank; `None` without any.
    ///
    /// 0 and less (and what is no number) is the shortest time, 100 and more the longest, both exact. All others are
    /// the upper end of their bucket, at most 0.1 % above the true one and never beyond the longest.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let (min, max) = self.extremes?;
        let rank = self.rank(percent);
        if rank <= 1 {
            return self.min();
        }
        let mut seen = 0u64;
        let bucket = self.counts.iter_recorded().find(|bucket| {
            seen = seen.saturating_add(bucket.count_at_value());
            seen >= rank
        });
        let nanos = bucket.map_or(max, |bucket| bucket.value_iterated_to());
        Some(Duration::from_nanos(nanos.clamp(min, max)))
    }

    /// The place of a percentile among the sorted times, from 1 (0 stands for 1).
    fn rank(&self, percent: f64) -> u64 {
        if percent >= 100.0 {
            return self.count();
        }
        let exact = percent * self.count() as f64 / 100.0;
        // 99.9 % of 1,000 is the 999th, even where the product is a hair above 999.
        ((exact * (1.0 - 2.0 * f64::EPSILON)).ceil() as u64).min(self.count())
    }

    /// The buckets that hold times, from the shortest, each as the time that stands for it and its count.
    ///
    /// The shortest time stands alone in front, as itself. Every other bucket is given by its upper end or the longest
    /// time, whichever is shorter. A histogram that is made [from these](Self::from_buckets) has the same count,
    /// extremes and percentiles; its mean is at most 0.1 % higher.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let (min, max) = self.extremes.unwrap_or_default();
        let shortest = self.extremes.map(|_| (min, 1));
        let rest = self.counts.iter_recorded().enumerate();
        let rest = rest.map(move |(place, bucket)| {
            let in_front = u64::from(place == 0);
            let upper_end = bucket.value_iterated_to().clamp(min, max);
            (upper_end, bucket.count_at_value() - in_front)
        });
        let all = shortest.into_iter().chain(rest);
        all.filter(|(_, count)| *count > 0)
            .map(|(nanos, count)| (Duration::from_nanos(nanos), count))
    }

    /// A histogram of times that were counted elsewhere, in any order. All input is taken: longer times count as
    /// [`Histogram::MAX`], and what would be more than [`u64::MAX`] times is left out.
    pub fn from_buckets(buckets: impl IntoIterator<Item = (Duration, u64)>) -> Self {
        let mut histogram = Self::new();
        for (time, count) in buckets {
            histogram.record_many(time, count);
        }
        histogram
    }

    /// Counts all the times of another histogram, too. Nothing is lost by it.
    pub fn merge(&mut self, other: &Self) {
        // It can fail only for values beyond the range, and all histograms have the same.
        let added = self.counts.add(&other.counts);
        debug_assert!(added.is_ok());
        self.moments.merge(other.moments);
        if let Some((min, max)) = other.extremes {
            self.widen(min, max);
        }
    }

    /// Forgets all times.
    pub fn clear(&mut self) {
        self.counts.reset();
        self.moments = Moments::default();
        self.extremes = None;
    }

    /// The usual figures at once; `None` without any time.
    pub fn distribution(&self) -> Option<Distribution> {
        Some(Distribution {
            min: self.min()?,
            mean: self.mean()?,
            median: self.percentile(50.0)?,
            p90: self.percentile(90.0)?,
            p95: self.percentile(95.0)?,
            p99: self.percentile(99.0)?,
            p999: self.percentile(99.9)?,
            p9999: self.percentile(99.99)?,
            max: self.max()?,
            stddev: self.stddev()?,
            count: self.count(),
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    /// The figures, not the thousands of counters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram")
            .field(&self.distribution())
            .finish()
    }
}

/// How times are spread. The percentiles are by nearest rank, at most 0.1 % above the true ones where nothing else is
/// said; the other figures are exact. It is never of no times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The shortest.
    pub min: Duration,
    /// The arithmetic mean.
    pub mean: Duration,
    /// The 50th percentile.
    pub median: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The 99.9th percentile.
    pub p999: Duration,
    /// The 99.99th percentile.
    pub p9999: Duration,
    /// The longest.
    pub max: Duration,
    /// The standard deviation of the population.
    pub stddev: Duration,
    /// How many times there are, at least 1.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const PERCENTS: [f64; 11] = [
        0.0, 0.1, 1.0, 25.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0,
    ];

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        for nanos in times {
            histogram.record(Duration::from_nanos(nanos));
        }
        histogram
    }

    fn percentiles(histogram: &Histogram) -> Vec<Option<Duration>> {
        PERCENTS.map(|percent| histogram.percentile(percent)).into()
    }

    fn close(got: Duration, expected: u64, share: f64) -> bool {
        let difference = got.as_nanos() as f64 - expected as f64;
        difference.abs() <= expected as f64 * share + 1.0
    }

    #[test]
    fn the_distribution_of_known_times() {
        let all = of((1..=100).rev().map(|millis| millis * 1_000_000));
        let all = all.distribution().unwrap();
        assert_eq!((all.min, all.max, all.count), (ms(1), ms(100), 100));
        assert_eq!(all.mean, Duration::from_micros(50_500));
        assert_eq!(all.stddev.as_micros(), 28_866); // sqrt((100² − 1) / 12)
        for (got, millis) in [(all.median, 50), (all.p90, 90), (all.p99, 99)] {
            assert!(got >= ms(millis) && got <= ms(millis).mul_f64(1.001));
        }
        assert_eq!((all.p999, all.p9999), (ms(100), ms(100)));
        let one = of([7]).distribution().unwrap();
        let seven = Duration::from_nanos(7);
        assert_eq!((one.min, one.median, one.max), (seven, seven, seven));
        assert_eq!((one.p9999, one.stddev), (seven, Duration::ZERO));
        assert_eq!(Histogram::new().distribution(), None);
    }

    #[test]
    fn ranks_are_not_shifted_by_rounding() {
        let table = [
            (1000, 99.9, 999),
            (10_000, 99.99, 9999),
            (1000, 50.0, 500),
            (3, 50.0, 2),
            (1000, 0.1, 1),
            (1000, 0.10001, 2),
            (7, 100.0, 7),
        ];
        for (count, percent, expected) in table {
            let all = of(1..=count);
            assert_eq!(all.rank(percent), expected, "{percent} % of {count}");
        }
    }

    #[test]
    fn strange_percentiles_are_taken() {
        let histogram = of([1, 2, 3]);
        for percent in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0] {
            assert_eq!(histogram.percentile(percent), histogram.min());
        }
        for percent in [100.0, 101.0, f64::INFINITY] {
            assert_eq!(histogram.percentile(percent), histogram.max());
        }
    }

    #[test]
    fn longer_times_count_as_the_longest() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::MAX);
        histogram.record(Histogram::MAX);
        assert_eq!(histogram.min(), Some(Histogram::MAX));
        assert_eq!(histogram.mean(), Some(Histogram::MAX));
        assert_eq!(histogram.stddev(), Some(Duration::ZERO));
    }

    #[test]
    fn counts_are_right_beyond_32_bits_and_stop_at_64() {
        let many = u64::from(u32::MAX) * 16;
        let histogram = Histogram::from_buckets([(ms(1), many), (ms(3), many)]);
        assert_eq!(histogram.count(), 2 * many);
        assert_eq!(histogram.mean(), Some(ms(2)));
        assert_eq!(histogram.stddev(), Some(ms(1)));
        let mut full = Histogram::from_buckets([(ms(1), u64::MAX), (ms(3), u64::MAX)]);
        assert_eq!((full.count(), full.max()), (u64::MAX, Some(ms(1))));
        full.merge(&full.clone());
        full.record(Duration::MAX);
        assert_eq!((full.count(), full.mean()), (u64::MAX, Some(ms(1))));
        assert_eq!(full.percentile(99.0), Some(ms(1)));
    }

    #[test]
    fn nothing_is_left_after_a_clear() {
        let mut histogram = of([5, 10]);
        histogram.clear();
        assert_eq!((histogram.count(), histogram.distribution()), (0, None));
        assert_eq!(histogram.buckets().count(), 0);
        histogram.record(ms(1));
        assert_eq!(histogram.min(), Some(ms(1)));
    }

    #[test]
    fn the_memory_is_what_the_docs_say() {
        assert_eq!(Histogram::new().counts.distinct_values() * 8, 272 * 1024);
        assert_eq!(Histogram::coarse().counts.distinct_values() * 8, 37 * 1024);
    }

    /// Times of every magnitude.
    fn times() -> impl Strategy<Value = Vec<u64>> {
        let time = (0u32..43, any::<u64>()).prop_map(|(bits, nanos)| nanos % (1 << bits));
        vec(
            time.prop_map(|nanos| nanos.min(Histogram::MAX_NANOS)),
            1..300,
        )
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_exact_computation(mut times in times()) {
            let histogram = of(times.iter().copied());
            times.sort_unstable();
            let count = times.len();
            let mean = times.iter().sum::<u64>() as f64 / count as f64;
            let squares = times.iter().map(|time| (*time as f64 - mean).powi(2)).sum::<f64>();
            let stddev = (squares / count as f64).sqrt() as u64;
            prop_assert_eq!(histogram.min(), Some(Duration::from_nanos(times[0])));
            prop_assert_eq!(histogram.max(), Some(Duration::from_nanos(times[count - 1])));
            prop_assert_eq!(histogram.mean().unwrap().as_nanos(), mean.round() as u128);
            prop_assert!(close(histogram.stddev().unwrap(), stddev, 1e-9));
            for percent in (0..=100).step_by(5) {
                let exact = times[(count * percent).div_ceil(100).max(1) - 1];
                let got = histogram.percentile(percent as f64).unwrap();
                prop_assert!(got >= Duration::from_nanos(exact) && close(got, exact, 0.001));
            }
        }

        #[test]
        fn percentiles_survive_the_buckets(times in times()) {
            let histogram = of(times);
            let again = Histogram::from_buckets(histogram.buckets());
            prop_assert_eq!(percentiles(&again), percentiles(&histogram));
            prop_assert_eq!(again.count(), histogram.count());
            let mean = nanos(histogram.mean().unwrap());
            prop_assert!(close(again.mean().unwrap(), mean, 0.001));
            prop_assert!(again.buckets().eq(histogram.buckets()));
        }

        #[test]
        fn a_merge_is_as_if_recorded_together(some in times(), others in times()) {
            let mut merged = of(some.iter().copied());
            merged.merge(&of(others.iter().copied()));
            let together = of(some.into_iter().chain(others)).distribution().unwrap();
            let merged = merged.distribution().unwrap();
            prop_assert!(close(merged.stddev, nanos(together.stddev), 1e-9));
            prop_assert_eq!(Distribution { stddev: together.stddev, ..merged }, together);
        }

        #[test]
        fn any_buckets_are_taken(buckets in vec((any::<Duration>(), any::<u64>()), 0..40), percent: f64) {
            let mut histogram = Histogram::from_buckets(buckets);
            histogram.merge(&histogram.clone());
            if let (Some(min), Some(max)) = (histogram.min(), histogram.max()) {
                let time = histogram.percentile(percent).unwrap();
                prop_assert!(min <= time && time <= max);
                let mean = histogram.mean().unwrap();
                prop_assert!(min <= mean && mean <= max);
            }
            let again = Histogram::from_buckets(histogram.buckets());
            prop_assert_eq!(again.count(), histogram.count());
        }
    }
}
