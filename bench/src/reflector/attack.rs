//! What strangers send: random bytes, and packets that look right.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use anyhow::Result;
use clap::ValueEnum;
use fastrand::Rng;
use proto::measure::native::Probe;
use proto::measure::{PROBE, PacketSize, Request, SessionId, offer};

use crate::child;

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// Random bytes, 0 to 100 of them
    Random,
    /// Probes of the native wire, each of another session, without a token
    Native,
    /// Probes of the classic wire, each of which is answered
    Classic,
    /// Calibrations that ask for a session, each of which is answered
    Calibrations,
}

impl Payload {
    /// Makes the next datagram.
    pub(super) fn fill(self, random: &mut Rng, packet: &mut Vec<u8>) {
        packet.clear();
        match self {
            Self::Random => packet.extend((0..random.usize(..=100)).map(|_| random.u8(..))),
            Self::Native => probe(random.u64(..)).encode(64, packet),
            Self::Classic => packet.extend_from_slice(PROBE),
            Self::Calibrations => {
                let offer = Some(offer(SessionId(random.u64(..)), None));
                let size = PacketSize::LEAST_CALIBRATED;
                Request::Calibrate { size, offer }.encode(packet);
            }
        }
    }
}

fn probe(session: u64) -> Probe {
    Probe {
        session: SessionId(session),
        number: 0,
        sent: 0,
        wants_left: true,
    }
}

/// Sends datagrams of one kind from one address, as fast as it can, until it is killed.
#[derive(clap::Args)]
pub(crate) struct Args {
    payload: Payload,
    server: SocketAddrV4,
}

/// Sends; only an error ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::tie()?;
    let local = SocketAddr::from((Ipv4Addr::new(127, 9, 9, 9), 0));
    let socket = UdpSocket::bind(local)?;
    socket.connect(args.server)?;
    let mut random = Rng::new();
    let mut packet = Vec::new();
    loop {
        args.payload.fill(&mut random, &mut packet);
        // The answers are never read: the kernel drops them. A full queue is no reason to stop.
        let _ = socket.send(&packet);
    }
}
