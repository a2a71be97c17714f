//! What the programs are put through.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::client::Shape;
use super::client::told::Told;
use super::program::{Program, Programs};
use super::servers::Servers;
use super::{Args, Part, idle};
use crate::child::{Memory, client, launch, words};

/// How long a load may take beyond the time for which it sends: to connect, to send one by one, to register many names, to
/// report.
const GRACE: Duration = Duration::from_secs(180);

/// Messages that wait for who comes back.
const DRAINED: u64 = 200_000;

/// Messages that wait while memory is looked at.
const WAITING: u64 = 100_000;

impl Part {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 13] = [
        Self::Small,
        Self::Medium,
        Self::Large,
        Self::Single,
        Self::One,
        Self::Native,
        Self::Room,
        Self::Idle,
        Self::Mail,
        Self::Drain,
        Self::Fleet,
        Self::Waiting,
        Self::WaitingEach,
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
            Self::Mail => {
                "128 B to a name that is away, 64 without a verdict, answered when it is kept"
            }
            Self::Drain => "200,000 kept messages of 128 B for a name that comes back",
            Self::Fleet => {
                "128 B from relay to relay, one in flight, from before it is sent until it is received"
            }
            Self::Waiting => "100,000 kept messages of 128 B for one name",
            Self::WaitingEach => "A kept message of 128 B for each of 100,000 names",
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
            Self::Mail => Shape::Mail,
            Self::Drain => Shape::Drain,
            Self::Fleet => Shape::Apart,
            Self::Waiting => Shape::Fill,
            Self::WaitingEach => Shape::FillEach,
            Self::Small | Self::Medium | Self::Large | Self::Native | Self::Idle => Shape::Bursts,
        }
    }

    /// What is done before, which does not count.
    fn shape_before(self) -> Option<Shape> {
        match self {
            Self::Drain => Some(Shape::Fill),
            _ => None,
        }
    }

    /// Messages that are kept, where it is a number that ends the load.
    fn count(self) -> u64 {
        match self {
            Self::Drain => DRAINED,
            _ => WAITING,
        }
    }

    /// How often it is measured: what takes the same memory each time once.
    pub(super) fn runs(self, args: &Args) -> u32 {
        match self {
            Self::Idle | Self::Waiting | Self::WaitingEach => 1,
            _ => args.common.runs,
        }
    }

    /// What a run takes, about.
    pub(super) fn seconds(self, args: &Args) -> f64 {
        const OVERHEAD: f64 = 0.3;
        match self {
            Self::One | Self::Idle | Self::Drain | Self::Fleet | Self::Waiting => 4.0,
            Self::WaitingEach => 60.0,
            _ => f64::from(args.seconds) + OVERHEAD,
        }
    }

    /// Puts a program through it once, with a fresh server.
    pub(crate) fn run(self, program: Program, programs: &Programs, args: &Args) -> Result<Run> {
        let servers = Servers::start(program, programs, args.common.server_core)?;
        let run = match self {
            Self::Idle => idle::measure(servers.first(), program),
            _ => self.loads(program, &servers, programs, args),
        };
        run.map_err(|error| servers.explain(error))
    }

    fn loads(
        self,
        program: Program,
        servers: &Servers,
        programs: &Programs,
        args: &Args,
    ) -> Result<Run> {
        let load = |shape| self.load(shape, program, servers, programs, args);
        if let Some(shape) = self.shape_before() {
            load(shape)?;
        }
        let loaded = load(self.shape())?;
        match self {
            Self::Waiting | Self::WaitingEach => Ok(Run::Waiting(servers.memory()?)),
            _ => Ok(loaded),
        }
    }

    fn load(
        self,
        shape: Shape,
        program: Program,
        servers: &Servers,
        programs: &Programs,
        args: &Args,
    ) -> Result<Run> {
        let arguments = self.client(shape, program, servers, args);
        let core = Some(args.common.client_core);
        let mut client = launch::command(core, programs.bench(), &arguments)?;
        let limit = Duration::from_secs(args.seconds.into()) + GRACE;
        let (before, flushes) = (servers.cpu_time()?, programs.disk().flushes());
        let finished = client::run(&mut client, limit).context("the load failed")?;
        let server_cpu = servers.cpu_time()?.saturating_sub(before);
        let flushed = programs.disk().flushes().zip(flushes);
        let flushed = flushed.filter(|_| matches!(self, Self::Mail | Self::Drain));
        Ok(Run::Loaded {
            told: Told::read(&finished.stdout)?,
            server_cpu,
            flushes: flushed.map(|(after, before)| after - before),
        })
    }

    fn client(self, shape: Shape, program: Program, servers: &Servers, args: &Args) -> Vec<String> {
        let (address, seconds, size) = (servers.address(), args.seconds, self.size());
        let (wire, shape) = (typed(&program.wire()), typed(&shape));
        let (count, in_flight) = (self.count(), program.in_flight());
        let mut arguments = words(&format!(
            "relay-client {address} --wire {wire} --shape {shape} --size {size} --seconds {seconds} --count {count} \
             --in-flight {in_flight}"
        ));
        if let Some(other) = servers.other() {
            arguments.extend(["--other".to_owned(), other.to_string()]);
        }
        arguments
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
        /// Of the disk, meanwhile.
        flushes: Option<u64>,
    },
    /// User memory of the server for each client, in bytes.
    Idle(f64),
    /// Memory of the server with all messages that wait.
    Waiting(Memory),
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
            Self::Loaded {
                told, server_cpu, ..
            } => Some(server_cpu.as_secs_f64() * 1e6 / told.delivered as f64),
            Self::Idle(_) | Self::Waiting(_) => None,
        }
    }

    /// CPU time of the clients for each delivery, in µs.
    pub(crate) fn client_cpu_us(&self) -> Option<f64> {
        let told = self.told()?;
        Some(told.cpu_seconds? * 1e6 / told.delivered as f64)
    }

    /// How often the disk was told to write down all that it has, for 1000 messages.
    pub(crate) fn flushes_per_1000(&self) -> Option<f64> {
        match self {
            Self::Loaded {
                told,
                flushes: Some(flushes),
                ..
            } => Some(*flushes as f64 * 1e3 / told.delivered as f64),
            _ => None,
        }
    }

    /// Resident memory of the server with messages that wait, in MB, as it is in the end.
    pub(crate) fn waiting_mb(&self) -> Option<f64> {
        Some(self.memory()?.now as f64 / 1e6)
    }

    /// The same, the most that it was.
    pub(crate) fn waiting_peak_mb(&self) -> Option<f64> {
        Some(self.memory()?.peak as f64 / 1e6)
    }

    fn memory(&self) -> Option<&Memory> {
        match self {
            Self::Waiting(memory) => Some(memory),
            Self::Idle(_) | Self::Loaded { .. } => None,
        }
    }

    /// User memory of the server for each idle client, in bytes.
    pub(crate) fn bytes_each(&self) -> Option<f64> {
        match self {
            Self::Idle(bytes) => Some(*bytes),
            Self::Loaded { .. } | Self::Waiting(_) => None,
        }
    }

    fn told(&self) -> Option<&Told> {
        match self {
            Self::Loaded { told, .. } => Some(told),
            Self::Idle(_) | Self::Waiting(_) => None,
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
                cpu_seconds: Some(0.00396),
            },
            server_cpu: Duration::from_micros(1980),
            flushes: Some(495),
        };
        assert_eq!((run.per_s(), run.cpu_us()), (Some(495.0), Some(2.0)));
        assert_eq!((run.p50_us(), run.p99_us()), (Some(50.0), Some(99.0)));
        assert_eq!((run.lost_percent(), run.bytes_each()), (Some(1.0), None));
        assert_eq!(run.client_cpu_us(), Some(4.0));
        assert_eq!(
            (run.flushes_per_1000(), run.waiting_mb()),
            (Some(500.0), None)
        );
        assert_eq!(Run::Idle(300.0).bytes_each(), Some(300.0));
        let waiting = Run::Waiting(Memory {
            now: 60_000_000,
            peak: 64_000_000,
        });
        let memory = (waiting.waiting_mb(), waiting.waiting_peak_mb());
        assert_eq!((memory, waiting.per_s()), ((Some(60.0), Some(64.0)), None));
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
