//! What the programs are put through.

use std::time::Duration;

use anyhow::{Context, Result};

use super::program::{Delivered, Program, Programs, Tool};
use super::{Args, Part};
use crate::child::{Server, client, launch};

/// How long a client may take beyond the time for which it sends: to start, to search, to report.
const GRACE: Duration = Duration::from_secs(30);

/// What a client is to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) way: Way,
    /// Bytes of UDP payload.
    pub(crate) size: u32,
    /// For our own program; each of the others has it or has it not.
    pub(crate) offload: Offload,
    pub(crate) seconds: u32,
}

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the server.
    There,
    /// To the server, and back from it.
    Echo,
    /// To the server, at a rate that is searched for.
    Search,
}

/// Whether one call, and one walk through the stack, may carry many packets (GSO, GRO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offload {
    Allowed,
    Forbidden,
}

impl Load {
    /// The load of a part.
    pub(crate) fn of(part: Part, seconds: u32) -> Self {
        use Offload::{Allowed, Forbidden};
        let (way, size, offload) = match part {
            Part::Small => (Way::There, 64, Allowed),
            Part::Large => (Way::There, 1400, Allowed),
            Part::Plain => (Way::There, 64, Forbidden),
            Part::Echo => (Way::Echo, 64, Forbidden),
            Part::EchoOffload => (Way::Echo, 64, Allowed),
            // What udpst sends at high rates.
            Part::Search => (Way::Search, 8972, Allowed),
        };
        Self {
            way,
            size,
            offload,
            seconds,
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) + GRACE
    }
}

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 6] = [
        Self::Small,
        Self::Large,
        Self::Plain,
        Self::Echo,
        Self::EchoOffload,
        Self::Search,
    ];

    /// What the report calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Small => "One way, 64 B, each packet with a header of its own",
            Self::Large => "One way, 1400 B, each packet with a header of its own",
            Self::Plain => "One way, 64 B, without offload",
            Self::Echo => {
                "Echoed, 64 B, many in flight, the RTT of every packet kept, without offload"
            }
            Self::EchoOffload => {
                "Echoed, 64 B, many in flight, the RTT of every packet kept, with offload"
            }
            Self::Search => "The highest rate that arrives, found by a search, 8972 B",
        }
    }

    /// Puts a program through it once, with a fresh server.
    pub(crate) fn run(self, program: Program, programs: &Programs, args: &Args) -> Result<Run> {
        let path = programs.path(program).map_err(anyhow::Error::msg)?;
        let load = Load::of(self, args.seconds);
        let tool = program.tool()?;
        let (arguments, listens) = tool.server();
        let mut command = launch::command(Some(args.common.server_core), path, &arguments)?;
        let server = Server::start(&mut command, listens)?;
        let arguments = tool.client(&load, server.address());
        let client = || launch::command(Some(args.common.client_core), path, &arguments);
        client()
            .and_then(|mut client| measure(&*tool, &load, &server, &mut client))
            .map_err(|error| server.explain(error))
    }
}

fn measure(
    tool: &dyn Tool,
    load: &Load,
    server: &Server,
    client: &mut std::process::Command,
) -> Result<Run> {
    let before = server.cpu_time()?;
    let finished = client::run(client, load.limit()).context("the client failed")?;
    let server_cpu = server.cpu_time()?.saturating_sub(before);
    Ok(Run {
        delivered: tool.read(load, &finished.stdout)?,
        server_cpu,
    })
}

/// One run of one program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) delivered: Delivered,
    /// While the client ran.
    pub(crate) server_cpu: Duration,
}

impl Run {
    /// Packets that arrived, each second.
    pub(crate) fn packets_per_s(&self) -> Option<f64> {
        self.delivered.packets_per_s
    }

    /// Payload that arrived.
    pub(crate) fn gigabits_per_s(&self) -> Option<f64> {
        Some(self.delivered.bits_per_s / 1e9)
    }

    /// CPU time of the server for what arrived, in seconds for each gigabyte.
    pub(crate) fn server_cpu_per_gigabyte(&self) -> Option<f64> {
        Some(self.server_cpu.as_secs_f64() * 1e9 / self.delivered.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_run() {
        let load = Load::of(Part::Large, 2);
        let run = Run {
            delivered: Delivered::bits(8e9, &load, 2.0).unwrap(),
            server_cpu: Duration::from_millis(500),
        };
        assert_eq!(run.gigabits_per_s(), Some(8.0));
        assert_eq!(run.server_cpu_per_gigabyte(), Some(0.25));
        assert_eq!(run.packets_per_s(), Some(1e9 / 1400.0));
    }

    #[test]
    fn only_what_says_so_goes_without_offload() {
        for part in Part::ALL {
            let forbidden = Load::of(part, 1).offload == Offload::Forbidden;
            assert_eq!(forbidden, part.title().contains("without offload"));
        }
    }
}
