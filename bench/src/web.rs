//! `webserver` beside nginx, lighttpd, static-web-server and Python's `http.server`.
//!
//! [`program`] is who is compared and how each is set up, [`site`] the folder that all of them serve, [`load`] what they are
//! put through, [`goals`] what is read from that and what it ought to be, [`report`] what comes out. [`wrk`] loads with small
//! files; [`client`] reads large ones and throws them away; [`held`] keeps connections on which nothing happens.

#[cfg(target_os = "linux")]
pub(crate) mod client;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod site;
#[cfg(target_os = "linux")]
mod wrk;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `webserver` beside nginx, lighttpd, static-web-server and Python's `http.server`, and tells which goals are
/// reached.
///
/// Server and client are processes of their own, fresh for every run, on a core each. The programs take turns; every
/// figure is the median of the runs. Small files are asked for by wrk, which has to be installed; those of 10 MiB by a
/// client that is kept here and throws away what it reads. A program that is not there is left out.
///
/// webserver has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p webserver -p bench  before all else
  bench web                                    everything, about eight minutes
  bench web --only small,large                 two parts
  bench web --runs 1 --seconds 1               a quick look
  bench web --json > web.json")]
pub(crate) struct Args {
    /// Seconds per run, 1 to 60
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The webserver to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    webserver: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// A part of the report, and the load that its figures are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// 64 connections, one file of 1 KiB
    Small,
    /// The same beside servers that keep files open
    Cached,
    /// 64 connections, 1,000 files of 4 KiB, beside servers that keep files open
    Many,
    /// 64 connections, one file of 100 KiB
    Medium,
    /// 64 connections, one file of 10 MiB, thrown away
    Large,
    /// 64 connections, a file that is not there
    NotFound,
    /// 64 connections at a time, each for one request
    Close,
    /// One connection
    One,
    /// Memory of an idle process, and for each of 10,000 connections on which nothing happens
    Idle,
    /// Memory while 64 files of 10 MiB are sent at once
    Sending,
}

#[cfg(target_os = "linux")]
impl Args {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Measures and prints.
#[cfg(target_os = "linux")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    args.common.print(&report::Report::measure(args)?)
}

/// Says that this cannot be measured here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    anyhow::bail!(
        "programs can be measured on Linux only: pinning to a core and CPU clocks are Linux's own"
    )
}
