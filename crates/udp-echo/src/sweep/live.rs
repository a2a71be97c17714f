//! What is shown while a sweep runs: on a terminal how far it is, with --json-lines the seconds that have ended.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use proto::measure::{Falling, Record};

use super::collect::{Collected, Collector, Moment};
use super::walk::Walk;
use super::{json, words};
use crate::args::Output;
use crate::probe::{Event, Plan, Wanted, not_sent};
use runtime::status::Status;

/// How often the status line changes.
const STATUS_EVERY: Duration = Duration::from_millis(200);

/// Takes what happens.
pub(super) struct Live<'a> {
    sweep: &'a Falling,
    collector: Collector<'a>,
    walk: Walk<'a>,
    has_terminal: bool,
    status: Status,
    json_lines: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(output: &Output, sweep: &'a Falling, plan: &Plan) -> Self {
        Self {
            sweep,
            collector: Collector::new(sweep, plan.size),
            walk: Walk::new(sweep),
            has_terminal: io::stderr().is_terminal(),
            status: Status::default(),
            json_lines: output.json_lines,
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            packets: false,
            records: true,
            period: self.has_terminal.then_some(STATUS_EVERY),
        }
    }

    pub(super) fn show(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Record(record) => self.take(&record),
            Event::Period(at, _) => {
                let line = status(self.sweep, &mut self.walk, at);
                self.status.show(&line)
            }
            Event::Note(note) => self.status.note(note),
            Event::NotSent(number, error) => self.status.note(not_sent(number, &error)),
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

    /// What was collected, and what the user was told.
    pub(super) fn finish(mut self) -> io::Result<(Collected, Vec<String>)> {
        self.status.clear()?;
        if self.json_lines {
            print(&self.collector.rest())?;
        }
        Ok((self.collector.finish(), self.status.take_notes()))
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
