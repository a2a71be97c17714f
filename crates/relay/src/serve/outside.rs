//! Where the hub's errands go: to the threads that have a disk, or a bus to other relays.

use std::sync::{Mutex, MutexGuard, PoisonError};

use proto::relay::hub::elsewhere::Errand;

/// Takes errands; it never waits.
pub(super) type Runner = Box<dyn Fn(Vec<Errand>) + Send>;

/// All who run errands, until the relay is closed.
#[derive(Default)]
pub(super) struct Outside(Mutex<Vec<Runner>>);

impl Outside {
    pub(super) fn new(runners: Vec<Runner>) -> Self {
        Self(Mutex::new(runners))
    }

    /// Hands errands to all who may run them; each knows which are its own.
    pub(super) fn run(&self, errands: Vec<Errand>) {
        let runners = self.runners();
        let Some((last, others)) = runners.split_last() else {
            return;
        };
        others.iter().for_each(|runner| runner(errands.clone()));
        last(errands);
    }

    /// There are no more errands: the runners go, and their threads end when they have run what they were given.
    pub(super) fn close(&self) {
        self.runners().clear();
    }

    fn runners(&self) -> MutexGuard<'_, Vec<Runner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
