//! The hidden subcommand that loads a relay, ours or another one: sender and receivers in one thread.

#[path = "client/async_nats.rs"]
mod asynchronous;
pub(super) mod classic;
mod datagrams;
mod jetstream;
mod keeping;
pub(super) mod mqtt;
pub(super) mod native;
pub(super) mod nats;
mod pump;
mod streams;
pub(super) mod told;
mod turn;

use std::net::SocketAddrV4;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use datagrams::Offload;
use keeping::{Keeper, Until, keep};
use mqtt::Qos;
use pump::{Pair, Window, one_by_one, pump};
use told::Told;

/// How many messages go one by one; and from relay to relay, where each takes longer.
const ONE_BY_ONE: u64 = 50_000;
const ONE_BY_ONE_APART: u64 = 20_000;

/// Bytes of content that are in flight at the most, where messages are long.
const WAITING: usize = 1 << 20;

/// How many are in a room, beside who speaks.
const MEMBERS: usize = 100;

/// How many are without a verdict while a store is filled.
const FILLING: usize = 2048;

/// Loads a relay, and prints what arrived as a JSON object.
#[derive(clap::Args)]
pub(crate) struct Args {
    server: SocketAddrV4,

    /// Where the receiver is, if it is elsewhere
    #[arg(long)]
    other: Option<SocketAddrV4>,

    #[arg(long)]
    wire: Wire,

    #[arg(long)]
    shape: Shape,

    /// Bytes of content
    #[arg(long)]
    size: usize,

    #[arg(long)]
    seconds: u64,

    /// Messages that are kept
    #[arg(long, default_value_t = 1)]
    count: u64,

    /// Messages without a verdict, while messages are kept
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Wire {
    Classic,
    Native,
    Nats,
    AsyncNats,
    #[value(name = "jetstream")]
    JetStream,
    MqttQos0,
    MqttQos1,
    Turn,
}

/// In which way messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// Many at once, with segmentation offload where they are datagrams.
    Bursts,
    /// Many in flight, without.
    Singles,
    /// One in flight.
    One,
    /// One in flight, between two servers where there are two.
    Apart,
    /// Many at once, to many.
    Room,
    /// To a name that is away, for some time.
    Mail,
    /// So many to a name that is away.
    Fill,
    /// One to each of so many names that are away.
    FillEach,
    /// So many that are kept for a name that comes back.
    Drain,
}

/// Loads the server, and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    let told = args.load()?;
    serde_json::to_writer(std::io::stdout().lock(), &told).context("cannot tell what arrived")
}

impl Args {
    fn load(&self) -> Result<Told> {
        let window = self.wire.window(self.shape, self.size);
        let length = Duration::from_secs(self.seconds);
        let content = vec![b'x'; self.size];
        let (server, apart) = (self.server, ONE_BY_ONE_APART);
        match (self.wire, self.shape) {
            (_, Shape::Mail) => self.keep(content, 1, self.in_flight, Until::Time(length)),
            (_, Shape::Fill) => self.keep(content, 1, FILLING, Until::Count(self.count)),
            (_, Shape::FillEach) => {
                let names = u32::try_from(self.count)?;
                self.keep(content, names, FILLING, Until::Count(self.count))
            }
            (Wire::JetStream, Shape::Drain) => jetstream::drain(server, &content, self.count),
            (_, Shape::Drain) => native::mail::drain(server, &content, self.count),
            (Wire::AsyncNats, Shape::Apart) => asynchronous::one_by_one(server, content, apart),
            (Wire::AsyncNats, _) => asynchronous::load(server, content, window, length),
            (_, Shape::Apart) => one_by_one(&mut *self.pair(&content, 1)?, apart),
            (_, Shape::One) => one_by_one(&mut *self.pair(&content, 1)?, ONE_BY_ONE),
            _ => pump(&mut *self.pair(&content, window.at_once)?, window, length),
        }
    }

    /// Messages to so many names that are away.
    fn keep(&self, content: Vec<u8>, names: u32, most: usize, until: Until) -> Result<Told> {
        let mut keeper: Box<dyn Keeper> = match self.wire {
            Wire::JetStream => Box::new(jetstream::Publisher::to(self.server, content, names)?),
            _ => Box::new(native::mail::Sender::to(self.server, &content, names)?),
        };
        keep(&mut *keeper, most, until)
    }

    fn pair(&self, content: &[u8], at_once: u64) -> Result<Box<dyn Pair>> {
        let (server, members) = (self.server, self.shape.members());
        Ok(match (self.wire, self.shape) {
            (Wire::Classic | Wire::Turn, Shape::Room) => bail!("there are no rooms on this wire"),
            (Wire::Classic, shape) => {
                let offload = shape.offload();
                let pair = classic::pair(server, content, at_once, offload)?;
                std::thread::sleep(classic::CONTENTION);
                Box::new(pair)
            }
            (Wire::Native, Shape::Apart) => {
                let receiver = self.other.unwrap_or(server);
                Box::new(native::apart(server, receiver, content)?)
            }
            (Wire::Native, Shape::Room) => Box::new(native::room(server, content, members)?),
            (Wire::Native, _) => Box::new(native::pair(server, content)?),
            (Wire::Turn, _) => Box::new(turn::pair(server, content, at_once)?),
            (Wire::MqttQos0, _) => Box::new(mqtt::streams(server, content, Qos::Zero, members)?),
            (Wire::MqttQos1, _) => Box::new(mqtt::streams(server, content, Qos::One, members)?),
            (Wire::Nats | Wire::AsyncNats | Wire::JetStream, _) => {
                Box::new(nats::streams(server, content, at_once, members)?)
            }
        })
    }
}

impl Shape {
    fn members(self) -> usize {
        match self {
            Self::Room => MEMBERS,
            _ => 1,
        }
    }

    fn offload(self) -> Offload {
        match self {
            Self::Singles | Self::One => Offload::Off,
            _ => Offload::On,
        }
    }
}

impl Wire {
    /// What each was fastest with, and lost nothing.
    fn window(self, shape: Shape, size: usize) -> Window {
        let messages = match (self, shape) {
            (_, Shape::One | Shape::Apart) => 1,
            (_, Shape::Singles) => 64,
            (Self::Turn, _) | (_, Shape::Room) => 256,
            (Self::Classic, _) => 2048.min(WAITING / size),
            (Self::Nats | Self::AsyncNats | Self::JetStream | Self::Native, _) => {
                8192.min(WAITING / size)
            }
            (Self::MqttQos0 | Self::MqttQos1, _) => 512,
        };
        let parts = match shape {
            Shape::Singles => 2,
            _ => 4,
        };
        let messages = messages as u64;
        Window {
            messages,
            at_once: (messages / parts).max(1),
        }
    }
}
