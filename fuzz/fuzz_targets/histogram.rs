//! How times are spread and vary: whatever is counted, the figures are those of a plain list as closely as they promise
//! to be, and a histogram made from another's buckets is like it.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::measure::{Distribution, Histogram, Jitter};

#[derive(Arbitrary, Debug)]
enum Input {
    /// Times in nanoseconds, and how often each is counted.
    Buckets(Vec<(u64, u64)>),
    /// Delays in nanoseconds, each with how many numbers after the one before.
    Delays(Vec<(u8, i64)>),
}

fuzz_target!(|input: Input| match input {
    Input::Buckets(buckets) => counted(&buckets),
    Input::Delays(delays) => varied(&delays),
});

fn counted(buckets: &[(u64, u64)]) {
    let times = buckets.iter();
    let times = times.map(|(nanos, count)| (Duration::from_nanos(*nanos), *count));
    let histogram = Histogram::from_buckets(times.clone());
    let total = times
        .clone()
        .fold(0, |total: u64, (_, count)| total.saturating_add(count));
    assert_eq!(histogram.count(), total);
    let counted = times.filter(|(_, count)| *count > 0);
    let counted: Vec<_> = counted.map(|(time, _)| time.min(Histogram::MAX)).collect();
    assert_eq!(histogram.min().is_some(), !counted.is_empty());
    // What comes when the count is full is left out.
    if total < u64::MAX {
        assert_eq!(histogram.min(), counted.iter().min().copied());
        assert_eq!(histogram.max(), counted.iter().max().copied());
    }
    let Some(spread) = histogram.distribution() else {
        assert_eq!(total, 0);
        return;
    };
    check(&spread);
    again(&histogram);
}

fn check(spread: &Distribution) {
    let Distribution {
        min,
        median,
        p90,
        p95,
        p99,
        p999,
        p9999,
        max,
        ..
    } = *spread;
    assert!([min, median, p90, p95, p99, p999, p9999, max].is_sorted());
    assert!(min <= spread.mean && spread.mean <= max);
    assert!(spread.stddev <= max - min + Duration::from_nanos(1));
}

/// By way of its buckets, and beside an empty one.
fn again(histogram: &Histogram) {
    let copy = Histogram::from_buckets(histogram.buckets());
    let mut merged = Histogram::new();
    merged.merge(histogram);
    for other in [&copy, &merged] {
        assert_eq!(other.count(), histogram.count());
        assert_eq!(
            (other.min(), other.max()),
            (histogram.min(), histogram.max())
        );
        for percent in [0.0, 1.0, 50.0, 99.0, 99.99, 100.0, f64::NAN] {
            assert_eq!(other.percentile(percent), histogram.percentile(percent));
        }
    }
    merged.clear();
    assert_eq!((merged.count(), merged.distribution()), (0, None));
}

fn varied(delays: &[(u8, i64)]) {
    let (mut jitter, mut number, mut pairs) = (Jitter::new(), 0, 0);
    for (place, (ahead, delay)) in delays.iter().enumerate() {
        jitter.arrived(*delay);
        number += u64::from(*ahead);
        pairs += u64::from(place > 0 && *ahead == 1);
        jitter.in_order(number, *delay);
    }
    let count = delays.len() as u64;
    assert_eq!(jitter.rfc3550().is_some(), count >= 2);
    assert_eq!(jitter.ipdv().map_or(0, |ipdv| ipdv.count), pairs);
    assert_eq!(jitter.pdv().map_or(0, |pdv| pdv.count), count);
    if let Some(ipdv) = jitter.ipdv() {
        check(&ipdv);
    }
    let Some(pdv) = jitter.pdv() else { return };
    assert_eq!(pdv.min, Duration::ZERO);
    assert!([pdv.median, pdv.p90, pdv.p99, pdv.p999, pdv.max].is_sorted());
}
