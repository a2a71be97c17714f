//! Byte ranges (RFC 9110, section 14).

use std::str;

/// The most parts that are asked for in one request; more are an attack, or a mistake.
pub const MAX_PARTS: usize = 64;

/// The most parts that may be asked for in another order than that of the representation.
const MAX_UNORDERED: usize = 16;

/// The most ranges that may overlap others.
const MAX_OVERLAPPING: usize = 2;

/// Bytes of a representation, from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What of a representation is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All: no range is asked for, or nothing that is understood, or so many that it is an attack (RFC 9110, section
    /// 14.2).
    Whole,
    /// One part.
    Part(Range),
    /// Several, in the order in which they were asked for.
    Parts(Vec<Range>),
    /// Nothing that there is: 416.
    Nothing,
}

impl Range {
    /// How many bytes it has: never none.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(self) -> u64 {
        self.last - self.first + 1
    }

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Reads the value of a `Range` field for a representation of so many bytes. Ranges that overlap or touch are one
/// (RFC 9110, section 15.3.7.2).
pub fn wanted(value: &[u8], length: u64) -> Wanted {
    let Some(specs) = specs(value) else {
        return Wanted::Whole;
    };
    if length == 0 {
        // A last so many bytes of nothing are nothing, which no Content-Range can say.
        return match specs.iter().any(|spec| matches!(spec, Spec::Last(1..))) {
            true => Wanted::Whole,
            false => Wanted::Nothing,
        };
    }
    let there: Vec<Range> = specs.iter().filter_map(|spec| spec.of(length)).collect();
    if overlapping(&there) > MAX_OVERLAPPING {
        return Wanted::Whole;
    }
    let parts = coalesced(&there);
    match parts.as_slice() {
        [] => Wanted::Nothing,
        [part] => Wanted::Part(*part),
        many if many.len() > MAX_UNORDERED && !many.is_sorted_by_key(|part| part.first) => {
            Wanted::Whole
        }
        _ => Wanted::Parts(parts),
    }
}

/// One range as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// From a byte on, to another or to the end (`u64::MAX`).
    From(u64, u64),
    /// The last so many.
    Last(u64),
}

impl Spec {
    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?, u64::MAX)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, last))
            }
        }
    }

    /// What there is of it, in a representation of so many bytes, at least one.
    fn of(self, length: u64) -> Option<Range> {
        let end = length - 1;
        match self {
            Self::From(first, last) => (first <= end).then(|| Range {
                first,
                last: last.min(end),
            }),
            Self::Last(count) => (count > 0).then(|| Range {
                first: length.saturating_sub(count),
                last: end,
            }),
        }
    }
}

/// All that are asked for; `None` where the value is malformed, or speaks of something else than bytes.
fn specs(value: &[u8]) -> Option<Vec<Spec>> {
    let (unit, set) = str::from_utf8(value).ok()?.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let written = set.split(',').map(|spec| spec.trim_matches([' ', '\t']));
    let mut specs = Vec::new();
    for text in written.filter(|text| !text.is_empty()) {
        if specs.len() == MAX_PARTS {
            return None;
        }
        specs.push(Spec::read(text)?);
    }
    (!specs.is_empty()).then_some(specs)
}

/// Digits; what is more than a `u64` holds is as good as its most.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// How many overlap one that was asked for before.
fn overlapping(ranges: &[Range]) -> usize {
    let overlaps_earlier = |&at: &usize| {
        ranges[..at]
            .iter()
            .any(|earlier| earlier.overlaps(ranges[at]))
    };
    (0..ranges.len()).filter(overlaps_earlier).count()
}

