//! Measuring a path.

mod calibrate;
mod classic;
mod condition;
mod count;
mod live;
mod local;
mod mtu;
mod native;
mod plan;
mod report;
mod schedule;
mod send;
mod stamp;
mod timeline;

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use proto::measure::{DEFAULT_PORT, Key, PacketSize, Reply, Request, Summary, Tally};
use runtime::cli::Exit;
use runtime::shutdown::Shutdown;
use runtime::udp::{Client, ClientError, Fan, Options};

use crate::args::{Path, Probe};
use crate::key;
use crate::serve::documented_impairment;
pub(crate) use condition::Condition;
pub(crate) use count::{Event, Wanted};
use live::Live;
pub(crate) use local::LocalServer;
pub(crate) use native::Session as NativeSession;
use native::{Hello, hello};
pub(crate) use plan::{MAX_SOCKETS, Plan, Wanted as Asked, Wire};
pub(crate) use report::lines::not_sent;
pub(crate) use report::{ENOUGH, SCHEMA, SeriesView};
pub(crate) use schedule::Schedule;
pub(crate) use send::Pace;

/// How long the server is given to answer an exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// What was counted.
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) pace: Pace,
}

/// What was found.
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) wire: Wire,
    pub(crate) summary: Summary,
    pub(crate) measured: Measured,
    /// Whether it was ended before its time.
    pub(crate) interrupted: bool,
    /// What the user was told while it ran.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    /// A path that answered nothing at all was not measured.
    pub(crate) fn exit(&self) -> Exit {
        match self.summary.answered + self.summary.late {
            0 => Exit::Failure,
            _ => Exit::Success,
        }
    }
}

/// A server that is ready to be measured.
pub(crate) enum Ready {
    Native(Box<native::Session>),
    Stamp(Box<stamp::Session>),
    Classic(Fan, runtime::udp::FanReceiver),
}

pub(crate) fn run(args: &Probe) -> anyhow::Result<Exit> {
    if args.mtu {
        return mtu::run(args);
    }
    let shutdown = Shutdown::on_signal()?;
    let wanted = plan::Wanted::of(args);
    let mut live = Live::new(args)?;
    let outcome = with_server(&args.path, &shutdown, |candidates, key| {
        let (ready, plan, wire) = connect_first(&args.path, &wanted, candidates, key)?;
        live.begin(&plan, wire)?;
        let mut outcome = measure(ready, plan, wire, &shutdown, live.wanted(), |event| {
            live.show(event)
        })?;
        outcome.notes = live.take_notes();
        live.end(&outcome)?;
        Ok(outcome)
    })?;
    Ok(exit(args, &outcome))
}

/// Measures the target of the command line, or a server that is started for it, and asks it to stop where that is
/// wanted.
pub(crate) fn with_server(
    path: &Path,
    shutdown: &Shutdown,
    measure: impl FnOnce(&[SocketAddr], Option<&Key>) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    with_server_of(path, shutdown, |outcome| outcome.plan.server, measure)
}

