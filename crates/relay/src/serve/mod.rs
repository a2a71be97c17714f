//! `serve`: the relay. The [hub](proto::relay::hub) decides; here are its sockets, its clock and its disk.
//!
//! A thread for each socket receives and sends, one more looks after what is due when nothing comes, and one writes down
//! whose names are. They share the hub, each for as long as it takes to hear a batch.

mod alarm;
mod args;
#[cfg(feature = "nats")]
mod bus;
mod metrics;
mod names;
mod outside;
mod post;
mod relay;
mod store;
#[cfg(test)]
mod tests;
mod ways;
mod worker;

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use proto::relay::DEFAULT_PORT;
use proto::relay::hub::{Hub, Reach, Settings};
use runtime::cli::{self, Exit};
use runtime::metrics::{Endpoint, Shows};
use runtime::shutdown::Shutdown;
use runtime::udp::{Intake, Socket};
use runtime::{host, random};

pub(crate) use args::Args;
use names::{Keeper, Owner};
use outside::{Outside, Runner, Wake};
use relay::Relay;
use store::Store;
use worker::Worker;

/// A relay that is ready to run.
struct Serve {
    relay: Arc<Relay>,
    intakes: Vec<Intake>,
    keeper: Option<(Keeper, mpsc::Receiver<Owner>)>,
    store: Option<Store>,
    #[cfg(feature = "nats")]
    bus: Option<bus::Bus>,
    metrics: Option<Endpoint>,
    busy_poll: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let shutdown = Shutdown::on_signal()?;
    let serve = Serve::new(args, &shutdown)?;
    cli::announce(&serve.announcement())?;
    let relay = Arc::clone(&serve.relay);
    serve.run()?;
    tracing::info!("stopped: {}", metrics::summary(&relay));
    Ok(Exit::Success)
}

impl Serve {
    /// Binds all there is to bind, and reads whose names are.
    fn new(args: &Args, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let sockets: Vec<_> = Socket::bind_all(&args.bind, DEFAULT_PORT)?
            .into_iter()
            .map(|socket| Arc::new(socket.receiving_bursts()))
            .collect();
        let metrics = args.metrics.map(Endpoint::bind).transpose()?;
        let mut runners = Vec::<Runner>::new();
        let mut parts = Vec::<Arc<dyn Shows>>::new();
        #[cfg_attr(
            not(feature = "nats"),
            expect(unused_mut, reason = "the store wakes when it is told")
        )]
        let mut wakes = Vec::<Wake>::new();
        let mut hub = Hub::new(settings(args, &sockets)?, Duration::ZERO);
        let (mut keeper, mut store) = (None, None);
        if let Some(path) = &args.store.store {
            let (opened, runner) = Store::open(path, &args.store)?;
            opened.recall(&mut hub)?;
            parts.push(opened.figures());
            store = Some(opened);
            runners.push(runner);
        }
        #[cfg(feature = "nats")]
        let bus = match args.bus.nats.is_empty() {
            true => None,
            false => {
                let (bus, runner, wake) =
                    bus::Bus::connect(&args.bus, limits(args), label(&sockets))?;
                runners.push(runner);
                wakes.push(wake);
                parts.push(bus.figures());
                Some(bus)
            }
        };
        if let Some(path) = &args.names {
            let (file, owners) = Keeper::open(path)?;
            owners
                .into_iter()
                .for_each(|(name, key)| hub.remember(name, key));
            let (tell, hear) = mpsc::channel();
            keeper = Some((file, hear));
            runners.push(names::runner(tell));
        }
        let relay = Relay::new(
            hub,
            sockets.clone(),
            Outside::new(runners, wakes),
            shutdown.clone(),
        );
        let relay = Arc::new(relay.with_parts(parts));
        let intake = |socket| Intake::new(socket, args.rate_limit, Arc::clone(relay.totals()));
        Ok(Self {
            intakes: sockets.into_iter().map(intake).collect(),
            relay,
            keeper,
            store,
            #[cfg(feature = "nats")]
            bus,
            metrics,
            busy_poll: args.busy_poll,
        })
    }

    fn announcement(&self) -> String {
        let addrs: Vec<_> = self.relay.local_addrs().collect();
        let metrics = self.metrics.as_ref().map(Endpoint::announcement);
        host::announcement("udp", &addrs) + &metrics.unwrap_or_default()
    }

    /// Serves until its shutdown is triggered; what has come by then is passed on, and sessions are said goodbye to.
    fn run(mut self) -> anyhow::Result<()> {
        let relay = &*Arc::clone(&self.relay);
        thread::scope(|scope| {
            let keeper = self.keeper.take();
            let keeps = keeper
                .map(|(keeper, owners)| start(scope, relay, "names", move || keeper.run(&owners)));
            let store = self.store.take();
            let stores = store.map(|store| start(scope, relay, "store", || store.run(relay)));
            #[cfg(feature = "nats")]
            let buses = self
                .bus
                .take()
                .map(|bus| (bus, Arc::clone(&self.relay)))
                .map(|(bus, hub)| start(scope, relay, "bus", || bus.run(hub)));
            let served = self.serve(scope, relay);
            relay.close();
            for thread in [keeps, stores] {
                thread.transpose()?;
            }
            #[cfg(feature = "nats")]
            buses.transpose()?;
            served
        })
    }

    /// Starts all other threads, and waits for those of the sockets.
    fn serve<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        relay: &'scope Relay,
    ) -> anyhow::Result<()> {
        start(scope, relay, "due", || relay.keep_time())?;
        if let Some(endpoint) = self.metrics {
            start(scope, relay, "metrics", move || {
                if let Err(error) = endpoint.run(relay.shutdown(), || metrics::page(relay)) {
                    tracing::warn!(%error, "metrics are no longer served");
                }
            })?;
        }
        let mut workers = Vec::new();
        for (number, intake) in self.intakes.into_iter().enumerate() {
            let worker = Worker::new(relay, number, intake, self.busy_poll);
            workers.push(start(scope, relay, "socket", move || worker.run())?);
        }
        let failed = |_| anyhow!("a thread that had a socket failed");
        let ended = workers
            .into_iter()
            .map(|worker| worker.join().map_err(failed));
        ended.collect()
    }
}

