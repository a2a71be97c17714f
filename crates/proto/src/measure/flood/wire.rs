//! Orders and states, as they go on the wire.

use std::time::Duration;

use super::super::PacketSize;
use super::super::credentials::SessionId;
use super::super::histogram::nanos;
use super::super::native::{MARK, MIN_SIZE, ORDER, PROOF, STATE, u64_at};
use super::Counts;

/// The size of [`Order`] and [`State`] packets in bytes.
pub const SIZE: usize = SIZE_PROOF + PROOF;

/// Where their proof is.
pub(in super::super) const SIZE_PROOF: usize = 120;

const COUNTS: usize = 24;

/// Which of a session's floods a packet belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunId(pub u8);

impl RunId {
    /// The one after this. After 256 of them they begin anew.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    There,
    /// From the server to the client.
    Back,
    /// There, and each of them back.
    Echo,
}

impl Way {
    fn encode(self) -> u8 {
        match self {
            Self::There => 1,
            Self::Echo => 2,
            Self::Back => 3,
        }
    }

    fn decode(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::There),
            2 => Some(Self::Echo),
            3 => Some(Self::Back),
            _ => None,
        }
    }
}

/// What the system is to do for many packets at once: cut one large datagram into them when sending (UDP segmentation
/// offload), and put them together when receiving (receive offload).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// One call sends a datagram that the system, or the network card, cuts into packets.
    pub send: bool,
    /// One call receives what the system has put together.
    pub receive: bool,
}

impl Offload {
    const SEND: u8 = 1;
    const RECEIVE: u8 = 2;

    fn encode(self) -> u8 {
        u8::from(self.send) * Self::SEND + u8::from(self.receive) * Self::RECEIVE
    }

    fn decode(byte: u8) -> Self {
        Self {
            send: byte & Self::SEND != 0,
            receive: byte & Self::RECEIVE != 0,
        }
    }
}

/// Packets a second, in thousandths: from one in 1,000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// The nearest rate to this many packets a second; `None` below 0.0005 and for what is no number.
    pub fn per_second(packets: f64) -> Option<Self> {
        let thousandths = (packets * 1e3).round();
        (thousandths >= 1.0).then_some(Self(thousandths as u64))
    }

    /// Packets a second.
    pub fn packets(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

/// What a flood is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which way.
    pub way: Way,
    /// The size of its packets, at least [`MIN_SIZE`].
    pub size: PacketSize,
    /// What the server's system is to do.
    pub offload: Offload,
    /// How many packets a second the server sends ([`Way::Back`]); `None` for as many as it can.
    pub rate: Option<Rate>,
    /// How long the server sends ([`Way::Back`]).
    pub duration: Duration,
}

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// To be told how it stands.
    Look,
    /// A flood of its own.
    Begin(Run),
    /// No more.
    End,
}

/// A client's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The session.
    pub session: SessionId,
    /// The run that it begins, or asks about.
    pub run: RunId,
    /// When the client sent it, by the client's clock, in nanoseconds.
    pub sent: u64,
    /// What it wants.
    pub what: What,
}

/// How a flood stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is none.
    Idle,
    /// Packets are received, or sent.
    Running,
    /// The server has sent all that it was to send, or the client has ended it.
    Ended,
    /// The server has as many floods as it takes.
    Busy,
    /// The server sends no flood to this client.
    Refused,
}

/// A server's answer to an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The session.
    pub session: SessionId,
    /// The run that it is about.
    pub run: RunId,
    /// When the client sent the order, in its own words.
    pub asked: u64,
    /// How it stands.
    pub phase: Phase,
    /// What the server's system does.
    pub offload: Offload,
    /// The port of the server that takes part in the flood, where it is another than the one that was asked.
    pub port: Option<u16>,
    /// What the server has counted.
    pub counts: Counts,
}

impl Order {
    /// Appends the order, without a proof.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (what, run) = match self.what {
            What::Look => (0, None),
            What::Begin(run) => (run.way.encode(), Some(run)),
            What::End => (4, None),
        };
        let (offload, size) = run.map_or((0, 0), |run| {
            (run.offload.encode(), run.size.bytes() as u16)
        });
        let rate = run.and_then(|run| run.rate).map_or(0, |rate| rate.0);
        let duration = run.map_or(0, |run| nanos(run.duration));
        let start = begin(ORDER, self.run, self.session, out);
        out.extend_from_slice(&[what, offload]);
        out.extend_from_slice(&size.to_be_bytes());
        for number in [self.sent, rate, duration] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.resize(start + SIZE, 0);
    }

    pub(in super::super) fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() == SIZE).then_some(())?;
        let begin = |way| {
            let size = u16::from_be_bytes([packet[14], packet[15]]);
            let size = PacketSize::new(u64::from(size)).ok()?;
            let rate = u64_at(packet, 24)?;
            (size.bytes() >= MIN_SIZE).then_some(What::Begin(Run {
                way,
                size,
                offload: Offload::decode(packet[13]),
                rate: (rate > 0).then_some(Rate(rate)),
                duration: Duration::from_nanos(u64_at(packet, 32)?),
            }))
        };
        let what = match packet[12] {
            0 => What::Look,
            4 => What::End,
            way => begin(Way::decode(way)?)?,
        };
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            run: RunId(packet[3]),
            sent: u64_at(packet, 16)?,
            what,
        })
    }
}

impl State {
    /// Appends the state, without a proof.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let phase = match self.phase {
            Phase::Idle => 0,
            Phase::Running => 1,
            Phase::Ended => 2,
            Phase::Busy => 3,
            Phase::Refused => 4,
        };
        let start = begin(STATE, self.run, self.session, out);
        out.extend_from_slice(&[phase, self.offload.encode()]);
        out.extend_from_slice(&self.port.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&self.asked.to_be_bytes());
        for number in self.counts.on_wire() {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.resize(start + SIZE, 0);
    }

    pub(in super::super) fn decode(packet: &[u8]) -> Option<Self> {
        (packet.len() == SIZE).then_some(())?;
        let phase = match packet[12] {
            0 => Phase::Idle,
            1 => Phase::Running,
            2 => Phase::Ended,
            3 => Phase::Busy,
            4 => Phase::Refused,
            _ => return None,
        };
        let port = u16::from_be_bytes([packet[14], packet[15]]);
        let mut counts = [0; Counts::ON_WIRE];
        for (place, count) in counts.iter_mut().enumerate() {
            *count = u64_at(packet, COUNTS + 8 * place)?;
        }
        Some(Self {
            session: SessionId(u64_at(packet, 4)?),
            run: RunId(packet[3]),
            asked: u64_at(packet, 16)?,
            phase,
            offload: Offload::decode(packet[13]),
            port: (port != 0).then_some(port),
            counts: Counts::from_wire(counts),
        })
    }
}

fn begin(kind: u8, run: RunId, session: SessionId, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[MARK, kind, 0, run.0]);
    out.extend_from_slice(&session.0.to_be_bytes());
    start
}
