//! Measuring on the native wire: one socket, numbered packets, stamps at all four points where the systems take them.

mod hello;
mod receive;
mod saturate;

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::native::Probe;
use proto::measure::{Credentials, Key, SessionId, Tally};
use runtime::cpu::Companion;
use runtime::shutdown::Shutdown;
use runtime::timing::Clocks;
use runtime::udp::{Outbox, Socket, StampClock, is_too_long};

use super::count::{Counter, Event, Wanted};
use super::schedule::Schedule;
use super::send::{Line, Message, send};
use super::{Measured, Plan, beside, conclude, spawn};
pub(super) use hello::{Hello, PATIENCE, hello};
use receive::Receiver;
use saturate::saturate;

/// How long before the first packet the schedule is drawn up, so that it too is on time.
const LEAD: Duration = Duration::from_millis(10);

/// A session with a server of ours.
pub(crate) struct Session {
    socket: Socket,
    id: SessionId,
    key: Option<Key>,
    shared: Arc<Shared>,
    /// Whether this machine stamps packets on their way out and answers when they come.
    stamps: bool,
    outbox: Outbox<u64>,
    /// Where the sending thread runs, where the receiving one is to run too.
    companion: Companion,
}

/// What the sending side must know when the server was started anew.
struct Shared {
    credentials: Mutex<Arc<Credentials>>,
}

impl Shared {
    fn get(&self) -> Arc<Credentials> {
        let credentials = self.credentials.lock();
        Arc::clone(&credentials.unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, credentials: Credentials) {
        let mut shared = self
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = Arc::new(credentials);
    }
}

impl Session {
    /// Whose clock stamps the packets.
    pub(super) fn clock(&self) -> StampClock {
        if self.stamps {
            self.socket.clock()
        } else {
            StampClock::Program
        }
    }

    /// The socket, and what its packets are made and proved with.
    pub(crate) fn into_parts(self) -> (Socket, SessionId, Arc<Credentials>) {
        let credentials = self.shared.get();
        (self.socket, self.id, credentials)
    }

    fn writer(&self, plan: &Plan, start: Instant) -> Writer {
        Writer {
            shared: Arc::clone(&self.shared),
            id: self.id,
            size: plan.size.bytes(),
            wants_left: self.stamps,
            clocks: Clocks::new(start),
            packet: Vec::new(),
        }
    }
}

/// Writes probes.
struct Writer {
    shared: Arc<Shared>,
    id: SessionId,
    size: usize,
    wants_left: bool,
    clocks: Clocks,
    packet: Vec<u8>,
}

impl Writer {
    fn write(&mut self, number: u64, since_start: Duration) -> &[u8] {
        self.packet.clear();
        let since = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let probe = Probe {
            session: self.id,
            number,
            sent: self.clocks.epoch().saturating_add(since),
            wants_left: self.wants_left,
        };
        probe.encode(self.size, &mut self.packet);
        self.shared.get().seal(&mut self.packet);
        &self.packet
    }
}

/// The sending side.
struct NativeLine<'a> {
    socket: &'a Socket,
    outbox: Outbox<u64>,
    writer: Writer,
    start: Instant,
    stamps: bool,
    companion: Option<Companion>,
}

impl Line for NativeLine<'_> {
    fn send(&mut self, number: u64, at: Duration) -> io::Result<()> {
        let packet = self.writer.write(number, at);
        let sent = if self.stamps {
            self.outbox.send(self.socket, packet, None, None, number)
        } else {
            self.socket.send_on(packet)
        };
        sent.map_err(|error| explain(error, self.socket, packet.len()))
    }

    fn look_back(&mut self, is_last: bool, to_count: &Sender<Message>) {
        if let Some(companion) = &self.companion {
            companion.lead();
        }
        if !is_last && !self.outbox.is_due(Instant::now()) {
            return;
        }
        while let Some((number, stamp)) = self.outbox.collect(self.socket) {
            let left = self.writer.clocks.since_start(stamp.at, Instant::now());
            let _ = to_count.send(Message::Left(number, left));
        }
        if let Some(by) = self.writer.clocks.was_set() {
            let _ = to_count.send(Message::ClockSet(by));
        }
    }
}

/// Says what is to be done about packets that are too long for the path.
pub(super) fn explain(error: io::Error, socket: &Socket, size: usize) -> io::Error {
    if !is_too_long(&error) {
        return error;
    }
    let cure = match socket.longest_whole() {
        Some(longest) => format!("use -s {longest} at the most"),
        None => "use a smaller -s".to_owned(),
    };
    let text =
        format!("the path does not take packets of {size} bytes whole; {cure}, or leave out --df");
    io::Error::new(error.kind(), text)
}

/// Runs the measurement until all is answered or given up, or `shutdown` ends it.
pub(super) fn measure(
    plan: &Plan,
    mut session: Session,
    wanted: Wanted,
    shutdown: &Shutdown,
    on_event: impl FnMut(Event) -> io::Result<()>,
) -> anyhow::Result<Measured> {
    let (events, happened) = mpsc::channel();
    let start = Instant::now() + LEAD;
    let mut tally = Tally::new(plan.timeout, Clocks::new(start).epoch());
    if session.stamps {
        tally.expect_stamps();
    }
    let outbox = std::mem::take(&mut session.outbox);
    let session = &session;
    let (to_count, heard) = mpsc::channel();
    let counter = Counter::new(tally, start, wanted, heard, events);
    let mut line = NativeLine {
        socket: &session.socket,
        outbox,
        writer: session.writer(plan, start),
        start,
        stamps: session.stamps,
        companion: plan.sender_sleeps().then(|| session.companion.clone()),
    };
    let receiver = Receiver::new(plan, session, counter);
    thread::scope(|scope| {
        if let Schedule::BackToBack { limit } = plan.schedule {
            drop(to_count);
            let run = move || Ok(saturate(receiver, line, limit, shutdown));
            let running = spawn(scope, "measure", run)?;
            return conclude(running, happened, shutdown, on_event);
        }
        let slots = plan.schedule.slots();
        let run = move || send(slots, start, &mut line, &to_count, shutdown);
        let counting = beside(scope, run, move || Ok(receiver.run(shutdown)))?;
        conclude(counting, happened, shutdown, on_event)
    })
}
