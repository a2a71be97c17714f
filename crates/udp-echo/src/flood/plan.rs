//! What is to be flooded and how, all questions settled.

use std::net::SocketAddr;
use std::time::Duration;

use proto::measure::PacketSize;
use proto::measure::flood::{Offload, Rate, Run, Way};

use runtime::units;

use crate::args::{Flood, Ways};

/// A flood.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    pub(crate) size: PacketSize,
    pub(crate) ways: Vec<Way>,
    pub(crate) duration: Duration,
    /// Of all flows together; `None` is as many packets as can be.
    pub(crate) rate: Option<Rate>,
    pub(crate) flows: usize,
    /// Packets on their way there and back at once, in each flow.
    pub(crate) in_flight: usize,
    pub(crate) offload: Offload,
}

fn in_packets(rate: units::Rate, size: PacketSize) -> Option<Rate> {
    Rate::per_second(match rate {
        units::Rate::Packets(packets) => packets,
        units::Rate::Bits(bits) => bits / (8 * size.bytes()) as f64,
    })
}

impl Plan {
    pub(super) fn new(args: &Flood, server: SocketAddr) -> Self {
        let ways = match args.way {
            Ways::Each if args.search => vec![Way::There],
            Ways::Each => vec![Way::There, Way::Back],
            Ways::There => vec![Way::There],
            Ways::Back => vec![Way::Back],
            Ways::Echo => vec![Way::Echo],
        };
        Self {
            server,
            size: args.size,
            ways,
            duration: args.duration,
            rate: args.rate.and_then(|rate| in_packets(rate, args.size)),
            flows: usize::from(args.flows),
            in_flight: usize::from(args.in_flight),
            offload: Offload {
                send: !args.no_gso,
                receive: !args.no_gro,
            },
        }
    }

    /// What one of the flows is to be.
    pub(super) fn run(&self, way: Way, rate: Option<Rate>) -> Run {
        let share = |rate: Rate| Rate::per_second(rate.packets() / self.flows as f64);
        Run {
            way,
            size: self.size,
            offload: self.offload,
            rate: rate.and_then(share),
            duration: self.duration,
        }
    }
}
