//! The bus: other relays of the same community, over NATS.

mod args;

use std::sync::mpsc;

use proto::relay::hub::elsewhere::Errand;

pub(super) use args::Args;

use super::outside::Runner;
use super::relay::Relay;

/// A connection to the other relays.
pub(super) struct Bus {
    errands: mpsc::Receiver<Vec<Errand>>,
}

impl Bus {
    /// Connects.
    pub(super) fn connect(_url: &str, _args: &Args) -> anyhow::Result<(Self, Runner)> {
        let (tell, errands) = mpsc::channel();
        let runner = move |errand| {
            // It fails when the thread has ended, which says why itself.
            let _ = tell.send(errand);
        };
        Ok((Self { errands }, Box::new(runner)))
    }

    /// Runs errands until there are no more, and tells the hub what others want.
    pub(super) fn run(self, _relay: &Relay) {
        while self.errands.recv().is_ok() {}
    }
}