/// Those that overlap or touch are one, where the first of them stood.
fn coalesced(ranges: &[Range]) -> Vec<Range> {
    let mut sorted: Vec<(usize, Range)> = ranges.iter().copied().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.first);
    sorted.dedup_by(|(later_place, later), (place, kept)| {
        let is_one = later.first <= kept.last.saturating_add(1);
        if is_one {
            kept.last = kept.last.max(later.last);
            *place = (*place).min(*later_place);
        }
        is_one
    });
    sorted.sort_by_key(|(place, _)| *place);
    sorted.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part(Range { first, last })
    }

    fn parts(ranges: &[(u64, u64)]) -> Wanted {
        let range = |&(first, last): &(u64, u64)| Range { first, last };
        Wanted::Parts(ranges.iter().map(range).collect())
    }

    #[test]
    fn one_range() {
        let table: &[(&str, u64, Wanted)] = &[
            ("bytes=0-499", 10_000, part(0, 499)),
            ("bytes=500-999", 10_000, part(500, 999)),
            ("bytes=-500", 10_000, part(9_500, 9_999)),
            ("bytes=9500-", 10_000, part(9_500, 9_999)),
            ("bytes=0-0", 10_000, part(0, 0)),
            ("bytes=0-", 10_000, part(0, 9_999)),
            ("bytes=-1", 10_000, part(9_999, 9_999)),
            ("bytes=-20000", 10_000, part(0, 9_999)),
            ("bytes=9999-", 10_000, part(9_999, 9_999)),
            ("bytes=9999-20000", 10_000, part(9_999, 9_999)),
            ("BYTES=0-1", 10_000, part(0, 1)),
            ("bytes= 0-1 ", 10_000, part(0, 1)),
            ("bytes=,, 0-1,", 10_000, part(0, 1)),
            ("bytes=0-0", 1, part(0, 0)),
            ("bytes=0-99999999999999999999999", 10_000, part(0, 9_999)),
            ("bytes=-99999999999999999999999", 10_000, part(0, 9_999)),
            ("bytes=007-0010", 10_000, part(7, 10)),
            ("bytes=10000-", 10_000, Wanted::Nothing),
            ("bytes=10000-20000", 10_000, Wanted::Nothing),
            ("bytes=-0", 10_000, Wanted::Nothing),
            ("bytes=99999999999999999999999-", 10_000, Wanted::Nothing),
            ("bytes=0-", 0, Wanted::Nothing),
            ("bytes=0-0", 0, Wanted::Nothing),
            ("bytes=-0", 0, Wanted::Nothing),
            ("bytes=-1", 0, Wanted::Whole),
        ];
        for (value, length, expected) in table {
            assert_eq!(wanted(value.as_bytes(), *length), *expected, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_not_there() {
        let table: &[&[u8]] = &[
            b"",
            b"bytes",
            b"bytes=",
            b"bytes=,",
            b"bytes =0-1",
            b"bytes 0-1",
            b"bytes=-",
            b"bytes=--1",
            b"bytes=1",
            b"bytes=2-1",
            b"bytes=a-b",
            b"bytes=0x1-2",
            b"bytes=+1-2",
            b"bytes=1 - 2",
            b"bytes=1-2-3",
            b"bytes=0-1;",
            b"bytes=0-1,x",
            b"bytes=0-1,5-2",
            b"items=0-1",
            b"none=",
            b"bytes=0-\xff",
        ];
        for value in table {
            assert_eq!(
                wanted(value, 1000),
                Wanted::Whole,
                "{}",
                value.escape_ascii()
            );
        }
    }

    #[test]
    fn several_ranges() {
        let table: &[(&str, Wanted)] = &[
            ("bytes=0-0,500-500", parts(&[(0, 0), (500, 500)])),
            ("bytes=500-500,0-0", parts(&[(500, 500), (0, 0)])),
            ("bytes=0-0,-1", parts(&[(0, 0), (999, 999)])),
            ("bytes=0-0,5000-,-1", parts(&[(0, 0), (999, 999)])),
            ("bytes=0-0,5000-", part(0, 0)),
            ("bytes=5000-,6000-", Wanted::Nothing),
            ("bytes=0-9,10-19", part(0, 19)),
            ("bytes=10-19,0-9", part(0, 19)),
            ("bytes=0-9,11-19", parts(&[(0, 9), (11, 19)])),
            ("bytes=11-19,0-9", parts(&[(11, 19), (0, 9)])),
            ("bytes=0-500,400-999", part(0, 999)),
            ("bytes=0-0,500-600,300-550", parts(&[(0, 0), (300, 600)])),
            (
                "bytes=500-600,0-0,900-,300-550",
                parts(&[(300, 600), (0, 0), (900, 999)]),
            ),
            ("bytes=0-,0-,0-", part(0, 999)),
            ("bytes=0-,0-,0-,0-", Wanted::Whole),
            ("bytes=0-9,5-,6-,7-", Wanted::Whole),
        ];
        for (value, expected) in table {
            assert_eq!(wanted(value.as_bytes(), 1000), *expected, "{value}");
        }
    }

    fn every_thousandth(order: impl Iterator<Item = u64>) -> String {
        let specs: Vec<String> = order.map(|at| format!("{0}-{0}", at * 1000)).collect();
        format!("bytes={}", specs.join(","))
    }

    #[test]
    fn many_are_an_attack() {
        let parts = |value: String| match wanted(value.as_bytes(), 1_000_000) {
            Wanted::Parts(parts) => parts.len(),
            _ => 0,
        };
        assert_eq!(parts(every_thousandth(0..64)), 64);
        assert_eq!(parts(every_thousandth(0..65)), 0);
        assert_eq!(parts(every_thousandth((0..16).rev())), 16);
        assert_eq!(parts(every_thousandth((0..17).rev())), 0);
    }

    proptest! {
        #[test]
        fn every_byte_that_is_asked_for_is_sent(
            asked in prop::collection::vec((0_u64..2000, 0_u64..2000), 1..8),
            length in 1_u64..2500,
        ) {
            let asked: Vec<_> = asked.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
            let specs: Vec<_> = asked.iter().map(|(first, last)| format!("{first}-{last}")).collect();
            let sent = match wanted(format!("bytes={}", specs.join(",")).as_bytes(), length) {
                Wanted::Whole => return Ok(()),
                Wanted::Part(part) => vec![part],
                Wanted::Parts(parts) => parts,
                Wanted::Nothing => vec![],
            };
            for (at, part) in sent.iter().enumerate() {
                prop_assert!(part.first <= part.last && part.last < length);
                prop_assert!(sent[..at].iter().all(|earlier| !earlier.overlaps(*part)));
            }
            for (first, last) in asked.into_iter().filter(|(first, _)| *first < length) {
                prop_assert!(sent.iter().any(|part| part.first <= first && last.min(length - 1) <= part.last));
            }
        }

        #[test]
        fn any_bytes_are_taken(value: Vec<u8>, length: u64) {
            let _ = wanted(&value, length);
        }
    }
}
