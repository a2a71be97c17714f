//! `udp-echo probe` and `serve` beside other programs that measure round trips over UDP.
//!
//! [`program`] is what is common to the programs; [`ours`], [`irtt`] and [`sockperf`] say how each is called and read what
//! it prints. [`workload`] is what they are put through, [`goals`] what is read from that and what it ought to be,
//! [`report`] what comes out.

#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
pub(crate) mod hogs;
#[cfg(target_os = "linux")]
mod irtt;
#[cfg(target_os = "linux")]
mod ours;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
pub(crate) mod sockperf;
#[cfg(target_os = "linux")]
mod workload;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `udp-echo probe` beside irtt and sockperf, and tells which of the goals are reached.
///
/// Server and client are processes of their own, fresh for every run, on a core each unless said otherwise. Packets have
/// 64 bytes. The programs take turns; every figure is the median of the runs. All of it takes about five minutes, one
/// part 30 to 100 seconds. A program that is not installed is left out.
///
/// udp-echo has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p udp-echo -p bench     before all else
  bench probe                                    everything, about five minutes
  bench probe --only hogs --runs 1 --seconds 2   a quick look, 3 seconds
  bench probe --only network,schedule,reflector these from the same runs, 90 seconds
  bench probe --json > probe.json")]
pub(crate) struct Args {
    /// Seconds per run, 1 to 60
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The udp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    udp_echo: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Network RTT, a packet every 1 ms
    Network,
    /// Network RTT while busy loops burn both cores
    Hogs,
    /// Application RTT, nothing pinned to a core
    Unpinned,
    /// How well a schedule of 1 ms is kept, and what that costs
    Schedule,
    /// Round trips per second, one in flight, both sides spinning
    Spinning,
    /// Round trips per second, one in flight, both sides blocking
    Blocking,
    /// CPU time of the reflector per probe
    Reflector,
}

#[cfg(target_os = "linux")]
impl Args {
    fn seconds(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds.into())
    }

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
