//! What all connections of one thread share: what is served, under which rules, and what is written once for all.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use proto::http::{Date, Limits};
use runtime::random;
use runtime::shutdown::Shutdown;

use crate::args::Args;
use crate::auth::Guard;
use crate::journal::{Journal, Tally};
use crate::lines::Lines;
use crate::log::Log;
use crate::pages::{Clerk, NotFound};
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
    /// What is said of every answer.
    pub(crate) lines: Lines,
    /// Who makes the pages of folders.
    pub(crate) clerk: Clerk,
    /// The page for what is not there.
    pub(crate) not_found: NotFound,
    /// Who may ask, where not everyone may.
    pub(crate) guard: Option<Guard>,
    /// What is kept of requests.
    pub(crate) journal: Journal,
    /// Whether one answer is all.
    pub(crate) once: bool,
    /// Whether that one has been given.
    pub(crate) is_done: bool,
    /// Ends the server.
    pub(crate) shutdown: Shutdown,
    began: Instant,
    dated: (Duration, Date),
}

/// Who works for all threads.
#[derive(Clone, Debug)]
pub(crate) struct Staff {
    pub(crate) clerk: Clerk,
    pub(crate) guard: Option<Guard>,
    pub(crate) log: Option<Log>,
}

impl Shop {
    /// That of one thread; requests are counted in `tally` where somebody looks there.
    ///
    /// # Errors
    /// When the page for what is not there cannot be read, or the system has nothing that nobody can guess.
    pub(crate) fn new(
        args: &Args,
        staff: &Staff,
        tally: Option<Arc<Tally>>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let compress = if args.no_compress {
            Compress::No
        } else {
            Compress::Yes
        };
        Ok(Self {
            limits: args.limits(),
            site: Site::new(args),
            cache: Cache::new(args.cache_of_each(), compress),
            compress,
            streams: Streams::default(),
            boundary: boundary()?,
            lines: Lines::new(&args.cache_control(), &args.cors),
            clerk: staff.clerk.clone(),
            not_found: NotFound::new(args.not_found.as_deref())?,
            guard: staff.guard.clone(),
            journal: Journal::new(staff.log.clone(), tally),
            once: args.once,
            is_done: false,
            shutdown: shutdown.clone(),
            began: Instant::now(),
            dated: (Duration::ZERO, Date::new(SystemTime::now())),
        })
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

    /// The date of an answer, which is written anew when a second is over.
    pub(crate) fn date(&mut self, now: Instant) -> Date {
        let now = self.since_began(now);
        if now >= self.dated.0 {
            let time = SystemTime::now();
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            let gone = since.map_or(0, |since| since.subsec_nanos());
            self.dated = (
                now + Duration::from_secs(1) - Duration::from_nanos(gone.into()),
                Date::new(time),
            );
        }
        self.dated.1
    }
}

/// Were it known, a file could have it, and its parts be taken for others.
fn boundary() -> io::Result<String> {
    Ok(format!("{:032x}", u128::from_ne_bytes(random::bytes()?)))
}
