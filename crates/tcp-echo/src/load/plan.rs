//! All questions of a load, settled.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;

use crate::args::Load;

/// How long a load takes where nothing is said.
const DURATION: Duration = Duration::from_secs(5);

/// Requests in flight at the most, over all connections: their times take 32 bytes each.
const MOST_IN_FLIGHT: u64 = 1 << 24;

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// When one before it was answered: a closed loop.
    Answers,
    /// When it is due, so many a second, whatever has been answered: an open loop.
    Schedule(u32),
}

/// When no more requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    After(Duration),
    Requests(u64),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) server: SocketAddr,
    pub(super) connections: usize,
    /// Bytes of a request, and of its answer.
    pub(super) size: usize,
    /// Requests in flight on a connection at the most.
    pub(super) pipeline: usize,
    pub(super) pace: Pace,
    pub(super) end: End,
}

impl Plan {
    pub(super) fn new(args: &Load, server: SocketAddr) -> anyhow::Result<Self> {
        let in_flight = u64::from(args.connections) * u64::from(args.pipeline);
        ensure!(
            in_flight <= MOST_IN_FLIGHT,
            "expected at most {MOST_IN_FLIGHT} requests in flight in all, got {in_flight}: use a smaller --pipeline or -c"
        );
        let after = End::After(args.duration.unwrap_or(DURATION));
        Ok(Self {
            server,
            connections: args.connections as usize,
            size: args.size as usize,
            pipeline: args.pipeline as usize,
            pace: args.rate.map_or(Pace::Answers, Pace::Schedule),
            end: args.count.map_or(after, End::Requests),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn plan(line: &str) -> anyhow::Result<Plan> {
        let words = ["tcp-echo", "load"].into_iter();
        let args = Args::try_parse_from(words.chain(line.split_whitespace())).unwrap();
        let Command::Load(load) = args.command else {
            panic!("another command");
        };
        Plan::new(&load, SocketAddr::from(([127, 0, 0, 1], 7)))
    }

    #[test]
    fn what_was_typed_and_what_it_means() {
        let usual = plan("").unwrap();
        let (closed, five) = (Pace::Answers, End::After(DURATION));
        assert_eq!((usual.pace, usual.end), (closed, five));
        let open = plan("--rate 100 -n 7").unwrap();
        let (pace, end) = (Pace::Schedule(100), End::Requests(7));
        assert_eq!((open.pace, open.end), (pace, end));
    }

    #[test]
    fn what_is_in_flight_is_bounded() {
        assert!(plan("-c 256 --pipeline 65536").is_ok());
        let error = plan("-c 257 --pipeline 65536").unwrap_err().to_string();
        assert!(error.contains("at most 16777216 requests"), "{error}");
    }
}
