//! What is shown of a load while it runs, and at its end.

use std::io::{self, IsTerminal};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use chart::number;
use runtime::status::Status;

use super::engine::Progress;
use super::found::Found;
use super::plan::Plan;
use super::{json, text};
use crate::args::Load;

/// How often the status line of a terminal changes.
const STATUS_EVERY: Duration = Duration::from_millis(500);

/// Shows a load.
pub(super) struct Live {
    json: bool,
    on_terminal: bool,
    status: Status,
}

impl Live {
    pub(super) fn new(args: &Load) -> Self {
        Self {
            json: args.json,
            on_terminal: io::stderr().is_terminal(),
            status: Status::default(),
        }
    }

    /// Says what is about to be done.
    pub(super) fn begin(&self, plan: &Plan) -> io::Result<()> {
        match self.json {
            true => Ok(()),
            false => text::header(plan, &mut io::stdout().lock()),
        }
    }

    /// Shows how it goes until it has ended, which is when the sender of `ended` is gone.
    pub(super) fn watch(&mut self, progress: &Progress, ended: &Receiver<()>) -> io::Result<()> {
        let start = Instant::now();
        let mut shown = (start, 0);
        while ended.recv_timeout(STATUS_EVERY) == Err(RecvTimeoutError::Timeout) {
            if !self.on_terminal {
                continue;
            }
            let (now, answered) = (Instant::now(), progress.answered.load(Relaxed));
            let seconds = (now - shown.0).as_secs_f64();
            let rate = number::scaled((answered - shown.1) as f64 / seconds);
            let mut line = format!("{} {rate}requests/s", number::watch(now - start));
            match progress.failed.load(Relaxed) {
                0 => {}
                failed => line += &format!(", {failed} connections failed"),
            }
            self.status.show(&line)?;
            shown = (now, answered);
        }
        self.status.clear()
    }

    /// All has ended.
    pub(super) fn end(&self, found: &Found) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => json::print(found, &mut out),
            false => text::end(found, &mut out),
        }
    }
}
