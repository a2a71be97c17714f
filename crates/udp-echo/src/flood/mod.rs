//! How much a path carries.

mod found;
mod json;
mod leg;
mod line;
mod live;
mod plan;
mod search;
mod text;

use std::net::SocketAddr;
use std::thread;

use anyhow::{anyhow, ensure};
use proto::measure::flood::{Rate, Way};
use proto::measure::native::MIN_SIZE;
use proto::measure::{DEFAULT_PORT, Key};
use runtime::cli::Exit;
use runtime::impair::Profile;
use runtime::shutdown::Shutdown;
use runtime::udp::StampClock;

use crate::args::Flood;
use crate::probe::{LocalServer, native_session};
use found::{Found, OneWay};
use leg::{Progress, Task};
use line::Line;
use live::Live;
use plan::Plan;

pub(crate) fn run(args: &Flood) -> anyhow::Result<Exit> {
    ensure!(
        args.size.bytes() >= MIN_SIZE,
        "expected packets of at least {MIN_SIZE} bytes, got {}: each has a header of its own; use -s {MIN_SIZE}",
        args.size
    );
    let shutdown = Shutdown::on_signal()?;
    let key = args.reach.key()?;
    let (candidates, local) = match &args.reach.target {
        Some(target) => (args.reach.addrs(target, DEFAULT_PORT)?, None),
        None => {
            let local = LocalServer::start(Profile::default())?;
            (vec![local.addr], Some(local))
        }
    };
    let (mut lines, plan) = connect(args, &candidates, key.as_ref())?;
    let mut live = Live::new(args);
    live.begin(&plan)?;
    let found = flood(args, &plan, &mut lines, &mut live, &shutdown);
    lines.iter_mut().for_each(Line::end);
    if let Some(local) = local {
        local.stop()?;
    }
    let found = found?;
    live.end(&found)?;
    Ok(found.exit())
}

fn flood(
    args: &Flood,
    plan: &Plan,
    lines: &mut [Line],
    live: &mut Live,
    shutdown: &Shutdown,
) -> anyhow::Result<Found> {
    let mut found = Found::new(plan);
    if args.search {
        found.search = search::search(args, plan, lines, live, shutdown)?;
        found.interrupted = shutdown.is_triggered();
        return Ok(found);
    }
    for way in &plan.ways {
        if shutdown.is_triggered() {
            break;
        }
        let one_way = one_way(plan, *way, plan.rate, lines, live, shutdown)?;
        live.way(&one_way)?;
        found.ways.push(one_way);
    }
    found.interrupted = shutdown.is_triggered();
    Ok(found)
}

/// Floods one way on all flows at once.
fn one_way(
    plan: &Plan,
    way: Way,
    rate: Option<Rate>,
    lines: &mut [Line],
    live: &mut Live,
    shutdown: &Shutdown,
) -> anyhow::Result<OneWay> {
    let run = plan.run(way, rate);
    let progress: Vec<Progress> = lines.iter().map(|_| Progress::default()).collect();
    let legs = thread::scope(|scope| {
        let flows = lines.iter_mut().zip(&progress).map(|(line, progress)| {
            let task = Task {
                run,
                in_flight: plan.in_flight,
                progress,
                shutdown,
            };
            let name = "flow".to_owned();
            let started = thread::Builder::new().name(name);
            started.spawn_scoped(scope, move || task.run(line))
        });
        let flows = flows.collect::<Result<Vec<_>, _>>()?;
        live.watch(way, plan, &progress, || {
            flows.iter().all(|flow| flow.is_finished())
        })?;
        let legs = flows.into_iter().map(|flow| match flow.join() {
            Ok(leg) => leg,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        legs.collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(OneWay { way, legs })
}

/// Opens all flows to the first address that does not refuse.
fn connect(
    args: &Flood,
    candidates: &[SocketAddr],
    key: Option<&Key>,
) -> anyhow::Result<(Vec<Line>, Plan)> {
    let mut refused = None;
    for server in candidates {
        let options = args.reach.options(*server, StampClock::Program)?;
        let open = |_| native_session(*server, args.size, &options, key);
        let sessions: anyhow::Result<Result<Vec<_>, _>> = (0..args.flows).map(open).collect();
        match sessions? {
            Ok(sessions) => {
                let lines = sessions
                    .into_iter()
                    .map(|session| Line::new(session, *server));
                return Ok((lines.collect::<Result<_, _>>()?, Plan::new(args, *server)));
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| anyhow!("no address to flood"), Into::into))
}
