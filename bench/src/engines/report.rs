//! The report: all that was measured, as tables and as JSON.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::echo::{Outcome, Test};
use super::{Args, Part, tcp, timers, udp, wake};
use crate::setup::Setup;
use crate::table::Table;

/// All that was measured; a part that was not asked for is empty.
#[derive(Serialize)]
pub(crate) struct Report {
    setup: Setup,
    udp: Vec<Test>,
    tcp: Vec<Test>,
    timers: Vec<timers::Row>,
    wake: Vec<wake::Row>,
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let wanted = |part| args.only.is_empty() || args.only.contains(&part);
        let setup = Setup::of(&args.common, args.seconds);
        let echoes = |part, measure: fn(&Args) -> Vec<Test>| match wanted(part) {
            true => measure(args),
            false => Vec::new(),
        };
        Ok(Self {
            setup,
            udp: echoes(Part::Udp, udp::measure),
            tcp: echoes(Part::Tcp, tcp::measure),
            timers: wanted(Part::Timers)
                .then(|| timers::measure(args))
                .transpose()?
                .unwrap_or_default(),
            wake: wanted(Part::Wake)
                .then(|| wake::measure(args))
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# I/O engines\n\n{}", self.setup)?;
        for test in self.udp.iter().chain(&self.tcp) {
            write!(f, "\n{test}")?;
        }
        if !self.timers.is_empty() {
            write!(
                f,
                "\n## {}\n\n{}",
                timers::title(),
                timers_table(&self.timers)
            )?;
        }
        if !self.wake.is_empty() {
            write!(
                f,
                "\n## Waking a thread that waits on an unconnected UDP socket by shutdown(SHUT_RD)\n\n"
            )?;
            write!(f, "{}", wake_table(&self.wake))?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "server",
            self.unit,
            "slowest–fastest run",
            "p50 µs",
            "p99 µs",
            "server CPU µs each",
        ]);
        for row in &self.rows {
            let cells = match &row.outcome {
                Outcome::Measured(figures) => vec![
                    format!("{:.0}", figures.rate),
                    format!("{:.0}–{:.0}", figures.rate_lowest, figures.rate_highest),
                    format!("{:.1}", figures.p50_us),
                    format!("{:.1}", figures.p99_us),
                    format!("{:.2}", figures.server_cpu_us),
                ],
                Outcome::Failed(_) => vec!["failed".to_owned()],
            };
            table.row([vec![row.engine.to_owned()], cells].concat());
        }
        write!(f, "## {}\n\n{table}", self.title)?;
        for row in &self.rows {
            if let Outcome::Failed(reason) = &row.outcome {
                writeln!(f, "\n{}: {reason}", row.engine)?;
            }
        }
        Ok(())
    }
}

fn timers_table(rows: &[timers::Row]) -> Table {
    let mut table = Table::new(["sleep", "p50 µs late", "p99 µs late"]);
    for row in rows {
        let late = [row.p50_us, row.p99_us].map(|us| format!("{us:.1}"));
        table.row([row.sleeper.to_owned()].into_iter().chain(late));
    }
    table
}

fn wake_table(rows: &[wake::Row]) -> Table {
    let mut table = Table::new([
        "call that waits",
        "it wakes",
        "after µs",
        "shutdown returns",
        "the call returns",
    ]);
    for row in rows {
        let works = if row.woken_after_us.is_some() {
            "works"
        } else {
            "does not"
        };
        let after = row
            .woken_after_us
            .map(|us| format!("{us:.1}"))
            .unwrap_or_default();
        let words = [row.call, works, &after, &row.shutdown, &row.returned];
        table.row(words.map(str::to_owned));
    }
    table
}
