//! What is shown while a measurement runs, and at its end: who gets what, and when.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use runtime::escape::Escaped;

use super::Outcome;
use super::count::{Event, Wanted};
use super::plan::{Plan, Wire};
use super::report::lines::Progress;
use super::report::{csv, json, lines, page, text};
use super::timeline::{Timeline, distribution};
use crate::args::{Output, Probe};
use crate::pictures;
use runtime::status::Status;

/// Packets that are at least this far apart have a line each.
const LINE_EACH: Duration = Duration::from_millis(50);

/// Charts at the most: the run over time, and how round-trip times are distributed.
const CHARTS: usize = 2;

/// How often the status line of a terminal changes.
const STATUS_EVERY: Duration = Duration::from_millis(500);

/// How many lines of periods stand below a header.
const HEADER_EVERY: u64 = 20;

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

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stdout {
    Text,
    Json,
    JsonLines,
    /// Packets as CSV; the text goes to standard error.
    Csv,
}

/// Shows a measurement.
pub(super) struct Live {
    mode: Mode,
    stdout: Stdout,
    every: Duration,
    output: Output,
    csv: Option<Csv>,
    progress: Option<Progress>,
    timeline: Option<Timeline>,
    periods: u64,
    status: Status,
}

/// Where the lines of packets go.
struct Csv {
    name: String,
    out: Box<dyn Write>,
}

impl Csv {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let name = Escaped(path.as_os_str().as_encoded_bytes()).to_string();
        let out: Box<dyn Write> = if is_stdout(path) {
            Box::new(BufWriter::new(io::stdout()))
        } else {
            let file = File::create(path);
            let file = file.with_context(|| format!("cannot write the packets to {name}"))?;
            Box::new(BufWriter::new(file))
        };
        let mut csv = Self { name, out };
        csv.write(csv::header)?;
        Ok(csv)
    }

    /// Its errors say which file they are about.
    fn write(
        &mut self,
        write: impl FnOnce(&mut Box<dyn Write>) -> io::Result<()>,
    ) -> io::Result<()> {
        write(&mut self.out).map_err(|error| {
            let text = format!("cannot write the packets to {}: {error}", self.name);
            io::Error::new(error.kind(), text)
        })
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new(pictures::STDOUT)
}

impl Stdout {
    fn of(output: &Output) -> anyhow::Result<Self> {
        let has_csv = output.csv.as_deref().is_some_and(is_stdout);
        match (output.json, output.json_lines, has_csv) {
            (false, false, false) => Ok(Self::Text),
            (true, _, false) => Ok(Self::Json),
            (_, true, false) => Ok(Self::JsonLines),
            (false, false, true) => Ok(Self::Csv),
            (_, _, true) => bail!(
                "--csv - takes standard output, which the JSON is to go to: give --csv a file"
            ),
        }
    }
}

impl Mode {
    fn of(args: &Probe, stdout: Stdout) -> Self {
        let has_terminal = io::stderr().is_terminal();
        match stdout {
            Stdout::JsonLines => Self::JsonLines,
            Stdout::Text if args.continuous => Self::Periods,
            Stdout::Text if args.interval >= LINE_EACH => Self::Packets,
            _ if has_terminal => Self::Status,
            _ => Self::Silent,
        }
    }
}

impl Live {
    pub(super) fn new(args: &Probe) -> anyhow::Result<Self> {
        let output = args.output.clone();
        let stdout = Stdout::of(&output)?;
        pictures::check(&output, CHARTS)?;
        Ok(Self {
            mode: Mode::of(args, stdout),
            stdout,
            every: args.every,
            csv: output.csv.as_deref().map(Csv::open).transpose()?,
            output,
            progress: None,
            timeline: None,
            periods: 0,
            status: Status::default(),
        })
    }

    fn has_pictures(&self) -> bool {
        !self.output.plot.is_empty() || self.output.html.is_some()
    }

    /// The events that are shown.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            packets: self.mode == Mode::Packets,
            records: self.csv.is_some() || self.has_pictures(),
            period: match self.mode {
                Mode::Silent | Mode::Packets => None,
                Mode::Periods | Mode::JsonLines => Some(self.every),
                Mode::Status => Some(STATUS_EVERY),
            },
        }
    }

    pub(super) fn begin(&mut self, plan: &Plan, wire: Wire) -> io::Result<()> {
        self.progress = Some(Progress::of(plan));
        self.timeline = self
            .has_pictures()
            .then(|| Timeline::new(plan.schedule.interval()));
        match self.stdout {
            Stdout::Text => text::header(plan, wire, &mut out()),
            Stdout::Csv => text::header(plan, wire, &mut io::stderr().lock()),
            Stdout::JsonLines => json::start_line(plan, wire, self.every, &mut out()),
            Stdout::Json => Ok(()),
        }
    }

    pub(super) fn show(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Note(note) => self.note(note),
            Event::NotSent(number, error) => self.note(lines::not_sent(number, &error)),
            Event::Period(at, recent) => match self.mode {
                Mode::Status => self.status(|progress| progress.status(at, &recent)),
                Mode::JsonLines => json::period_line(at, &recent, &mut out()),
                _ => {
                    let is_first = self.periods.is_multiple_of(HEADER_EVERY);
                    self.periods += 1;
                    let out = &mut out();
                    if is_first {
                        lines::period_header(out)?;
                    }
                    lines::period(at, &recent, out)
                }
            },
            Event::Record(record) => {
                if let Some(timeline) = &mut self.timeline {
                    timeline.add(&record);
                }
                let csv = self.csv.as_mut();
                csv.map_or(Ok(()), |csv| csv.write(|out| csv::row(&record, out)))
            }
            Event::Answered(..) | Event::Overdue(_) => lines::packet(&event, &mut out()),
        }
    }

    fn status(&mut self, line: impl FnOnce(&mut Progress) -> String) -> io::Result<()> {
        match &mut self.progress {
            Some(progress) => self.status.show(&line(progress)),
            None => Ok(()),
        }
    }

    fn note(&mut self, note: String) -> io::Result<()> {
        self.status.note(note.clone())?;
        if self.mode == Mode::JsonLines {
            json::note_line(&note, &mut out())?;
        }
        Ok(())
    }

    pub(super) fn take_notes(&mut self) -> Vec<String> {
        self.status.take_notes()
    }

    pub(super) fn end(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        self.status.clear()?;
        // The result first: it is not lost if a file cannot be written, nor are the files if nobody reads the result.
        let printed = self.print(outcome);
        let written = self
            .csv
            .as_mut()
            .map_or(Ok(()), |csv| csv.write(|out| out.flush()));
        self.draw(outcome)?;
        written?;
        Ok(printed?)
    }

    fn print(&self, outcome: &Outcome) -> io::Result<()> {
        match self.stdout {
            Stdout::Text => text::summary(outcome, &mut out()),
            Stdout::Csv => text::summary(outcome, &mut io::stderr().lock()),
            Stdout::Json => json::result(outcome, &mut out()),
            Stdout::JsonLines => json::result_line(outcome, &mut out()),
        }
    }

    fn draw(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let Some(timeline) = &self.timeline else {
            return Ok(());
        };
        let (application, network) = outcome.measured.tally.histograms();
        let mut charts = timeline.charts();
        charts.extend(distribution(application, network));
        let page = || page::page(outcome, charts.clone());
        pictures::write(&self.output, &charts, page)
    }
}

fn out() -> StdoutLock<'static> {
    io::stdout().lock()
}
