//! What the programs are put through.

use std::time::Duration;

use anyhow::{Context, Result};

use super::hogs::Hogs;
use super::program::{INTERVAL, Load, Program, Programs, Said, Tool, Waiting};
use super::{Args, Part};
use crate::child::client::{self, Finished};
use crate::child::{Server, launch};
use crate::pin::Core;

/// How long a client may take beyond the time for which it sends: to start, to wait for late answers, to report.
const GRACE: Duration = Duration::from_secs(30);

/// A load, and where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    Paced,
    Hogs,
    Unpinned,
    Spinning,
    Blocking,
}

impl Workload {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 5] = [
        Self::Paced,
        Self::Hogs,
        Self::Unpinned,
        Self::Spinning,
        Self::Blocking,
    ];

    /// What the report calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Paced => "One packet every 1 ms, server and client on a core each",
            Self::Hogs => {
                "The same while two busy loops burn both cores (a process pinned on each core)"
            }
            Self::Unpinned => "One packet every 1 ms, nothing pinned to a core",
            Self::Spinning => "One packet in flight, both sides spinning, on a core each",
            Self::Blocking => "One packet in flight, both sides blocking, on a core each",
        }
    }

    fn load(self) -> Load {
        match self {
            Self::Paced | Self::Hogs | Self::Unpinned => Load::Paced,
            Self::Spinning => Load::OneInFlight(Waiting::Spinning),
            Self::Blocking => Load::OneInFlight(Waiting::Blocking),
        }
    }

    /// Puts a program through it once, with a fresh server.
    pub(crate) fn run(self, program: Program, programs: &Programs, args: &Args) -> Result<Run> {
        let path = programs.path(program).map_err(anyhow::Error::msg)?;
        let tool = program.tool()?;
        let (server_core, client_core) = self.cores(args);
        let (arguments, listens) = tool.server(self.load())?;
        let mut command = launch::command(server_core, path, &arguments)?;
        let server = Server::start(&mut command, listens)?;
        let client = |arguments: &[String]| {
            let mut command = launch::command(client_core, path, arguments)?;
            let mut hogs = self.hogs(args)?;
            let finished =
                client::run(&mut command, args.seconds() + GRACE).context("the client failed")?;
            hogs.check()?;
            Ok(finished)
        };
        self.measure(&*tool, &server, args.seconds, client)
            .map_err(|error| server.explain(error))
    }

    fn measure(
        self,
        tool: &dyn Tool,
        server: &Server,
        seconds: u32,
        client: impl FnOnce(&[String]) -> Result<Finished>,
    ) -> Result<Run> {
        let arguments = tool.client(self.load(), server.address(), seconds);
        let before = server.cpu_time()?;
        let finished = client(&arguments)?;
        let server_cpu = server.cpu_time()?.saturating_sub(before);
        Ok(Run {
            said: tool.read(self.load(), &finished.stdout, seconds)?,
            seconds: seconds.into(),
            client_cpu: finished.cpu_time,
            server_cpu,
        })
    }

    fn cores(self, args: &Args) -> (Option<Core>, Option<Core>) {
        match self {
            Self::Unpinned => (None, None),
            _ => (Some(args.common.server_core), Some(args.common.client_core)),
        }
    }

    fn hogs(self, args: &Args) -> Result<Hogs> {
        match self {
            Self::Hogs => Hogs::start(&[args.common.server_core, args.common.client_core]),
            _ => Hogs::start(&[]),
        }
    }
}

impl Part {
    /// What its figures are read from.
    pub(crate) fn workload(self) -> Workload {
        match self {
            Self::Network | Self::Schedule | Self::Reflector => Workload::Paced,
            Self::Hogs => Workload::Hogs,
            Self::Unpinned => Workload::Unpinned,
            Self::Spinning => Workload::Spinning,
            Self::Blocking => Workload::Blocking,
        }
    }
}

/// One run of one program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) said: Said,
    /// How long the client was told to send.
    pub(crate) seconds: f64,
    /// From its start to its end, what it prints included.
    pub(crate) client_cpu: Duration,
    /// While the client ran.
    pub(crate) server_cpu: Duration,
}

impl Run {
    /// How far the mean interval is from what it was to be, in millionths of that.
    pub(crate) fn interval_error_ppm(&self) -> Option<f64> {
        let wanted = INTERVAL.as_nanos() as f64;
        let error = self.said.interval_ns? / wanted - 1.0;
        Some(error.abs() * 1e6)
    }

    /// Packets that were sent, in hundredths of those that the schedule has.
    pub(crate) fn slots_sent_percent(&self) -> f64 {
        let slots = self.seconds / INTERVAL.as_secs_f64();
        self.said.sent as f64 * 100.0 / slots
    }

    /// CPU time of the client for each second of sending.
    pub(crate) fn client_cores(&self) -> f64 {
        self.client_cpu.as_secs_f64() / self.seconds
    }

    /// CPU time of the server for each packet, in µs.
    pub(crate) fn server_cpu_us(&self) -> Option<f64> {
        (self.said.sent > 0).then(|| self.server_cpu.as_secs_f64() * 1e6 / self.said.sent as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-6
    }

    #[test]
    fn figures_of_a_run() {
        let run = Run {
            said: Said {
                sent: 1980,
                round_trips_per_s: None,
                interval_ns: Some(999_990.0),
                network: None,
                application: None,
            },
            seconds: 2.0,
            client_cpu: Duration::from_millis(100),
            server_cpu: Duration::from_micros(3960),
        };
        assert!(close(run.interval_error_ppm().unwrap(), 10.0));
        assert!(close(run.slots_sent_percent(), 99.0));
        assert!(close(run.client_cores(), 0.05));
        assert!(close(run.server_cpu_us().unwrap(), 2.0));
    }
}
