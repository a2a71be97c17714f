//! `tcp-echo serve` and `tcp-echo load` beside other servers and load generators.
//!
//! [`program`] is who is compared, [`load`] what they are put through, [`goals`] what is read from that and what it
//! ought to be, [`report`] what comes out. [`server`] has the servers and [`client`] the load generator that are kept
//! here to compare with: bare ones, which do no more than they must. [`answered`] is what a load generator tells, ours
//! as the bare one, [`truth`] what a server tells of the same, and [`idle`] holds connections on which nothing happens.

#[cfg(target_os = "linux")]
mod answered;
#[cfg(target_os = "linux")]
pub(crate) mod client;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
pub(crate) mod server;
#[cfg(target_os = "linux")]
mod truth;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `tcp-echo serve` beside a bare epoll server, a thread for each connection, socat and ncat, and `tcp-echo
/// load` beside a bare epoll client, and tells which goals are reached.
///
/// Server and client are processes of their own, fresh for every run, on a core each. The programs take turns; every
/// figure is the median of the runs. All servers of a part are driven by one and the same load generator. All of it
/// takes about six minutes. A program that is not there is left out.
///
/// tcp-echo has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p tcp-echo -p bench   before all else
  bench tcp                                    everything, about six minutes
  bench tcp --only few,many                    two parts, about a minute
  bench tcp --only few --runs 1 --seconds 1    a quick look, 3 seconds
  bench tcp --driver bare                      servers driven by the bare client
  bench tcp --json > tcp.json")]
pub(crate) struct Args {
    /// Seconds per run, 1 to 60
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The tcp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    tcp_echo: Option<PathBuf>,

    /// What loads the servers that answer in upper case
    #[arg(long, value_enum, default_value_t = Generator::Load)]
    driver: Generator,

    #[command(flatten)]
    common: Common,
}

/// A part of the report, and the load that its figures are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// 64 connections, requests of 64 B
    Few,
    /// 64 connections, requests of 4 KiB
    Pages,
    /// 1,000 connections, requests of 64 B
    Many,
    /// The same beside a thread for each connection
    Threads,
    /// 64 connections beside socat and ncat
    Peers,
    /// One connection, with and without --busy-poll
    One,
    /// One connection, messages of 1 MiB
    Bulk,
    /// What the load generator drives, and whether it counts right
    Load,
    /// Whether the load generator tells the latency as it is
    Latency,
    /// 10,000 connections on which nothing happens
    Idle,
}

/// What loads a server, with one request in flight on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generator {
    /// `tcp-echo load`
    Load,
    /// The bare epoll client that is kept here
    Bare,
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
