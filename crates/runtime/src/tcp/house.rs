//! The thread of a server: all its connections, and who has a turn.

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
use super::listen::{BACKLOG, Listener};
use super::peer::Peer;
use super::server::Policy;
use super::stream::Stream;
use super::tls::Tls;
use super::totals::Totals;
use crate::shutdown::Shutdown;

/// What wakes the thread when it is time to stop. Listeners count down from it, connections up from 0.
const WAKE: Token = Token(usize::MAX);

/// How many events are taken at once.
const EVENTS: usize = 1024;

/// How many connections are accepted before the others have their turn.
const ACCEPTED_AT_ONCE: usize = 64;

/// How late a look may be.
const LOOK_LATEST: Duration = Duration::from_secs(1);

/// A connection that was silent for so long when it is time to stop has nothing on its way.
const LAST_WORDS: Duration = Duration::from_millis(100);

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
}

impl<M: FnMut(Peer, Caller) -> C, C: Conversation> House<M, C> {
    pub(super) fn new(
        listeners: Vec<Listener>,
        policy: Policy,
        tls: Option<Tls>,
        totals: Arc<Totals>,
        conversation: M,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        Ok(Self {
            bell: Bell::new(Arc::clone(&waker)),
            waker,
            generations: 0,
            door: Door::open(listeners, policy.max_connections, poll.registry())?,
            poll,
            connections: Slab::new(),
            turns: VecDeque::new(),
            desk: Desk::new(totals),
            policy,
            tls,
            conversation,
            look: None,
        })
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
            self.accept();
            self.close_overdue();
        }
        self.stop(&mut events)
    }

    /// Waits for events, and gives those that they are about their turn.
    fn round(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.patience()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled?,
        }
        self.desk.out.now = Instant::now();
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
        let next = self.look.into_iter().chain(self.door.opens(open, now));
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
        let deadline = connection.deadline(self.policy.idle_timeout);
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

    fn accept(&mut self) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let open = self.connections.len();
            let next = self.door.next(open, self.desk.out.now, &self.desk.totals);
            let Some((stream, peer)) = next else {
                return;
            };
            match self.seal(stream) {
                Ok(stream) => self.welcome(stream, peer),
                Err(error) => {
                    tracing::debug!(%peer, %error, "a connection could not be sealed");
                    self.desk.totals.count_failed();
                }
            }
        }
    }

    fn seal(&self, stream: Stream) -> io::Result<Stream> {
        match &self.tls {
            Some(tls) => tls.seal(stream, self.desk.out.now),
            None => Ok(stream),
        }
    }

    fn welcome(&mut self, stream: Stream, peer: Peer) {
        let now = self.desk.out.now;
        let place = self.connections.vacant_entry();
        let token = Token(place.key());
        self.generations += 1;
        let called = Called {
            number: place.key(),
            generation: self.generations,
        };
        let conversation = (self.conversation)(peer, Caller::new(called, &self.bell));
        let mut connection = Connection::new(stream, conversation, self.generations, now);
        let registry = self.poll.registry();
        self.desk.totals.count_accepted();
        if let Err(error) = connection.stream().register(registry, token) {
            tracing::debug!(%peer, %error, "a connection failed");
            return self.desk.totals.count_failed();
        }
        tracing::trace!(%peer, "connected");
        let deadline = connection.deadline(self.policy.idle_timeout);
        place.insert(connection);
        self.desk.totals.set_open(self.connections.len());
        self.look_at(deadline);
    }

    /// Has a look taken at all connections at this moment at the latest.
    fn look_at(&mut self, deadline: Option<Instant>) {
        self.look = self.look.into_iter().chain(deadline).min();
    }

    /// Closes connections on which nothing has come or gone for too long.
    fn close_overdue(&mut self) {
        let now = self.desk.out.now;
        if self.look.is_none_or(|look| look > now) {
            return;
        }
        let idle = self.policy.idle_timeout;
        let is_overdue = |one: &Connection<C>| one.deadline(idle).is_some_and(|at| at <= now);
        for number in self.those(is_overdue) {
            let connection = &mut self.connections[number];
            if connection.is_lingering() {
                self.remove(number);
                continue;
            }
            self.desk.totals.count_idle();
            let step = connection.tell_overdue(&mut self.desk);
            self.follow(number, step);
        }
        let deadlines = self.connections.iter();
        let next = deadlines.filter_map(|(_, one)| one.deadline(idle)).min();
        let rest = idle.map_or(LOOK_AGAIN, |idle| (idle / 8).clamp(LOOK_AGAIN, LOOK_LATEST));
        self.look = next.map(|next| next.max(now + rest));
    }

    fn those(&self, chosen: impl Fn(&Connection<C>) -> bool) -> Vec<usize> {
        let connections = self.connections.iter();
        connections
            .filter_map(|(number, one)| chosen(one).then_some(number))
            .collect()
    }

    /// Answers what has come, lets connections end that are not silent, and closes all.
    fn stop(mut self, events: &mut Events) -> io::Result<()> {
        self.desk.out.now = Instant::now();
        let deadline = self.desk.out.now + self.policy.grace;
        self.accept_the_last();
        self.door.close();
        for number in self.those(|_| true) {
            self.connections[number].look();
            if self.connections[number].turn == Turn::None {
                self.go_on(number);
            }
        }
        loop {
            let now = self.desk.out.now;
            for number in self.those(|one| one.is_quiet(now, LAST_WORDS)) {
                self.connections[number].bid_farewell(&mut self.desk);
                self.remove(number);
            }
            if self.connections.is_empty() || now >= deadline {
                break;
            }
            self.look = Some(now + LOOK_AGAIN);
            self.round(events)?;
        }
        for (_, connection) in &mut self.connections {
            if !connection.bid_farewell(&mut self.desk) {
                self.desk.totals.count_cut_off();
            }
        }
        self.desk.totals.set_open(0);
        Ok(())
    }

    /// Takes those that wait, as many as can: to them they are connected, and what they have said may have come.
    fn accept_the_last(&mut self) {
        self.door.ask_all();
        for _ in 0..BACKLOG as usize / ACCEPTED_AT_ONCE {
            self.accept();
        }
    }
}
