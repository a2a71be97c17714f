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

/// Sends a packet as soon as the one before is answered or its time-out has passed.
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
    let (mut number, mut pace) = (0, Pace::default());
    loop {
        let at = line.start.elapsed();
        let is_enough = !limit.allows(number, at) || shutdown.is_triggered();
        if is_enough {
            break;
        }
        pace.sent(number, at);
        pace.slots += 1;
        receiver.counter.tally.sent(at);
        match line.send(number, at) {
            Ok(()) => receiver.await_echo(number, at, &mut inbox),
            Err(error) => receiver.counter.not_sent(number, error),
        }
        number += 1;
        if number % LOOK_UP == 0 {
            receiver.counter.tick();
        }
    }
    (receiver.conclude(&mut Batch::new()), pace)
}
