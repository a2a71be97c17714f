//! The hidden subcommand that loads a relay, ours or another one: sender and receivers in one thread.

#[path = "client/async_nats.rs"]
mod asynchronous;
pub(super) mod classic;
mod datagrams;
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
use mqtt::Qos;
use pump::{Pair, Window, one_by_one, pump};
use told::Told;

/// How many messages go one by one.
const ONE_BY_ONE: u64 = 50_000;

/// Bytes of content that are in flight at the most, where messages are long.
const WAITING: usize = 1 << 20;

/// How many are in a room, beside who speaks.
const MEMBERS: usize = 100;

/// Loads a relay, and prints what arrived as a JSON object.
#[derive(clap::Args)]
pub(crate) struct Args {
    server: SocketAddrV4,

    #[arg(long)]
    wire: Wire,

    #[arg(long)]
    shape: Shape,

    /// Bytes of content
    #[arg(long)]
    size: usize,

    #[arg(long)]
    seconds: u64,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Wire {
    Classic,
    Native,
    Nats,
    AsyncNats,
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
    /// Many at once, to many.
    Room,
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
        if self.wire == Wire::AsyncNats {
            return asynchronous::load(self.server, content, window, length);
        }
        let mut pair = self.pair(&content, window.at_once)?;
        match self.shape {
            Shape::One => one_by_one(&mut *pair, ONE_BY_ONE),
            _ => pump(&mut *pair, window, length),
        }
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
            (Wire::Native, Shape::Room) => Box::new(native::room(server, content, members)?),
            (Wire::Native, _) => Box::new(native::pair(server, content)?),
            (Wire::Turn, _) => Box::new(turn::pair(server, content, at_once)?),
            (Wire::MqttQos0, _) => Box::new(mqtt::streams(server, content, Qos::Zero, members)?),
            (Wire::MqttQos1, _) => Box::new(mqtt::streams(server, content, Qos::One, members)?),
            (Wire::Nats | Wire::AsyncNats, _) => {
                Box::new(nats::streams(server, content, at_once, members)?)
            }
        })
    }
}

impl Shape {
    fn members(self) -> usize {
        match self {
            Self::Room => MEMBERS,
            Self::Bursts | Self::Singles | Self::One => 1,
        }
    }

    fn offload(self) -> Offload {
        match self {
            Self::Bursts | Self::Room => Offload::On,
            Self::Singles | Self::One => Offload::Off,
        }
    }
}

impl Wire {
    /// What each was fastest with, and lost nothing.
    fn window(self, shape: Shape, size: usize) -> Window {
        let messages = match (self, shape) {
            (_, Shape::One) => 1,
            (_, Shape::Singles) => 64,
            (Self::Classic, Shape::Bursts) => 2048.min(WAITING / size),
            (Self::Nats | Self::AsyncNats | Self::Native, Shape::Bursts) => {
                8192.min(WAITING / size)
            }
            (Self::MqttQos0 | Self::MqttQos1, Shape::Bursts) => 512,
            (Self::Turn, _) | (_, Shape::Room) => 256,
        };
        let parts = match shape {
            Shape::Singles => 2,
            Shape::Bursts | Shape::One | Shape::Room => 4,
        };
        let messages = messages as u64;
        Window {
            messages,
            at_once: (messages / parts).max(1),
        }
    }
}
