//! What is shown while a measurement runs, and at its end.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::Outcome;
use super::count::{Event, Wanted};
use super::plan::{Plan, Wire};
use super::report;
use crate::args::Probe;

/// Packets that are at least this far apart have a line each.
const LINE_EACH: Duration = Duration::from_millis(50);

/// How often the status line of a terminal changes.
const STATUS_EVERY: Duration = Duration::from_millis(500);

/// How much is shown while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Silent,
    /// A line for each packet.
    Packets,
    /// A line for each period.
    Periods,
    /// A JSON object for each period.
    JsonLines,
    /// One line that changes, on a terminal.
    Status,
}

/// Shows a measurement.
pub(super) struct Live {
    mode: Mode,
    every: Duration,
    json: bool,
    notes: Vec<String>,
    has_status: bool,
}

impl Live {
    pub(super) fn new(args: &Probe) -> io::Result<Self> {
        let output = &args.output;
        let mode = if output.json_lines {
            Mode::JsonLines
        } else if output.json {
            Mode::Silent
        } else if args.continuous {
            Mode::Periods
        } else if args.interval >= LINE_EACH {
            Mode::Packets
        } else if io::stderr().is_terminal() {
            Mode::Status
        } else {
            Mode::Silent
        };
        Ok(Self {
            mode,
            every: args.every,
            json: output.json || output.json_lines,
            notes: Vec::new(),
            has_status: false,
        })
    }

    /// The events that are shown.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            packets: self.mode == Mode::Packets,
            records: false,
            period: match self.mode {
                Mode::Silent | Mode::Packets => None,
                Mode::Periods | Mode::JsonLines => Some(self.every),
                Mode::Status => Some(STATUS_EVERY),
            },
        }
    }

    pub(super) fn begin(&mut self, plan: &Plan, wire: Wire) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        report::header(plan, wire, &mut io::stdout().lock())
    }

    pub(super) fn show(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Note(note) => self.note(note),
            Event::Period(at, recent) if self.mode == Mode::Status => {
                let mut line = Vec::new();
                report::period(at, &recent, &mut line)?;
                self.has_status = true;
                let mut err = io::stderr().lock();
                write!(err, "\r\x1b[K{}", String::from_utf8_lossy(&line).trim_end())?;
                err.flush()
            }
            Event::Period(at, recent) => report::period(at, &recent, &mut io::stdout().lock()),
            Event::NotSent(number, error) => self.note(report::not_sent(number, &error)),
            event => report::packet(event, &mut io::stdout().lock()),
        }
    }

    fn note(&mut self, note: String) -> io::Result<()> {
        self.clear_status()?;
        writeln!(io::stderr().lock(), "{note}")?;
        self.notes.push(note);
        Ok(())
    }

    fn clear_status(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.has_status) {
            write!(io::stderr().lock(), "\r\x1b[K")?;
        }
        Ok(())
    }

    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    pub(super) fn end(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        self.clear_status()?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{{}}")?;
        } else {
            report::summary(outcome, &mut out)?;
        }
        Ok(out.flush()?)
    }
}
