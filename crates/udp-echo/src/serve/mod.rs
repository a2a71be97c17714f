//! The two servers, upper-case echo and measurement echo, and what runs beside them.

mod companions;
mod flood;
mod measure;
mod measured;
mod metrics;
mod stamp;
mod stats;
mod upper;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use proto::echo::{self, Case};
use proto::measure::{DEFAULT_PORT, Gate, Secret};
use runtime::cli::{self, Exit};
use runtime::impair::Profile;
use runtime::metrics::Endpoint;
use runtime::shutdown::Shutdown;
use runtime::udp::{Policy, Server, Service, Socket};
use runtime::units::{Percent, TimeRange};
use runtime::{host, random};

use crate::args::{Reply, Serve};
use crate::key;
use companions::Companions;
pub(crate) use flood::Floods;
pub(crate) use measure::Measure;
use measured::Measured;
use upper::Upper;
use watched::Watched;

pub(crate) fn run(args: &Serve) -> anyhow::Result<Exit> {
    ensure!(
        args.key_file.is_none() || args.reply == Reply::Ack,
        "expected --key-file with --reply ack: the upper-case echo has no keys"
    );
    let shutdown = Shutdown::on_signal()?;
    match args.reply {
        Reply::Upper => {
            let case = if args.ascii {
                Case::Ascii
            } else {
                Case::Unicode
            };
            serve(args, &shutdown, None, |_| Upper::new(case))?;
        }
        Reply::Ack => {
            let key = args.key_file.as_deref().map(key::read).transpose()?;
            let gate = Gate::new(Secret::new(random::bytes()?), key);
            let measured = Arc::new(Measured::default());
            let floods = Floods::new(args.flood_to, args.rate_limit, &shutdown, &measured);
            serve(args, &shutdown, Some(measured), |addr| {
                Measure::new(args.exit, gate.clone(), addr, floods.clone())
            })?;
            floods.finish();
        }
    }
    Ok(Exit::Success)
}

/// Binds all there is to bind, says where it listens, and serves until a signal or a request ends it.
fn serve<S: Service>(
    args: &Serve,
    shutdown: &Shutdown,
    measured: Option<Arc<Measured>>,
    service: impl Fn(SocketAddr) -> S + Sync,
) -> anyhow::Result<()> {
    let policy = policy(args);
    let server = Server::new(sockets(args)?, policy);
    let totals = server.totals();
    let mut watched = Watched::new(name(args.reply), &totals, measured);
    let reflector = stamp::bind(args)?;
    let metrics = args.metrics.map(Endpoint::bind).transpose()?;
    let mut listening = host::announcement("udp", &server.local_addrs());
    if let Some(reflector) = &reflector {
        listening += &reflector.announcement();
        watched.services.push(("stamp", reflector.totals()));
    }
    listening += &metrics
        .as_ref()
        .map(Endpoint::announcement)
        .unwrap_or_default();

    let (watched, mut companions) = (Arc::new(watched), Companions::new(shutdown.clone()));
    if let Some(reflector) = reflector {
        reflector.start(&mut companions)?;
    }
    stats::start(args.stats, &watched, &mut companions)?;
    if let Some(endpoint) = metrics {
        metrics::start(endpoint, watched, &mut companions)?;
    }
    cli::announce(&(listening + &note(&policy)))?;
    server.run(shutdown, service)?;
    companions.join()?;
    tracing::info!("stopped: {totals}");
    Ok(())
}

fn sockets(args: &Serve) -> anyhow::Result<Vec<Socket>> {
    let default_port = match args.reply {
        Reply::Upper => echo::DEFAULT_PORT,
        Reply::Ack => DEFAULT_PORT,
    };
    let sockets = Socket::bind_all(&args.bind, default_port)?;
    Ok(match args.reply {
        Reply::Upper => sockets,
        Reply::Ack => {
            let ready = |socket: Socket| Ok(socket.stamped_by_kernel()?.sharing_its_port());
            sockets.into_iter().map(ready).collect::<io::Result<_>>()?
        }
    })
}

/// What the figures of a server call it.
fn name(reply: Reply) -> &'static str {
    match reply {
        Reply::Upper => "upper",
        Reply::Ack => "ack",
    }
}

/// What the measurement server emulates unless it is told otherwise: loss of one in ten, delays from 0.1 to 500 ms.
pub(crate) fn documented_impairment() -> Profile {
    Profile {
        loss: Percent::new(10.0).unwrap_or_default(),
        delay: TimeRange::new(Duration::from_micros(100), Duration::from_millis(500))
            .unwrap_or_default(),
        ..Profile::default()
    }
}

fn policy(args: &Serve) -> Policy {
    let default = match args.reply {
        Reply::Upper => Profile::default(),
        Reply::Ack => documented_impairment(),
    };
    Policy {
        impairment: Profile {
            loss: args.loss.unwrap_or(default.loss),
            delay: args.delay.unwrap_or(default.delay),
            duplicate: args.duplicate,
            reorder: args.reorder,
        },
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
        rate_limit: args.rate_limit,
        spin: args.spin,
    }
}

/// What a user is told of the emulated impairment; nothing where there is none.
fn note(policy: &Policy) -> String {
    let (emulated, seed) = (&policy.impairment, policy.seed);
    if emulated.is_none() {
        return String::new();
    }
    format!("emulating {emulated} (--seed {seed}); --loss 0 --delay 0 turns loss and delay off\n")
}
