//! Where the hub's errands go: to the threads that have a disk, or a bus to other relays.

use std::sync::{Mutex, MutexGuard, PoisonError};

use proto::relay::hub::elsewhere::Errand;

/// Takes errands; it never waits.
pub(super) type Runner = Box<dyn Fn(Vec<Errand>) + Send>;

/// Has a thread look after the errands that its runner took. It is called when the hub is free again: a thread that is
/// woken before would wait for it.
pub(super) type Wake = Box<dyn Fn() + Send>;

/// All who run errands, until the relay is closed.
#[derive(Default)]
pub(super) struct Outside {
    runners: Mutex<Vec<Runner>>,
    wakes: Mutex<Vec<Wake>>,
}

impl Outside {
    pub(super) fn new(runners: Vec<Runner>, wakes: Vec<Wake>) -> Self {
        Self {
            runners: Mutex::new(runners),
            wakes: Mutex::new(wakes),
        }
    }

    /// Hands errands to all who may run them; each knows which are its own.
    pub(super) fn run(&self, errands: Vec<Errand>) {
        let runners = lock(&self.runners);
        let Some((last, others)) = runners.split_last() else {
            return;
        };
        others.iter().for_each(|runner| runner(errands.clone()));
        last(errands);
    }

    /// Wakes those who do not wake when they are handed errands.
    pub(super) fn wake(&self) {
        lock(&self.wakes).iter().for_each(|wake| wake());
    }

    /// There are no more errands: the runners go, and their threads end when they have run what they were given.
    pub(super) fn close(&self) {
        lock(&self.wakes).clear();
        lock(&self.runners).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
