//! Sending the packets of a flood when they are due: the same at a client and at a server.

use std::io;
use std::time::Instant;

use proto::measure::PacketSize;
use proto::measure::flood::{Pacing, Rate, Train};
use runtime::shutdown::Shutdown;
use runtime::timing::Pacer;
use runtime::udp::{Flow, is_no_room};

/// How many packets of this size are handed to the system at once: of a megabyte, 256 at the most.
pub(crate) fn at_once(size: PacketSize) -> usize {
    const BYTES: usize = 1 << 20;
    (BYTES / size.bytes()).clamp(1, 256)
}

/// Sends a train at a rate.
pub(crate) struct Pump {
    train: Train,
    pacing: Pacing,
    pacer: Pacer,
    size: PacketSize,
    start: Instant,
    sent: u64,
}

impl Pump {
    pub(crate) fn new(train: Train, size: PacketSize, rate: Option<Rate>, start: Instant) -> Self {
        Self {
            train,
            pacing: Pacing::new(rate),
            pacer: Pacer::default(),
            size,
            start,
            sent: 0,
        }
    }

    /// Sends what is due, as sent at `stamp` in nanoseconds. Where nothing is due it waits until something is, at most
    /// until `wait`.
    ///
    /// What this machine has no room for is tried again; other faults are the caller's.
    pub(crate) fn send(
        &mut self,
        flow: &mut Flow,
        stamp: u64,
        wait: Instant,
        shutdown: &Shutdown,
    ) -> io::Result<()> {
        let due = self.pacing.due(self.start.elapsed(), at_once(self.size));
        if due == 0 {
            let next = self.start + self.pacing.next();
            self.pacer.wait_until(next.min(wait), shutdown);
            return Ok(());
        }
        let packets = self.train.load(due, stamp);
        let sent = match flow.send(packets, self.size.bytes()) {
            Err(error) if is_no_room(&error) => 0,
            sent => sent?,
        };
        self.train.take_back(due - sent);
        self.sent += sent as u64;
        Ok(())
    }

    /// Packets sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets whose time passed before they were sent.
    pub(crate) fn missed(&self) -> u64 {
        self.pacing.missed()
    }
}
