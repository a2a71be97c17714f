//! Quantities as people write them: `10ms`, `0.5` (seconds), `0.1ms..500ms`, `10%`, and how they are shown.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Why text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// No time.
    #[error("expected a time such as 10ms, 1.5s or 0.5 (seconds), got '{0}'")]
    Time(String),
    /// No time at all where some is needed.
    #[error("expected a time above 0, such as 10ms, got '{0}'")]
    Zero(String),
    /// A time beyond what any option means.
    #[error("expected a time of at most 365 days, got '{0}'")]
    TimeTooLong(String),
    /// No share.
    #[error("expected a share from 0 to 100 %, such as 10% or 0.5, got '{0}'")]
    Percent(String),
    /// No rate.
    #[error("expected a rate such as 20kpps (packets/s) or 100Mbit (bits/s), got '{0}'")]
    Rate(String),
    /// No rate of bytes.
    #[error("expected at least 1 kB/s, such as 10MB/s, 500kB or 1MiB, got '{0}'")]
    ByteRate(String),
    /// No number of bytes.
    #[error("expected a size such as 500MB, 1GiB or 4096 (bytes), got '{0}'")]
    Bytes(String),
    /// A range whose ends are the wrong way round.
    #[error("expected a range MIN..MAX with MIN not above MAX, such as 0.1ms..500ms, got '{0}'")]
    Range(String),
}

const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a time: a decimal number with a unit of `ns`, `us` or `µs`, `ms`, `s`, `m`, `h`, `d`, or none for seconds.
///
/// # Errors
/// [`UnitError`] where it is no such time, or one of more than 365 days.
pub fn time(text: &str) -> Result<Duration, UnitError> {
    let bad = || UnitError::Time(text.to_owned());
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let nanos = match unit.trim_start() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "d" => 86_400e9,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    let nanos = (number * nanos).round();
    if nanos > LONGEST.as_nanos() as f64 {
        return Err(UnitError::TimeTooLong(text.to_owned()));
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// As [`time`], for a time that must not be zero.
///
/// # Errors
/// [`UnitError`], also for zero.
pub fn positive_time(text: &str) -> Result<Duration, UnitError> {
    match time(text)? {
        Duration::ZERO => Err(UnitError::Zero(text.to_owned())),
        time => Ok(time),
    }
}

/// A time in the unit that suits it: `500 ns`, `27.1 µs`, `1.234 ms`, `2 s`.
pub fn show_time(time: Duration) -> String {
    let (scale, unit) = match time.as_nanos() {
        0 => return "0 s".to_owned(),
        1..1_000 => (1.0, "ns"),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let text = format!("{:.3}", time.as_nanos() as f64 / scale);
    format!(
        "{} {unit}",
        text.trim_end_matches('0').trim_end_matches('.')
    )
}

/// A moment, in nanoseconds since the Unix epoch, to the second as RFC 3339 writes it: `2026-11-21T11:48:12Z`.
pub fn date(unix_nanos: u64) -> String {
    let seconds = unix_nanos / 1_000_000_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day since the Unix epoch (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// How much a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many packets.
    Packets(f64),
    /// So many bits.
    Bits(f64),
}

impl FromStr for Rate {
    type Err = UnitError;

    /// Reads a number above 0 with `pps` for packets or `bit` for bits, and `k`, `M` or `G` (powers of 1,000) before it.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bad = || UnitError::Rate(text.to_owned());
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(bad)?;
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let unit = unit.trim_start();
        let unit = unit.strip_suffix("/s").unwrap_or(unit);
        let (scale, unit) = match unit.split_at_checked(1) {
            Some(("k" | "K", unit)) => (1e3, unit),
            Some(("M", unit)) => (1e6, unit),
            Some(("G", unit)) => (1e9, unit),
            _ => (1.0, unit),
        };
        let number = Some(number * scale).filter(|number| *number > 0.0);
        match (number, unit) {
            (Some(number), "pps" | "packets") => Ok(Self::Packets(number)),
            (Some(number), "bit" | "bits" | "bps") => Ok(Self::Bits(number)),
            _ => Err(bad()),
        }
    }
}

/// Bytes a second, at least 1,000: with fewer, who waits for them gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteRate(u64);

impl ByteRate {
    const LEAST: u64 = 1000;

    /// So many bytes a second; `None` below 1,000.
    pub const fn new(bytes: u64) -> Option<Self> {
        match bytes {
            ..Self::LEAST => None,
            _ => Some(Self(bytes)),
        }
    }

    /// Bytes a second.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteRate {
    type Err = UnitError;

    /// Reads a number with `k`, `M`, `G` or `T` (powers of 1,000) or `Ki`, `Mi`, `Gi` or `Ti` (powers of 1,024), `B` for
    /// bytes, and `/s`; all but the number may be missing.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bytes = parse_bytes(text.strip_suffix("/s").unwrap_or(text));
        let rate = bytes.and_then(Self::new);
        rate.ok_or_else(|| UnitError::ByteRate(text.to_owned()))
    }
}

/// Reads a number of bytes above 0, with `k`, `M`, `G` or `T` (powers of 1,000) or `Ki`, `Mi`, `Gi` or `Ti` (powers of
/// 1,024), and `B`; all but the number may be missing.
///
/// # Errors
/// [`UnitError::Bytes`] where it is none.
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    let bytes = parse_bytes(text).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| UnitError::Bytes(text.to_owned()))
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim_start();
    let scale = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" | "ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some((number * scale).round() as u64)
}

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// The share; `None` outside 0 to 100 and for what is no number.
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }

    /// The share as a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.0 == 0.0
    }
}

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        number
            .parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| UnitError::Percent(text.to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A range of times; a delay is drawn from it uniformly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    min: Duration,
    max: Duration,
}

