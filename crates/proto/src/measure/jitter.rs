//! How much delays vary, by the three definitions in use, in constant memory.

use std::time::Duration;

use super::histogram::{Distribution, Histogram, Moments, nanos, time};

/// Delay variation of a stream of packets, fed with each delay twice: [`arrived`](Self::arrived) as its packet arrives,
/// and [`in_order`](Self::in_order) once it is known of all packets before it whether they arrived.
///
/// The delays may have any fixed origin: they may be round-trip times, or differences between two clocks that do not
/// agree, below zero or huge. A clock that drifts shows in all figures but the IPDV; correct such delays
/// with [`Fit::one_way`](super::Fit::one_way) before. Leave duplicates out.
///
/// Memory: 817 KiB, whatever the number of packets: three [`Histogram`]s, and the first delays.
#[derive(Clone, Debug, Default)]
pub struct Jitter {
    last_arrived: Option<i64>,
    last_in_order: Option<(u64, i64)>,
    interarrival: Option<f64>,
    successive: Histogram,
    variation: Variation,
}

impl Jitter {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet arrived. `delay_ns` is in nanoseconds since the origin that all delays share.
    pub fn arrived(&mut self, delay_ns: i64) {
        if let Some(last) = self.last_arrived.replace(delay_ns) {
            let difference = delay_ns.abs_diff(last);
            let estimate = self.interarrival.unwrap_or(0.0);
            self.interarrival = Some(estimate + (difference as f64 - estimate) / 16.0);
        }
        self.variation.add(delay_ns);
    }

    /// The next packet that arrived, in the order in which they were sent, in which `number` is its place.
    pub fn in_order(&mut self, number: u64, delay_ns: i64) {
        if let Some((last_number, last)) = self.last_in_order.replace((number, delay_ns))
            && last_number.checked_add(1) == Some(number)
        {
            let difference = Duration::from_nanos(delay_ns.abs_diff(last));
            self.successive.record(difference);
        }
    }

    /// The interarrival jitter of RFC 3550, section 6.4.1: J += (|D| − J) ⁄ 16, over the packets in the order in which
    /// they arrived, from J = 0. `None` with fewer than two packets.
    pub fn rfc3550(&self) -> Option<Duration> {
        self.interarrival.map(time)
    }

    /// The inter-packet delay variation of RFC 3393 as in RFC 5481, section 4.1, |delay(i) − delay(i − 1)|: the
    /// absolute values, without their signs.
    ///
    /// A pair counts where both packets arrived, in whatever order. `None` without any pair.
    pub fn ipdv(&self) -> Option<Distribution> {
        self.successive.distribution()
    }

    /// The packet delay variation of RFC 5481, section 4.2: each delay less the smallest of all. `None` without any
    /// packet.
    ///
    /// The smallest is always 0; it, the longest, the mean and the standard deviation are exact. A percentile is within
    /// 0.2 % of the true one and 0.1 % of *s*, the distance from the smallest delay of the first 64 packets to
    /// the smallest of all: little, unless the path became much faster later on. Delays further than 2 hours from the
    /// smallest of the first 64 count as 2 hours from it.
    pub fn pdv(&self) -> Option<Distribution> {
        self.variation.distribution()
    }
}

/// The distance between two delays, with its sign, in nanoseconds: at most what a histogram holds.
fn distance(from: i64, to: i64) -> i64 {
    let limit = i128::from(nanos(Histogram::MAX));
    let distance = i128::from(to) - i128::from(from);
    distance.clamp(-limit, limit) as i64 // 2 h at most
}

/// Delays on both sides of an anchor near the smallest, since the smallest of all is known only at the end.
///
/// The very first delay would be a bad anchor: it is often far longer (address resolution, cold caches), and the buckets
/// are fine only near the anchor.
#[derive(Clone, Debug, Default)]
struct Variation {
    early: Vec<i64>,
    anchor: Option<i64>,
    below: Histogram,
    above: Histogram,
    moments: Moments,
}

impl Variation {
    /// How many delays are looked at before the anchor is chosen.
    const EARLY: usize = 64;

    fn add(&mut self, delay: i64) {
        if let Some(anchor) = self.anchor {
            return self.place(distance(anchor, delay));
        }
        self.early.push(delay);
        if self.early.len() == Self::EARLY {
            self.settle();
        }
    }

    /// Chooses the anchor.
    fn settle(&mut self) {
        let early = std::mem::take(&mut self.early);
        self.anchor = early.iter().min().copied();
        for delay in early {
            self.add(delay);
        }
    }

    fn place(&mut self, distance: i64) {
        let size = Duration::from_nanos(distance.unsigned_abs());
        let side = if distance < 0 {
            &mut self.below
        } else {
            &mut self.above
        };
        side.record(size);
        self.moments.merge(Moments::of(distance, 1));
    }

    fn distribution(&self) -> Option<Distribution> {
        if self.anchor.is_some() {
            return self.settled();
        }
        let mut copy = self.clone();
        copy.settle();
        copy.settled()
    }

