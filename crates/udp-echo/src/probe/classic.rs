//! Measuring on the classic wire, whose answers all look alike: each packet waits for its own at a port of its own.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::{Reply, Tally, probe};
use runtime::shutdown::Shutdown;
use runtime::udp::{Arrived, Fan, FanReceiver};

use super::count::{Counter, Event, Wanted};
use super::send::{Line, send};
use super::{Measured, Plan, beside, conclude};

/// How long before the first packet the schedule is drawn up, so that it too is on time.
const LEAD: Duration = Duration::from_millis(10);

/// How long the receiving side waits at the most before it looks around.
const LOOK_UP: Duration = Duration::from_millis(20);

/// The sending side. Packet `k` goes out from socket `k` modulo their number.
struct FanLine {
    fan: Fan,
    payload: Vec<u8>,
}

impl Line for FanLine {
    fn send(&mut self, number: u64, _at: Duration) -> io::Result<()> {
        let sockets = self.fan.len() as u64;
        self.fan.send((number % sockets) as usize, &self.payload)
    }
}

/// Runs the measurement until all is answered or given up, or `shutdown` ends it.
pub(super) fn measure(
    plan: &Plan,
    fan: Fan,
    mut receiver: FanReceiver,
    wanted: Wanted,
    shutdown: &Shutdown,
    on_event: impl FnMut(Event) -> io::Result<()>,
) -> anyhow::Result<Measured> {
    receiver.wake_on(shutdown)?;
    let start = Instant::now() + LEAD;
    let (events, happened) = mpsc::channel();
    let (to_count, heard) = mpsc::channel();
    let counter = Counter::new(Tally::new(plan.timeout, 0), start, wanted, heard, events);
    let sockets = fan.len() as u64;
    let mut line = FanLine {
        fan,
        payload: Vec::new(),
    };
    probe(plan.size, &mut line.payload);
    thread::scope(|scope| {
        let slots = plan.schedule.slots();
        let run = move || send(slots, start, &mut line, &to_count, shutdown);
        let count = move || receive(counter, &mut receiver, sockets, shutdown);
        let counting = beside(scope, run, count)?;
        conclude(counting, happened, shutdown, on_event)
    })
}

/// Counts until all is answered or given up, or until it is time to stop.
fn receive(
    mut counter: Counter,
    receiver: &mut FanReceiver,
    sockets: u64,
    shutdown: &Shutdown,
) -> io::Result<Tally> {
    while !shutdown.is_triggered() && !counter.is_done() {
        receiver.receive_until(Instant::now() + LOOK_UP, |place, what, at| {
            counter.hear();
            arrived(&mut counter, place as u64, sockets, what, at);
            ControlFlow::Continue(())
        })?;
        counter.tick();
    }
    Ok(counter.finish())
}

fn arrived(counter: &mut Counter, place: u64, sockets: u64, what: Arrived<'_>, at: Instant) {
    match what {
        Arrived::Datagram(answer) if Reply::decode(answer) == Some(Reply::Acknowledged) => {
            if let Some(number) = last_sent_from(place, sockets, counter.sent()) {
                counter.answered(number, at.saturating_duration_since(counter.start));
            }
        }
        // A second answer to a calibration that was sent again.
        Arrived::Datagram(_) => {}
        Arrived::Refused => counter.refused(),
    }
}

/// The last packet that went out from this socket.
fn last_sent_from(place: u64, sockets: u64, sent: u64) -> Option<u64> {
    let last = sent.checked_sub(1)?;
    let behind = (last + sockets - place) % sockets;
    last.checked_sub(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_last_packet_of_its_socket() {
        let table = [
            (0, [None, None, None]),
            (1, [Some(0), None, None]),
            (3, [Some(0), Some(1), Some(2)]),
            (5, [Some(3), Some(4), Some(2)]),
        ];
        for (sent, expected) in table {
            let found = [0, 1, 2].map(|place| last_sent_from(place, 3, sent));
            assert_eq!(found, expected, "{sent} sent");
        }
    }
}
