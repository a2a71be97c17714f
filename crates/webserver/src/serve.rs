//! The server: where it listens, what it serves, and how it ends.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use proto::http;
use runtime::cli::{self, Exit};
use runtime::host;
use runtime::metrics::Endpoint;
use runtime::shutdown::Shutdown;
#[cfg(unix)]
use runtime::tcp::Progress;
use runtime::tcp::{Counts, Entrance, Policy, Server, Stall, Totals};

use crate::args::Args;
use crate::journal::Tally;
use crate::log;
use crate::metrics::Watched;
use crate::pages::Clerk;
use crate::secrets::Secrets;
use crate::shop::{Shop, Staff};
use crate::site::Site;
use crate::visit::Visit;

/// What a peer takes of an answer at the least in the time that it is given, in bytes.
const LEAST_TAKEN: u32 = 16 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    Site::check(args)?;
    let entrances = entrances(args)?;
    let shutdown = Shutdown::on_signal()?;
    let place = log_place(args);
    let form = args.log.form(&place, io::stdout().is_terminal());
    let log = form
        .map(|form| log::Writer::start(form, &place))
        .transpose()?;
    let metrics = args.metrics.map(Endpoint::bind).transpose()?;
    let secrets = Secrets::open(args, &shutdown)?;
    let staff = Staff {
        clerk: Clerk::default(),
        guard: secrets.guard,
        log: log.as_ref().map(log::Writer::log),
    };
    let text = announcement(secrets.scheme, &entrances) + &secrets.introduction;
    let figures = metrics.as_ref().map(Endpoint::announcement);
    let server = Server::new(entrances, policy(args));
    let server = match secrets.tls {
        Some(tls) => server.sealed(tls),
        None => server,
    };
    let house = House {
        servers: server.split(args.threads())?,
        metrics,
        staff,
    };
    cli::announce(&(text + &figures.unwrap_or_default()))?;
    tell_supervisor(&shutdown);
    let counts = house.serve(args, &shutdown)?;
    tracing::info!("stopped: {counts}");
    Ok(Exit::Success)
}

/// What is to be listened on: what the command line says, and what is handed over; where there is neither, every interface.
fn entrances(args: &Args) -> anyhow::Result<Vec<Entrance>> {
    let mut entrances = handed_over().context("cannot take the sockets that are handed over")?;
    if entrances.is_empty() || !args.bind.is_empty() {
        let (port, mode) = (http::DEFAULT_PORT, args.socket_mode);
        entrances.extend(Entrance::bind_all(&args.bind, port, mode)?);
    }
    Ok(entrances)
}

#[cfg(unix)]
fn handed_over() -> io::Result<Vec<Entrance>> {
    Entrance::handed_over()
}

#[cfg(not(unix))]
fn handed_over() -> io::Result<Vec<Entrance>> {
    Ok(Vec::new())
}

fn policy(args: &Args) -> Policy {
    Policy {
        max_connections: args.max_connections,
        idle_timeout: Some(args.idle_timeout),
        stall: Some(Stall {
            bytes: LEAST_TAKEN,
            within: args.stall_timeout,
        }),
        grace: args.grace,
        ..Policy::default()
    }
}

/// Where it can be reached, for scripts and for people.
fn announcement(scheme: &str, entrances: &[Entrance]) -> String {
    let is_local = |one: &&Entrance| one.local_addr().is_none();
    let local = entrances.iter().filter(is_local);
    let lines = local.map(|one| format!("listening on {one}\n"));
    let addrs: Vec<SocketAddr> = entrances.iter().filter_map(Entrance::local_addr).collect();
    let inet = (!addrs.is_empty()).then(|| host::announcement(scheme, &addrs));
    inet.into_iter().chain(lines).collect()
}

/// Whoever has started this program may wait for it to be ready.
fn tell_supervisor(shutdown: &Shutdown) {
    #[cfg(unix)]
    {
        Progress::Ready.tell();
        shutdown.on_trigger(|| Progress::Stopping.tell());
    }
    #[cfg(not(unix))]
    let _ = shutdown;
}

/// Where lines of requests go.
fn log_place(args: &Args) -> log::Place {
    match &args.log_file {
        Some(file) => log::Place::File(file.clone()),
        None => log::Place::Standard,
    }
}

/// All that runs.
struct House {
    servers: Vec<Server>,
    metrics: Option<Endpoint>,
    staff: Staff,
}

impl House {
    /// Runs each server on a thread of its own, the last on this one. Where one fails, all end.
    fn serve(self, args: &Args, shutdown: &Shutdown) -> anyhow::Result<Counts> {
        let totals: Vec<Arc<Totals>> = self.servers.iter().map(Server::totals).collect();
        let watched = Watched {
            began: Instant::now(),
            tallies: totals.iter().map(|_| Arc::default()).collect(),
            totals: totals.clone(),
            log: self.staff.log.clone(),
        };
        let shops = watched.tallies.iter().map(|tally| Keys {
            args,
            staff: &self.staff,
            tally: self.metrics.as_ref().map(|_| Arc::clone(tally)),
            shutdown,
        });
        let mut servers: Vec<_> = self.servers.into_iter().zip(shops).collect();
        let last = servers.pop();
        thread::scope(|scope| {
            let _end = End(shutdown);
            let mut threads = Vec::new();
            for (number, (server, keys)) in servers.into_iter().enumerate() {
                let thread = thread::Builder::new().name(format!("serve-{number}"));
                threads.push(thread.spawn_scoped(scope, move || keys.serve(server))?);
            }
            if let Some(metrics) = self.metrics {
                let thread = thread::Builder::new().name("metrics".into());
                let page = || watched.page();
                thread.spawn_scoped(scope, move || metrics.run(shutdown, page))?;
            }
            let mut done = last.map_or(Ok(()), |(server, keys)| keys.serve(server));
            for thread in threads {
                let other = thread.join().unwrap_or_else(|_| Err(panicked()));
                done = done.and(other);
            }
            done
        })?;
        Ok(totals.iter().map(|one| one.counts()).sum())
    }
}

/// What a thread opens its shop with.
struct Keys<'a> {
    args: &'a Args,
    staff: &'a Staff,
    /// Where requests are counted, if somebody looks.
    tally: Option<Arc<Tally>>,
    shutdown: &'a Shutdown,
}

impl Keys<'_> {
    fn serve(self, server: Server) -> anyhow::Result<()> {
        let _end = End(self.shutdown);
        let shop = Shop::new(self.args, self.staff, self.tally, self.shutdown)?;
        let shop = Rc::new(RefCell::new(shop));
        server.run(self.shutdown, |peer, caller| {
            Visit::new(peer, caller, Rc::clone(&shop))
        })?;
        Ok(())
    }
}

/// Ends all threads when one of them ends, however that comes about.
struct End<'a>(&'a Shutdown);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

fn panicked() -> anyhow::Error {
    anyhow::anyhow!("a thread that serves has panicked")
}
