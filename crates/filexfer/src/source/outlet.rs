//! The way out, no faster than it may be and never silent for long.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::{Alive, Data, MAX_DATA};
use proto::frame::Message;
use runtime::limit::StreamMeter;
use runtime::units::ByteRate;

use crate::session::Sending;
use crate::transfer::TransferError;

/// A sending session with a limit.
pub(super) struct Outlet {
    sending: Sending,
    meter: Option<StreamMeter>,
    /// What was on the wire when it was looked at last, and when that was.
    wire: u64,
    sent: Instant,
    /// How long the limit has held it up.
    held: Duration,
}

impl Outlet {
    /// After so long in which nothing was sent the other side is told that this one is there.
    pub(super) const SILENCE: Duration = Duration::from_secs(5);

    /// So much is sent at once at least, where there is more to come.
    const WORTH: usize = 128 * 1024;

    pub(super) fn new(sending: Sending, limit: Option<ByteRate>) -> Self {
        Self {
            wire: sending.wire(),
            sending,
            meter: limit.map(StreamMeter::new),
            sent: Instant::now(),
            held: Duration::ZERO,
        }
    }

    /// How many bytes of a file may be sent at once.
    pub(super) fn piece(&self) -> usize {
        let most = MAX_DATA as usize;
        self.meter.map_or(most, |meter| meter.piece().min(most))
    }

    pub(super) fn say<M: Message>(&mut self, message: &M) -> Result<(), TransferError> {
        self.sending.say(message)?;
        self.settle()
    }

    /// As [`Sending::fill`].
    pub(super) fn fill(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Result<io::Result<usize>, TransferError> {
        let filled = self.sending.fill(fill)?;
        self.settle()?;
        Ok(filled)
    }

    /// As [`Sending::packed`].
    pub(super) fn packed(&mut self, data: Data, bytes: &[u8]) -> Result<(), TransferError> {
        self.sending.packed(data, bytes)?;
        self.settle()
    }

    /// Sends what there is.
    pub(super) fn flush(&mut self) -> Result<(), TransferError> {
        self.sending.flush()?;
        self.pay();
        Ok(())
    }

    /// Says that this side is there, if it has been silent for long.
    pub(super) fn stay_alive(&mut self) -> Result<(), TransferError> {
        if self.silent() < Self::SILENCE {
            return Ok(());
        }
        self.sending.say(&Alive)?;
        self.flush()
    }

    /// For how long nothing was sent.
    pub(super) fn silent(&self) -> Duration {
        self.sent.elapsed()
    }

    /// How long sending took, with all that it waited for.
    pub(super) fn writing(&self) -> Duration {
        self.sending.writing() + self.held
    }

    /// Bytes on the wire so far, with those that wait to be sent.
    pub(super) fn wire(&self) -> u64 {
        self.sending.wire() + self.sending.waiting() as u64
    }

    pub(super) fn into_inner(self) -> Sending {
        self.sending
    }

    /// Sends what there is where it is worth it.
    fn settle(&mut self) -> Result<(), TransferError> {
        if self.sending.waiting() >= self.piece().min(Self::WORTH) {
            self.sending.flush()?;
        }
        self.pay();
        Ok(())
    }

    /// Waits for as long as what was sent is to last.
    fn pay(&mut self) {
        let wire = self.sending.wire();
        if wire == self.wire {
            return;
        }
        let now = Instant::now();
        if let Some(meter) = &mut self.meter {
            meter.spend(wire - self.wire, now);
            let wait = meter.wait(now);
            if !wait.is_zero() {
                thread::sleep(wait);
                self.held += wait;
            }
        }
        (self.wire, self.sent) = (wire, now);
    }
}
