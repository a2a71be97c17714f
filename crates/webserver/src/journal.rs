//! What is kept of requests that were answered: counts, and lines of the access log.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use proto::http::{Method, Status};
use runtime::metrics::Count;
use runtime::tcp::Peer;

use crate::log::{Clock, Log, Noted};

/// The longest times that are counted apart, each with the share that took no longer.
pub(crate) const TIMES: [Duration; 7] = [
    Duration::from_micros(10),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// How many status codes are told apart, from 100 on.
const CODES: usize = 500;

/// How many kinds of request are told apart: those of [`Method`], and what was none.
pub(crate) const KINDS: [&str; 5] = ["GET", "HEAD", "OPTIONS", "other", "none"];

/// What one thread keeps of the requests that it has answered.
#[derive(Debug)]
pub(crate) struct Journal {
    tally: Arc<Tally>,
    /// The log, and its time.
    log: Option<(Log, Clock)>,
    is_watched: bool,
    line: String,
}

/// The counts of one thread, which others may look at.
#[derive(Debug)]
pub(crate) struct Tally {
    /// By status, from 100 on.
    codes: Box<[Count; CODES]>,
    kinds: [Count; KINDS.len()],
    content_bytes: Count,
    /// How many took no longer than each of [`TIMES`] and longer than the one before; the last is of all the others.
    times: [Count; TIMES.len() + 1],
    took_nanos: Count,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            codes: Box::new(std::array::from_fn(|_| Count::default())),
            kinds: Default::default(),
            content_bytes: Count::default(),
            times: Default::default(),
            took_nanos: Count::default(),
        }
    }
}

impl Journal {
    /// One that logs, or that only counts; into `tally`, at which somebody looks.
    pub(crate) fn new(log: Option<Log>, tally: Option<Arc<Tally>>) -> Self {
        Self {
            is_watched: tally.is_some(),
            tally: tally.unwrap_or_default(),
            log: log.map(|log| (log, Clock::default())),
            line: String::new(),
        }
    }

    /// Now, where somebody wants to know how long answers take: who looks at the clock for nobody loses time.
    pub(crate) fn begin(&self) -> Option<Instant> {
        (self.is_watched || self.log.is_some()).then(Instant::now)
    }

    /// Takes note of a request that was answered.
    pub(crate) fn note(&mut self, noted: &Noted<'_>) {
        self.tally.count(noted);
        if self.log.is_some() {
            self.write(noted);
        }
    }

    /// The same of what was no request.
    pub(crate) fn note_refused(&mut self, peer: Peer, status: Status, bytes: u64) {
        self.note(&Noted {
            peer,
            user: None,
            request: None,
            status,
            bytes,
            took: Duration::ZERO,
        });
    }

    #[cold]
    fn write(&mut self, noted: &Noted<'_>) {
        let Some((log, clock)) = &mut self.log else {
            return;
        };
        self.line.clear();
        noted.write(log.form(), SystemTime::now(), clock, &mut self.line);
        log.put(&self.line);
    }
}

impl Tally {
    fn count(&self, noted: &Noted<'_>) {
        let code = usize::from(noted.status.code()).saturating_sub(100);
        if let Some(count) = self.codes.get(code) {
            count.add_alone(1);
        }
        let kind = match noted.request.map(|request| request.method) {
            Some(Method::Get) => 0,
            Some(Method::Head) => 1,
            Some(Method::Options) => 2,
            Some(Method::Other) => 3,
            None => 4,
        };
        self.kinds[kind].add_alone(1);
        self.content_bytes.add_alone(noted.bytes);
        let longer = TIMES.iter().take_while(|time| noted.took > **time).count();
        self.times[longer].add_alone(1);
        let nanos = u64::try_from(noted.took.as_nanos()).unwrap_or(u64::MAX);
        self.took_nanos.add_alone(nanos);
    }

    /// How many were answered with each status that was used.
    pub(crate) fn codes(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = self.codes.iter().map(Count::get).zip(100..);
        counts.filter_map(|(count, code)| (count > 0).then_some((code, count)))
    }

    /// How many there were of each of [`KINDS`].
    pub(crate) fn kinds(&self) -> [u64; KINDS.len()] {
        self.kinds.each_ref().map(Count::get)
    }

    /// How many took no longer than each of [`TIMES`], in all as the last; and how long all took together.
    pub(crate) fn times(&self) -> ([u64; TIMES.len() + 1], Duration) {
        let mut so_far = 0;
        let counts = self.times.each_ref().map(|count| {
            so_far += count.get();
            so_far
        });
        (counts, Duration::from_nanos(self.took_nanos.get()))
    }

    /// How long the contents of all answers were, in bytes.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.content_bytes.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted() {
        let tally = Arc::default();
        let mut journal = Journal::new(None, Some(Arc::clone(&tally)));
        let peer = Peer::Local;
        journal.note_refused(peer, Status::BadRequest, 16);
        journal.note_refused(peer, Status::VersionNotSupported, 0);
        journal.note(&Noted {
            peer,
            user: None,
            request: None,
            status: Status::BadRequest,
            bytes: 4,
            took: Duration::from_millis(5),
        });
        let codes: Vec<_> = tally.codes().collect();
        assert_eq!(codes, [(400, 2), (505, 1)]);
        assert_eq!(tally.kinds(), [0, 0, 0, 0, 3]);
        assert_eq!(tally.content_bytes(), 20);
        let times = ([2, 2, 2, 3, 3, 3, 3, 3], Duration::from_millis(5));
        assert_eq!(tally.times(), times);
    }
}
