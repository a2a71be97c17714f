//! The programs that are measured, and what is common to them.

use std::net::SocketAddrV4;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::irtt::Irtt;
use super::ours::Ours;
use super::sockperf::Sockperf;
use crate::child::Listens;
use crate::installed::{self, Installed};
use crate::stats::Durations;

/// The size of every packet, in bytes of UDP payload.
pub(crate) const PACKET_SIZE: u32 = 64;

/// The interval of the load with a schedule.
pub(crate) const INTERVAL: Duration = Duration::from_millis(1);

/// How packets are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// One every [`INTERVAL`].
    Paced,
    /// The next one when the last one has come back.
    OneInFlight(Waiting),
}

/// How both sides wait for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// In a call that puts them to sleep.
    Blocking,
    /// By looking again and again.
    Spinning,
}

/// A program that measures, with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Irtt,
    Sockperf,
}

impl Program {
    /// How it is called and read, for one run.
    pub(crate) fn tool(self) -> Result<Box<dyn Tool>> {
        Ok(match self {
            Self::Ours => Box::new(Ours),
            Self::Irtt => Box::new(Irtt),
            Self::Sockperf => Box::new(Sockperf::new()?),
        })
    }
}

/// How a program is called, and how what it prints is read.
pub(crate) trait Tool {
    /// The arguments of its server, which is to listen on 127.0.0.1, and how it tells that it does.
    fn server(&self, load: Load) -> Result<(Vec<String>, Listens)>;

    /// The arguments of its client, which is to send for this many seconds.
    fn client(&self, load: Load, server: SocketAddrV4, seconds: u32) -> Vec<String>;

    /// What its client found out, from what it wrote to stdout.
    fn read(&self, load: Load, stdout: &str, seconds: u32) -> Result<Said>;
}

/// What a client says of one run; what it does not say is `None`.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    /// Packets that it sent.
    pub(crate) sent: u64,
    /// Packets that came back, each second.
    pub(crate) round_trips_per_s: Option<f64>,
    /// The mean time between packets.
    pub(crate) interval_ns: Option<f64>,
    /// From the wire's end of one host to that of the other and back.
    pub(crate) network: Option<Rtt>,
    /// As the program itself sees it.
    pub(crate) application: Option<Rtt>,
}

/// Round-trip times of one run, in µs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rtt {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Rtt {
    /// What these durations have, by nearest rank.
    pub(crate) fn of(durations: Durations) -> Self {
        let [p50, p99, max] = durations.percentiles_us([50.0, 99.0, 100.0]);
        Self { p50, p99, max }
    }
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    ours: Installed,
    irtt: Option<Installed>,
    sockperf: Option<Installed>,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(ours: Option<&Path>) -> Result<Self> {
        Ok(Self {
            ours: Installed::udp_echo(ours)?,
            irtt: Installed::find(Path::new("irtt"), "version")?,
            sockperf: Installed::find(Path::new("sockperf"), "--version")?,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(crate) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Ours => return Ok(self.ours.path()),
            Program::Irtt => (&self.irtt, "not installed (apt install irtt)"),
            Program::Sockperf => (&self.sockperf, "not installed (apt install sockperf)"),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(installed.path())
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        installed::versions([Some(&self.ours), self.irtt.as_ref(), self.sockperf.as_ref()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_its_cure() {
        let missing = Programs {
            ours: Installed::of("udp-echo", "udp-echo 1"),
            irtt: None,
            sockperf: None,
        };
        assert_eq!(
            missing.path(Program::Irtt),
            Err("not installed (apt install irtt)")
        );
        assert_eq!(missing.path(Program::Ours), Ok(Path::new("udp-echo")));
        assert_eq!(missing.versions(), "udp-echo 1");
    }
}
