//! `udp-echo flood` beside other programs that send as fast as they can.
//!
//! [`program`] is what is common to the programs; [`ours`], [`iperf3`], [`nuttcp`], [`qperf`], [`sockperf`], [`irtt`] and
//! [`udpst`] say how each is called and read what it prints. [`load`] is what they are put through, [`goals`] what is
//! read from that and what it ought to be, [`report`] what comes out.

#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod iperf3;
#[cfg(target_os = "linux")]
mod irtt;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod nuttcp;
#[cfg(target_os = "linux")]
mod ours;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod qperf;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod sockperf;
#[cfg(target_os = "linux")]
mod udpst;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `udp-echo flood` beside iperf3, nuttcp, qperf, sockperf, irtt and udpst, and tells which goals are reached.
///
/// Server and client are processes of their own, fresh for every run, on a core each. The programs take turns; every
/// figure is the median of the runs. Rates are what arrived, by the receiver's count; other programs are given as large
/// socket buffers as the kernel grants, up to 4 MiB. All of it takes about five minutes. A program that is not there is
/// left out.
///
/// udp-echo has to be built first, and is taken from where this program lies. nuttcp and qperf listen on all addresses
/// while they run, since they can be told no other.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p udp-echo -p bench     before all else
  bench flood                                    everything, about five minutes
  bench flood --only plain --runs 1 --seconds 1  a quick look, 8 seconds
  bench flood --iperf3-new /opt/iperf/bin/iperf3 with an iperf3 that has --gsro (3.21 or later)
  bench flood --json > flood.json")]
pub(crate) struct Args {
    /// Seconds per run, 1 to 60
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The udp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    udp_echo: Option<PathBuf>,

    /// An iperf3 with --gsro, 3.21 or later
    #[arg(long, value_name = "FILE", default_value = "iperf3")]
    iperf3_new: PathBuf,

    /// The udpst (OB-UDPST) to measure
    #[arg(long, value_name = "FILE", default_value = "udpst")]
    udpst: PathBuf,

    #[command(flatten)]
    common: Common,
}

/// A part of the report, and the load that its figures are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One way, packets of 64 B
    Small,
    /// One way, packets of 1400 B
    Large,
    /// One way, packets of 64 B, without offload
    Plain,
    /// Echoed, many in flight, without offload
    Echo,
    /// Echoed, many in flight, with offload
    EchoOffload,
    /// The highest rate that arrives, found by a search
    Search,
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
