//! What values count, and how they are written.

/// What the values of an axis count. They go in without a prefix (seconds, not milliseconds) and are shown with the one
/// that suits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, shown as ns, µs, ms or s.
    Seconds,
    /// Bits in a second.
    BitsPerSecond,
    /// Packets (datagrams) in a second.
    PacketsPerSecond,
    /// Requests in a second.
    RequestsPerSecond,
    /// Bytes, in powers of 1,000.
    Bytes,
    /// Percent: from 0 to 100, not to 1.
    Percent,
    /// A number without a unit, such as a count.
    Plain,
}

impl Unit {
    /// The value with the prefix that suits it and four digits at most: `27.1 µs`, `1.5 Gbit/s`, `12.3 %`.
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let prefix = self.prefix(value.abs());
        let value = value / prefix.factor();
        let whole = value.abs().max(1.0).log10().floor().min(3.0) as usize;
        let mut text = number(value, 3 - whole);
        if text.contains('.') && !text.contains('e') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        format!("{text} {}", prefix.name).trim_end().to_owned()
    }

    /// The prefix under which `magnitude` has a digit before the point.
    pub(crate) fn prefix(self, magnitude: f64) -> Prefix {
        let prefixes = self.prefixes();
        let fits = |prefix: &&Prefix| prefix.factor() <= magnitude * (1.0 + 1e-9);
        let fallback = match self {
            Self::Seconds if magnitude == 0.0 => prefixes.last(),
            _ => prefixes.first(),
        };
        let found = prefixes.iter().rfind(fits).or(fallback);
        found.copied().unwrap_or(PLAIN)
    }

    fn prefixes(self) -> &'static [Prefix] {
        const fn p(exponent: i32, name: &'static str) -> Prefix {
            Prefix { exponent, name }
        }
        match self {
            Self::Seconds => const { &[p(-9, "ns"), p(-6, "µs"), p(-3, "ms"), p(0, "s")] },
            Self::BitsPerSecond => {
                const {
                    &[
                        p(0, "bit/s"),
                        p(3, "kbit/s"),
                        p(6, "Mbit/s"),
                        p(9, "Gbit/s"),
                        p(12, "Tbit/s"),
                    ]
                }
            }
            Self::PacketsPerSecond => {
                const { &[p(0, "packets/s"), p(3, "k packets/s"), p(6, "M packets/s")] }
            }
            Self::RequestsPerSecond => {
                const {
                    &[
                        p(0, "requests/s"),
                        p(3, "k requests/s"),
                        p(6, "M requests/s"),
                    ]
                }
            }
            Self::Bytes => const { &[p(0, "B"), p(3, "kB"), p(6, "MB"), p(9, "GB"), p(12, "TB")] },
            Self::Percent => const { &[p(0, "%")] },
            Self::Plain => &[PLAIN],
        }
    }
}

const PLAIN: Prefix = Prefix {
    exponent: 0,
    name: "",
};

/// A unit with its SI prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// The power of ten.
    pub(crate) exponent: i32,
    /// What is written behind a value; may be empty.
    pub(crate) name: &'static str,
}

impl Prefix {
    /// What a value is divided by.
    pub(crate) fn factor(self) -> f64 {
        10f64.powi(self.exponent)
    }
}

/// A number with so many digits behind the point, as a power of ten where it would be long. There is no `-0`.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    if value.abs() >= 1e7 || decimals > 6 {
        let text = format!("{value:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return if digits == "0" {
            digits.to_owned()
        } else {
            format!("{digits}e{exponent}")
        };
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| matches!(b, b'0' | b'.')) => rest.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_the_prefix_that_suits_them() {
        let table = [
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Seconds, 27.14e-6, "27.14 µs"),
            (Unit::Seconds, 0.5, "500 ms"),
            (Unit::Seconds, 3600.0, "3600 s"),
            (Unit::Seconds, -0.0015, "-1.5 ms"),
            (Unit::Seconds, 1e-300, "0 ns"),
            (Unit::BitsPerSecond, 1.5e9, "1.5 Gbit/s"),
            (Unit::BitsPerSecond, 12.0, "12 bit/s"),
            (Unit::PacketsPerSecond, 331_000.0, "331 k packets/s"),
            (Unit::Percent, 12.345, "12.35 %"),
            (Unit::Plain, 1e300, "1e300"),
            (Unit::Plain, f64::NAN, "–"),
        ];
        for (unit, value, shown) in table {
            assert_eq!(unit.show(value), shown);
        }
    }
}
