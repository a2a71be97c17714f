//! What is measured and how, all questions settled.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{bail, ensure};
use proto::measure::native::MIN_SIZE;
use proto::measure::{PacketSize, Version};
use runtime::udp::{Options, StampClock};
use runtime::units::show_time;

use super::schedule::{Limit, Schedule};
use crate::args::{Path, Probe, Stamps};

/// The most sockets that a measurement on the classic wire opens.
pub(crate) const MAX_SOCKETS: u64 = 800;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// Packets without -n, -d and --continuous.
const DEFAULT_COUNT: u64 = 20;

/// A measurement.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    pub(crate) schedule: Schedule,
    pub(crate) size: PacketSize,
    pub(crate) timeout: Duration,
    pub(crate) spin: bool,
    pub(crate) options: Options,
}

impl Plan {
    /// Whether the thread that sends leaves its processor to others most of the time.
    pub(super) fn sender_sleeps(&self) -> bool {
        const LONG_ENOUGH: Duration = Duration::from_micros(500);
        !self.spin
            && self
                .schedule
                .interval()
                .is_some_and(|interval| interval >= LONG_ENOUGH)
    }
}

/// Which wire a measurement goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// The classic one; with the server's word on what it speaks where it is one of ours.
    Classic(Option<Version>),
    /// The native one.
    Native {
        /// Whether packets are proved with a shared key.
        keyed: bool,
        /// Whose clock stamps packets here.
        clock: StampClock,
    },
    /// STAMP's, to a reflector.
    Stamp {
        /// Whether packets are proved with a shared key.
        keyed: bool,
        /// Whose clock stamps packets here.
        clock: StampClock,
        /// How the reflector numbers its replies.
        numbering: proto::stamp::Numbering,
    },
}

impl Wire {
    /// What the server is, for people.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::Classic(None) => "a classic server",
            Self::Classic(Some(_)) => "a Plumbline server, on the classic wire",
            Self::Native { keyed: true, .. } => "a Plumbline server, with a key",
            Self::Native { keyed: false, .. } => "a Plumbline server",
            Self::Stamp { keyed: true, .. } => "a STAMP reflector, with a key",
            Self::Stamp { keyed: false, .. } => "a STAMP reflector",
        }
    }

    /// The server and the wire, for programs.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Classic(None) => ("classic", "classic"),
            Self::Classic(Some(_)) => ("plumbline", "classic"),
            Self::Native { .. } => ("plumbline", "native"),
            Self::Stamp { .. } => ("reflector", "stamp"),
        }
    }

    /// Whose clock stamps packets here.
    pub(crate) fn clock(self) -> StampClock {
        match self {
            Self::Classic(_) => StampClock::Program,
            Self::Native { clock, .. } | Self::Stamp { clock, .. } => clock,
        }
    }

    /// Whether packets are proved with a shared key.
    pub(crate) fn keyed(self) -> bool {
        match self {
            Self::Classic(_) => false,
            Self::Native { keyed, .. } | Self::Stamp { keyed, .. } => keyed,
        }
    }
}

/// What the command line asks for, before a server is found.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) schedule: Schedule,
    pub(crate) timeout: Option<Duration>,
}

impl Wanted {
    pub(super) fn of(args: &Probe) -> Self {
        let unlimited = args.continuous || args.duration.is_some();
        let count = args.count.or((!unlimited).then_some(DEFAULT_COUNT));
        let limit = Limit {
            count,
            time: args.duration,
        };
        let interval = args.interval;
        Self {
            schedule: if interval.is_zero() {
                Schedule::BackToBack { limit }
            } else {
                Schedule::Even { interval, limit }
            },
            timeout: args.timeout,
        }
    }

    pub(super) fn plan(&self, path: &Path, server: SocketAddr) -> anyhow::Result<Plan> {
        ensure!(
            path.reach.key_file.is_none() || path.size.bytes() >= MIN_SIZE,
            "expected packets of at least {MIN_SIZE} bytes with --key-file, got {}: smaller ones go on the classic wire, which has no key; use -s {MIN_SIZE}",
            path.size
        );
        Ok(Plan {
            server,
            schedule: self.schedule.clone(),
            size: path.size,
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            spin: path.spin,
            options: options(path, server, &self.schedule)?,
        })
    }

