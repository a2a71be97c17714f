//! The thread of a server: all its connections, and who has a turn.

mod arrive;
mod overdue;
mod stop;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use slab::Slab;

use super::call::{Bell, Called, Caller};
use super::connection::{Connection, Conversation, Step, Turn};
use super::desk::Desk;
use super::door::Door;
use super::entrance::Entrance;
use super::peer::Peer;
use super::server::Policy;
use super::tls::Tls;
use super::totals::Totals;
use crate::alert::Alert;
use crate::shutdown::Shutdown;

/// What wakes the thread when it is time to stop. Listeners count down from it, connections up from 0.
const WAKE: Token = Token(usize::MAX);

/// How many events are taken at once.
const EVENTS: usize = 1024;

/// How many connections are accepted before the others have their turn.
const ACCEPTED_AT_ONCE: usize = 64;

/// The same of a thread whose listeners are also those of others.
const ACCEPTED_WHERE_SHARED: usize = 4;

/// How soon a look at all connections follows on the last, so that deadlines cost little however many there are.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// All connections of a server.
pub(super) struct House<M, C> {
    poll: Poll,
    waker: Arc<Waker>,
    bell: Arc<Bell>,
    /// How many connections there have been.
    generations: u64,
    door: Door,
    connections: Slab<Connection<C>>,
    /// Those that had their share and are not done.
    turns: VecDeque<usize>,
    desk: Desk,
    policy: Policy,
    tls: Option<Tls>,
    conversation: M,
    /// When a connection may be overdue.
    look: Option<Instant>,
    /// Those that go where others wait for room, and when they were chosen.
    going: VecDeque<Called>,
    chosen: Option<Instant>,
    /// When somebody who waits for room may find some, though nothing is heard until then.
    room_at: Option<Instant>,
    /// How many connections are accepted before the others have their turn.
    accepted_at_once: usize,
    alert: Alert,
}

impl<M: FnMut(Peer, Caller) -> C, C: Conversation> House<M, C> {
    pub(super) fn new(
        entrances: Vec<Entrance>,
        policy: Policy,
        totals: Arc<Totals>,
        conversation: M,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        Ok(Self {
            bell: Bell::new(Arc::clone(&waker)),
            waker,
            generations: 0,
            door: Door::open(entrances, policy.max_connections, poll.registry())?,
            poll,
            connections: Slab::new(),
            turns: VecDeque::new(),
            desk: Desk::new(totals),
            policy,
            tls: None,
            conversation,
            look: None,
            going: VecDeque::new(),
            chosen: None,
            room_at: None,
            accepted_at_once: ACCEPTED_AT_ONCE,
            alert: Alert::default(),
        })
    }

    /// Has all connections sealed, if by anything.
    pub(super) fn seal_by(&mut self, tls: Option<Tls>) {
        self.tls = tls;
    }

    /// Shares its listeners with other threads, and leaves them something to accept.
    pub(super) fn share(&mut self) {
        self.accepted_at_once = ACCEPTED_WHERE_SHARED;
    }

    pub(super) fn run(mut self, shutdown: &Shutdown) -> io::Result<()> {
        let waker = Arc::clone(&self.waker);
        shutdown.on_trigger(move || {
            // If it fails the thread ends with the next connection, or with the program.
            let _ = waker.wake();
        });
        let mut events = Events::with_capacity(EVENTS);
        while !shutdown.is_triggered() {
            self.round(&mut events)?;
            self.accept(self.accepted_at_once);
            self.close_overdue();
        }
        self.stop(&mut events)
    }

    /// Waits for events, and gives those that they are about their turn.
    fn round(&mut self, events: &mut Events) -> io::Result<()> {
        self.wait(events)?;
        self.desk.out.now = Instant::now();
        if !events.is_empty() {
            self.alert.came(self.desk.out.now);
        }
        let mut woken = false;
        for event in &*events {
            let Token(number) = event.token();
            match self.connections.get_mut(number) {
                Some(connection) => {
                    connection.note(event);
                    if connection.turn == Turn::None {
                        self.go_on(number);
                    }
                }
                None if event.token() == WAKE => woken = true,
                None => self.door.note(event.token()),
            }
        }
        if woken {
            self.answer_calls();
        }
        for _ in 0..self.turns.len() {
            if let Some(number) = self.turns.pop_front() {
                self.take_turn(number);
            }
        }
        Ok(())
    }

    /// Waits for events, or until something is to be done. It looks for them before it sleeps where that pays.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let patience = self.patience();
        if patience != Some(Duration::ZERO)
            && let Some(until) = self.alert.until(Instant::now())
        {
            while Instant::now() < until {
                poll(&mut self.poll, events, Some(Duration::ZERO))?;
                if !events.is_empty() {
                    self.alert.found();
                    return Ok(());
                }
            }
            self.alert.missed();
        }
        poll(&mut self.poll, events, patience)
    }

    /// Has those go on whom other threads have called.
    fn answer_calls(&mut self) {
        for called in self.bell.answer() {
            let waiting = self.connections.get_mut(called.number);
            if let Some(connection) = waiting.filter(|one| one.generation == called.generation) {
                connection.hear_call();
                if connection.turn == Turn::None {
                    self.go_on(called.number);
                }
            }
        }
    }

    /// How long nothing need be done unless something comes.
    fn patience(&self) -> Option<Duration> {
        let now = self.desk.out.now;
        let open = self.connections.len();
        if self.policy.spin || !self.turns.is_empty() {
            return Some(Duration::ZERO);
        }
        let opens = self.door.opens(open, now);
        let next = self.look.into_iter().chain(opens).chain(self.room_at);
        let next = next.min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn take_turn(&mut self, number: usize) {
        // It may have ended since, and another have its number: then that one is not waiting.
        let waiting = self.connections.get_mut(number);
        if let Some(connection) = waiting.filter(|one| one.turn == Turn::Waits) {
            connection.turn = Turn::None;
            self.go_on(number);
        }
    }

    fn go_on(&mut self, number: usize) {
        let Some(connection) = self.connections.get_mut(number) else {
            return;
        };
        let step = connection.go_on(&mut self.desk);
        let deadline = connection.deadline(&self.policy);
        self.look_at(deadline);
        self.follow(number, step);
    }

    fn follow(&mut self, number: usize, step: io::Result<Step>) {
        match step {
            Ok(Step::Event) => {}
            Ok(Step::Turn) => self.turns.push_back(number),
            Ok(Step::Done) => self.remove(number),
            Err(error) => {
                tracing::debug!(%error, "a connection failed");
                self.desk.totals.count_failed();
                self.remove(number);
            }
        }
    }

    fn remove(&mut self, number: usize) {
        self.connections.remove(number);
        self.desk.totals.set_open(self.connections.len());
        self.door.one_left(self.desk.out.now);
    }

    fn those(&self, chosen: impl Fn(&Connection<C>) -> bool) -> Vec<usize> {
        let connections = self.connections.iter();
        connections
            .filter_map(|(number, one)| chosen(one).then_some(number))
            .collect()
    }
}

fn poll(poll: &mut Poll, events: &mut Events, patience: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, patience) {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        polled => polled,
    }
}
