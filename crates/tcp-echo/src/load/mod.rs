//! How much an upper-case echo bears: requests on many connections, from one thread.
//!
//! `plan` (all questions settled) → `open` (the connections) → `engine` (which drives each `connection` by the
//! `schedule`; `pattern` is what they send) → `found` → `text` or `json`.

mod connection;
mod engine;
mod failure;
mod found;
mod json;
mod live;
mod local;
mod open;
mod pattern;
mod plan;
mod schedule;
#[cfg(test)]
mod tests;
mod text;

use std::sync::mpsc;
use std::thread;

use runtime::addr::Target;
use runtime::cli::Exit;
use runtime::descriptors;
use runtime::shutdown::Shutdown;

use crate::args::Load;
use engine::{Progress, Readiness};
use failure::Failures;
use found::Found;
use live::Live;
use local::LocalServer;
use plan::Plan;

pub(crate) fn run(args: &Load) -> anyhow::Result<Exit> {
    let shutdown = Shutdown::on_signal()?;
    descriptors::raise_limit();
    let mut live = Live::new(args);
    let found = match &args.target {
        Some(target) => load(args, target, &mut live, &shutdown)?,
        None => {
            let local = LocalServer::start()?;
            let found = load(args, &local.addr.into(), &mut live, &shutdown);
            local.stop()?;
            found?
        }
    };
    live.end(&found)?;
    Ok(found.exit())
}

fn load(
    args: &Load,
    target: &Target,
    live: &mut Live,
    shutdown: &Shutdown,
) -> anyhow::Result<Found> {
    let readiness = Readiness::new(shutdown)?;
    let (server, first) = open::first(target)?;
    let plan = Plan::new(args, server)?;
    live.begin(&plan)?;
    let mut failures = Failures::default();
    let mut streams = open::more(server, plan.connections - 1, shutdown, &mut failures)?;
    streams.insert(0, first);
    let progress = Progress::default();
    let (end, ended) = mpsc::channel();
    thread::scope(|scope| {
        let load = || {
            let _end = end; // dropped with all that is done
            engine::load(&plan, readiness, streams, failures, &progress)
        };
        let loading = thread::Builder::new().name("load".into());
        let loading = loading.spawn_scoped(scope, load)?;
        live.watch(&progress, &ended)?;
        match loading.join() {
            Ok(found) => Ok(found?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
