//! The bus: other relays of the same community, over NATS.
//!
//! One thread has the connection and all that is said over it; `async-nats` wants tokio, which is nowhere else. It is told
//! what to do by [`Work`], from the hub and from the connection alike, and tells the hub in batches. What goes out and is
//! answered has a place of its own: [`lanes`] for letters, [`rooms`], [`names`], [`mail`], [`presence`], [`fleet`].
//!
//! What the client was given and has not written when a connection breaks is lost without a word: nothing counts as done
//! that was not answered. What it is given while there is no connection it writes when there is one: so nothing is given to
//! it then that would be of no use later.

mod args;
mod connection;
mod desk;
mod figures;
mod fleet;
mod intray;
mod lanes;
mod line;
mod mail;
mod names;
mod presence;
mod replies;
mod rooms;
mod subjects;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use proto::relay::fleet::RelayId;
use proto::relay::hub::elsewhere::News;
use proto::relay::native::frames::RelayState;
use runtime::random;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{MissedTickBehavior, interval};

pub(super) use args::Args;
use desk::{Desk, Ear};
pub(super) use figures::Figures;
use intray::Intray;
use line::Line;
use subjects::Subjects;
use work::Work;

use super::outside::{Runner, Wake};
use super::post::Post;
use super::relay::Relay;

/// How often is looked after what waits.
const TICK: Duration = Duration::from_millis(100);

/// What is kept in the stream of mail, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Letters from one sender to one receiver.
    pub(super) quota: u64,
    /// How long each is kept.
    pub(super) keep: Duration,
    /// Bytes of all letters.
    pub(super) size: u64,
    /// On how many servers.
    pub(super) replicas: usize,
}

/// The hub, and what it says to its clients.
struct Hub {
    relay: Arc<Relay>,
    post: Post,
}

impl Ear for Hub {
    fn hear(&mut self, news: &mut Vec<News>) {
        self.relay.hear(&mut self.post, news.drain(..));
    }

    fn counts(&self) -> RelayState {
        let counts = self.relay.counts();
        RelayState {
            classic: counts.classic_clients,
            sessions: counts.sessions,
            rooms: counts.rooms,
            ..RelayState::default()
        }
    }
}

/// A connection to the other relays.
pub(super) struct Bus {
    runtime: Runtime,
    line: Line,
    works: UnboundedReceiver<Work>,
    intray: Intray,
    limits: Limits,
    label: String,
}

/// Says that there are no more errands, when it is gone.
struct Teller(UnboundedSender<Work>);

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.send(Work::Close);
    }
}

impl Bus {
    /// Connects, or goes on trying where nobody is there.
    ///
    /// # Errors
    /// Where that is no use: the credentials are refused.
    pub(super) fn connect(
        args: &Args,
        limits: Limits,
        label: String,
    ) -> anyhow::Result<(Self, Runner, Wake)> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .context("cannot wait for NATS")?;
        let (tell, works) = mpsc::unbounded_channel();
        let client = runtime.block_on(connection::connect(args, tell.clone()))?;
        let _inside = runtime.enter();
        let relay = RelayId(u64::from_le_bytes(random::bytes()?));
        let subjects = Subjects::new(args.community);
        let line = Line::new(client, subjects, relay, tell.clone(), Arc::default());
        drop(_inside);
        let intray = Intray::default();
        let bus = Self {
            runtime,
            line,
            works,
            intray: intray.clone(),
            limits,
            label: args.label.clone().unwrap_or(label),
        };
        let (works, teller, told) = (tell.clone(), Teller(tell), intray.clone());
        let runner = move |errands| {
            let _until_it_is_gone = &teller;
            intray.put(errands);
        };
        let wake = move || told.wake(&works);
        Ok((bus, Box::new(runner), Box::new(wake)))
    }

    /// What it counts.
    pub(super) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.line.figures)
    }

    /// Runs errands until there are no more, and tells the hub what others want.
    pub(super) fn run(self, relay: Arc<Relay>) {
        self.run_for(Hub {
            relay,
            post: Post::default(),
        });
    }

    fn run_for(self, ear: impl Ear + Send + 'static) {
        let Self {
            runtime,
            line,
            works,
            intray,
            limits,
            label,
        } = self;
        let ended = runtime.block_on(async {
            let ticks = line.works.clone();
            tokio::spawn(async move {
                let mut ticks_on = interval(TICK);
                ticks_on.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while ticks.send(Work::Tick).is_ok() {
                    ticks_on.tick().await;
                }
            });
            let client = line.client.clone();
            let desk = Desk::new(ear, line, (works, intray), limits, label);
            // As one task among the others it runs next; the runtime looks for events first before it turns to what is
            // none.
            let ended = tokio::spawn(desk.run()).await;
            // What is under way goes out still.
            let _ = tokio::time::timeout(TICK, client.flush()).await;
            ended
        });
        runtime.shutdown_background();
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}
