//! What is known of one probe.

use std::time::Duration;

use super::super::clock::RoundTrip;
use super::super::native::Echo;
use super::Came;

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was sent, and its time-out has not passed.
    Waiting,
    /// Its time-out has passed.
    Overdue,
    /// It was answered within the time-out.
    OnTime,
    /// It was answered after the time-out.
    Late,
    /// This machine had no room for it.
    NotSent,
}

/// What a server says of the times of one probe, by its clock in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoTimes {
    /// When it received the probe.
    pub received: u64,
    /// Whether its kernel took that time.
    pub received_by_kernel: bool,
    /// When its program sent the echo.
    pub sent: u64,
    /// Whether it says later when the echo truly left.
    pub tells_left: bool,
    /// When the echo truly left, once it has said so.
    pub left: Option<u64>,
    /// The type-of-service byte with which the probe arrived.
    pub service: Option<u8>,
}

impl EchoTimes {
    pub(super) fn of(echo: &Echo) -> Self {
        Self {
            received: echo.received,
            received_by_kernel: echo.received_by_kernel,
            sent: echo.sent,
            tells_left: echo.tells_left,
            left: None,
            service: echo.service,
        }
    }

    /// How long the server kept the probe, and whether its kernel took both times.
    fn stay(&self) -> (Duration, bool) {
        let left = self.left.unwrap_or(self.sent);
        let stay = Duration::from_nanos(left.saturating_sub(self.received));
        (stay, self.received_by_kernel && self.left.is_some())
    }
}

/// What is known of a probe that is waited for, or was answered not long ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) sent: Duration,
    pub(super) left: Option<Duration>,
    pub(super) state: State,
    /// Whether the server is known to have received it.
    pub(super) at_server: Option<bool>,
    pub(super) came: Option<Came>,
    pub(super) times: Option<EchoTimes>,
    /// The ways there and back less the offset between the clocks, in nanoseconds, once they are known.
    pub(super) ways: Option<(i64, i64)>,
    /// Whether its times have been counted.
    pub(super) settled: bool,
}

/// The times of a probe, when all are known that will be.
pub(super) struct Settled {
    /// The round trip without the server's stay and without this machine's waits; where all four stamps were taken by
    /// kernels or cards.
    pub(super) network: Option<Duration>,
    pub(super) trip: RoundTrip,
}

impl Packet {
    pub(super) fn new(sent: Duration) -> Self {
        Self {
            sent,
            left: None,
            state: State::Waiting,
            at_server: None,
            came: None,
            times: None,
            ways: None,
            settled: false,
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.state, State::OnTime | State::Late)
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Overdue | State::NotSent)
    }

    /// Takes the answer, and says how long the round trip took by the program's clock.
    pub(super) fn answer(
        &mut self,
        came: Came,
        times: Option<EchoTimes>,
        timeout: Duration,
    ) -> Duration {
        let round_trip = came.at.saturating_sub(self.sent);
        let on_time = round_trip <= timeout;
        self.state = if on_time { State::OnTime } else { State::Late };
        (self.came, self.times) = (Some(came), times);
        // Late answers count in no distribution.
        self.settled = !on_time || times.is_none();
        round_trip
    }

    /// The times, once and as soon as no further stamp is to come.
    pub(super) fn settle(&mut self, stamps: bool, epoch: u64) -> Option<Settled> {
        let (came, times) = (self.came?, self.times?);
        let open = (stamps && self.left.is_none()) || (times.tells_left && times.left.is_none());
        if self.settled || open {
            return None;
        }
        self.settled = true;
        let (left, got) = match (self.left, came.stamp) {
            (Some(left), Some(got)) => (left, got),
            _ => (self.sent, came.at),
        };
        let by_kernels = self.left.is_some() && came.stamp.is_some();
        let (stay, by_server_kernel) = times.stay();
        let network = got.saturating_sub(left).checked_sub(stay)?;
        Some(Settled {
            network: (by_kernels && by_server_kernel).then_some(network),
            trip: RoundTrip {
                at: left,
                stay,
                there_ns: difference(times.received, clock(epoch, left)),
                back_ns: difference(clock(epoch, got), times.left.unwrap_or(times.sent)),
            },
        })
    }

    /// The round trip by the program's clock.
    pub(super) fn application(&self) -> Option<Duration> {
        self.came.map(|came| came.at.saturating_sub(self.sent))
    }

    /// The round trip of the network alone, where it is known.
    pub(super) fn network(&self) -> Option<Duration> {
        let (came, times) = (self.came?, self.times?);
        let (stay, by_kernel) = times.stay();
        let way = came.stamp?.checked_sub(self.left?)?.checked_sub(stay)?;
        by_kernel.then_some(way)
    }
}

/// The client's clock at a moment of the measurement.
fn clock(epoch: u64, at: Duration) -> u64 {
    epoch.saturating_add(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX))
}

fn difference(one: u64, other: u64) -> i64 {
    let difference = i128::from(one) - i128::from(other);
    difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// What became of one probe, when no more can become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 0.
    pub number: u64,
    /// What became of it; [`State::Waiting`] only where the measurement was ended.
    pub state: State,
    /// When it was sent, by the program's clock, since the measurement began.
    pub sent: Duration,
    /// When it truly left.
    pub left: Option<Duration>,
    /// Whether the server is known to have received it, or not.
    pub at_server: Option<bool>,
    /// When the answer came.
    pub came: Option<Came>,
    /// What the server says of it.
    pub times: Option<EchoTimes>,
    /// The round trip of the network alone.
    pub network: Option<Duration>,
}

impl Record {
    pub(super) fn of(number: u64, packet: &Packet) -> Self {
        Self {
            number,
            state: packet.state,
            sent: packet.sent,
            left: packet.left,
            at_server: packet.at_server.or(packet.is_answered().then_some(true)),
            came: packet.came,
            times: packet.times,
            network: packet.network(),
        }
    }

    /// The round trip by the program's clock.
    pub fn application(&self) -> Option<Duration> {
        self.came.map(|came| came.at.saturating_sub(self.sent))
    }
}