    /// The sockets that the classic wire takes, and the time-out where none was asked for.
    pub(super) fn on_classic_wire(&self, plan: &mut Plan) -> anyhow::Result<usize> {
        let (least, count) = match &self.schedule {
            Schedule::BackToBack { .. } => bail!(
                "the server speaks the classic wire alone, whose answers look alike: give an interval, such as -i 10ms"
            ),
            Schedule::Even { interval, .. } => (*interval, self.schedule.count()),
            Schedule::Falling(falling) => return Ok(falling.total().min(MAX_SOCKETS) as usize),
        };
        ensure!(
            plan.options.source.is_none_or(|source| source.port() == 0),
            "expected a --source without a port: on the classic wire each packet waits at a port of its own"
        );
        let count = count.unwrap_or(u64::MAX);
        // An answer is waited for through twice the time-out, and one socket waits for one answer at a time.
        let longest = least.saturating_mul((MAX_SOCKETS / 2) as u32);
        plan.timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT.min(longest));
        ensure!(
            plan.timeout <= longest || count <= MAX_SOCKETS,
            "expected a time-out of at most {} with packets every {}, got {}: the answers of this wire look alike, so each packet waits at a port of its own; use a longer -i or a shorter --timeout",
            show_time(longest),
            show_time(least),
            show_time(plan.timeout)
        );
        let waiting = (2 * plan.timeout.as_nanos()).div_ceil(least.as_nanos());
        let sockets = u64::try_from(waiting).map_or(count, |waiting| count.min(waiting + 1));
        Ok(sockets as usize)
    }
}

pub(super) fn options(
    path: &Path,
    server: SocketAddr,
    schedule: &Schedule,
) -> anyhow::Result<Options> {
    let clock = match (path.stamps, schedule) {
        (Stamps::Program, _) | (Stamps::Auto, Schedule::BackToBack { .. }) => StampClock::Program,
        (Stamps::Card, _) => StampClock::Card,
        (Stamps::Auto | Stamps::Kernel, _) => StampClock::Kernel,
    };
    path.reach.options(server, clock)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn planned(words: &str) -> anyhow::Result<(usize, Duration)> {
        let line = format!("udp-echo probe 127.0.0.1:1 {words}");
        let args = Args::try_parse_from(line.split_whitespace())?;
        let Command::Probe(args) = args.command else {
            bail!("no probe");
        };
        let wanted = Wanted::of(&args);
        let mut plan = wanted.plan(&args.path, "127.0.0.1:1".parse()?)?;
        Ok((wanted.on_classic_wire(&mut plan)?, plan.timeout))
    }

    #[test]
    fn every_packet_of_the_classic_wire_waits_at_a_port_of_its_own() {
        let ms = Duration::from_millis;
        let table = [
            ("-n 1000", 21, ms(1000)),
            ("-n 5 -i 1ms -t 10s", 5, ms(10_000)),
            ("-n 1000000 -i 1ms", 801, ms(400)),
            ("-n 10 -i 1h", 2, ms(1000)),
            ("--continuous -i 100ms", 21, ms(1000)),
            ("-d 300ms -i 100ms", 3, ms(1000)),
        ];
        for (words, sockets, timeout) in table {
            assert_eq!(planned(words).unwrap(), (sockets, timeout), "{words}");
        }
    }

    #[test]
    fn a_time_out_that_takes_too_many_ports_is_refused_with_the_cure() {
        let error = planned("-n 10000 -i 1ms -t 1s").unwrap_err().to_string();
        assert!(error.contains("at most 400 ms"), "{error}");
        let error = planned("-i 0").unwrap_err().to_string();
        assert!(error.contains("give an interval"), "{error}");
    }
}
