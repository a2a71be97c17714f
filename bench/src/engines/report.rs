//! The report: all that was measured, as tables and as JSON.

use std::fmt;
use std::fs;
use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use super::echo::{Outcome, Test};
use super::{Args, Part, tcp, timers, udp, wake};
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

/// What it was measured on, and how.
#[derive(Serialize)]
struct Setup {
    kernel: String,
    /// As the kernel lists them: a range, or ranges.
    cores: String,
    /// Runnable threads in the minute before, by the kernel: above 0.5 something else took part.
    load_before: String,
    runs: u32,
    seconds_per_run: f64,
    server_core: crate::pin::Core,
    client_core: crate::pin::Core,
}

impl Setup {
    fn of(args: &Args) -> Self {
        let first_word = |path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace().next().unwrap_or("?").to_owned()
        };
        Self {
            kernel: first_word("/proc/sys/kernel/osrelease"),
            cores: first_word("/sys/devices/system/cpu/online"),
            load_before: first_word("/proc/loadavg"),
            runs: args.runs,
            seconds_per_run: args.seconds.as_secs_f64(),
            server_core: args.server_core,
            client_core: args.client_core,
        }
    }
}

impl Report {
    /// Measures the parts that were asked for, or all.
    pub(crate) fn measure(args: &Args) -> Result<Self> {
        let wanted = |part| args.only.is_empty() || args.only.contains(&part);
        let setup = Setup::of(args);
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

/// Tells whoever waits what is being measured; on stderr, for stdout is for the report.
pub(crate) fn progress(title: &str) {
    // Not worth failing for.
    let _ = writeln!(io::stderr().lock(), "measuring: {title}");
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.setup)?;
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

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# I/O engines\n")?;
        writeln!(
            f,
            "Linux {}, cores {}, load before {}.",
            self.kernel, self.cores, self.load_before
        )?;
        let (server, client) = (self.server_core, self.client_core);
        write!(f, "Server on core {server}, client on core {client}. ")?;
        writeln!(
            f,
            "Medians of {} alternating runs of {} s.",
            self.runs, self.seconds_per_run
        )
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
