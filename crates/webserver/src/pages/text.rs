//! Names, sizes and times as a page shows them.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runtime::escape::Escaped;

/// Text of somebody else in HTML, also between quotes. What is not UTF-8 and what steers is made visible.
pub(super) struct Html<'a>(pub(super) &'a [u8]);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        write!(Markup(f), "{}", Escaped(self.0))
    }
}

struct Markup<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Markup<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A name as a segment of a URL's path (RFC 3986): what is not unreserved is encoded, so that it is no scheme, no query
/// and no way up.
pub(super) struct Segment<'a>(pub(super) &'a [u8]);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = String::with_capacity(self.0.len());
        proto::http::encode_name(self.0, &mut encoded);
        f.write_str(&encoded)
    }
}

/// A number of bytes, in decimal units, three digits of it.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let (mut value, mut unit) = (self.0 as f64 / 1e3, 0);
        // What would be shown as 1000 is one of the next unit.
        while value >= 999.5 && unit < 5 {
            value /= 1e3;
            unit += 1;
        }
        let unit = ["kB", "MB", "GB", "TB", "PB", "EB"][unit];
        let digits = usize::from(value < 99.95) + usize::from(value < 9.995);
        write!(f, "{value:.digits$} {unit}")
    }
}

/// A number with a comma between thousands.
pub(super) struct Grouped(pub(super) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// How many of something: `1 file`, `12 files`.
pub(super) struct Many(pub(super) usize, pub(super) &'static str);

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{end}", Grouped(self.0 as u64), self.1)
    }
}

/// A moment where the server is.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Year, month and day.
    pub(super) day: String,
    /// Hour and minute.
    pub(super) time: String,
    /// The same for programs, in UTC (RFC 3339).
    pub(super) machine: String,
}

impl Moment {
    /// `None` where the calendar does not go so far.
    pub(super) fn of(time: SystemTime, zone: &TimeZone) -> Option<Self> {
        let moment = Timestamp::try_from(time).ok()?;
        let local = zone.to_datetime(moment);
        let machine = zone_free(moment);
        Some(Self {
            day: local.date().to_string(),
            time: format!("{:02}:{:02}", local.hour(), local.minute()),
            machine,
        })
    }
}

/// A moment in UTC, to the second (RFC 3339).
fn zone_free(moment: Timestamp) -> String {
    let utc = TimeZone::UTC.to_datetime(moment);
    let (date, time) = (utc.date(), utc.time());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (12_345, "12.3 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (4_294_967_296, "4.29 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, shown) in table {
            assert_eq!(Size(bytes).to_string(), shown);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(Grouped(number).to_string(), shown);
        }
        assert_eq!(Many(1, "file").to_string(), "1 file");
        assert_eq!(Many(2000, "folder").to_string(), "2,000 folders");
    }

    #[test]
    fn names_do_nothing_in_a_page() {
        let table: &[(&[u8], &str, &str)] = &[
            (b"a b.txt", "a b.txt", "a%20b.txt"),
            (b"<i>&\"'", "&lt;i&gt;&amp;&quot;&#39;", "%3Ci%3E%26%22%27"),
            (
                b"javascript:alert(1)",
                "javascript:alert(1)",
                "javascript%3Aalert%281%29",
            ),
            (b"?#%/\\", "?#%/\\", "%3F%23%25%2F%5C"),
            ("ä".as_bytes(), "ä", "%C3%A4"),
            (b"\xff\n", "\\xff\\n", "%FF%0A"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b", "a%E2%80%AEb"),
        ];
        for (name, html, segment) in table {
            assert_eq!(Html(name).to_string(), *html);
            assert_eq!(Segment(name).to_string(), *segment);
        }
    }

    #[test]
    fn a_moment_is_shown_where_the_server_is() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 - 60);
        let moment = Moment::of(time, &zone).unwrap();
        assert_eq!((&*moment.day, &*moment.time), ("1970-01-02", "01:59"));
        assert_eq!(moment.machine, "1970-01-01T23:59:00Z");
        assert!(Moment::of(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 60), &zone).is_none());
    }

    proptest! {
        #[test]
        fn no_name_breaks_out(name: Vec<u8>) {
            let html = Html(&name).to_string();
            prop_assert!(!html.contains(['<', '>', '"', '\'']));
            let segment = Segment(&name).to_string();
            prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
    }
}
