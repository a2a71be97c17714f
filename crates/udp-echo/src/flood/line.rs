//! One flow to the server, and the session that it is flooded in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use proto::measure::flood::{Counter, Order, Phase, Run, RunId, SIZE, State, Train, Way, What};
use proto::measure::native::Answer;
use proto::measure::{Credentials, Histogram, SessionId};
use runtime::udp::{Flow, Room, is_no_room};

use crate::probe::NativeSession;
use crate::pump::at_once;

/// How often a thread that waits for packets looks around.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long an answer to an order is waited for before it is placed again, and how often it is placed.
const RETRY_AFTER: Duration = Duration::from_millis(250);
const TRIES: u32 = 12;

/// One flow.
pub(super) struct Line {
    pub(super) flow: Flow,
    pub(super) room: Room,
    pub(super) receives_offloaded: bool,
    /// Whether single packets that are only counted are let gather.
    gathers: bool,
    server: SocketAddr,
    session: SessionId,
    credentials: Arc<Credentials>,
    run: RunId,
    /// Times on the wire are nanoseconds since then.
    base: Instant,
    /// Round trips of orders, while the flood runs beside them.
    pub(super) looks: Histogram,
    /// The last word of the server.
    pub(super) state: Option<State>,
}

impl Line {
    pub(super) fn new(session: NativeSession, server: SocketAddr) -> io::Result<Self> {
        let (socket, session, credentials) = session.into_parts();
        let flow = Flow::on(socket)?;
        flow.set_patience(Some(PATIENCE))?;
        Ok(Self {
            flow,
            room: Room::new(SIZE, false),
            receives_offloaded: false,
            gathers: false,
            server,
            session,
            credentials,
            run: RunId::default(),
            base: Instant::now(),
            looks: Histogram::new(),
            state: None,
        })
    }

    /// Nanoseconds as they go on the wire.
    pub(super) fn now(&self) -> u64 {
        self.base.elapsed().as_nanos() as u64
    }

    pub(super) fn base(&self) -> Instant {
        self.base
    }

    /// Has the server begin a run, and makes this side ready for it.
    pub(super) fn begin(&mut self, run: &Run) -> anyhow::Result<State> {
        self.run = self.run.next();
        self.looks = Histogram::new();
        self.state = None;
        let size = run.size.bytes();
        let sends = run.way != Way::Back && run.offload.send;
        self.flow.set_send_offload(sends.then_some(size));
        let receives = run.way != Way::There && run.offload.receive;
        let receives = self.flow.set_receive_offload(receives);
        self.receives_offloaded = receives;
        self.gathers = run.way == Way::Back && !receives;
        self.room = Room::new(size.max(SIZE), receives);
        for _ in 0..TRIES {
            self.order(What::Begin(*run))?;
            let deadline = Instant::now() + RETRY_AFTER;
            while self.state.is_none() && Instant::now() < deadline {
                self.listen(None)?;
            }
            let Some(state) = self.state.take() else {
                continue;
            };
            match (state.phase, state.port) {
                (Phase::Running | Phase::Ended, _) => {
                    self.looks = Histogram::new();
                    return Ok(state);
                }
                (Phase::Idle, None) => {} // there is a place for it now
                (Phase::Idle, Some(port)) => self.flow.move_to(port)?,
                (Phase::Busy, _) => bail!(
                    "the server has as many floods as it takes: try again when others have ended, or use fewer --flows"
                ),
                (Phase::Refused, _) => bail!(
                    "the server sends no floods to strangers: use --way there, give both sides a --key-file, or start it with --flood-to any"
                ),
            }
        }
        Err(self.silent())
    }

    fn silent(&self) -> anyhow::Error {
        anyhow!(
            "udp://{} does not answer orders for a flood: it may have stopped, or be older than this program",
            self.server
        )
    }

    /// Places an order; its answer is among what [`listen`](Self::listen) hears.
    pub(super) fn order(&mut self, what: What) -> anyhow::Result<()> {
        let order = Order {
            session: self.session,
            run: self.run,
            sent: self.now(),
            what,
        };
        let mut packet = Vec::with_capacity(SIZE);
        order.encode(&mut packet);
        self.credentials.seal(&mut packet);
        match self.flow.send(&packet, packet.len()) {
            Err(error) if !is_no_room(&error) => Err(self.explain(error)),
            _ => Ok(()),
        }
    }