    /// The anchor is one of the delays, so that the smallest is as far below it as the deepest.
    fn settled(&self) -> Option<Distribution> {
        let depth = self.below.max().unwrap_or_default();
        let below = self.below.buckets();
        let below = below.map(|(size, count)| (depth.saturating_sub(size), count));
        let above = self.above.buckets();
        let above = above.map(|(size, count)| (depth.saturating_add(size), count));
        let buckets = Histogram::from_buckets(below.chain(above)).distribution()?;
        let mean = self.moments.mean()? + nanos(depth) as f64;
        Some(Distribution {
            mean: time(mean.max(0.0)),
            stddev: time(self.moments.stddev()?),
            ..buckets
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(delays: &[i64]) -> Jitter {
        let mut jitter = Jitter::new();
        for (number, delay) in delays.iter().enumerate() {
            jitter.arrived(*delay);
            jitter.in_order(number as u64, *delay);
        }
        jitter
    }

    fn ns(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    #[test]
    fn rfc3550_by_hand() {
        let ms = 1_000_000;
        // J₁ = 16/16 = 1 ms, J₂ = 1 + (16 − 1)/16 ms
        let jitter = of(&[16 * ms, 32 * ms, 16 * ms]);
        assert_eq!(jitter.rfc3550(), Some(ns(1_937_500)));
        assert_eq!(of(&[7]).rfc3550(), None);
        assert_eq!(of(&[-16, 0]).rfc3550(), Some(ns(1)));
    }

    #[test]
    fn ipdv_pairs_neighbours_only() {
        let mut jitter = Jitter::new();
        // 3 and 5 are lost: only 0-1, 1-2 and 6-7 are pairs.
        for (number, delay) in [(0, 10), (1, 15), (2, 13), (4, 90), (6, 10), (7, 11)] {
            jitter.in_order(number, delay);
        }
        let ipdv = jitter.ipdv().unwrap();
        assert_eq!((ipdv.count, ipdv.min, ipdv.max), (3, ns(1), ns(5)));
        assert_eq!(ipdv.median, ns(2));
        assert_eq!(of(&[7]).ipdv(), None);
    }

    #[test]
    fn pdv_is_above_the_smallest_of_the_whole_run() {
        let pdv = of(&[-50, -40, -60, -58]).pdv().unwrap();
        assert_eq!((pdv.min, pdv.median, pdv.max), (ns(0), ns(2), ns(20)));
        assert_eq!((pdv.mean, pdv.count), (ns(8), 4));
        assert_eq!(Jitter::new().pdv(), None);
        assert_eq!(of(&[i64::MIN]).pdv().unwrap().max, ns(0));
    }

    #[test]
    fn a_slow_first_packet_costs_no_resolution() {
        let mut delays = vec![3_000_000_000];
        delays.extend((0..1000).map(|number| 40_000 + number % 100));
        let pdv = of(&delays).pdv().unwrap();
        assert_eq!((pdv.median, pdv.p99), (ns(50), ns(99)));
        assert_eq!(pdv.max, ns(2_999_960_000));
    }

    #[test]
    fn delays_from_both_ends_of_the_range_saturate() {
        let jitter = of(&[i64::MIN, i64::MAX, 0, i64::MIN]);
        assert_eq!(jitter.pdv().unwrap().max, Histogram::MAX);
        assert_eq!(jitter.ipdv().unwrap().max, Histogram::MAX);
        assert!(jitter.rfc3550().is_some());
    }

    fn exact_rank(sorted: &[i64], percent: usize) -> i64 {
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pdv_agrees_with_the_exact_computation(
            origin in -(1i64 << 62)..1 << 62,
            delays in vec(0i64..1 << 36, 1..300),
        ) {
            let raw: Vec<i64> = delays.iter().map(|delay| origin + delay).collect();
            let got = of(&raw).pdv().unwrap();
            let smallest = *delays.iter().min().unwrap();
            let mut exact: Vec<i64> = delays.iter().map(|delay| delay - smallest).collect();
            exact.sort_unstable();
            let count = exact.len();
            let mean = exact.iter().sum::<i64>() as f64 / count as f64;
            prop_assert_eq!((got.min, got.count), (ns(0), count as u64));
            prop_assert_eq!(nanos(got.max) as i64, exact[count - 1]);
            prop_assert!((nanos(got.mean) as f64 - mean).abs() <= 1.0);
            let first = delays.iter().take(64).min().unwrap();
            let slack = (first - smallest) as f64 * 0.001 + 2.0;
            for (got, percent) in [(got.median, 50), (got.p90, 90), (got.p99, 99)] {
                let exact = exact_rank(&exact, percent) as f64;
                prop_assert!((nanos(got) as f64 - exact).abs() <= exact * 0.002 + slack);
            }
        }

        #[test]
        fn the_origin_of_the_delays_does_not_matter(
            origin in -(1i64 << 61)..1 << 61,
            delays in vec(0i64..1 << 40, 0..150),
        ) {
            let raw: Vec<i64> = delays.iter().map(|delay| origin + delay).collect();
            let (some, others) = (of(&delays), of(&raw));
            prop_assert_eq!(some.rfc3550(), others.rfc3550());
            prop_assert_eq!(some.ipdv(), others.ipdv());
            prop_assert_eq!(some.pdv(), others.pdv());
        }

        #[test]
        fn any_delays_are_taken(packets in vec((0u64..8, any::<i64>()), 0..150), last: u64) {
            let mut jitter = Jitter::new();
            for (number, delay) in packets {
                jitter.arrived(delay);
                jitter.in_order(number.wrapping_add(last), delay);
                prop_assert!(jitter.rfc3550().is_none_or(|jitter| jitter <= ns(u64::MAX)));
            }
            jitter.ipdv();
            jitter.pdv();
        }
    }
}
