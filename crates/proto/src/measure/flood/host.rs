//! The server's side of a flood.

use std::sync::Arc;

use super::super::credentials::{Credentials, SessionId};
use super::super::native::{Incoming, MARK, ORDER};
use super::train::Head;
use super::{Counter, Counts, Offload, Order, Phase, Run, RunId, Sender, State, Train, Way, What};

/// The floods of one session, one after the other. Whoever drives it receives and sends as [`Called`] says, and answers
/// every order with [`state`](Self::state), once it has done so.
#[derive(Debug)]
pub struct Host {
    session: SessionId,
    credentials: Arc<Credentials>,
    port: Option<u16>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    id: RunId,
    run: Run,
    counter: Counter,
    /// What the packets begin with that go back.
    back: Head,
    offload: Offload,
    phase: Phase,
}

/// Whether a datagram can only be an order: those are taken however fast packets come.
pub fn is_order(datagram: &[u8]) -> bool {
    datagram.get(..2) == Some(&[MARK, ORDER])
}

/// What a datagram calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// Nothing: it is none of this session.
    Nothing,
    /// It was counted.
    Counted,
    /// It was counted and is to be returned; [`Host::turn`] makes it so.
    Return,
    /// A run begins. Its state is to be told when all is ready for it.
    Begin(Order, Run),
    /// The state is to be told.
    Tell(Order),
    /// The state is to be told, after which the client wants no more.
    End(Order),
}

impl Host {
    /// A host for this session, whose flood goes to this port where it is another than the one that was asked.
    pub fn new(session: SessionId, credentials: Arc<Credentials>, port: Option<u16>) -> Self {
        Self {
            session,
            credentials,
            port,
            current: None,
        }
    }

    /// A datagram came from the client.
    #[inline]
    pub fn take(&mut self, packet: &[u8]) -> Called {
        let Some(current) = &mut self.current else {
            return self.order(packet);
        };
        match (current.counter.take(packet), current.run.way) {
            (Some(_), Way::Echo) => Called::Return,
            (Some(_), _) => Called::Counted,
            (None, _) => self.order(packet),
        }
    }

    fn order(&mut self, packet: &[u8]) -> Called {
        let Some(Incoming::Order(order)) = Incoming::decode(packet) else {
            return Called::Nothing;
        };
        if order.session != self.session || !self.credentials.accept(packet) {
            return Called::Nothing;
        }
        match order.what {
            What::Begin(run) if self.is_new(order.run) => {
                self.begin(order.run, run);
                Called::Begin(order, run)
            }
            What::End => {
                self.end();
                Called::End(order)
            }
            What::Begin(_) | What::Look => Called::Tell(order),
        }
    }

    /// Whether a run comes after the current one: an order to begin may come twice, or late.
    fn is_new(&self, id: RunId) -> bool {
        let after = |current: &Current| id.0.wrapping_sub(current.id.0);
        self.current
            .as_ref()
            .is_none_or(|current| (1..=127).contains(&after(current)))
    }

    fn begin(&mut self, id: RunId, run: Run) {
        let counted = run.way.sender();
        self.current = Some(Current {
            id,
            run,
            counter: Counter::new(counted, self.session, id, &self.credentials),
            back: Head::new(Sender::Server, self.session, id, &self.credentials),
            offload: Offload::default(),
            phase: Phase::Running,
        });
    }

    /// All that was to be sent is sent.
    pub fn end(&mut self) {
        if let Some(current) = &mut self.current {
            current.phase = Phase::Ended;
        }
    }

    /// The packets of the current run, for a server that sends them, `most` at once.
    pub fn train(&self, most: usize) -> Option<Train> {
        let current = self.current.as_ref()?;
        let (of, size) = ((self.session, current.id), current.run.size.bytes());
        Some(Train::new(
            Sender::Server,
            of,
            &self.credentials,
            size,
            most,
        ))
    }

    /// Makes the packet to return of one that was received.
    #[inline]
    pub fn turn(&self, packet: &mut [u8]) {
        if let Some(current) = &self.current {
            current.back.turn(packet);
        }
    }

    /// What was taken since the last time had come by now, in nanoseconds.
    pub fn came(&mut self, now: u64) {
        if let Some(current) = &mut self.current {
            current.counter.came(now);
        }
    }

    /// What is counted beside the packets that were taken, and what the system does; `None` before the first run.
    pub fn beside(&mut self) -> Option<(&mut Counts, &mut Offload)> {
        let current = self.current.as_mut()?;
        Some((current.counter.counts_mut(), &mut current.offload))
    }

    /// The answer to an order.
    pub fn state(&self, order: &Order) -> State {
        let current = self.current.as_ref();
        State {
            session: self.session,
            run: current.map_or(order.run, |current| current.id),
            asked: order.sent,
            phase: current.map_or(Phase::Idle, |current| current.phase),
            offload: current.map_or(Offload::default(), |current| current.offload),
            port: self.port,
            counts: current.map_or(Counts::default(), |current| current.counter.counts()),
        }
    }

    /// The answer to an order of a client that gets no flood, for this reason.
    pub fn refusal(order: &Order, phase: Phase) -> State {
        State {
            session: order.session,
            run: order.run,
            asked: order.sent,
            phase,
            offload: Offload::default(),
            port: None,
            counts: Counts::default(),
        }
    }

    /// Appends a state, proved.
    pub fn encode(&self, state: &State, out: &mut Vec<u8>) {
        let start = out.len();
        state.encode(out);
        self.credentials.seal(&mut out[start..]);
    }
}
