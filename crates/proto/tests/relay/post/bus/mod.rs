//! A bus that several relays share, simulated: what NATS promises (core, a stream, a bucket), no more, and the thread of
//! each relay that talks to it. Connections break, are frozen while a relay is cut off, and the bus itself is killed.

mod agent;
mod broker;
mod lane;

use std::time::Duration;

use proto::relay::hub::elsewhere::{Errand, News};

use super::mail::Mail;
use crate::network::Random;
use agent::Agent;
use broker::{Broker, Heard, Op, Pipe};

/// How long a connection may be frozen before both ends give it up.
const FROZEN: Duration = Duration::from_secs(4);

/// The bus, and who talks to it.
#[derive(Debug)]
pub(crate) struct Bus {
    broker: Broker,
    links: Vec<Link>,
    /// Until when the bus itself is away.
    away_until: Duration,
    slowest: u64,
}

/// A relay's end of the bus.
#[derive(Debug)]
struct Link {
    /// `None` while the relay is away.
    agent: Option<Agent>,
    up: Pipe<Op>,
    down: Pipe<Heard>,
    is_connected: bool,
    /// Nothing comes through until then.
    cut_until: Duration,
    /// When the connection is given up, since it is frozen.
    breaks: Option<Duration>,
    next_try: Duration,
}

impl Bus {
    pub(crate) fn new(relays: usize, random: &mut Random, now: Duration) -> Self {
        let links = (0..relays).map(|relay| Link {
            agent: Some(Agent::new(relay, random, now)),
            up: Pipe::default(),
            down: Pipe::default(),
            is_connected: false,
            cut_until: Duration::ZERO,
            breaks: None,
            next_try: now,
        });
        let links = links.collect();
        Self {
            broker: Broker::new(random),
            links,
            away_until: Duration::ZERO,
            slowest: [300, 3_000, 20_000][random.below(3) as usize],
        }
    }

    pub(crate) fn mail(&self) -> &Mail {
        &self.broker.mail
    }

    /// Whether there is nothing under way.
    pub(crate) fn is_idle(&self) -> bool {
        let mut links = self.links.iter();
        links.all(|link| link.is_connected && link.agent.as_ref().is_some_and(Agent::is_idle))
    }

    /// The bus is killed, and starts again then.
    pub(crate) fn kill(&mut self, until: Duration) {
        self.away_until = until;
        for relay in 0..self.links.len() {
            self.disconnect(relay);
        }
    }

    /// Nothing comes through between a relay and the bus until then.
    pub(crate) fn cut(&mut self, relay: usize, until: Duration, now: Duration) {
        let link = &mut self.links[relay];
        link.cut_until = until;
        link.breaks = Some(now + FROZEN);
    }

    /// A relay is killed.
    pub(crate) fn relay_dies(&mut self, relay: usize) {
        self.disconnect(relay);
        self.links[relay].agent = None;
    }

    pub(crate) fn relay_starts(&mut self, relay: usize, random: &mut Random, now: Duration) {
        self.links[relay].agent = Some(Agent::new(relay, random, now));
        self.links[relay].next_try = now;
    }

    fn disconnect(&mut self, relay: usize) {
        let link = &mut self.links[relay];
        link.is_connected = false;
        link.up.clear();
        link.down.clear();
        link.breaks = None;
        self.broker.forget(relay);
        if let Some(agent) = &mut link.agent {
            agent.disconnected();
        }
    }

    pub(crate) fn errand(
        &mut self,
        relay: usize,
        errand: Errand,
        random: &mut Random,
        now: Duration,
    ) {
        if let Some(agent) = &mut self.links[relay].agent {
            agent.errand(errand, now);
            self.sends(relay, random, now);
        }
    }

    /// What the thread of a relay has to say goes on its way.
    fn sends(&mut self, relay: usize, random: &mut Random, now: Duration) {
        let Link {
            agent: Some(agent),
            up,
            is_connected: true,
            ..
        } = &mut self.links[relay]
        else {
            return;
        };
        for op in agent.take_ops() {
            up.push(
                op,
                now + Duration::from_micros(50 + random.below(self.slowest)),
            );
        }
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        let dues = self.links.iter().map(|link| link.due(self.away_until));
        dues.flatten().min()
    }

    /// What is to be told to which relay now.
    pub(crate) fn step(&mut self, random: &mut Random, now: Duration) -> Vec<(usize, News)> {
        let mut news = Vec::new();
        for relay in 0..self.links.len() {
            self.step_link(relay, random, now);
        }
        for relay in 0..self.links.len() {
            self.carry(relay, random, now);
        }
        for (relay, link) in self.links.iter_mut().enumerate() {
            if let Some(agent) = &mut link.agent {
                agent.step(now);
                news.extend(agent.take_news().into_iter().map(|it| (relay, it)));
            }
        }
        for relay in 0..self.links.len() {
            self.sends(relay, random, now);
        }
        news
    }

    fn step_link(&mut self, relay: usize, random: &mut Random, now: Duration) {
        let link = &mut self.links[relay];
        if link.breaks.is_some_and(|at| at <= now) {
            match link.cut_until > now {
                true => self.disconnect(relay),
                false => link.breaks = None,
            }
        }
        let link = &mut self.links[relay];
        let can = now >= self.away_until && now >= link.cut_until && now >= link.next_try;
        if can
            && !link.is_connected
            && let Some(agent) = &mut link.agent
        {
            link.is_connected = true;
            link.next_try = now + Duration::from_millis(100 + random.below(900));
            agent.connected(now);
        }
    }

    fn carry(&mut self, relay: usize, random: &mut Random, now: Duration) {
        let link = &self.links[relay];
        if !link.is_connected || link.cut_until > now {
            return;
        }
        while let Some(op) = self.links[relay].up.take(now) {
            for (to, heard) in self.broker.take(relay, op, random, now) {
                if self.links[to].is_connected {
                    let delay = Duration::from_micros(50 + random.below(self.slowest));
                    self.links[to].down.push(heard, now + delay);
                }
            }
        }
        let link = &mut self.links[relay];
        while let Some(heard) = link.down.take(now) {
            if let Some(agent) = &mut link.agent {
                agent.hear(heard, now);
            }
        }
    }
}

impl Link {
    fn due(&self, away_until: Duration) -> Option<Duration> {
        let agent = self.agent.as_ref()?;
        let next = match self.is_connected {
            false => Some(self.next_try.max(away_until).max(self.cut_until)),
            true => {
                let pipes = [self.up.due(), self.down.due()].into_iter().flatten();
                let pipes = pipes.min().map(|due| due.max(self.cut_until));
                [pipes, self.breaks].into_iter().flatten().min()
            }
        };
        [next, agent.due()].into_iter().flatten().min()
    }
}
