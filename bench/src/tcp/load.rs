//! What the programs are put through.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::answered::Answered;
use super::client::Expect;
use super::program::{Call, Host, Program, Programs};
use super::server::Bare;
use super::truth::Truth;
use super::{Args, Generator, Part, idle};
use crate::child::{Server, client, launch};
use crate::pin::Core;

/// How long a load generator may take beyond the time for which it loads: to connect, to report.
const GRACE: Duration = Duration::from_secs(30);

/// The server that loads are compared with.
pub(crate) const REFERENCE: Host = Host::Bare(Bare::Epoll);

/// What a load generator is to do, with one request in flight on each connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    /// Bytes of a request.
    pub(crate) size: u32,
    pub(crate) seconds: u32,
    /// For the bare client; ours wants upper case.
    pub(crate) expect: Expect,
}

impl Load {
    /// The load of a part.
    pub(crate) fn of(part: Part, seconds: u32) -> Self {
        let (connections, size) = match part {
            Part::Few | Part::Peers | Part::Load => (64, 64),
            Part::Pages => (64, 4096),
            Part::Many | Part::Threads => (1000, 64),
            Part::One => (1, 64),
            Part::Bulk => (1, 1 << 20),
            // Few, so that none waits for the load generator to be done with another.
            Part::Latency => (8, 64),
            Part::Idle => (10_000, 1),
        };
        Self {
            connections,
            size,
            seconds,
            expect: part.expect(),
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) + GRACE
    }
}

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 10] = [
        Self::Few,
        Self::Pages,
        Self::Many,
        Self::Threads,
        Self::Peers,
        Self::One,
        Self::Bulk,
        Self::Load,
        Self::Latency,
        Self::Idle,
    ];

    /// What the report calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Few => "serve, 64 connections, requests of 64 B",
            Self::Pages => "serve, 64 connections, requests of 4 KiB",
            Self::Many => "serve, 1,000 connections, requests of 64 B",
            Self::Threads => "serve beside a thread for each of 1,000 connections, 64 B",
            Self::Peers => {
                "serve beside programs that start a process for each of 64 connections, 64 B"
            }
            Self::One => "serve, one connection, requests of 64 B",
            Self::Bulk => "serve, one connection, messages of 1 MiB",
            Self::Load => "load, 64 connections, requests of 64 B, to the reference server",
            Self::Latency => "load, 8 connections, to a server that holds requests for 100 ms",
            Self::Idle => "serve, 10,000 connections on which nothing happens",
        }
    }

    /// socat and ncat send back what they get.
    pub(crate) fn expect(self) -> Expect {
        match self {
            Self::Peers | Self::Bulk | Self::Load => Expect::Anything,
            _ => Expect::Upper,
        }
    }

    /// What loads the servers: one and the same for all of them.
    fn driver(self, args: &Args) -> Generator {
        match self.expect() {
            Expect::Anything => Generator::Bare,
            Expect::Upper => args.driver,
        }
    }

    /// What the load generators load.
    fn host(self) -> Host {
        match self {
            Self::Latency => Host::Bare(Bare::Held),
            _ => REFERENCE,
        }
    }

    /// Puts a program through it once, with a fresh server.
    pub(crate) fn run(self, program: Program, programs: &Programs, args: &Args) -> Result<Run> {
        let (host, generator) = match program {
            Program::Serves(host) => (host, self.driver(args)),
            Program::Loads(generator) => (self.host(), generator),
        };
        let (call, listens) = host.call(programs)?;
        let server = Server::start(&mut call.on(args.common.server_core)?, listens)?;
        let load = Load::of(self, args.seconds);
        let client = || {
            let call = generator.call(&load, server.address(), programs)?;
            call.on(args.common.client_core)
        };
        let measured = match self {
            Self::Idle => idle::measure(&server, load.connections),
            _ => client().and_then(|mut client| measure(&load, host, &server, &mut client)),
        };
        measured.map_err(|error| server.explain(error))
    }
}

impl Call {
    fn on(&self, core: Core) -> Result<Command> {
        launch::command(Some(core), &self.program, &self.arguments)
    }
}

