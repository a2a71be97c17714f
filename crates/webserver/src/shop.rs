//! What all connections of one thread share: what is served, under which rules, and what is written once for all.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use proto::http::{Date, Limits};
use runtime::shutdown::Shutdown;

use crate::args::Args;
use crate::respond::Streams;
use crate::site::{Cache, Compress, Site};

/// What all connections of one thread share.
#[derive(Debug)]
pub(crate) struct Shop {
    /// How much a request may have of everything.
    pub(crate) limits: Limits,
    /// What is served.
    pub(crate) site: Site,
    /// What was found in it, kept.
    pub(crate) cache: Cache,
    /// Whether something is compressed that is not so already.
    pub(crate) compress: Compress,
    /// What is compressed at the moment while it is sent.
    pub(crate) streams: Streams,
    /// What stands between several parts of a content: nobody knows it beforehand, so that no file has it.
    pub(crate) boundary: String,
    /// What is said of every file: whole header lines, each with its end.
    pub(crate) more: Vec<u8>,
    /// Whether one answer is all.
    pub(crate) once: bool,
    /// Whether that one has been given.
    pub(crate) is_done: bool,
    /// Ends the server.
    pub(crate) shutdown: Shutdown,
    began: Instant,
    dated: (Duration, Date),
}

impl Shop {
    pub(crate) fn new(args: &Args, shutdown: &Shutdown) -> Self {
        Self {
            limits: args.limits(),
            site: Site::new(args),
            cache: Cache::new(args.cache_of_each()),
            compress: if args.no_compress {
                Compress::No
            } else {
                Compress::Yes
            },
            streams: Streams::default(),
            boundary: boundary(),
            more: Vec::new(),
            once: args.once,
            is_done: false,
            shutdown: shutdown.clone(),
            began: Instant::now(),
            dated: (Duration::ZERO, Date::new(SystemTime::now())),
        }
    }

    /// One more answer is given: where one is all, it is the last.
    pub(crate) fn count_answer(&mut self) {
        if self.once {
            self.is_done = true;
            self.shutdown.trigger();
        }
    }

    /// The time as `proto` counts it.
    pub(crate) fn since_began(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// When that is on the clock of the system.
    pub(crate) fn instant(&self, since: Duration) -> Instant {
        self.began + since
    }

    /// The date of an answer, which is written anew twice a second.
    pub(crate) fn date(&mut self, now: Instant) -> Date {
        let now = self.since_began(now);
        if now.saturating_sub(self.dated.0) > Duration::from_millis(500) {
            self.dated = (now, Date::new(SystemTime::now()));
        }
        self.dated.1.clone()
    }
}

fn boundary() -> String {
    // Were it known, a file could have it, and its parts be taken for others.
    let number = |salt: u8| RandomState::new().hash_one(salt);
    format!("{:016x}{:016x}", number(0), number(1))
}
