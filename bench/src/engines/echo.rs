//! What the echo measurements share: the window in which messages count, and what is said of several runs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

use super::Args;
use crate::child::Server;
use crate::setup::progress;
use crate::stats::{Durations, Spread, alternate, median};

/// The size of every message, in bytes.
pub(crate) const MESSAGE_SIZE: usize = 64;

/// How long an answer may take before the measurement is given up.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the load lasts before messages count.
const WARM_UP: Duration = Duration::from_millis(100);

/// A way to write a server, to be measured.
pub(crate) trait Engine: Copy + ValueEnum + 'static {
    /// The protocol it serves, as the server's subcommand is called.
    const PROTOCOL: &'static str;

    /// What the table calls it.
    fn label(self) -> &'static str;

    /// Starts a server child of this engine on this core.
    fn start(self, core: crate::pin::Core) -> Result<Server> {
        let engine = self.to_possible_value().context("the engine has no name")?;
        let core = core.to_string();
        Server::spawn(&[
            "engine-server",
            "--core",
            &core,
            Self::PROTOCOL,
            engine.get_name(),
        ])
    }
}

/// Counts the messages between the end of the warm-up and the end of the run, and the CPU time of the server meanwhile.
pub(crate) struct Meter<'a> {
    server: &'a Server,
    opens: Instant,
    length: Duration,
    opened: Option<Reading>,
    closed: Option<Reading>,
    round_trips: Durations,
}

#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    cpu_time: Duration,
}

impl<'a> Meter<'a> {
    /// A meter whose warm-up begins now.
    pub(crate) fn start(server: &'a Server, length: Duration) -> Self {
        Self {
            server,
            opens: Instant::now() + WARM_UP,
            length,
            opened: None,
            closed: None,
            round_trips: Durations::default(),
        }
    }

    /// Whether the load is to go on. Call it often: the window opens and closes here.
    pub(crate) fn goes_on(&mut self, now: Instant) -> Result<bool> {
        match self.opened {
            None if now >= self.opens => self.opened = Some(self.read()?),
            Some(opened) if now >= opened.at + self.length => self.closed = Some(self.read()?),
            _ => {}
        }
        Ok(self.closed.is_none())
    }

    /// Counts a message that took this long to come back, if the window is open.
    pub(crate) fn record(&mut self, round_trip: Duration) {
        if self.opened.is_some() && self.closed.is_none() {
            self.round_trips.push(round_trip);
        }
    }

    /// What was measured; an error if the window never closed or no message came back in it.
    pub(crate) fn finish(self) -> Result<Run> {
        let (opened, closed) = self
            .opened
            .zip(self.closed)
            .context("the run ended before its time")?;
        let messages = self.round_trips.len();
        anyhow::ensure!(messages > 0, "no message came back during the run");
        let [p50_us, p99_us] = self.round_trips.percentiles_us([50.0, 99.0]);
        let cpu_time = closed.cpu_time.saturating_sub(opened.cpu_time);
        Ok(Run {
            rate: messages as f64 / (closed.at - opened.at).as_secs_f64(),
            p50_us,
            p99_us,
            server_cpu_us: cpu_time.as_secs_f64() * 1e6 / messages as f64,
        })
    }

    fn read(&self) -> Result<Reading> {
        Ok(Reading {
            at: Instant::now(),
            cpu_time: self.server.cpu_time()?,
        })
    }
}

/// The figures of one run.
pub(crate) struct Run {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    server_cpu_us: f64,
}

/// The figures of several runs.
#[derive(Serialize)]
pub(crate) struct Figures {
    /// Messages per second, the median of the runs.
    pub(crate) rate: f64,
    /// The rate of the slowest run.
    pub(crate) rate_lowest: f64,
    /// The rate of the fastest run.
    pub(crate) rate_highest: f64,
    /// The median of the runs' median round-trip times.
    pub(crate) p50_us: f64,
    /// The median of the runs' 99th percentiles of the round-trip time.
    pub(crate) p99_us: f64,
    /// CPU time of the server per message, the median of the runs.
    pub(crate) server_cpu_us: f64,
}

impl Figures {
    fn of(runs: &[Run]) -> Self {
        let rate = Spread::of(runs.iter().map(|run| run.rate));
        Self {
            rate: rate.median,
            rate_lowest: rate.lowest,
            rate_highest: rate.highest,
            p50_us: median(runs.iter().map(|run| run.p50_us)),
            p99_us: median(runs.iter().map(|run| run.p99_us)),
            server_cpu_us: median(runs.iter().map(|run| run.server_cpu_us)),
        }
    }
}

/// What became of one engine in one test.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// All its runs went well.
    Measured(Figures),
    /// A run failed for this reason; io_uring, for one, is switched off on many machines.
    Failed(String),
}

/// One line of a test.
#[derive(Serialize)]
pub(crate) struct Row {
    /// The engine's label.
    pub(crate) engine: &'static str,
    /// Its figures.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// One load against every engine of a protocol.
#[derive(Serialize)]
pub(crate) struct Test {
    /// What the load is.
    pub(crate) title: String,
    /// What the rate counts.
    pub(crate) unit: &'static str,
    /// The engines.
    pub(crate) rows: Vec<Row>,
}

impl Test {
    /// Puts `load` on a fresh server of each engine in turn, for as many runs as were asked for.
    pub(crate) fn measure<E: Engine>(
        title: String,
        unit: &'static str,
        args: &Args,
        load: impl Fn(&Server, Duration) -> Result<Run>,
    ) -> Self {
        progress(&title);
        let measured = alternate(args.common.runs, E::value_variants(), |engine: E| {
            let server = engine.start(args.common.server_core)?;
            load(&server, args.seconds).map_err(|error| server.explain(error))
        });
        let rows = measured.into_iter().map(|(engine, runs)| Row {
            engine: engine.label(),
            outcome: match runs.into_iter().collect::<Result<Vec<_>>>() {
                Ok(runs) => Outcome::Measured(Figures::of(&runs)),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            },
        });
        Self {
            title,
            unit,
            rows: rows.collect(),
        }
    }
}
