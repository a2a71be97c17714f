//! What every topic lets its user choose, and how its report is printed.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::pin::Core;

/// The options that every topic takes.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Runs per figure, 1 to 99
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) runs: u32,

    /// The core of the servers
    #[arg(long, default_value = "1", value_name = "CORE")]
    pub(crate) server_core: Core,

    /// The core of the load generators
    #[arg(long, default_value = "0", value_name = "CORE")]
    pub(crate) client_core: Core,

    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
}

impl Common {
    /// Prints a report, as text or as JSON.
    pub(crate) fn print(&self, report: &(impl Display + Serialize)) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(())
    }
}