    /// Waits for packets and takes note of the server's words; those of the flood go to `counter`. Says when the oldest
    /// was sent of those that came, and how many there are, one after the other.
    pub(super) fn listen(&mut self, counter: Option<&mut Heard>) -> anyhow::Result<usize> {
        let bundles = match self.gathers {
            true => self.room.gather(&self.flow),
            false => self.room.receive(&self.flow),
        };
        let bundles = bundles.map_err(|error| self.explain(error))?;
        self.take(bundles, counter)?;
        Ok(bundles)
    }

    fn take(&mut self, bundles: usize, mut heard: Option<&mut Heard>) -> anyhow::Result<()> {
        let now = self.now();
        for place in 0..bundles {
            let Some(bundle) = self.room.get(place) else {
                continue;
            };
            for packet in bundle.packets.chunks(bundle.size) {
                if heard.as_mut().is_some_and(|heard| heard.take(packet, now)) {
                    continue;
                }
                if !self.credentials.accept(packet) {
                    continue;
                }
                if let Some(Answer::State(state)) = Answer::decode(packet) {
                    let is_ours = state.session == self.session
                        && (state.run == self.run || state.phase == Phase::Idle);
                    if is_ours {
                        let time = now.saturating_sub(state.asked);
                        self.looks.record(Duration::from_nanos(time));
                        self.state = Some(state);
                    }
                }
            }
        }
        if let Some(heard) = heard {
            heard.came(now);
        }
        Ok(())
    }

    /// Asks how it stands until the server has received all that is still under way, which is when it says the same
    /// twice.
    pub(super) fn settle(&mut self) -> anyhow::Result<State> {
        let mut before = None;
        for _ in 0..TRIES * 4 {
            self.state = None;
            self.order(What::Look)?;
            let deadline = Instant::now() + RETRY_AFTER;
            while self.state.is_none() && Instant::now() < deadline {
                self.listen(None)?;
            }
            let Some(state) = self.state else {
                continue;
            };
            let received = (state.run, state.counts.received, state.counts.sent);
            if before.replace(received) == Some(received) {
                return Ok(state);
            }
            std::thread::sleep(PATIENCE);
        }
        Err(self.silent())
    }

    /// Tells the server that no more comes.
    pub(super) fn end(&mut self) {
        // It finds out by itself, if later, should this be lost.
        let _ = self.order(What::End);
    }

    /// The packets of the current run, as the client sends them.
    pub(super) fn train(&self, run: &Run) -> Train {
        let of = (self.session, self.run);
        Train::new(
            Way::There.sender(),
            of,
            &self.credentials,
            run.size.bytes(),
            at_once(run.size),
        )
    }

    /// Counts what the server sends in the current run.
    pub(super) fn heard(&self, run: &Run) -> Heard {
        Heard {
            counter: Counter::new(
                Way::Back.sender(),
                self.session,
                self.run,
                &self.credentials,
            ),
            way: run.way,
            rtts: Histogram::new(),
            alike: (0, 0),
        }
    }

    /// Says what a fault of the flow means.
    pub(super) fn explain(&self, error: io::Error) -> anyhow::Error {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return anyhow!(
                "udp://{}: the host answers \"port unreachable\": the server is gone",
                self.server
            );
        }
        anyhow::Error::new(error).context(format!("cannot reach udp://{}", self.server))
    }
}

/// What came from the server in a run.
pub(super) struct Heard {
    pub(super) counter: Counter,
    way: Way,
    pub(super) rtts: Histogram,
    /// Packets that left in one call have one time: when that was, and how many came at once.
    alike: (u64, u64),
}

impl Heard {
    /// Counts a packet, if it is one of the run.
    fn take(&mut self, packet: &[u8], now: u64) -> bool {
        let Some(sent) = self.counter.take(packet) else {
            return false;
        };
        if self.alike.0 != sent {
            self.record(now);
            self.alike = (sent, 0);
        }
        self.alike.1 += 1;
        true
    }

    fn came(&mut self, now: u64) {
        if self.alike.1 > 0 {
            self.record(now);
            self.alike = (0, 0);
            self.counter.came(now);
        }
    }

    fn record(&mut self, now: u64) {
        let (sent, count) = self.alike;
        if self.way == Way::Echo && count > 0 {
            let time = Duration::from_nanos(now.saturating_sub(sent));
            self.rtts.record_many(time, count);
        }
    }
}
