//! The fixed-interval measurement.

mod calibrate;
mod measure;
mod report;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use proto::measure::{DEFAULT_PORT, Gate, PacketSize, Reply, Request, Secret, Summary, Version};
use runtime::cli::Exit;
use runtime::random;
use runtime::shutdown::Shutdown;
use runtime::udp::{Client, Fan, FanReceiver, Policy, Server, Socket};
use runtime::units::show_time;

use crate::args::{Probe, WhoMayStop};
use crate::serve::{Measure, documented_impairment};
use calibrate::calibrate;
use measure::measure;

/// The most sockets that one measurement opens.
const MAX_SOCKETS: u64 = 800;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the server is given to answer an exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// What is measured and how, all questions settled.
#[derive(Clone, Copy, Debug)]
struct Plan {
    server: SocketAddr,
    count: u64,
    interval: Duration,
    size: PacketSize,
    timeout: Duration,
    /// Packet `k` goes out from socket `k` modulo this number, so that its answer is known by where it comes to: an
    /// answer of this wire says nothing else.
    sockets: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    plan: Plan,
    /// The server's word on what it speaks; `None` from a classic server.
    version: Option<Version>,
    summary: Summary,
}

pub(crate) fn run(args: &Probe) -> anyhow::Result<Exit> {
    let shutdown = Shutdown::on_signal()?;
    let (candidates, local) = match &args.target {
        Some(target) => (target.resolve(DEFAULT_PORT)?, None),
        None => {
            let local = LocalServer::start()?;
            (vec![local.addr], Some(local))
        }
    };
    let outcome = measure_first(args, &candidates, &shutdown)?;
    report(args, &outcome)?;
    if args.stop_server && !shutdown.is_triggered() {
        stop_server(outcome.plan.server)?;
    }
    if let Some(local) = local {
        local.stop()?;
    }
    Ok(match outcome.summary.answered + outcome.summary.late {
        0 => Exit::Failure,
        _ => Exit::Success,
    })
}

/// Measures the first address that does not refuse.
fn measure_first(
    args: &Probe,
    candidates: &[SocketAddr],
    shutdown: &Shutdown,
) -> anyhow::Result<Outcome> {
    let mut refused = None;
    for server in candidates {
        let plan = plan(args, *server)?;
        match connect(&plan) {
            Ok((fan, receiver, version)) => {
                if !args.json {
                    report::header(&plan, version, &mut io::stdout().lock())?;
                }
                let summary = measure(plan, fan, receiver, shutdown, |event| {
                    if !args.json {
                        report::packet(event, &mut io::stdout().lock())?;
                    }
                    Ok(())
                })?;
                return Ok(Outcome {
                    plan,
                    version,
                    summary,
                });
            }
            Err(calibrate::Error::Client(error)) if error.may_be_this_address_only() => {
                refused = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.map_or_else(|| anyhow::anyhow!("no address to measure"), Into::into))
}

fn plan(args: &Probe, server: SocketAddr) -> anyhow::Result<Plan> {
    let Probe {
        count,
        interval,
        size,
        ..
    } = *args;
    // An answer is waited for through twice the time-out, and one socket waits for one answer at a time.
    let longest = interval.saturating_mul((MAX_SOCKETS / 2) as u32);
    let timeout = match args.timeout {
        None => DEFAULT_TIMEOUT.min(longest),
        Some(timeout) if timeout <= longest || count <= MAX_SOCKETS => timeout,
        Some(timeout) => bail!(
            "expected a time-out of at most {} with packets every {}, got {}: the answers of this wire look alike, so each packet waits at a port of its own; use a longer -i or a shorter --timeout",
            show_time(longest),
            show_time(interval),
            show_time(timeout)
        ),
    };
    let waiting = (2 * timeout.as_nanos()).div_ceil(interval.as_nanos());
    let sockets = u64::try_from(waiting).map_or(count, |waiting| count.min(waiting + 1));
    Ok(Plan {
        server,
        count,
        interval,
        size,
        timeout,
        sockets,
    })
}

fn connect(plan: &Plan) -> Result<(Fan, FanReceiver, Option<Version>), calibrate::Error> {
    let (fan, mut receiver) = Fan::open(plan.server, plan.sockets as usize)?;
    let version = calibrate(plan, &fan, &mut receiver)?;
    Ok((fan, receiver, version))
}

fn report(args: &Probe, outcome: &Outcome) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report::Json::from(outcome))
            .map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        report::summary(outcome, &mut out)?;
    }
    Ok(out.flush()?)
}

fn stop_server(server: SocketAddr) -> anyhow::Result<()> {
    let mut exit = Vec::new();
    Request::Exit.encode(&mut exit);
    let answer = Client::to(server)
        .and_then(|mut client| client.request(&exit, EXIT_TIMEOUT))
        .context("cannot stop the server")?;
    match Reply::decode(&answer) {
        Some(Reply::Stopping) => tracing::info!("the server stops"),
        Some(Reply::NotStopping) => {
            bail!("the server refused to stop; its --exit decides who may stop it")
        }
        _ => tracing::warn!("the server answered the exit with something else"),
    }
    Ok(())
}

/// The server that is measured where none is named.
struct LocalServer {
    addr: SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<io::Result<()>>,
}

impl LocalServer {
    fn start() -> anyhow::Result<Self> {
        let socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = socket.local_addr();
        let policy = Policy {
            impairment: documented_impairment(),
            seed: fastrand::u64(..1 << 32),
            ..Policy::default()
        };
        let mut err = io::stderr().lock();
        writeln!(
            err,
            "no TARGET: measuring a server started here on udp://{addr}, which emulates {}",
            policy.impairment
        )?;
        let server = Server::new(vec![socket], policy);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let gate = Gate::new(Secret::new(random::bytes()?), None);
        let run = move || server.run(&stop, |_| Measure::new(WhoMayStop::Loopback, gate.clone()));
        Ok(Self {
            addr,
            shutdown,
            server: thread::Builder::new().name("server".into()).spawn(run)?,
        })
    }

    fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        match self.server.join() {
            Ok(ended) => Ok(ended?),
            Err(_) => bail!("the server in this process failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(count: u64, interval: &str, timeout: Option<&str>) -> anyhow::Result<Plan> {
        let time = |text| runtime::units::time(text).unwrap();
        let args = Probe {
            target: None,
            count,
            interval: time(interval),
            size: PacketSize::MAX,
            timeout: timeout.map(time),
            json: false,
            stop_server: false,
        };
        plan(&args, "127.0.0.1:1".parse().unwrap())
    }

    #[test]
    fn every_packet_waits_at_a_port_of_its_own() {
        let plan = planned(1000, "100ms", None).unwrap();
        assert_eq!((plan.sockets, plan.timeout), (21, DEFAULT_TIMEOUT));
        let few = planned(5, "1ms", Some("10s")).unwrap();
        assert_eq!((few.sockets, few.timeout), (5, Duration::from_secs(10)));
        let fast = planned(1_000_000, "1ms", None).unwrap();
        assert_eq!(
            (fast.sockets, fast.timeout),
            (801, Duration::from_millis(400))
        );
        let slow = planned(10, "1h", None).unwrap();
        assert_eq!((slow.sockets, slow.timeout), (2, DEFAULT_TIMEOUT));
    }

    #[test]
    fn a_time_out_that_takes_too_many_ports_is_refused_with_the_cure() {
        let error = planned(10_000, "1ms", Some("1s")).unwrap_err().to_string();
        assert!(error.contains("at most 400 ms"), "{error}");
    }
}
