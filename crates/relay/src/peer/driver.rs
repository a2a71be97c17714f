//! The thread of a connection: it moves datagrams between the socket and the machine, and tells what comes of them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use proto::relay::native::client::Event;
use proto::relay::native::frames::Ending;
use proto::relay::native::handshake::Refusal;
use runtime::udp::{ClientError, Line, LineWaker};

use super::machine::Machine;
use super::route::Route;
use super::{DEAF_GOODBYE, GOODBYE, Happening, Heard, Shared, Takes, Teller};
use crate::relays::Way;

/// How many datagrams are taken before what they cause is sent.
const BATCH: usize = 64;

/// The longest datagram of either wire, and more.
const BUFFER: usize = 2048;

/// How long a program that takes nothing is left alone before it is looked at again.
const NAP: Duration = Duration::from_millis(20);

/// The same of one that takes packet by packet.
const SHORT_NAP: Duration = Duration::from_millis(1);

pub(super) struct Driver {
    line: Line,
    route: Route,
    tell: Box<dyn Fn(Heard) -> bool + Send>,
    is_full: Box<dyn Fn(Takes) -> bool + Send>,
    has_trouble: bool,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("line", &self.line).finish()
    }
}

impl Driver {
    /// Talks to the first of these addresses, of which there is at least one, that can be reached.
    pub(super) fn new<L: Send + 'static>(
        ways: Vec<Way>,
        teller: &Teller<L>,
    ) -> Result<Self, ClientError> {
        let mut route = Route::new(ways);
        let line = loop {
            match Line::connect(route.way().addr) {
                Err(error) if route.is_last() => return Err(error),
                Err(_) => route.go_on(),
                Ok(line) => break line,
            };
        };
        let (told, full) = (teller.clone(), teller.clone());
        Ok(Self {
            line,
            route,
            tell: Box::new(move |heard| told.tell(Happening::Heard(heard))),
            is_full: Box::new(move |takes| match takes {
                Takes::All => full.is_full(),
                Takes::Packets => full.is_waiting(),
                Takes::Nothing => true,
            }),
            has_trouble: false,
        })
    }

    /// The place of the relay that is spoken to first.
    pub(super) fn relay(&self) -> usize {
        self.route.way().relay
    }

    pub(super) fn waker(&self) -> LineWaker {
        self.line.waker()
    }

    pub(super) fn run(mut self, shared: &Shared) {
        let mut closing = None;
        loop {
            let deadline = self.turn(shared);
            if shared.is_closing.load(Ordering::Acquire) {
                let until =
                    *closing.get_or_insert_with(|| Instant::now() + goodbye(shared.takes()));
                if shared.machine().is_done() || Instant::now() >= until {
                    return;
                }
            }
            let until = [deadline, closing, self.route.deadline()];
            let until = until.into_iter().flatten().min();
            if let Err(error) = self.wait(until, shared) {
                tracing::error!(%error, "cannot wait for datagrams");
                return;
            }
        }
    }

    /// Takes what came, sends what is to be sent, tells what happened; gives the moment of the next turn.
    fn turn(&mut self, shared: &Shared) -> Option<Instant> {
        let mut troubles = Vec::new();
        let mut machine = shared.machine();
        if !(self.is_full)(shared.takes()) {
            self.take(&mut machine, shared, &mut troubles);
        }
        self.transmit(&mut machine, shared, &mut troubles);
        self.see_to(troubles, &mut machine, shared);
        self.tell_all(&mut machine, shared);
        // Whoever does something to the machine from here on has to wake this thread.
        shared.is_awake.store(false, Ordering::Release);
        let deadline = machine.deadline();
        deadline.map(|at| shared.started + at)
    }

    fn take(&mut self, machine: &mut Machine, shared: &Shared, troubles: &mut Vec<ClientError>) {
        let mut buffer = [0; BUFFER];
        let batch = match shared.takes() {
            Takes::All => BATCH,
            Takes::Packets | Takes::Nothing => 1,
        };
        for _ in 0..batch {
            match self.line.receive(&mut buffer) {
                Ok(Some(length)) => machine.receive(&buffer[..length], shared.now()),
                Ok(None) => return,
                Err(error) => troubles.push(error),
            }
        }
    }

    fn transmit(
        &mut self,
        machine: &mut Machine,
        shared: &Shared,
        troubles: &mut Vec<ClientError>,
    ) {
        let mut has_spoken = false;
        machine.transmit(shared.now(), |datagram| {
            has_spoken = true;
            troubles.extend(self.line.send(datagram).err());
        });
        if machine.is_registered() {
            self.route.arrived();
            self.has_trouble = false;
        } else if has_spoken {
            self.route.spoke(Instant::now());
        }
    }

    /// Tells the program what has happened. What another relay may cure it does not hear of.
    fn tell_all(&mut self, machine: &mut Machine, shared: &Shared) {
        while let Some(heard) = machine.next_heard(shared.now()) {
            let is_curable = match &heard {
                Heard::Event(Event::Refused(why)) => {
                    matches!(why, Refusal::Full | Refusal::Version) && !self.route.is_last()
                }
                _ => false,
            };
            if is_curable && self.go_on(machine, shared) {
                continue;
            }
            if matches!(heard, Heard::Event(Event::Ended(Ending::Stopping))) {
                self.go_on(machine, shared);
            }
            (self.tell)(heard);
        }
    }

    /// Goes on to the next address where this one does not take the client, to a new socket where the network has changed,
    /// and tells the program once.
    fn see_to(&mut self, troubles: Vec<ClientError>, machine: &mut Machine, shared: &Shared) {
        let is_elsewhere = troubles.iter().any(ClientError::may_be_this_address_only);
        let is_over = self.route.is_over(Instant::now()) && !(self.is_full)(shared.takes());
        let put_off = machine.put_off();
        put_off.into_iter().for_each(|why| shared.is_put_off(why));
        let is_last = self.route.is_last();
        let leaves = is_elsewhere || is_over || put_off.is_some();
        let has_left = leaves && self.go_on(machine, shared);
        if has_left && !is_last {
            return;
        }
        let Some(error) = troubles.into_iter().next() else {
            return;
        };
        if !has_left && !matches!(error, ClientError::Refused { .. }) {
            let _ = self.line.reconnect(self.route.way().addr);
        }
        if !std::mem::replace(&mut self.has_trouble, true) {
            (self.tell)(Heard::Trouble(error));
        }
    }

    /// Whether there is another address that can be spoken to.
    fn go_on(&mut self, machine: &mut Machine, shared: &Shared) -> bool {
        for _ in 1..self.route.len() {
            let Some((way, round)) = self.route.go_on() else {
                return false;
            };
            if self.line.reconnect(way.addr).is_ok() {
                shared.speaks_to(way.relay);
                machine.elsewhere(round, shared.now());
                return true;
            }
        }
        false
    }

    fn wait(&mut self, until: Option<Instant>, shared: &Shared) -> std::io::Result<()> {
        let takes = shared.takes();
        let waited = if (self.is_full)(takes) {
            let nap = match takes {
                Takes::Packets => SHORT_NAP,
                Takes::All | Takes::Nothing => NAP,
            };
            let nap = Instant::now() + nap;
            self.line
                .wait_deaf(Some(until.map_or(nap, |at| at.min(nap))))
        } else {
            self.line.wait(until)
        };
        shared.is_awake.store(true, Ordering::Release);
        waited
    }
}

/// How long a goodbye may take. Whoever takes nothing hears no answer to it.
fn goodbye(takes: Takes) -> Duration {
    match takes {
        Takes::All | Takes::Packets => GOODBYE,
        Takes::Nothing => DEAF_GOODBYE,
    }
}
