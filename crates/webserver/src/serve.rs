//! The server: where it listens, what it serves, and how it ends.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use proto::http;
use runtime::cli::{self, Exit};
use runtime::host;
use runtime::shutdown::Shutdown;
#[cfg(unix)]
use runtime::tcp::Progress;
use runtime::tcp::{Counts, Entrance, Policy, Server, Stall, Totals};

use crate::args::Args;
use crate::shop::Shop;
use crate::site::Site;
use crate::visit::Visit;

/// What a peer takes of an answer at the least in the time that it is given, in bytes.
const LEAST_TAKEN: u32 = 16 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    Site::check(args)?;
    let entrances = entrances(args)?;
    let shutdown = Shutdown::on_signal()?;
    let text = announcement("http", &entrances);
    let servers = Server::new(entrances, policy(args)).split(args.threads())?;
    let totals: Vec<Arc<Totals>> = servers.iter().map(Server::totals).collect();
    cli::announce(&text)?;
    tell_supervisor(&shutdown);
    serve(args, servers, &shutdown)?;
    let counts: Counts = totals.iter().map(|one| one.counts()).sum();
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

/// Runs each server on a thread of its own, the last on this one. Where one fails, all end.
fn serve(args: &Args, mut servers: Vec<Server>, shutdown: &Shutdown) -> io::Result<()> {
    let Some(last) = servers.pop() else {
        return Ok(());
    };
    thread::scope(|scope| {
        let _end = End(shutdown);
        let run = |server| {
            let _end = End(shutdown);
            serve_one(args, server, shutdown)
        };
        let mut threads = Vec::new();
        for (number, server) in servers.into_iter().enumerate() {
            let thread = thread::Builder::new().name(format!("serve-{number}"));
            threads.push(thread.spawn_scoped(scope, move || run(server))?);
        }
        let mut done = run(last);
        for thread in threads {
            let other = thread.join().unwrap_or_else(|_| Err(panicked()));
            done = done.and(other);
        }
        done
    })
}

/// Ends all threads when one of them ends, however that comes about.
struct End<'a>(&'a Shutdown);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

fn serve_one(args: &Args, server: Server, shutdown: &Shutdown) -> io::Result<()> {
    let shop = Rc::new(RefCell::new(Shop::new(args, shutdown)));
    server.run(shutdown, |peer, caller| {
        Visit::new(peer, caller, Rc::clone(&shop))
    })
}

fn panicked() -> io::Error {
    io::Error::other("a thread that serves has panicked")
}
