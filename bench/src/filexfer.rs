//! `filexfer` beside the programs that people move files with.
//!
//! [`program`] is who is compared, [`programs`] who of them is there, and `peers` how each is called: a [`plan`] has the
//! sides of a transfer. [`transfer`] carries it out once, with each end in a [`side`] of its own whose CPU time and memory
//! are told; [`goals`] is what is read from that and what it ought to be, [`used`] what else there is to see of it, and
//! [`report`] what comes out. [`part`] says what is sent in each part of it, a [`source`]: [`content`] is what a file is
//! made of, [`tree`] a folder of files, [`older`] what is there already of a file that changed; [`folders`] is where they
//! lie, [`network`] what they go through.

#[cfg(target_os = "linux")]
mod content;
#[cfg(target_os = "linux")]
mod folders;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod older;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
pub(crate) mod side;
#[cfg(target_os = "linux")]
mod source;
#[cfg(target_os = "linux")]
mod transfer;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod used;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::options::Common;

/// Measures `filexfer` beside scp, tar over ssh, rsync, nginx with curl, croc, magic-wormhole, socat and nc, and tells which
/// goals are reached.
///
/// Sender and receiver are processes of their own, fresh for every run, on a core each with all that they start. The
/// programs take turns; every figure is the median of the runs. What arrived is compared with what was sent after each
/// run. All of it takes about 17 minutes, and 13 GiB of memory for the files. A program that is not there is left
/// out.
///
/// Where it may, it runs in a network of its own in which there is nothing but 127.0.0.1. What it starts it ends, and
/// what it writes it removes, also when it is interrupted.
///
/// filexfer has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo build --release -p filexfer -p bench          before all else
  bench filexfer                                      everything
  bench filexfer --only plain,classic --runs 3        two parts
  bench filexfer --only files,again,many,changed,shifted             whole folders, and only what changed
  bench filexfer --runs 1 --size 64 --disk-size 64 --text-size 64 --delta-size 64    a quick look, two minutes
  bench filexfer --json > filexfer.json")]
pub(crate) struct Args {
    /// Size of the file that goes from memory to memory, in MiB
    #[arg(long, default_value_t = 4096, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    size: u64,

    /// Size of the file that goes to the disk, in MiB
    #[arg(long, default_value_t = 1024, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    disk_size: u64,

    /// Size of the text, in MiB
    #[arg(long, default_value_t = 512, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    text_size: u64,

    /// How many files of 4 KiB the folder has
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    files: u64,

    /// Size of the file of which little changed, in MiB
    #[arg(long, default_value_t = 4096, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    delta_size: u64,

    /// A folder in memory, in which this makes its own
    #[arg(long, default_value = "/dev/shm", value_name = "DIR")]
    memory: PathBuf,

    /// A folder on the disk, in which this makes its own
    #[arg(long, default_value = "/var/tmp", value_name = "DIR")]
    disk: PathBuf,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    /// The filexfer to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    filexfer: Option<PathBuf>,

    /// The croc to measure [default: the one of the path]
    #[arg(long, value_name = "FILE")]
    croc: Option<PathBuf>,

    /// The wormhole to measure, with the twist of its servers beside it [default: those of the path]
    #[arg(long, value_name = "FILE")]
    wormhole: Option<PathBuf>,

    /// Lets both sides use all cores
    #[arg(long)]
    unpinned: bool,

    #[command(flatten)]
    common: Common,
}

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One file from memory to memory, encrypted and verified
    Memory,
    /// One file from memory to the disk, synced
    Disk,
    /// The same, not synced
    Unsynced,
    /// One file from memory to memory, in clear
    Plain,
    /// One file from memory to memory on the classic wire
    Classic,
    /// A file of 1 KiB, from start to end
    Small,
    /// Text over a link of 1 Gbit/s
    Link,
    /// Text from memory to memory, where compressing it is slower than the way
    Text,
    /// Many small files, encrypted and verified
    Files,
    /// The same again, with nothing changed
    Again,
    /// 100,000 files: memory
    Many,
    /// A file of which 1 % changed in place, sent again
    Changed,
    /// A file with some bytes inserted at its start, sent again
    Shifted,
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
        "programs can be measured on Linux only: pinning to a core and reaping what others started are Linux's own"
    )
}
