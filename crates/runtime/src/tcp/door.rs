//! Where connections come in, as long as there is room for them.

use std::io::{self, ErrorKind};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::entrance::Entrance;
use super::listen::is_of_one;
use super::peer::Peer;
use super::stream::Stream;
use super::totals::Totals;
use crate::log::Throttle;

/// How long to wait for another descriptor where no connection closes.
const PAUSE: Duration = Duration::from_millis(100);

/// The listeners, and what keeps them from accepting.
pub(super) struct Door {
    wings: Vec<Wing>,
    /// Which listener has the first chance next time, so that none waits for another.
    first: usize,
    limit: usize,
    room: Room,
    faults: Throttle,
}

struct Wing {
    entrance: Entrance,
    queue: Queue,
}

/// What is known of the connections that wait to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Empty,
    Filled,
}

/// Whether the system has room for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// As far as is known.
    Yes,
    /// It had none; it is asked again at this moment.
    Not(Instant),
}

impl Wing {
    fn is_awaited(&mut self) -> bool {
        if self.queue == Queue::Empty {
            return false;
        }
        let is_awaited = self.entrance.is_awaited();
        if is_awaited == Some(false) {
            // Of whoever comes later there will be an event.
            self.queue = Queue::Empty;
        }
        is_awaited == Some(true)
    }
}

impl Door {
    /// Opens it: events of the listeners come with the tokens below `usize::MAX`.
    pub(super) fn open(
        entrances: Vec<Entrance>,
        limit: Option<NonZeroU32>,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut wings = Vec::new();
        for (place, mut entrance) in entrances.into_iter().enumerate() {
            entrance.register(registry, token(place))?;
            let queue = Queue::Empty;
            wings.push(Wing { entrance, queue });
        }
        Ok(Self {
            wings,
            first: 0,
            limit: limit.map_or(usize::MAX, |limit| limit.get() as usize),
            room: Room::Yes,
            faults: Throttle::default(),
        })
    }

    /// Takes note of an event, if it is about a listener.
    pub(super) fn note(&mut self, event: Token) {
        for (place, wing) in self.wings.iter_mut().enumerate() {
            if token(place) == event {
                wing.queue = Queue::Filled;
            }
        }
    }

    /// Has the next [`next`](Self::next) look for connections, whatever the events said.
    pub(super) fn ask_all(&mut self) {
        for wing in &mut self.wings {
            wing.queue = Queue::Filled;
        }
    }

    /// Closes it: nobody can connect any more.
    pub(super) fn close(&mut self) {
        self.wings.clear();
    }

    /// A connection has closed: there may be room for another.
    pub(super) fn one_left(&mut self, now: Instant) {
        if let Room::Not(until) = &mut self.room {
            *until = now;
        }
    }

    /// Whether somebody waits who cannot enter beside so many.
    pub(super) fn is_crowded(&mut self, open: usize, now: Instant) -> bool {
        let is_full = open >= self.limit || matches!(self.room, Room::Not(until) if until > now);
        is_full && self.wings.iter_mut().any(Wing::is_awaited)
    }

    /// Whether [`next`](Self::next) may give a connection beside so many.
    pub(super) fn has_work(&self, open: usize, now: Instant) -> bool {
        self.opens(open, now).is_some_and(|at| at <= now)
    }

    /// When it may give one; `None` where nobody waits, or one of so many has to leave first.
    pub(super) fn opens(&self, open: usize, now: Instant) -> Option<Instant> {
        let someone_waits = self.wings.iter().any(|wing| wing.queue == Queue::Filled);
        let may_enter = someone_waits && open < self.limit;
        may_enter.then_some(match self.room {
            Room::Yes => now,
            Room::Not(until) => until,
        })
    }

    /// The next connection, if one waits and there is room for it beside so many.
    pub(super) fn next(
        &mut self,
        open: usize,
        now: Instant,
        totals: &Totals,
    ) -> Option<(Stream, Peer)> {
        while self.has_work(open, now) {
            let place = self.first % self.wings.len();
            self.first = place + 1;
            let wing = &mut self.wings[place];
            if wing.queue == Queue::Empty {
                continue;
            }
            match wing.entrance.accept() {
                Ok(arrived) => {
                    self.room = Room::Yes;
                    return Some(arrived);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => wing.queue = Queue::Empty,
                Err(error) if is_of_one(&error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                }
                Err(error) => self.wait(&error, open, now, totals),
            }
        }
        None
    }

    /// Neither spins on what cannot be accepted nor gives up: it waits to be asked for again.
    fn wait(&mut self, error: &io::Error, open: usize, now: Instant, totals: &Totals) {
        totals.count_held_back();
        if self.room == Room::Yes && self.faults.admits(now) {
            let unlogged = self.faults.unlogged();
            let cure = cure(error);
            tracing::warn!(connections = open, %error, unlogged, "more connections wait{cure}");
        }
        self.room = Room::Not(now + PAUSE);
    }
}

fn token(place: usize) -> Token {
    Token(usize::MAX - 1 - place)
}

/// What helps where the process has no descriptor left.
fn cure(error: &io::Error) -> &'static str {
    #[cfg(unix)]
    const NO_DESCRIPTOR: i32 = libc::EMFILE;
    #[cfg(not(unix))]
    const NO_DESCRIPTOR: i32 = 10_024; // WSAEMFILE
    match error.raw_os_error() {
        Some(NO_DESCRIPTOR) => ": raise the limit on open files (ulimit -n)",
        _ => "",
    }
}
