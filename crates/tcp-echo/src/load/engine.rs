//! One thread that sends on all connections and receives from them.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use runtime::cpu;
use runtime::shutdown::Shutdown;
use runtime::timing::{unix_nanos, wake_precisely};

use super::connection::{Connection, Times};
use super::failure::{Failure, Failures};
use super::found::{Count, Found};
use super::pattern::{PERIOD, Pattern};
use super::plan::Plan;
use super::schedule::Schedule;

/// The token of the waker; connections have their place as theirs.
const WOKEN: Token = Token(usize::MAX);

/// Events taken at once.
const EVENTS: usize = 1024;

/// How long answers are waited for after the end.
const GRACE: Duration = Duration::from_secs(1);

/// How long nothing at all may come or go while answers are missing.
const STALL: Duration = Duration::from_secs(10);

/// How often it is looked for that.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How it goes, for others to see.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// Waits for events of connections, and for the time to stop. It is made before the connections are: they may take all
/// the descriptors that there are.
pub(super) struct Readiness {
    poll: Poll,
    /// Kept because a waker that is dropped takes its event with it.
    _waker: Arc<Waker>,
}

impl Readiness {
    pub(super) fn new(shutdown: &Shutdown) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        let wake = Arc::clone(&waker);
        shutdown.on_trigger(move || {
            if let Err(error) = wake.wake() {
                tracing::debug!(%error, "the load was not woken");
            }
        });
        Ok(Self {
            poll,
            _waker: waker,
        })
    }
}

/// Loads the server with what is planned, on these connections; `failures` are those of the ones that could not be
/// opened.
pub(super) fn load(
    plan: &Plan,
    mut readiness: Readiness,
    streams: Vec<TcpStream>,
    failures: Failures,
    progress: &Progress,
) -> io::Result<Found> {
    wake_precisely();
    let poll = &mut readiness.poll;
    let mut engine = Engine::new(plan, streams, failures, progress, poll)?;
    let (began, before) = (unix_nanos(), cpu::thread_time());
    engine.begin();
    let mut events = Events::with_capacity(EVENTS);
    while !engine.has_ended() {
        match poll.poll(&mut events, Some(engine.wait())) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        engine.turn(&events);
    }
    let processor = cpu::thread_time().zip(before);
    let processor = processor.map(|(after, before)| after.saturating_sub(before));
    Ok(engine.found(began, processor))
}

struct Engine<'a> {
    plan: &'a Plan,
    pattern: Pattern,
    buffer: Vec<u8>,
    connections: Vec<Option<Connection>>,
    /// How many of them stand.
    standing: usize,
    opened: usize,
    schedule: Schedule,
    count: Count,
    progress: &'a Progress,
    start: Instant,
    /// The clock as it was read last, since the start.
    now: Duration,
    /// When something came or went last.
    moved: Duration,
    interrupted: bool,
}

