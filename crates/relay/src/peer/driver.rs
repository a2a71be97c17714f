//! The thread of a connection: it moves datagrams between the socket and the machine, and tells what comes of them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use runtime::udp::{ClientError, Line, LineWaker};

use super::machine::Machine;
use super::{GOODBYE, Happening, Heard, Shared, Teller};

/// How many datagrams are taken before what they cause is sent.
const BATCH: usize = 64;

/// The longest datagram of either wire, and more.
const BUFFER: usize = 2048;

/// How long an address of a name is tried while it is silent, if there are others.
const TRIAL: Duration = Duration::from_millis(1500);

/// How long a program that takes nothing is left alone before it is looked at again.
const NAP: Duration = Duration::from_millis(20);

pub(super) struct Driver {
    line: Line,
    /// Further addresses of the relay, tried in turn until one answers.
    others: Vec<SocketAddr>,
    trial: Option<Instant>,
    tell: Box<dyn Fn(Heard) -> bool + Send>,
    is_full: Box<dyn Fn() -> bool + Send>,
    has_trouble: bool,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("line", &self.line).finish()
    }
}

impl Driver {
    /// Talks to the first of these addresses that can be reached.
    pub(super) fn new<L: Send + 'static>(
        mut addrs: Vec<SocketAddr>,
        teller: &Teller<L>,
    ) -> Result<Self, ClientError> {
        let line = loop {
            let addr = addrs.remove(0);
            match Line::connect(addr) {
                Err(error) if addrs.is_empty() => return Err(error),
                Err(_) => {}
                Ok(line) => break line,
            }
        };
        let (told, full) = (teller.clone(), teller.clone());
        Ok(Self {
            line,
            trial: (!addrs.is_empty()).then(|| Instant::now() + TRIAL),
            others: addrs,
            tell: Box::new(move |heard| told.tell(Happening::Heard(heard))),
            is_full: Box::new(move || full.is_full()),
            has_trouble: false,
        })
    }

    pub(super) fn waker(&self) -> LineWaker {
        self.line.waker()
    }

    pub(super) fn run(mut self, shared: &Shared) {
        let mut closing = None;
        loop {
            let deadline = self.turn(shared);
            if shared.is_closing.load(Ordering::Acquire) {
                let until = *closing.get_or_insert_with(|| Instant::now() + GOODBYE);
                if shared.machine().is_done() || Instant::now() >= until {
                    return;
                }
            }
            let until = [deadline, closing, self.trial].into_iter().flatten().min();
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
        if !(self.is_full)() {
            self.take(&mut machine, shared, &mut troubles);
        }
        let line = &self.line;
        machine.transmit(shared.now(), |datagram| {
            troubles.extend(line.send(datagram).err());
        });
        while let Some(heard) = machine.next_heard(shared.now()) {
            (self.tell)(heard);
        }
        // Whoever does something to the machine from here on has to wake this thread.
        shared.is_awake.store(false, Ordering::Release);
        let deadline = machine.deadline();
        drop(machine);
        self.see_to(troubles);
        deadline.map(|at| shared.started + at)
    }

    fn take(&mut self, machine: &mut Machine, shared: &Shared, troubles: &mut Vec<ClientError>) {
        let mut buffer = [0; BUFFER];
        for _ in 0..BATCH {
            match self.line.receive(&mut buffer) {
                Ok(Some(length)) => {
                    self.answered();
                    machine.receive(&buffer[..length], shared.now());
                }
                Ok(None) => return,
                Err(error) => troubles.push(error),
            }
        }
    }

    /// This address it is.
    fn answered(&mut self) {
        self.others.clear();
        (self.trial, self.has_trouble) = (None, false);
    }

    /// Goes to the next address where this one does not answer, to a new socket where the network has changed, and tells
    /// the program once.
    fn see_to(&mut self, troubles: Vec<ClientError>) {
        let silent = self.trial.is_some_and(|at| at <= Instant::now());
        let is_elsewhere = troubles.iter().any(ClientError::may_be_this_address_only);
        if (is_elsewhere || silent) && self.try_next() {
            return;
        }
        let Some(error) = troubles.into_iter().next() else {
            return;
        };
        if !matches!(error, ClientError::Refused { .. }) {
            let addr = self.line.server_addr();
            let _ = self.line.reconnect(addr);
        }
        if !std::mem::replace(&mut self.has_trouble, true) {
            (self.tell)(Heard::Trouble(error));
        }
    }

    /// Whether there was another address.
    fn try_next(&mut self) -> bool {
        while !self.others.is_empty() {
            let addr = self.others.remove(0);
            if self.line.reconnect(addr).is_ok() {
                self.trial = (!self.others.is_empty()).then(|| Instant::now() + TRIAL);
                return true;
            }
        }
        self.trial = None;
        false
    }

    fn wait(&mut self, until: Option<Instant>, shared: &Shared) -> std::io::Result<()> {
        let waited = if (self.is_full)() {
            let nap = Instant::now() + NAP;
            self.line
                .wait_deaf(Some(until.map_or(nap, |at| at.min(nap))))
        } else {
            self.line.wait(until)
        };
        shared.is_awake.store(true, Ordering::Release);
        waited
    }
}