/// Stops the relay when its thread fails: without one of its parts it would only seem to work.
struct Guard<'a>(&'a Shutdown);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.trigger();
        }
    }
}

/// Starts a thread; where the system has none left, or when it fails, the relay stops.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    relay: &'scope Relay,
    name: &str,
    run: impl FnOnce() + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, ()>> {
    let guarded = move || {
        let _guard = Guard(relay.shutdown());
        run();
    };
    let thread = thread::Builder::new().name(name.to_owned());
    let started = thread.spawn_scoped(scope, guarded);
    started.inspect_err(|_| relay.shutdown().trigger())
}

fn settings(args: &Args, sockets: &[Arc<Socket>]) -> io::Result<Settings> {
    let mut ports: Vec<_> = sockets.iter().map(|one| one.local_addr().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    Ok(Settings {
        targets: args.to.into(),
        exit: args.exit.into(),
        secret: random::bytes()?,
        own: host::own_addrs(),
        ports,
        clients: args.clients.get(),
        history: args.history,
        reach: reach(args),
    })
}

/// What the bus keeps.
#[cfg(feature = "nats")]
fn limits(args: &Args) -> bus::Limits {
    bus::Limits {
        quota: args.store.quota.get().into(),
        keep: args.store.keep,
        size: args.store.store_size,
        replicas: args.bus.nats_replicas.get(),
    }
}

/// What a relay is called where its owner does not say.
#[cfg(feature = "nats")]
fn label(sockets: &[Arc<Socket>]) -> String {
    let port = sockets.first().map_or(0, |one| one.local_addr().port());
    format!("{}:{port}", host::name())
}

fn reach(args: &Args) -> Reach {
    #[cfg(feature = "nats")]
    if !args.bus.nats.is_empty() {
        return Reach::Fleet;
    }
    match args.store.store {
        Some(_) => Reach::Store,
        None => Reach::Here,
    }
}
