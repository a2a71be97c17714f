//! What is shown of a flood while it runs.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use proto::measure::flood::Way;

use super::found::{Found, OneWay, Tried};
use super::leg::Progress;
use super::plan::Plan;
use super::{json, text};
use crate::args::Flood;
use chart::number;
use runtime::status::Status;

/// How often the status line of a terminal changes.
const STATUS_EVERY: Duration = Duration::from_millis(200);

/// How often it is looked whether a flood has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Shows a flood.
pub(super) struct Live {
    json: bool,
    on_terminal: bool,
    status: Status,
}

impl Live {
    pub(super) fn new(args: &Flood) -> Self {
        Self {
            json: args.json,
            on_terminal: io::stderr().is_terminal(),
            status: Status::default(),
        }
    }

    /// Says what is about to be done.
    pub(super) fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        match self.json {
            true => Ok(()),
            false => text::header(plan, &mut io::stdout().lock()),
        }
    }

    /// Shows how it goes until it `has_ended`.
    pub(super) fn watch(
        &mut self,
        way: Way,
        plan: &Plan,
        progress: &[Progress],
        has_ended: impl Fn() -> bool,
    ) -> io::Result<()> {
        let start = Instant::now();
        let mut shown = (start, 0);
        while !has_ended() {
            std::thread::sleep(LOOK_EVERY);
            let since = shown.0.elapsed();
            if !self.on_terminal || since < STATUS_EVERY {
                continue;
            }
            let received = progress.iter().map(|flow| flow.received.load(Relaxed));
            let received: u64 = received.sum();
            let rate = received.saturating_sub(shown.1) as f64 / since.as_secs_f64();
            let (packets, bits) = text::rates(rate, plan.size.bytes());
            self.status.show(&format!(
                "{} {}: {packets}, {bits}",
                number::watch(start.elapsed()),
                text::name(way)
            ))?;
            shown = (Instant::now(), received);
        }
        self.status.clear()
    }

    /// One way has ended.
    pub(super) fn way(&mut self, way: &OneWay) -> io::Result<()> {
        match self.json {
            true => Ok(()),
            false => text::way(way, &mut io::stdout().lock()),
        }
    }

    /// A trial of a search has ended.
    pub(super) fn trial(&mut self, number: usize, tried: &Tried) -> io::Result<()> {
        match self.json {
            true => Ok(()),
            false => text::trial(number, tried, &mut io::stdout().lock()),
        }
    }

    /// All has ended.
    pub(super) fn end(&mut self, found: &Found) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => json::print(found, &mut out),
            false => text::end(found, &mut out),
        }?;
        out.flush()
    }
}