impl TimeRange {
    /// The range; `None` if `min` is above `max`.
    pub fn new(min: Duration, max: Duration) -> Option<Self> {
        (min <= max).then_some(Self { min, max })
    }

    /// The shortest time.
    pub fn min(self) -> Duration {
        self.min
    }

    /// The longest time.
    pub fn max(self) -> Duration {
        self.max
    }

    /// Whether it holds no other time than zero.
    pub fn is_zero(self) -> bool {
        self.max.is_zero()
    }
}

impl FromStr for TimeRange {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (min, max) = match text.split_once("..") {
            Some((min, max)) => (time(min)?, time(max)?),
            None => (time(text)?, time(text)?),
        };
        Self::new(min, max).ok_or_else(|| UnitError::Range(text.to_owned()))
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return f.write_str(&show_time(self.min));
        }
        write!(f, "{} to {}", show_time(self.min), show_time(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_they_are_written() {
        let table = [
            ("20000pps", Rate::Packets(20e3)),
            ("20kpps", Rate::Packets(20e3)),
            ("1.5 Mpps", Rate::Packets(1.5e6)),
            ("100Mbit", Rate::Bits(100e6)),
            ("1Gbit/s", Rate::Bits(1e9)),
            ("9600bit", Rate::Bits(9600.0)),
        ];
        for (text, rate) in table {
            assert_eq!(text.parse(), Ok(rate), "{text}");
        }
        for text in [
            "", "100", "100M", "0pps", "-1pps", "1..2pps", "kpps", "1Tbit", "1Mb",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_of_bytes_as_they_are_written() {
        let table = [
            ("10MB/s", 10_000_000),
            ("10 MB/s", 10_000_000),
            ("500kB", 500_000),
            ("500k", 500_000),
            ("1MiB", 1_048_576),
            ("1.5GiB/s", 1_610_612_736),
            ("2Ki/s", 2048),
            ("4096", 4096),
            ("1000B/s", 1000),
            ("1.5kB", 1500),
            ("1TB", 1_000_000_000_000),
        ];
        for (text, bytes) in table {
            assert_eq!(text.parse().map(ByteRate::get), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0.1B",
            "MB",
            "-1",
            "1..2",
            "10MBit",
            "10Mb",
            "10 MB / s",
            "1e9",
            "10m",
            "B/s",
        ] {
            let bad = Err(UnitError::ByteRate(text.to_owned()));
            assert_eq!(text.parse::<ByteRate>(), bad);
        }
    }

    #[test]
    fn sizes_as_they_are_written() {
        let table = [
            ("1G", 1_000_000_000),
            ("1.5 MiB", 1_572_864),
            ("64", 64),
            ("2kB", 2000),
        ];
        for (text, size) in table {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "0", "G", "-1", "1GB/s", "1 potato"] {
            assert_eq!(bytes(text), Err(UnitError::Bytes(text.to_owned())));
        }
    }

    #[test]
    fn times_of_the_table() {
        let table = [
            ("0", 0),
            ("0.5", 500_000_000),
            ("2", 2_000_000_000),
            ("10ms", 10_000_000),
            ("10 ms", 10_000_000),
            ("0.1ms", 100_000),
            ("1.5s", 1_500_000_000),
            ("250us", 250_000),
            ("250µs", 250_000),
            ("7ns", 7),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("30d", 2_592_000_000_000_000),
            (".5", 500_000_000),
        ];
        for (text, nanos) in table {
            assert_eq!(time(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "ms",
            "-1",
            "1.2.3",
            "1e3",
            "10 parsecs",
            "inf",
            "NaN",
            ".",
            "1,5",
        ] {
            assert_eq!(time(text), Err(UnitError::Time(text.to_owned())));
        }
        assert_eq!(positive_time("1ns"), Ok(Duration::from_nanos(1)));
        assert_eq!(positive_time("0ms"), Err(UnitError::Zero("0ms".into())));
        let long = "99999999999h";
        assert_eq!(time(long), Err(UnitError::TimeTooLong(long.to_owned())));
    }

    #[test]
    fn times_are_shown_in_the_unit_that_suits() {
        let table = [
            (0, "0 s"),
            (7, "7 ns"),
            (27_140, "27.14 µs"),
            (500_000_000, "500 ms"),
            (1_234_567, "1.235 ms"),
            (2_000_000_000, "2 s"),
        ];
        for (nanos, shown) in table {
            assert_eq!(show_time(Duration::from_nanos(nanos)), shown);
        }
    }

    #[test]
    fn shares_and_ranges() {
        assert_eq!("10%".parse(), Ok(Percent(10.0)));
        assert_eq!("0.5".parse(), Ok(Percent(0.5)));
        assert_eq!("10 %".parse::<Percent>().unwrap().to_string(), "10 %");
        for text in ["", "%", "101", "-1", "NaN", "ten"] {
            assert_eq!(
                text.parse::<Percent>(),
                Err(UnitError::Percent(text.into()))
            );
        }
        let range: TimeRange = "0.1ms..500ms".parse().unwrap();
        assert_eq!(range.to_string(), "100 µs to 500 ms");
        assert_eq!("20ms".parse::<TimeRange>().unwrap().to_string(), "20 ms");
        assert!("0".parse::<TimeRange>().unwrap().is_zero());
        assert_eq!(
            "2s..1s".parse::<TimeRange>(),
            Err(UnitError::Range("2s..1s".into()))
        );
        assert_eq!(
            "1ms..".parse::<TimeRange>(),
            Err(UnitError::Time(String::new()))
        );
    }

    #[test]
    fn dates_of_a_table() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_261_692, "2026-11-21T11:48:12Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in table {
            assert_eq!(date(seconds * 1_000_000_000), text);
        }
    }
}
