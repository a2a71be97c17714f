//! What all connections of one thread share: what is served, under which rules, and what is written once for all.

use std::time::{Duration, Instant, SystemTime};

use proto::http::{Date, Limits};
use runtime::shutdown::Shutdown;

use crate::args::Args;
use crate::auth::Guard;
use crate::site::Site;

/// What all connections of one thread share.
#[derive(Debug)]
pub(crate) struct Shop {
    /// How much a request may have of everything.
    pub(crate) limits: Limits,
    /// What is served.
    pub(crate) site: Site,
    /// Who may ask, where not everyone may.
    pub(crate) guard: Option<Guard>,
    /// Whether one answer is all.
    pub(crate) once: bool,
    /// Ends the server.
    pub(crate) shutdown: Shutdown,
    began: Instant,
    dated: (Duration, Date),
}

impl Shop {
    pub(crate) fn new(args: &Args, shutdown: &Shutdown) -> Self {
        Self {
            limits: Limits::default(),
            site: Site::new(args),
            guard: None,
            once: args.once,
            shutdown: shutdown.clone(),
            began: Instant::now(),
            dated: (Duration::ZERO, Date::new(SystemTime::now())),
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
