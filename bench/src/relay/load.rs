//! What the programs are put through.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::client::Shape;
use super::client::told::Told;
use super::program::{Program, Programs};
use super::{Args, Part, idle};
use crate::child::{Server, client, launch, words};

/// How long a load may take beyond the time for which it sends: to connect, to send one by one, to report.
const GRACE: Duration = Duration::from_secs(60);

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 8] = [
        Self::Small,
        Self::Medium,
        Self::Large,
        Self::Single,
        Self::One,
        Self::Native,
        Self::Room,
        Self::Idle,
    ];

    /// What the report calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Small => "Bursts of 16 B, each text answered",
            Self::Medium => "Bursts of 128 B, each text answered",
            Self::Large => "Bursts of 989 B, which make datagrams of 1 KiB, each text answered",
            Self::Single => "128 B, 64 in flight, each datagram sent by itself, each text answered",
            Self::One => "128 B, one in flight, from before it is sent until it is received",
            Self::Native => "128 B, acknowledged, each taken once",
            Self::Room => "128 B to a room of 100 members",
            Self::Idle => "Clients that are registered and say nothing",
        }
    }

    /// Bytes of content.
    pub(super) fn size(self) -> u32 {
        match self {
            Self::Small => 16,
            // What is left of 1024 bytes by `to : 127.0.0.1 / 50123 ; content : `.
            Self::Large => 989,
            _ => 128,
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Single => Shape::Singles,
            Self::One => Shape::One,
            Self::Room => Shape::Room,
            Self::Small | Self::Medium | Self::Large | Self::Native | Self::Idle => Shape::Bursts,
        }
    }

    /// How often it is measured: what takes the same memory each time once.
    pub(super) fn runs(self, args: &Args) -> u32 {
        match self {
            Self::Idle => 1,
            _ => args.common.runs,
        }
    }

    /// What a run takes, about.
    pub(super) fn seconds(self, args: &Args) -> f64 {
        const OVERHEAD: f64 = 0.3;
        match self {
            Self::One | Self::Idle => 4.0,
            _ => f64::from(args.seconds) + OVERHEAD,
        }
    }

    /// Puts a program through it once, with a fresh server.
    pub(crate) fn run(self, program: Program, programs: &Programs, args: &Args) -> Result<Run> {
        let call = program.call(programs)?;
        let core = Some(args.common.server_core);
        let mut command = launch::command(core, &call.program, &call.arguments)?;
        let server = Server::start(&mut command, call.listens)?;
        let run = match self {
            Self::Idle => idle::measure(&server, program),
            _ => self.load(program, &server, programs, args),
        };
        run.map_err(|error| server.explain(error))
    }

    fn load(
        self,
        program: Program,
        server: &Server,
        programs: &Programs,
        args: &Args,
    ) -> Result<Run> {
        let arguments = self.client(program, server, args);
        let core = Some(args.common.client_core);
        let mut client = launch::command(core, programs.bench(), &arguments)?;
        let limit = Duration::from_secs(args.seconds.into()) + GRACE;
        let before = server.cpu_time()?;
        let finished = client::run(&mut client, limit).context("the load failed")?;
        let server_cpu = server.cpu_time()?.saturating_sub(before);
        Ok(Run::Loaded {
            told: Told::read(&finished.stdout)?,
            server_cpu,
        })
    }

    fn client(self, program: Program, server: &Server, args: &Args) -> Vec<String> {
        let (address, seconds, size) = (server.address(), args.seconds, self.size());
        let (wire, shape) = (typed(&program.wire()), typed(&self.shape()));
        words(&format!(
            "relay-client {address} --wire {wire} --shape {shape} --size {size} --seconds {seconds}"
        ))
    }
}

/// As it stands on a command line.
fn typed(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One run of one program.
#[derive(Debug)]
pub(crate) enum Run {
    Loaded {
        told: Told,
        /// While the load ran.
        server_cpu: Duration,
    },
    /// User memory of the server for each client, in bytes.
    Idle(f64),
}

impl Run {
    /// Deliveries each second, of messages that were answered where they are.
    pub(crate) fn per_s(&self) -> Option<f64> {
        Some(self.told()?.per_s())
    }

    /// Half of the messages came within this, in µs.
    pub(crate) fn p50_us(&self) -> Option<f64> {
        Some(self.told()?.latency.as_ref()?.p50)
    }

    /// 99 of 100 messages came within this, in µs.
    pub(crate) fn p99_us(&self) -> Option<f64> {
        Some(self.told()?.latency.as_ref()?.p99)
    }

    /// Of what was sent.
    pub(crate) fn lost_percent(&self) -> Option<f64> {
        Some(self.told()?.lost_percent())
    }

    /// CPU time of the server for each delivery, in µs.
    pub(crate) fn cpu_us(&self) -> Option<f64> {
        match self {
            Self::Loaded { told, server_cpu } => {
                Some(server_cpu.as_secs_f64() * 1e6 / told.delivered as f64)
            }
            Self::Idle(_) => None,
        }
    }

    /// User memory of the server for each idle client, in bytes.
    pub(crate) fn bytes_each(&self) -> Option<f64> {
        match self {
            Self::Idle(bytes) => Some(*bytes),
            Self::Loaded { .. } => None,
        }
    }

    fn told(&self) -> Option<&Told> {
        match self {
            Self::Loaded { told, .. } => Some(told),
            Self::Idle(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::client::told::Latency;

    #[test]
    fn figures_of_a_run() {
        let run = Run::Loaded {
            told: Told {
                sent: 1000,
                lost: 10,
                delivered: 990,
                seconds: 2.0,
                latency: Some(Latency {
                    p50: 50.0,
                    p99: 99.0,
                }),
            },
            server_cpu: Duration::from_micros(1980),
        };
        assert_eq!((run.per_s(), run.cpu_us()), (Some(495.0), Some(2.0)));
        assert_eq!((run.p50_us(), run.p99_us()), (Some(50.0), Some(99.0)));
        assert_eq!((run.lost_percent(), run.bytes_each()), (Some(1.0), None));
        assert_eq!(Run::Idle(300.0).bytes_each(), Some(300.0));
    }

    #[test]
    fn the_longest_text_fits_its_datagrams() {
        let (to, content) = ("127.0.0.1:50123", vec![b'x'; Part::Large.size() as usize]);
        let message = proto::relay::Message {
            to: to.parse().unwrap(),
            content: &content,
        };
        let mut wire = Vec::new();
        message.encode(&mut wire).unwrap();
        assert_eq!(wire.len(), proto::relay::MAX_DATAGRAM);
    }
}