fn measure(load: &Load, host: Host, server: &Server, client: &mut Command) -> Result<Run> {
    let finished = client::run(client, load.limit()).context("the load generator failed")?;
    let answered = Answered::read(&finished.stdout)?;
    let truth = match host {
        Host::Bare(_) => Some(Truth::of(server.address())?),
        _ => None,
    };
    Ok(Run::Loaded(Loaded {
        size: load.size,
        answered,
        truth,
    }))
}

/// One run of one program.
#[derive(Debug)]
pub(crate) enum Run {
    Loaded(Loaded),
    /// User memory of the server for each connection, in bytes.
    Idle(f64),
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Loaded {
    size: u32,
    answered: Answered,
    /// From a server that tells it.
    truth: Option<Truth>,
}

impl Run {
    /// Requests answered, each second.
    pub(crate) fn requests_per_s(&self) -> Option<f64> {
        Some(self.loaded()?.answered.requests_per_s)
    }

    /// What was echoed each second, in 10⁶ bytes one way.
    pub(crate) fn megabytes_per_s(&self) -> Option<f64> {
        let Loaded { size, answered, .. } = self.loaded()?;
        Some(answered.requests_per_s * f64::from(*size) / 1e6)
    }

    /// Half of the answers came within this, in µs.
    pub(crate) fn p50_us(&self) -> Option<f64> {
        Some(self.loaded()?.answered.latency.as_ref()?.p50 / 1e3)
    }

    /// How far the count of requests is from the server's, in percent of that.
    pub(crate) fn count_off_percent(&self) -> Option<f64> {
        let Loaded {
            size,
            answered,
            truth,
        } = self.loaded()?;
        let truth = truth.as_ref()?.bytes as f64 / f64::from(*size);
        Some(off_percent(answered.answered as f64, truth))
    }

    /// How far the latencies are from those at the server, in percent: the mean or the median, whichever is farther.
    pub(crate) fn latency_off_percent(&self) -> Option<f64> {
        let loaded = self.loaded()?;
        let (said, truth) = (loaded.answered.latency.as_ref()?, loaded.truth.as_ref()?);
        let mean = off_percent(said.mean / 1e3, truth.held_mean_us);
        let median = off_percent(said.p50 / 1e3, truth.held_p50_us);
        Some(mean.max(median))
    }

    /// User memory of the server for each idle connection, in 10³ bytes.
    pub(crate) fn kilobytes_each(&self) -> Option<f64> {
        match self {
            Self::Idle(bytes) => Some(bytes / 1e3),
            Self::Loaded(_) => None,
        }
    }

    fn loaded(&self) -> Option<&Loaded> {
        match self {
            Self::Loaded(loaded) => Some(loaded),
            Self::Idle(_) => None,
        }
    }
}

fn off_percent(said: f64, truth: f64) -> f64 {
    (said / truth - 1.0).abs() * 100.0
}

#[cfg(test)]
mod tests {
    use super::super::answered::Latency;
    use super::*;

    fn run(truth: Option<Truth>) -> Run {
        let latency = Latency {
            mean: 50.4e6,
            p50: 49.9e6,
        };
        Run::Loaded(Loaded {
            size: 100,
            answered: Answered::new(990, 2.0, latency),
            truth,
        })
    }

    #[test]
    fn figures_of_a_run() {
        let truth = Truth {
            bytes: 100_000,
            held_mean_us: 50_000.0,
            held_p50_us: 50_000.0,
        };
        let run = run(Some(truth));
        assert_eq!(run.requests_per_s(), Some(495.0));
        assert_eq!(run.megabytes_per_s(), Some(0.0495));
        assert_eq!(run.p50_us(), Some(49_900.0));
        let rounded = |percent: Option<f64>| percent.map(|percent| (percent * 1e6).round() / 1e6);
        assert_eq!(rounded(run.count_off_percent()), Some(1.0));
        assert_eq!(rounded(run.latency_off_percent()), Some(0.8));
        assert_eq!(run.kilobytes_each(), None);
        assert_eq!(Run::Idle(500.0).kilobytes_each(), Some(0.5));
    }

    #[test]
    fn without_the_truth_nothing_is_off() {
        let run = run(None);
        assert_eq!(run.count_off_percent(), None);
        assert_eq!(run.latency_off_percent(), None);
    }
}
