//! The lines that a server prints while it runs: every period, at its end, and whenever SIGUSR1 asks for one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runtime::signal;
use runtime::udp::Counts;

use super::companions::Companions;
use super::watched::Watched;
use chart::number::NONE;

/// How many lines stand below a header.
const HEADER_EVERY: u64 = 20;

/// Prints a line to standard error every `period` and at the end, if there is one, and whenever it is asked for.
pub(super) fn start(
    period: Option<Duration>,
    watched: &Arc<Watched>,
    companions: &mut Companions,
) -> io::Result<()> {
    let stats = Arc::new(Mutex::new(Stats::new(Arc::clone(watched))));
    let asked = Arc::clone(&stats);
    signal::on_request(companions.shutdown(), move || show(&asked))?;
    let Some(period) = period else {
        return Ok(());
    };
    companions.start("stats", move |shutdown| {
        let mut next = Instant::now() + period;
        while !shutdown.wait_until(next) {
            show(&stats);
            // Lines that this machine did not get round to are left out.
            next = (next + period).max(Instant::now());
        }
        show(&stats);
        Ok(())
    })
}

/// Where standard error is gone there is nobody to tell.
fn show(stats: &Mutex<Stats>) {
    let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
    let text = stats.line(Instant::now());
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// What was shown last.
struct Stats {
    watched: Arc<Watched>,
    last: Instant,
    counts: Counts,
    lines: u64,
}

impl Stats {
    fn new(watched: Arc<Watched>) -> Self {
        Self {
            last: watched.began,
            counts: Counts::default(),
            lines: 0,
            watched,
        }
    }

    /// The next line, below a header where it is time for one.
    fn line(&mut self, now: Instant) -> String {
        let counts = self.watched.sum();
        let row = Row {
            at: now.saturating_duration_since(self.watched.began),
            length: now.saturating_duration_since(self.last),
            added: counts.since(&self.counts),
            sessions: self
                .watched
                .measured
                .as_ref()
                .map(|measured| measured.sessions.now()),
        };
        let is_first = self.lines.is_multiple_of(HEADER_EVERY);
        (self.last, self.counts, self.lines) = (now, counts, self.lines + 1);
        let header = if is_first { header() } else { String::new() };
        header + &row.text()
    }
}

/// What happened since the line before.
struct Row {
    at: Duration,
    length: Duration,
    added: Counts,
    sessions: Option<u64>,
}

fn header() -> String {
    let (packets, payload) = ("packets/s", "payload Mbit/s");
    let figures = ["in", "out"].map(|name| format!(" {name:>9}")).concat();
    format!(
        "{:>8}{packets:>20}{payload:>20}\n{:>8}{figures}{figures} {:>8} {:>9} {:>9}\n",
        "", "time s", "sessions", "dropped", "over rate"
    )
}

impl Row {
    fn text(&self) -> String {
        let seconds = self.length.as_secs_f64().max(1e-9);
        let rate = |number: u64| number as f64 / seconds;
        let mbit = |bytes: u64| rate(bytes) * 8.0 / 1e6;
        let added = &self.added;
        let sessions = self
            .sessions
            .map_or(NONE.to_owned(), |number| number.to_string());
        format!(
            "{:>8.1} {:>9.1} {:>9.1} {:>9.3} {:>9.3} {sessions:>8} {:>9} {:>9}\n",
            self.at.as_secs_f64(),
            rate(added.received),
            rate(added.sent),
            mbit(added.received_bytes),
            mbit(added.sent_bytes),
            added.dropped,
            added.over_rate,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_below_its_header() {
        let row = Row {
            at: Duration::from_millis(3_600_040),
            length: Duration::from_secs(10),
            added: Counts {
                received: 12_345,
                received_bytes: 1_000_000,
                sent: 10_000,
                sent_bytes: 640_000,
                over_rate: 2345,
                ..Counts::default()
            },
            sessions: Some(42),
        };
        let expected = "
                   packets/s      payload Mbit/s
  time s        in       out        in       out sessions   dropped over rate
  3600.0    1234.5    1000.0     0.800     0.512       42         0      2345
";
        assert_eq!(header() + &row.text(), expected[1..]);
    }

    #[test]
    fn headers_come_again_and_rates_are_those_since_the_last_line() {
        let watched = Arc::new(Watched::new("upper", &Arc::default(), None));
        let began = watched.began;
        let mut stats = Stats::new(watched);
        for number in 0..41 {
            let line = stats.line(began + Duration::from_secs(number));
            let has_header = line.contains("over rate");
            assert_eq!(has_header, number % 20 == 0, "{number}");
            let fields: Vec<_> = line.lines().last().unwrap().split_whitespace().collect();
            assert_eq!(fields[0], format!("{number}.0"));
            assert_eq!((fields[1], fields[5]), ("0.0", NONE));
        }
    }
}
