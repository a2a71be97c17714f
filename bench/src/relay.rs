//! `relay serve` beside other relays of messages: NATS, mosquitto, coturn, and one that does no more than it must.
//!
//! [`program`] is who is compared and how each is started, [`load`] what they are put through, [`goals`] what is read
//! from that and what it ought to be, [`used`] what is shown beside, [`report`] what comes out. [`servers`] are those of a
//! run, [`disk`] is where they keep what they keep. [`client`] is the load, a process of its own; [`bare`] the relay that is
//! kept here to compare with; [`idle`] registers clients that say nothing.

#[cfg(target_os = "linux")]
pub(crate) mod bare;
#[cfg(target_os = "linux")]
pub(crate) mod client;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod mosquitto;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod used;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `relay serve` beside NATS, mosquitto, coturn and a bare relay, and tells which goals are reached.
///
/// The server is a fresh process for every run, on a core of its own; all its clients are one process, on another core.
/// Two relays that a server joins share its core with it. The programs take turns; every figure is the median of the runs.
/// All of it takes about ten minutes. A program that is not there is left out.
///
/// relay has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p relay -p bench        before all else
  bench relay                                    everything, about ten minutes
  bench relay --only medium,room                 two parts, about a minute and a half
  bench relay --only medium --runs 1 --seconds 1 a quick look, 6 seconds
  bench relay --only mail,drain,fleet            what is kept, and what goes from relay to relay
  bench relay --json > relay.json")]
pub(crate) struct Args {
    /// Seconds per run, 1 to 60
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The relay to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    relay: Option<PathBuf>,

    /// Where servers keep messages: a folder on a disk
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    disk: PathBuf,

    #[command(flatten)]
    common: Common,
}

/// A part of the report, and the load that its figures are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Bursts of texts of 16 B
    Small,
    /// Bursts of texts of 128 B
    Medium,
    /// Bursts of texts as long as the classic wire carries
    Large,
    /// 64 texts in flight, each datagram sent by itself
    Single,
    /// One text in flight
    One,
    /// Messages of 128 B, acknowledged and each taken once
    Native,
    /// Messages to a room of 100
    Room,
    /// Clients that say nothing
    Idle,
    /// Messages to a name that is away
    Mail,
    /// Kept messages for a name that comes back
    Drain,
    /// Messages from relay to relay
    Fleet,
    /// Memory with messages that wait for one name
    Waiting,
    /// Memory with a message that waits for each of many names
    WaitingEach,
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
