//! What is shown while a sweep runs: on a terminal how far it is, with --json-lines the seconds that have ended.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use proto::measure::{Falling, Record};
use runtime::escape::Escaped;

use super::collect::{Collected, Collector, Moment};
use super::walk::Walk;
use super::{json, words};
use crate::args::Output;
use crate::probe::{Event, Plan, Wanted};

/// How often the status line changes.
const STATUS_EVERY: Duration = Duration::from_millis(200);

/// Takes what happens.
pub(super) struct Live<'a> {
    sweep: &'a Falling,
    collector: Collector<'a>,
    walk: Walk<'a>,
    status: bool,
    is_shown: bool,
    json_lines: bool,
    notes: Vec<String>,
}

impl<'a> Live<'a> {
    pub(super) fn new(output: &Output, sweep: &'a Falling, plan: &Plan) -> Self {
        Self {
            sweep,
            collector: Collector::new(sweep, plan.size),
            walk: Walk::new(sweep),
            status: io::stderr().is_terminal(),
            is_shown: false,
            json_lines: output.json_lines,
            notes: Vec::new(),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            packets: false,
            records: true,
            period: self.status.then_some(STATUS_EVERY),
        }
    }

    pub(super) fn show(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Record(record) => self.take(&record),
            Event::Period(at, _) => self.status(at),
            Event::Note(note) => self.note(note),
            Event::NotSent(number, error) => {
                self.note(format!("packet {}: not sent: {error}", number + 1))
            }
            Event::Answered(..) | Event::Overdue(_) => Ok(()),
        }
    }

    fn take(&mut self, record: &Record) -> io::Result<()> {
        if self.json_lines {
            print(&self.collector.ended(record.sent))?;
        }
        self.collector.take(record);
        Ok(())
    }

    fn status(&mut self, at: Duration) -> io::Result<()> {
        let line = status(self.sweep, &mut self.walk, at);
        self.is_shown = true;
        let mut err = io::stderr().lock();
        write!(err, "\r\x1b[K{line}")?;
        err.flush()
    }

    fn note(&mut self, note: String) -> io::Result<()> {
        self.clear()?;
        writeln!(io::stderr().lock(), "{}", Escaped(note.as_bytes()))?;
        self.notes.push(note);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_shown) {
            write!(io::stderr().lock(), "\r\x1b[K")?;
        }
        Ok(())
    }

    /// What was collected, and what the user was told.
    pub(super) fn finish(mut self) -> io::Result<(Collected, Vec<String>)> {
        self.clear()?;
        if self.json_lines {
            print(&self.collector.rest())?;
        }
        Ok((self.collector.finish(), self.notes))
    }
}

fn print(moments: &[Moment]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for moment in moments {
        writeln!(out, "{}", json::second(moment)?)?;
    }
    out.flush()
}

/// How far it is.
fn status(sweep: &Falling, walk: &mut Walk<'_>, at: Duration) -> String {
    let length = sweep.length();
    if at >= length {
        return "waiting for the last answers".to_owned();
    }
    let slot = walk.to(at);
    format!(
        "step {} of {}, {} packets/s, {:.1} s of {:.1} s",
        slot.step + 1,
        sweep.steps(),
        words::rate(slot.interval.as_secs_f64().recip()),
        at.as_secs_f64(),
        length.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is() {
        let ms = Duration::from_millis;
        let sweep = Falling::new(ms(10), 0.5, 100, ms(1)).unwrap();
        let mut walk = Walk::new(&sweep);
        let table = [
            (0, "step 1 of 4, 100 packets/s, 0.0 s of 1.9 s"),
            (1200, "step 2 of 4, 200 packets/s, 1.2 s of 1.9 s"),
            (1876, "waiting for the last answers"),
        ];
        for (at, expected) in table {
            assert_eq!(status(&sweep, &mut walk, ms(at)), expected);
        }
    }
}
