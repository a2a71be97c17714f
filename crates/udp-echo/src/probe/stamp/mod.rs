//! Measuring a reflector of STAMP or TWAMP Light: the packets of RFC 8762, all four stamps of each, and losses placed by
//! the reflector's count where it has one.

mod hello;
mod receive;

use std::io;
use std::sync::mpsc::{self, Sender as To};
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::Tally;
use proto::stamp::{Mode, Numbering, Sender};
use runtime::cpu::Companion;
use runtime::shutdown::Shutdown;
use runtime::timing::Clocks;
use runtime::udp::{Batch, Outbox, Socket, StampClock};

use super::count::{Counter, Event, Wanted};
use super::native::explain;
use super::schedule::{Limit, Schedule};
use super::send::{Line, Message, Pace, send};
use super::{Measured, Plan, beside, conclude, spawn};
pub(super) use hello::hello;
use receive::Receiver;

/// How long before the first packet the schedule is drawn up, so that it too is on time.
const LEAD: Duration = Duration::from_millis(10);

/// A session with a reflector that has answered.
pub(crate) struct Session {
    socket: Socket,
    mode: Mode,
    sender: Sender,
    /// The number of the measurement's first packet.
    first: u32,
    numbering: Numbering,
    /// The number of the last reply before the measurement.
    counted: u32,
    /// Whether this machine stamps packets on their way out and answers when they come.
    stamps: bool,
    outbox: Outbox<u64>,
    /// Where the sending thread runs, where the receiving one is to run too.
    companion: Companion,
}

impl Session {
    /// Whose clock stamps the packets.
    fn clock(&self) -> StampClock {
        if self.stamps {
            self.socket.clock()
        } else {
            StampClock::Program
        }
    }
}

/// The sending side.
struct StampLine<'a> {
    session: &'a Session,
    outbox: Outbox<u64>,
    size: usize,
    clocks: Clocks,
    packet: Vec<u8>,
    companion: Option<Companion>,
}

impl StampLine<'_> {
    fn write(&mut self, number: u64, since_start: Duration) {
        let since = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let sent = self.clocks.epoch().saturating_add(since);
        let sequence = self.session.first.wrapping_add(number as u32);
        let request = self.session.sender.request(sequence, sent);
        self.packet.clear();
        request.encode(self.size, &self.session.mode, &mut self.packet);
    }
}

impl Line for StampLine<'_> {
    fn send(&mut self, number: u64, at: Duration) -> io::Result<()> {
        self.write(number, at);
        let socket = &self.session.socket;
        let sent = if self.session.stamps {
            self.outbox.send(socket, &self.packet, None, None, number)
        } else {
            socket.send_on(&self.packet)
        };
        sent.map_err(|error| explain(error, socket, self.packet.len()))
    }

    fn look_back(&mut self, is_last: bool, to_count: &To<Message>) {
        if let Some(companion) = &self.companion {
            companion.lead();
        }
        if !is_last && !self.outbox.is_due(Instant::now()) {
            return;
        }
        while let Some((number, stamp)) = self.outbox.collect(&self.session.socket) {
            let left = self.clocks.since_start(stamp.at, Instant::now());
            let _ = to_count.send(Message::Left(number, left));
        }
        if let Some(by) = self.clocks.was_set() {
            let _ = to_count.send(Message::ClockSet(by));
        }
    }
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
    let (to_count, heard) = mpsc::channel();
    let start = Instant::now() + LEAD;
    let clocks = Clocks::new(start);
    let mut tally = Tally::new(plan.timeout, clocks.epoch());
    if session.stamps {
        tally.expect_stamps();
    }
    let outbox = std::mem::take(&mut session.outbox);
    let session = &session;
    let counter = Counter::new(tally, start, wanted, heard, events);
    let mut line = StampLine {
        session,
        outbox,
        size: plan.size.bytes(),
        clocks,
        packet: Vec::new(),
        companion: plan.sender_sleeps().then(|| session.companion.clone()),
    };
    let receiver = Receiver::new(plan, session, counter);
    thread::scope(|scope| {
        if let Schedule::BackToBack { limit } = plan.schedule {
            let run = move || {
                Ok(one_in_flight(
                    receiver, line, limit, start, to_count, shutdown,
                ))
            };
            let running = spawn(scope, "measure", run)?;
            return conclude(running, happened, shutdown, on_event);
        }
        let slots = plan.schedule.slots();
        let run = move || send(slots, start, &mut line, &to_count, shutdown);
        let counting = beside(scope, run, move || Ok(receiver.run(shutdown)))?;
        conclude(counting, happened, shutdown, on_event)
    })
}

/// Sends a packet as soon as the one before is answered or its time-out has passed.
fn one_in_flight(
    mut receiver: Receiver<'_>,
    mut line: StampLine<'_>,
    limit: Limit,
    start: Instant,
    to_count: To<Message>,
    shutdown: &Shutdown,
) -> (Tally, Pace) {
    thread::sleep(start.saturating_duration_since(Instant::now()));
    let (mut batch, mut pace) = (Batch::new(), Pace::default());
    for number in 0.. {
        let at = start.elapsed();
        if shutdown.is_triggered() || !limit.allows(number, at) {
            break;
        }
        pace.sent(number, at);
        pace.slots += 1;
        let _ = to_count.send(Message::Sent(at));
        if let Err(error) = line.send(number, at) {
            let _ = to_count.send(Message::NotSent(number, error));
        }
        line.look_back(false, &to_count);
        receiver.await_reply(number, at, &mut batch);
    }
    line.look_back(true, &to_count);
    (receiver.finish(), pace)
}
