//! One packet in flight, as fast as the path and both machines can.

use std::time::Instant;

use proto::measure::Tally;
use runtime::shutdown::Shutdown;
use runtime::udp::Batch;

use super::super::schedule::Limit;
use super::super::send::{Line, Pace};
use super::NativeLine;
use super::receive::Receiver;

/// How many packets go by between two looks at what else there is to do.
const LOOK_UP: u64 = 64;

/// Sends a packet as soon as the one before is answered or its time-out has passed. Counting an answer is left until
/// the next packet is on its way.
pub(super) fn saturate(
    mut receiver: Receiver<'_>,
    mut line: NativeLine<'_>,
    limit: Limit,
    shutdown: &Shutdown,
) -> (Tally, Pace) {
    while Instant::now() < line.start {
        std::hint::spin_loop();
    }
    let mut inbox = receiver.inbox();
    let (mut number, mut pace, mut pending) = (0, Pace::default(), None);
    loop {
        let at = line.start.elapsed();
        if !limit.allows(number, at) {
            break;
        }
        let sent = line.send(number, at);
        pace.sent(number, at);
        pace.slots += 1;
        receiver.counter.tally.sent(at);
        if let Some(pending) = pending.take() {
            receiver.account(&pending);
        }
        match sent {
            Ok(()) => pending = receiver.await_echo(number, at, &mut inbox),
            Err(error) => receiver.counter.not_sent(number, error),
        }
        number += 1;
        let nothing_came = pending.is_none();
        if number % LOOK_UP == 0 || nothing_came {
            receiver.counter.tick();
            if shutdown.is_triggered() {
                break;
            }
        }
    }
    if let Some(pending) = pending {
        receiver.account(&pending);
    }
    (receiver.conclude(&mut Batch::new()), pace)
}
