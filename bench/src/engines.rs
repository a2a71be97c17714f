//! Which I/O engine to build servers on: the bare candidates, without any code of the project above them.
//!
//! Each echo is measured between a load generator on one core (here, [`udp`] and [`tcp`]) and a server child on another
//! ([`server`]); [`echo`] is the measuring that both share. [`timers`] and [`wake`] need no server. [`report`] is what
//! comes out.

#[cfg(target_os = "linux")]
mod echo;
#[cfg(target_os = "linux")]
mod mmsg;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
pub(crate) mod server;
#[cfg(target_os = "linux")]
pub(crate) mod tcp;
#[cfg(target_os = "linux")]
mod timers;
#[cfg(target_os = "linux")]
mod udp;
#[cfg(target_os = "linux")]
mod uring;
#[cfg(target_os = "linux")]
mod wake;

use std::time::Duration;

use clap::ValueEnum;

use crate::options::Common;

/// Measures I/O engines for servers: UDP and TCP echo, timers, and waking a blocked thread.
///
/// An echo server runs in a child process on one core, the load generator on another; the threads that sleep are on the
/// core of the servers. Every figure is the median of alternating runs. All of it takes about two and a half minutes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bench engines
  bench engines --only udp,wake --runs 3 --seconds 0.5
  bench engines --json > engines.json")]
pub(crate) struct Args {
    /// Seconds per run, 0.1 to 60
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = parse_length)]
    seconds: Duration,

    /// Measures these parts only
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    only: Vec<Part>,

    #[command(flatten)]
    common: Common,
}

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// UDP echo, one in flight and 64 in flight
    Udp,
    /// TCP echo over 64 and over 1000 connections
    Tcp,
    /// How late a thread wakes from a sleep
    Timers,
    /// Whether shutdown(2) wakes a thread that waits for a datagram
    Wake,
}

fn parse_length(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.1..=60.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds from 0.1 to 60".to_owned())
}

/// Measures and prints.
#[cfg(target_os = "linux")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    runtime::descriptors::raise_limit();
    args.common.client_core.pin_this_thread()?;
    args.common.print(&report::Report::measure(args)?)
}

/// Says that this cannot be measured here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    anyhow::bail!(
        "engines can be measured on Linux only: recvmmsg, io_uring and pinning to a core are Linux's own"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(parse_length("0.5"), Ok(Duration::from_millis(500)));
        for refused in ["0", "-1", "61", "NaN", "inf", "one"] {
            assert!(parse_length(refused).is_err(), "{refused}");
        }
    }
}
