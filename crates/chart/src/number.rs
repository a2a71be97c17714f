//! How figures are written for people: every time in ms.

use std::time::Duration;

/// The widest that a time in a table gets, so that nine of them stand side by side.
const WIDEST: usize = 7;

/// What stands where there is no figure.
pub const NONE: &str = "–";

/// A time in ms, to 10 ns below 1 ms and to 1 µs above.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 1.0 {
        format!("{ms:.5}")
    } else {
        format!("{ms:.3}")
    }
}

/// Nanoseconds as ms with a sign, to 10 ns.
pub fn signed_ms(nanos: f64) -> String {
    format!("{:+.5}", nanos / 1e6)
}

/// How many digits after the point show three that tell of the shortest of these times in ms: 3 to 5. Times of 0 have
/// no say.
pub fn decimals(times: impl IntoIterator<Item = Duration>) -> usize {
    let shortest = times.into_iter().filter(|time| !time.is_zero()).min();
    match shortest.map_or(0, |time| time.as_nanos()) {
        0 | 100_000.. => 3,
        10_000.. => 4,
        _ => 5,
    }
}

/// A time in ms for a table whose times have this many digits after the point; long ones have fewer.
pub fn cell(time: Duration, decimals: usize) -> String {
    let ms = time.as_secs_f64() * 1e3;
    let texts = (0..=decimals)
        .rev()
        .map(|decimals| format!("{ms:.decimals$}"));
    let mut fitting = texts.filter(|text| text.len() <= WIDEST);
    fitting.next().unwrap_or_else(|| format!("{ms:.0}"))
}

/// A number with three digits that tell, or all of its digits before the point, without a unit.
pub fn three_digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    let whole = number.abs().log10().floor();
    let decimals = (2.0 - whole).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with its prefix, ready for a unit: `1.23 M`, `12 `.
pub fn scaled(number: f64) -> String {
    let (scale, prefix) = match number.abs() {
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e3.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    format!("{} {prefix}", three_digits(number / scale))
}

/// A number with its thousands set apart: `12,400`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time that runs, as on a watch: `0:07`, `12:34`, `1:02:03`.
pub fn watch(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_a_table_keep_to_their_width() {
        let table = [
            (580, 5, "0.00058"),
            (58_000, 4, "0.0580"),
            (12_300_580, 5, "12.3006"),
            (7_200_000_000_000, 5, "7200000"),
            (0, 3, "0.000"),
        ];
        for (nanos, decimals, text) in table {
            assert_eq!(cell(Duration::from_nanos(nanos), decimals), text);
        }
        let us = Duration::from_micros;
        let digits = |times: &[u64]| decimals(times.iter().map(|time| us(*time)));
        let found = [
            digits(&[]),
            digits(&[0, 100]),
            digits(&[99]),
            digits(&[9, 99]),
        ];
        assert_eq!(found, [3, 3, 4, 5]);
    }

    #[test]
    fn shares_have_the_digits_that_tell() {
        let table = [
            (0.0, "0"),
            (0.00012, "0.00012"),
            (0.5, "0.5"),
            (10.0, "10"),
            (12.345, "12.3"),
            (99.96, "100"),
            (100.0, "100"),
        ];
        for (share, text) in table {
            assert_eq!(three_digits(share), text);
        }
    }

    #[test]
    fn watches_run() {
        let shown = [7, 754, 3723].map(|seconds| watch(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:07", "12:34", "1:02:03"]);
    }
}