/// The same, whatever is found out; `server` says of what was found whose it is.
fn with_server_of<T>(
    path: &Path,
    shutdown: &Shutdown,
    server: impl FnOnce(&T) -> SocketAddr,
    measure: impl FnOnce(&[SocketAddr], Option<&Key>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let key = path.reach.key()?;
    let (candidates, local) = match &path.reach.target {
        Some(target) => (path.reach.addrs(target, default_port(path))?, None),
        None => {
            let local = LocalServer::start(documented_impairment())?;
            (vec![local.addr], Some(local))
        }
    };
    let outcome = measure(&candidates, key.as_ref())?;
    if path.stop_server && !shutdown.is_triggered() {
        stop_server(server(&outcome))?;
    }
    if let Some(local) = local {
        local.stop()?;
    }
    Ok(outcome)
}

fn default_port(path: &Path) -> u16 {
    if path.stamp {
        proto::stamp::DEFAULT_PORT
    } else {
        DEFAULT_PORT
    }
}

fn exit(args: &Probe, outcome: &Outcome) -> Exit {
    let summary = &outcome.summary;
    let mut exit = outcome.exit();
    for condition in &args.fail_if {
        match condition.holds(summary) {
            Some((false, _)) => {}
            Some((true, found)) => {
                tracing::warn!("{condition}: it is {found}");
                exit = Exit::ConditionMet;
            }
            None => {
                tracing::warn!("{condition}: there is no such figure");
                exit = Exit::ConditionMet;
            }
        }
    }
    exit
}

/// Connects to the first address that does not refuse.
pub(crate) fn connect_first(
    path: &Path,
    wanted: &plan::Wanted,
    candidates: &[SocketAddr],
    key: Option<&Key>,
) -> anyhow::Result<(Ready, Plan, Wire)> {
    let mut refused = None;
    for server in candidates {
        let mut plan = wanted.plan(path, *server)?;
        match connect(path, wanted, &mut plan, key) {
            Ok((ready, wire)) => return Ok((ready, plan, wire)),
            Err(error) => match error.downcast::<calibrate::Error>() {
                Ok(calibrate::Error::Client(error)) if error.may_be_this_address_only() => {
                    refused = Some(error);
                }
                Ok(error) => return Err(error.into()),
                Err(error) => return Err(error),
            },
        }
    }
    Err(refused.map_or_else(|| anyhow!("no address to measure"), Into::into))
}

/// A session with a server of ours, or why there is none at this address alone: another may do.
pub(crate) fn native_session(
    server: SocketAddr,
    size: PacketSize,
    options: &Options,
    key: Option<&Key>,
) -> anyhow::Result<Result<NativeSession, ClientError>> {
    match hello(server, size, options, key.cloned()) {
        Ok(Hello::Native(session)) => Ok(Ok(*session)),
        Ok(Hello::Classic(_)) => bail!(
            "udp://{server} speaks the classic wire alone, which has no floods: start `udp-echo serve --reply ack` there"
        ),
        Err(calibrate::Error::Client(error)) if error.may_be_this_address_only() => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

fn connect(
    path: &Path,
    wanted: &plan::Wanted,
    plan: &mut Plan,
    key: Option<&Key>,
) -> anyhow::Result<(Ready, Wire)> {
    if path.stamp {
        let (session, wire) = stamp::hello(plan, key::mode(&path.stamp_key)?)?;
        return Ok((Ready::Stamp(Box::new(session)), wire));
    }
    let version = if path.classic {
        None
    } else {
        match hello(plan.server, plan.size, &plan.options, key.cloned())? {
            Hello::Classic(version) => version,
            Hello::Native(session) => {
                let (keyed, clock) = (key.is_some(), session.clock());
                return Ok((Ready::Native(session), Wire::Native { keyed, clock }));
            }
        }
    };
    let sockets = wanted.on_classic_wire(plan)?;
    let (fan, mut receiver) =
        Fan::open(plan.server, sockets, &plan.options).map_err(calibrate::Error::from)?;
    let said = calibrate::calibrate(plan, &fan, &mut receiver)?;
    Ok((
        Ready::Classic(fan, receiver),
        Wire::Classic(version.or(said)),
    ))
}

pub(crate) fn measure(
    ready: Ready,
    plan: Plan,
    wire: Wire,
    shutdown: &Shutdown,
    wanted: Wanted,
    on_event: impl FnMut(Event) -> io::Result<()>,
) -> anyhow::Result<Outcome> {
    let measured = match ready {
        Ready::Native(session) => native::measure(&plan, *session, wanted, shutdown, on_event)?,
        Ready::Stamp(session) => stamp::measure(&plan, *session, wanted, shutdown, on_event)?,
        Ready::Classic(fan, receiver) => {
            classic::measure(&plan, fan, receiver, wanted, shutdown, on_event)?
        }
    };
    Ok(Outcome {
        plan,
        wire,
        summary: measured.tally.summary(),
        measured,
        interrupted: shutdown.is_triggered(),
        notes: Vec::new(),
    })
}

type Counting<'scope> = ScopedJoinHandle<'scope, io::Result<(Tally, Pace)>>;

/// Shows what happens until all is counted.
fn conclude(
    counting: Counting<'_>,
    happened: Receiver<Event>,
    shutdown: &Shutdown,
    mut on_event: impl FnMut(Event) -> io::Result<()>,
) -> anyhow::Result<Measured> {
    for event in happened {
        if let Err(error) = on_event(event) {
            shutdown.trigger();
            return Err(error.into());
        }
    }
    let (tally, pace) = join(counting)?;
    Ok(Measured { tally, pace })
}

fn spawn<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    name: &str,
    run: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, run)
}

/// Sends in one thread and counts in another.
fn beside<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    send: impl FnOnce() -> Pace + Send + 'scope,
    count: impl FnOnce() -> io::Result<Tally> + Send + 'scope,
) -> io::Result<Counting<'scope>> {
    let sending = spawn(scope, "send", send)?;
    spawn(scope, "receive", move || {
        let tally = count()?;
        Ok((tally, join(sending)))
    })
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
