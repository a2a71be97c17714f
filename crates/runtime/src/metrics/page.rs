//! The text form of metrics (Prometheus exposition format, version 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{self, Display, Write};
use std::time::Duration;

use crate::usage;

/// What kind of figure a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the program is started anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many values are at most as large as each of some bounds: [`Metric::histogram`].
    Histogram,
}

/// The value of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number of things.
    Count(u64),
    /// A quantity in the unit that the name ends with.
    Amount(f64),
}

/// The page that is read at one moment.
///
/// ```
/// # use runtime::metrics::{Kind, Page, Value};
/// let mut page = Page::default();
/// let mut requests = page.metric("requests_total", Kind::Counter, "Requests.");
/// requests.sample(&[("wire", "classic")], Value::Count(3));
/// let expected = "# HELP requests_total Requests.\n# TYPE requests_total counter\n\
///                 requests_total{wire=\"classic\"} 3\n";
/// assert_eq!(page.text(), expected);
/// ```
#[derive(Debug, Default)]
pub struct Page(String);

/// A metric of a page, whose samples follow.
#[derive(Debug)]
pub struct Metric<'a> {
    page: &'a mut Page,
    name: &'a str,
}

impl Page {
    /// Begins a metric, which is on the page once. Its name is of letters, digits, `_` and `:`, does not begin with a
    /// digit, and ends with the unit, for a counter with `_total` after that.
    pub fn metric<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Metric<'a> {
        let help = Escaped(help, Quotes::Plain);
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Metric { page: self, name }
    }

    /// A metric of one sample without labels.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: Value) {
        self.metric(name, kind, help).sample(&[], value);
    }

    /// What is the same of every program: what it is, since when it runs and what it takes. `prefix` begins the names of
    /// what is its own.
    pub fn program(&mut self, prefix: &str, version: &str, uptime: Duration) {
        let name = format!("{prefix}_build_info");
        self.metric(&name, Kind::Gauge, "The program; always 1.")
            .sample(&[("version", version)], Value::Count(1));
        let (name, uptime) = (format!("{prefix}_uptime_seconds"), uptime.as_secs_f64());
        let help = "Time since the server was started.";
        self.single(&name, Kind::Gauge, help, Value::Amount(uptime));
        if let Some(time) = usage::cpu_time() {
            let time = Value::Amount(time.as_secs_f64());
            let help = "Processor time used, in user space and in the kernel.";
            self.single("process_cpu_seconds_total", Kind::Counter, help, time);
        }
        if let Some(bytes) = usage::resident_bytes() {
            let (bytes, help) = (Value::Count(bytes), "Memory in use.");
            self.single("process_resident_memory_bytes", Kind::Gauge, help, bytes);
        }
    }

    /// The page as it is sent.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

impl Metric<'_> {
    /// Adds a sample with these labels, each a name and a value. No two samples of a metric have the same ones, and what
    /// a peer can choose is no label: there would be no end of them.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: Value) -> &mut Self {
        let (name, labels) = (self.name, Labels(labels));
        self.page.line(format_args!("{name}{labels} {value}"));
        self
    }

    /// Adds a histogram: how many values are at most as large as each of these bounds, which rise; how many there are in
    /// all, and their sum.
    pub fn histogram(&mut self, counts: &[(f64, u64)], count: u64, sum: f64) -> &mut Self {
        let name = self.name;
        for (bound, count) in counts.iter().chain(&[(f64::INFINITY, count)]) {
            let bound = Value::Amount(*bound);
            self.page
                .line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        self.page.line(format_args!("{name}_sum {sum}"));
        self.page.line(format_args!("{name}_count {count}"));
        self
    }
}

struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let value = Escaped(value, Quotes::Escaped);
            write!(f, "{before}{name}=\"{value}\"")?;
        }
        if self.0.is_empty() {
            Ok(())
        } else {
            f.write_char('}')
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Plain,
    Escaped,
}

struct Escaped<'a>(&'a str, Quotes);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 == Quotes::Escaped => f.write_str("\\\"")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(number) => number.fmt(f),
            Self::Amount(amount) if amount.is_nan() => f.write_str("NaN"),
            Self::Amount(amount) if *amount == f64::INFINITY => f.write_str("+Inf"),
            Self::Amount(amount) if *amount == f64::NEG_INFINITY => f.write_str("-Inf"),
            Self::Amount(amount) => amount.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_as_they_are_read() {
        let mut page = Page::default();
        page.metric(
            "sent_bytes_total",
            Kind::Counter,
            "Bytes\nin a \\ \"line\".",
        )
        .sample(
            &[("wire", "native"), ("of", "a\\b\"c\nd")],
            Value::Count(u64::MAX),
        )
        .sample(&[("wire", "classic")], Value::Count(0));
        page.single("uptime_seconds", Kind::Gauge, "Time.", Value::Amount(1.25));
        let expected = r#"# HELP sent_bytes_total Bytes\nin a \\ "line".
# TYPE sent_bytes_total counter
sent_bytes_total{wire="native",of="a\\b\"c\nd"} 18446744073709551615
sent_bytes_total{wire="classic"} 0
# HELP uptime_seconds Time.
# TYPE uptime_seconds gauge
uptime_seconds 1.25
"#;
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn a_histogram_counts_what_is_below() {
        let mut page = Page::default();
        let mut metric = page.metric("a_seconds", Kind::Histogram, "Time.");
        metric.histogram(&[(0.001, 2), (0.5, 3)], 4, 2.5);
        let expected = r#"# HELP a_seconds Time.
# TYPE a_seconds histogram
a_seconds_bucket{le="0.001"} 2
a_seconds_bucket{le="0.5"} 3
a_seconds_bucket{le="+Inf"} 4
a_seconds_sum 2.5
a_seconds_count 4
"#;
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn amounts_have_their_own_words() {
        let table = [
            (0.0, "0"),
            (1e15, "1000000000000000"),
            (1e-9, "0.000000001"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (amount, text) in table {
            assert_eq!(Value::Amount(amount).to_string(), text);
        }
    }
}
