//! The names of the figures that `--metrics` serves, and where their values are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::metrics::{Kind, Page, Value};
use runtime::tcp::{Counts, Totals};

use crate::journal::{KINDS, TIMES, Tally};
use crate::log::Log;

/// How a figure is read from the counts of all connections.
type Read = fn(&Counts) -> u64;

/// What is counted of connections.
const OF_CONNECTIONS: &[(&str, &str, Read)] = &[
    (
        "webserver_connections_accepted_total",
        "Connections accepted.",
        |counts| counts.accepted,
    ),
    (
        "webserver_received_bytes_total",
        "Bytes of requests received.",
        |counts| counts.received_bytes,
    ),
    (
        "webserver_sent_bytes_total",
        "Bytes that the system has taken to send, heads included.",
        |counts| counts.sent_bytes,
    ),
    (
        "webserver_connections_held_back_total",
        "Times without a descriptor or memory for one more connection.",
        |counts| counts.held_back,
    ),
];

/// Why connections ended that nobody had ended in order.
const ENDS: &[(&str, Read)] = &[
    ("failed", |counts| counts.failed),
    ("idle", |counts| counts.idle),
    ("stalled", |counts| counts.stalled),
    ("displaced", |counts| counts.displaced),
    ("stopped", |counts| counts.cut_off),
];

/// What figures are read from.
pub(crate) struct Watched {
    pub(crate) began: Instant,
    /// A server's for each thread.
    pub(crate) totals: Vec<Arc<Totals>>,
    /// A journal's for each thread.
    pub(crate) tallies: Vec<Arc<Tally>>,
    pub(crate) log: Option<Log>,
}

impl Watched {
    /// All figures as they are now.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        let version = env!("CARGO_PKG_VERSION");
        page.program("webserver", version, self.began.elapsed());
        self.of_connections(&mut page);
        self.of_requests(&mut page);
        self.of_times(&mut page);
        if let Some(log) = &self.log {
            let help = "Lines of the access log that were lost.";
            let (name, lost) = ("webserver_log_lost_lines_total", Value::Count(log.lost()));
            page.single(name, Kind::Counter, help, lost);
        }
        page
    }

    fn of_connections(&self, page: &mut Page) {
        let counts: Counts = self.totals.iter().map(|totals| totals.counts()).sum();
        let (help, open) = ("Connections that are open.", Value::Count(counts.open));
        page.single("webserver_connections", Kind::Gauge, help, open);
        for (name, help, read) in OF_CONNECTIONS {
            page.single(name, Kind::Counter, help, Value::Count(read(&counts)));
        }
        let help = "Connections that were cut, by why.";
        let mut metric = page.metric("webserver_connections_cut_total", Kind::Counter, help);
        for (reason, read) in ENDS {
            metric.sample(&[("reason", reason)], Value::Count(read(&counts)));
        }
    }

    fn of_requests(&self, page: &mut Page) {
        let kinds = KINDS.iter().enumerate().map(|(place, kind)| {
            let counts = self.tallies.iter().map(|tally| tally.kinds()[place]);
            (*kind, counts.sum())
        });
        let help = "Requests answered, by method; none is what was no request.";
        let mut metric = page.metric("webserver_requests_total", Kind::Counter, help);
        for (kind, count) in kinds {
            metric.sample(&[("method", kind)], Value::Count(count));
        }
        let mut codes = BTreeMap::<u16, u64>::from([(200, 0), (404, 0)]);
        for (code, count) in self.tallies.iter().flat_map(|tally| tally.codes()) {
            *codes.entry(code).or_default() += count;
        }
        let help = "Answers, by status.";
        let mut metric = page.metric("webserver_answers_total", Kind::Counter, help);
        for (code, count) in codes {
            metric.sample(&[("status", &code.to_string())], Value::Count(count));
        }
        let bytes = self.tallies.iter().map(|tally| tally.content_bytes()).sum();
        let help = "Bytes of content in answers, heads left out.";
        let (name, bytes) = ("webserver_content_bytes_total", Value::Count(bytes));
        page.single(name, Kind::Counter, help, bytes);
    }

    fn of_times(&self, page: &mut Page) {
        let (mut sums, mut all) = ([0; TIMES.len() + 1], Duration::ZERO);
        for tally in &self.tallies {
            let (counts, took) = tally.times();
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
            all += took;
        }
        let bounds = TIMES.iter().map(Duration::as_secs_f64);
        let counts: Vec<_> = bounds.zip(sums).collect();
        let help = "From when a request was whole until its answer was decided.";
        let mut metric = page.metric("webserver_answer_seconds", Kind::Histogram, help);
        metric.histogram(&counts, sums[TIMES.len()], all.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proto::http::Status;
    use runtime::tcp::Peer;

    use super::*;
    use crate::journal::Journal;

    #[test]
    fn every_metric_is_there_once_and_of_all_threads() {
        let tallies: Vec<Arc<Tally>> = vec![Arc::default(), Arc::default()];
        for tally in &tallies {
            let mut journal = Journal::new(None, Some(Arc::clone(tally)));
            journal.note_refused(Peer::Local, Status::BadRequest, 7);
        }
        let watched = Watched {
            began: Instant::now(),
            totals: vec![Arc::default(), Arc::default()],
            tallies,
            log: None,
        };
        let page = watched.page();
        let text = page.text();
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{text}");
        for name in names {
            let (name, kind) = name.split_once(' ').unwrap();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        }
        for line in [
            "webserver_answers_total{status=\"400\"} 2\n",
            "webserver_answers_total{status=\"200\"} 0\n",
            "webserver_requests_total{method=\"none\"} 2\n",
            "webserver_content_bytes_total 14\n",
            "webserver_answer_seconds_bucket{le=\"0.00001\"} 2\n",
            "webserver_answer_seconds_count 2\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
