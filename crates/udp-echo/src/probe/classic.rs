//! Sending on a fixed schedule, and receiving whatever that takes.
//!
//! One thread sends and does nothing else; one receives and counts; the caller's prints.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::{Arrival, Reply, Summary, Tally, probe};
use runtime::shutdown::Shutdown;
use runtime::timing;
use runtime::udp::{Arrived, Fan, FanReceiver};

use super::Plan;

/// How long before the first packet the schedule is drawn up, so that it too is on time.
const LEAD: Duration = Duration::from_millis(1);

/// What happened to one packet, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An answer came.
    Answered(u64, Arrival),
    /// The time-out has passed.
    Overdue(u64),
    /// The host says that the server's port is closed; said once.
    Refused,
    /// A packet could not be sent; said once.
    NotSent(u64, String),
}

/// Runs the measurement, calling `on_event` as things happen, until all is answered or given up or `shutdown` ends it.
pub(super) fn measure(
    plan: Plan,
    fan: Fan,
    mut receiver: FanReceiver,
    shutdown: &Shutdown,
    mut on_event: impl FnMut(Event) -> io::Result<()>,
) -> anyhow::Result<Summary> {
    receiver.wake_on(shutdown)?;
    let start = Instant::now() + LEAD;
    let (events, happened) = mpsc::channel();
    let (sent, to_count) = mpsc::channel();
    thread::scope(|scope| {
        let ended = shutdown.clone();
        let failures = events.clone();
        thread::Builder::new()
            .name("send".into())
            .spawn_scoped(scope, move || {
                send(&plan, start, &fan, &ended, &sent, &failures);
            })?;
        let mut counter = Counter::new(plan, start, to_count, events);
        let counting =
            thread::Builder::new()
                .name("receive".into())
                .spawn_scoped(scope, move || {
                    counter
                        .run(&mut receiver, shutdown)
                        .map(|()| counter.tally.summary())
                })?;
        for event in happened {
            if let Err(error) = on_event(event) {
                shutdown.trigger();
                return Err(error.into());
            }
        }
        match counting.join() {
            Ok(summary) => Ok(summary?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Sends each packet when it is due, by the schedule that was drawn up at the start, and says when it went.
fn send(
    plan: &Plan,
    start: Instant,
    fan: &Fan,
    shutdown: &Shutdown,
    sent: &Sender<Duration>,
    events: &Sender<Event>,
) {
    timing::wake_precisely();
    let mut payload = Vec::new();
    probe(plan.size, &mut payload);
    let mut due = start;
    let mut complained = false;
    for number in 0..plan.count {
        if shutdown.wait_until(due) {
            return;
        }
        // The receiver counts what it is told here, so it must be told before an answer can come.
        if sent.send(start.elapsed()).is_err() {
            return;
        }
        if let Err(error) = fan.send(number as usize, &payload)
            && !complained
        {
            complained = true;
            let _ = events.send(Event::NotSent(number, error.to_string()));
        }
        due += plan.interval;
    }
}

struct Counter {
    plan: Plan,
    start: Instant,
    tally: Tally,
    to_count: Receiver<Duration>,
    sent: u64,
    events: Sender<Event>,
    refused: bool,
}

impl Counter {
    fn new(
        plan: Plan,
        start: Instant,
        to_count: Receiver<Duration>,
        events: Sender<Event>,
    ) -> Self {
        Self {
            plan,
            start,
            tally: Tally::new(plan.timeout),
            to_count,
            sent: 0,
            events,
            refused: false,
        }
    }

    fn run(&mut self, receiver: &mut FanReceiver, shutdown: &Shutdown) -> io::Result<()> {
        while !shutdown.is_triggered() {
            let now = self.give_up_overdue();
            if self.sent == self.plan.count && !self.tally.is_waiting() {
                break;
            }
            let next = self.tally.next_overdue();
            let wait = next.map_or(self.plan.timeout, |next| next.saturating_sub(now));
            // A packet that is sent during the wait is due later than the wait can last.
            let deadline = Instant::now() + wait.min(self.plan.timeout);
            receiver.receive_until(deadline, |place, what, at| {
                self.count_sent();
                self.arrived(place as u64, what, at);
                ControlFlow::Continue(())
            })?;
        }
        self.give_up_overdue();
        Ok(())
    }

    /// Counts what was sent, names what has had no answer in time by now, and says when that is.
    fn give_up_overdue(&mut self) -> Duration {
        self.count_sent();
        let now = self.start.elapsed();
        while let Some(number) = self.tally.overdue(now) {
            self.say(Event::Overdue(number));
        }
        now
    }

    fn count_sent(&mut self) {
        for at in self.to_count.try_iter() {
            self.tally.sent(at);
            self.sent += 1;
        }
    }

    fn arrived(&mut self, place: u64, what: Arrived<'_>, at: Instant) {
        match what {
            Arrived::Datagram(answer) if Reply::decode(answer) == Some(Reply::Acknowledged) => {
                let Some(number) = self.last_sent_from(place) else {
                    return;
                };
                let arrival = self.tally.answered(number, at - self.start);
                self.say(Event::Answered(number, arrival));
            }
            // A second answer to a calibration that was sent again.
            Arrived::Datagram(_) => {}
            Arrived::Refused => {
                if !std::mem::replace(&mut self.refused, true) {
                    self.say(Event::Refused);
                }
            }
        }
    }

    /// The last packet that went out from this socket.
    fn last_sent_from(&self, place: u64) -> Option<u64> {
        let last = self.sent.checked_sub(1)?;
        let behind = (last + self.plan.sockets - place) % self.plan.sockets;
        last.checked_sub(behind)
    }

    fn say(&self, event: Event) {
        // Nobody listens where the output has failed: the measurement ends soon.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use proto::measure::PacketSize;

    use super::*;

    #[test]
    fn an_answer_belongs_to_the_last_packet_of_its_socket() {
        let (events, _happened) = mpsc::channel();
        let plan = Plan {
            server: "127.0.0.1:1".parse().unwrap(),
            count: 100,
            interval: Duration::from_millis(1),
            size: PacketSize::MAX,
            timeout: Duration::from_millis(1),
            sockets: 3,
        };
        let (_, to_count) = mpsc::channel();
        let mut counter = Counter::new(plan, Instant::now(), to_count, events);
        let table = [
            (0, [None, None, None]),
            (1, [Some(0), None, None]),
            (3, [Some(0), Some(1), Some(2)]),
            (5, [Some(3), Some(4), Some(2)]),
        ];
        for (sent, expected) in table {
            counter.sent = sent;
            let found = [0, 1, 2].map(|place| counter.last_sent_from(place));
            assert_eq!(found, expected, "{sent} sent");
        }
    }
}