impl<'a> Engine<'a> {
    fn new(
        plan: &'a Plan,
        streams: Vec<TcpStream>,
        failures: Failures,
        progress: &'a Progress,
        poll: &Poll,
    ) -> io::Result<Self> {
        let opened = streams.len();
        let mut connections = Vec::with_capacity(opened);
        for (number, mut stream) in streams.into_iter().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(number), interest)?;
            connections.push(Some(Connection::new(stream, number, plan.size)));
        }
        Ok(Self {
            plan,
            pattern: Pattern::new(),
            buffer: vec![0; PERIOD],
            connections,
            standing: opened,
            opened,
            schedule: Schedule::new(plan, opened),
            count: Count::new(plan.pace, failures),
            progress,
            start: Instant::now(),
            now: Duration::ZERO,
            moved: Duration::ZERO,
            interrupted: false,
        })
    }

    /// Starts the clock, and sends what may be sent at once.
    fn begin(&mut self) {
        self.start = Instant::now();
        for place in 0..self.connections.len() {
            self.tick();
            self.serve(place, Self::send);
        }
    }

    fn tick(&mut self) {
        self.now = self.start.elapsed();
    }

    /// How long to wait for events.
    ///
    /// epoll's time-outs are whole milliseconds and late; so the last one or two before a request is due are spent
    /// looking for events without a pause.
    fn wait(&self) -> Duration {
        if let Some(due) = self.schedule.next_due() {
            let left = due.saturating_sub(self.now).min(LOOK_EVERY).as_millis();
            return Duration::from_millis((left as u64).saturating_sub(1));
        }
        let end = self.schedule.end();
        match end > self.now {
            true => (end - self.now).min(LOOK_EVERY),
            false => LOOK_EVERY,
        }
    }

    /// Takes what has happened, and sends what is due.
    fn turn(&mut self, events: &Events) {
        self.tick();
        self.send_due();
        for event in events {
            match event.token() {
                WOKEN => self.interrupt(),
                Token(place) => self.take(place, event),
            }
            // What is due does not wait for the rest of the events.
            self.send_due();
        }
        let failures = self.count.failures.all();
        self.progress.answered.store(self.count.answered, Relaxed);
        self.progress.failed.store(failures, Relaxed);
    }

    fn interrupt(&mut self) {
        self.interrupted = true;
        self.schedule.stop(self.now);
    }

    /// Sends on the connections whose turn it is.
    fn send_due(&mut self) {
        for place in self.schedule.turns(self.now) {
            self.serve(place, Self::send);
            self.tick();
        }
    }

    fn take(&mut self, place: usize, event: &Event) {
        let is_closed = event.is_read_closed() || event.is_error();
        if event.is_readable() || is_closed {
            self.serve(place, Self::receive);
        }
        if is_closed {
            // The end of a stream is no event of its own where it came with the last bytes.
            self.serve(place, Self::receive);
        }
        self.serve(place, Self::send);
    }

    /// Does this with a connection that stands, which it may be the end of.
    fn serve(
        &mut self,
        place: usize,
        act: impl FnOnce(&mut Self, usize, &mut Connection) -> Result<usize, Failure>,
    ) {
        // It is put back where it lies: nothing is copied but a few words.
        let Some(mut connection) = self.connections[place].take() else {
            return;
        };
        match act(self, place, &mut connection) {
            Ok(moved) => {
                if moved > 0 {
                    self.moved = self.now;
                }
                self.connections[place] = Some(connection);
            }
            Err(failure) => self.lose(&connection, failure),
        }
    }

    fn receive(&mut self, _: usize, connection: &mut Connection) -> Result<usize, Failure> {
        let (start, end) = (self.start, self.schedule.end());
        let (count, now) = (&mut self.count, &mut self.now);
        let clock = || start.elapsed();
        connection.receive(&self.pattern, &mut self.buffer, clock, |times, at| {
            count.answer(times, at, end);
            *now = at;
        })
    }

    /// Begins as many requests as the connection may, and sends them.
    fn send(&mut self, place: usize, connection: &mut Connection) -> Result<usize, Failure> {
        while connection.in_flight() < self.plan.pipeline {
            let Some(due) = self.schedule.begin(place, self.now) else {
                break;
            };
            let times = Times {
                due,
                sent: self.now,
            };
            self.count.send(times, self.schedule.end());
            connection.begin(times);
        }
        connection.flush(&self.pattern)
    }

    fn lose(&mut self, connection: &Connection, failure: Failure) {
        self.standing -= 1;
        let in_flight = connection.in_flight();
        // A server may close once it owes nothing, and nothing more will be asked of it.
        if failure != Failure::Closed || in_flight > 0 || !self.schedule.is_over(self.now) {
            self.count.fail(failure, in_flight);
        }
    }

    fn has_ended(&mut self) -> bool {
        let is_answered = self.count.in_flight() == 0;
        if self.standing == 0 || (is_answered && self.schedule.is_over(self.now)) {
            return true;
        }
        let has_stalled = !is_answered && self.now.saturating_sub(self.moved) > STALL;
        if has_stalled {
            self.give_up();
        }
        has_stalled || self.now > self.schedule.end().saturating_add(GRACE)
    }

    /// Nothing has come for too long.
    fn give_up(&mut self) {
        for connection in &mut self.connections {
            if let Some(connection) = connection.take() {
                self.standing -= 1;
                self.count.fail(Failure::TimedOut, connection.in_flight());
            }
        }
    }

    fn found(self, began: u64, processor: Option<Duration>) -> Found {
        let end = match self.schedule.end() {
            Duration::MAX => self.count.last,
            // Where all connections were lost it ended before.
            end if self.standing == 0 => end.min(self.now),
            end => end,
        };
        Found {
            plan: self.plan.clone(),
            began,
            opened: self.opened,
            elapsed: end,
            lasted: self.now,
            unsent: self.schedule.waiting(),
            interrupted: self.interrupted,
            processor,
            count: self.count,
        }
    }
}
