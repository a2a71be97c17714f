//! Times on the wire of STAMP, in either of its formats, and what is said of their error.

use std::time::Duration;

/// How the seconds of 1970 are counted by NTP, whose era 0 began in 1900.
const SINCE_1900: u64 = 2_208_988_800;

const SECOND: u64 = 1_000_000_000;

/// How a time is written (RFC 8762, section 4.2.1; RFC 8186, section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// NTP's 64 bits (RFC 5905, section 6): seconds since 1900 modulo 2³², and parts of a second in 2⁻³².
    #[default]
    Ntp,
    /// The truncated format of PTPv2 (IEEE 1588-2008): seconds since 1970 modulo 2³², and nanoseconds.
    Ptp,
}

/// A time as it stands in a packet. What it means, its packet's [`ErrorEstimate`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// A time in nanoseconds since the Unix epoch.
    pub fn of_unix(nanos: u64, format: Format) -> Self {
        let (seconds, rest) = (nanos / SECOND, nanos % SECOND);
        let (seconds, part) = match format {
            Format::Ntp => (seconds + SINCE_1900, rounded(rest << 32, SECOND)),
            Format::Ptp => (seconds, rest),
        };
        Self(seconds << 32 | part)
    }

    /// The time in nanoseconds since the Unix epoch.
    ///
    /// An NTP time is taken to lie in 1968 to 2104, as RFC 4330, section 3, has it; what is before 1970 is 0. A PTP time
    /// is taken to lie before 2106, and by the scale of Unix: where it is by that of TAI it is 37 s ahead, which is found
    /// with the offset of the clocks.
    pub fn unix_nanos(self, format: Format) -> u64 {
        let part = self.0 & u64::from(u32::MAX);
        match format {
            Format::Ntp => {
                let era = u64::from(self.0 >> 63 == 0) << 32;
                let seconds = (era + self.seconds()).saturating_sub(SINCE_1900);
                seconds * SECOND + rounded(part * SECOND, 1 << 32)
            }
            Format::Ptp => self.seconds() * SECOND + part,
        }
    }

    /// The whole seconds, as they stand there.
    pub(super) fn seconds(self) -> u64 {
        self.0 >> 32
    }
}

fn rounded(dividend: u64, divisor: u64) -> u64 {
    (dividend + divisor / 2) / divisor
}

/// Whether a clock follows one outside its machine, such as that of GPS or of an NTP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It does, by the word of its machine.
    Synchronised,
    /// It does not, or nothing is known of it.
    Alone,
}

/// What a packet says of its times (RFC 4656, section 4.1.2; RFC 8186, section 2.3): the bits S, Z, six of scale and
/// eight of a multiplier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorEstimate(pub u16);

impl ErrorEstimate {
    /// What this project's programs say: NTP times of a clock of which nothing is known, with an error of a second.
    pub const OURS: Self = Self(32 << 8 | 1);

    /// Whether the clock follows another (S).
    pub fn clock(self) -> Clock {
        match self.0 >> 15 {
            0 => Clock::Alone,
            _ => Clock::Synchronised,
        }
    }

    /// How the packet's times are written (Z).
    pub fn format(self) -> Format {
        match self.0 >> 14 & 1 {
            0 => Format::Ntp,
            _ => Format::Ptp,
        }
    }

    /// How wrong the times are at the most: the multiplier by 2 to the scale less 32, in seconds.
    pub fn error(self) -> Duration {
        let (scale, multiplier) = (self.0 >> 8 & 0x3F, self.0 & 0xFF);
        Duration::from_secs_f64(f64::from(multiplier) * 2f64.powi(i32::from(scale) - 32))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_the_table() {
        let table = [
            // RFC 868 gives the seconds of 1970; RFC 4330 those of the era's end.
            (0, 0x83AA_7E80_0000_0000, 0),
            (500_000_000, 0x83AA_7E80_8000_0000, 500_000_000),
            (
                1_700_000_000_250_000_000,
                0xE8FE_6F80_4000_0000,
                1_700_000_000 << 32 | 250_000_000,
            ),
            (
                2_085_978_495_999_999_999,
                0xFFFF_FFFF_FFFF_FFFC,
                2_085_978_495 << 32 | 999_999_999,
            ),
            (2_085_978_496_000_000_000, 0, 2_085_978_496 << 32),
        ];
        for (nanos, ntp, ptp) in table {
            for (format, wire) in [(Format::Ntp, ntp), (Format::Ptp, ptp)] {
                let stamp = Timestamp::of_unix(nanos, format);
                assert_eq!(stamp, Timestamp(wire), "{nanos} {format:?}");
                assert_eq!(stamp.unix_nanos(format), nanos, "{nanos} {format:?}");
            }
        }
    }

    #[test]
    fn estimates_of_the_table() {
        use Clock::{Alone, Synchronised};
        let table = [
            (ErrorEstimate::OURS, Alone, Format::Ntp, 1.0),
            (
                ErrorEstimate(0x8001),
                Synchronised,
                Format::Ntp,
                2f64.powi(-32),
            ),
            (
                ErrorEstimate(0xC10A),
                Synchronised,
                Format::Ptp,
                10.0 * 2f64.powi(-31),
            ),
            (
                ErrorEstimate(0x7FFF),
                Alone,
                Format::Ptp,
                255.0 * 2f64.powi(31),
            ),
            (ErrorEstimate(0), Alone, Format::Ntp, 0.0),
        ];
        for (estimate, clock, format, seconds) in table {
            assert_eq!((estimate.clock(), estimate.format()), (clock, format));
            assert_eq!(estimate.error(), Duration::from_secs_f64(seconds));
        }
    }

    proptest! {
        #[test]
        fn times_survive_to_the_nanosecond(nanos in 0..4_233_000_000_000_000_000u64) {
            for format in [Format::Ntp, Format::Ptp] {
                prop_assert_eq!(Timestamp::of_unix(nanos, format).unix_nanos(format), nanos);
            }
        }

        #[test]
        fn any_bits_are_taken(bits: u64, estimate: u16) {
            for format in [Format::Ntp, Format::Ptp] {
                Timestamp(bits).unix_nanos(format);
                Timestamp::of_unix(bits, format);
            }
            ErrorEstimate(estimate).error();
        }
    }
}
