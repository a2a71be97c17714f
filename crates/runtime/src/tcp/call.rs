//! How another thread has a conversation go on that waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

/// What has the conversation of one connection go on after [`Next::Wait`](super::Next::Wait), from any thread. It may
/// outlive the connection: then nothing happens.
#[derive(Clone, Debug)]
pub struct Caller {
    called: Called,
    bell: Arc<Bell>,
}

/// Which connection is meant: its number, and which of those that have had that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Called {
    pub(super) number: usize,
    pub(super) generation: u64,
}

/// Whose turn it is, as other threads have said.
#[derive(Debug)]
pub(super) struct Bell {
    waker: Arc<Waker>,
    called: Mutex<Vec<Called>>,
}

impl Caller {
    pub(super) fn new(called: Called, bell: &Arc<Bell>) -> Self {
        let bell = Arc::clone(bell);
        Self { called, bell }
    }

    /// Has the conversation go on.
    pub fn call(&self) {
        let mut called = self.bell.lock();
        called.push(self.called);
        if called.len() == 1 {
            // Where that fails it goes on with the next event.
            let _ = self.bell.waker.wake();
        }
    }
}

impl Bell {
    pub(super) fn new(waker: Arc<Waker>) -> Arc<Self> {
        let called = Mutex::default();
        Arc::new(Self { waker, called })
    }

    /// Who was called since the last look.
    pub(super) fn answer(&self) -> Vec<Called> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Called>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
