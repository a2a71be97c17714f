//! How clients fare that measure while another floods the server.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use serde::Deserialize;

use super::attack::Payload;
use super::sessions::say;
use super::{start, udp_echo};
use crate::child::{self, Process, Server, client, launch};
use crate::setup::progress;
use crate::stats::median;
use crate::table::Table;

/// How long a client may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Measures with several clients at once, without a flood and during one of each kind, and tells what they lose and how
/// long their round trips are.
///
/// Each client is `udp-echo probe -i 10ms`; the flood comes from one other address as fast as one core sends. Nothing is
/// pinned to a core. udp-echo has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients, 1 to 50
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    clients: u32,

    /// Packets of each, 100 to 100000
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    packets: u32,

    /// The udp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    udp_echo: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    let path = udp_echo(args.udp_echo.as_ref())?;
    let mut table = Table::new([
        "flood",
        "sent",
        "missed",
        "loss %",
        "RTT, µs: p50",
        "p99",
        "network RTT, µs: p50",
        "p99",
        "server CPU s",
    ]);
    let floods = Payload::value_variants().iter().copied().map(Some);
    for flood in std::iter::once(None).chain(floods) {
        table.row(measure(&path, flood, args)?.cells(flood));
    }
    say(&table.to_string())
}

fn measure(path: &Path, flood: Option<Payload>, args: &Args) -> Result<Fared> {
    progress(&name(flood));
    let server = start(path)?;
    let before = server.cpu_time()?;
    let mut flood = flood.map(|kind| attack(kind, &server)).transpose()?;
    let results = thread::scope(|scope| {
        let clients: Vec<_> = (0..args.clients)
            .map(|_| scope.spawn(|| probe(path, &server, args.packets)))
            .collect();
        let ended = clients.into_iter().map(|client| {
            let ended = client.join();
            ended.unwrap_or_else(|_| Err(anyhow!("a thread failed")))
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    let floods_still = flood.as_mut().is_none_or(Process::runs);
    anyhow::ensure!(floods_still, "the flood has ended before the clients");
    let server_cpu = server.cpu_time()?.saturating_sub(before);
    Ok(Fared {
        results,
        server_cpu,
    })
}

fn attack(kind: Payload, server: &Server) -> Result<Process> {
    let address = server.address().to_string();
    Process::start(&mut child::this_program(&[
        "attack",
        &kind.to_string(),
        &address,
    ])?)
}

fn probe(path: &Path, server: &Server, packets: u32) -> Result<Outcome> {
    let arguments = format!("probe {} -i 10ms -n {packets} --json", server.address());
    let arguments: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
    let mut command = launch::command(None, path, &arguments)?;
    let finished = client::run(&mut command, LIMIT).context("a client failed")?;
    serde_json::from_str(&finished.stdout).context("this is not a result of udp-echo probe")
}

/// What is needed of a client's result.
#[derive(Deserialize)]
struct Outcome {
    sent: u64,
    missed: u64,
    lost: u64,
    application_rtt_ns: Option<Times>,
    network_rtt_ns: Option<Times>,
}

#[derive(Clone, Copy, Deserialize)]
struct Times {
    median: f64,
    p99: f64,
}

/// What became of all clients.
struct Fared {
    results: Vec<Outcome>,
    server_cpu: Duration,
}

impl Fared {
    fn cells(&self, flood: Option<Payload>) -> Vec<String> {
        let sum = |read: fn(&Outcome) -> u64| self.results.iter().map(read).sum::<u64>();
        let (sent, lost) = (sum(|one| one.sent), sum(|one| one.lost));
        let [p50, p99] = self.times(|one| one.application_rtt_ns);
        let [network_p50, network_p99] = self.times(|one| one.network_rtt_ns);
        vec![
            name(flood),
            sent.to_string(),
            sum(|one| one.missed).to_string(),
            format!("{:.2}", lost as f64 * 100.0 / sent.max(1) as f64),
            p50,
            p99,
            network_p50,
            network_p99,
            format!("{:.2}", self.server_cpu.as_secs_f64()),
        ]
    }

    /// The medians over the clients, in µs.
    fn times(&self, read: fn(&Outcome) -> Option<Times>) -> [String; 2] {
        let figures: [fn(Times) -> f64; 2] = [|times| times.median, |times| times.p99];
        figures.map(|figure| {
            let values = self.results.iter().filter_map(read).map(figure);
            format!("{:.1}", median(values) / 1e3)
        })
    }
}

fn name(flood: Option<Payload>) -> String {
    flood.map_or("none".to_owned(), |kind| kind.to_string())
}

impl Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
