//! Errands on their way from the hub to the thread of the bus.
//!
//! The hub hands them over while it is held, and wakes the thread when it is free again. Some can wait for a moment, those
//! that nobody waits for. Once one of those was brought, those that follow it closely are brought together, or with what
//! the thread is woken for anyhow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::relay::hub::elsewhere::Errand;
use tokio::sync::mpsc::UnboundedSender;

use super::work::Work;

/// For how long those wait that can.
pub(super) const MOMENT: Duration = Duration::from_millis(1);

/// Errands that wait for the thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Intray(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    errands: Vec<Errand>,
    /// Whether one of them cannot wait.
    is_urgent: bool,
    /// Whether the thread knows of them, or is about to look.
    is_told: bool,
    /// Whether the thread looks within a moment.
    is_awake: bool,
}

impl Intray {
    /// Takes errands from the hub.
    pub(super) fn put(&self, errands: Vec<Errand>) {
        let mut waiting = self.lock();
        waiting.is_urgent |= !errands.iter().all(may_wait);
        waiting.errands.extend(errands);
    }

    /// Wakes the thread if there is something for it.
    pub(super) fn wake(&self, works: &UnboundedSender<Work>) {
        let mut waiting = self.lock();
        let is_due = waiting.is_urgent || !waiting.is_awake;
        if is_due && !waiting.errands.is_empty() && !waiting.is_told {
            waiting.is_told = true;
            drop(waiting);
            // It fails when the thread has ended, which says why itself.
            let _ = works.send(Work::Errands);
        }
    }

    /// The thread looks soon: it need not be woken.
    pub(super) fn attend(&self) {
        self.lock().is_told = true;
    }

    /// All errands, and whether the thread is to look again within a moment. When a moment `is_over` in which there was
    /// nothing that could wait, it need not.
    pub(super) fn take(&self, is_over: bool) -> (Vec<Errand>, bool) {
        let mut waiting = self.lock();
        let errands = std::mem::take(&mut waiting.errands);
        let is_close = errands.iter().any(may_wait);
        waiting.is_awake = is_close || (waiting.is_awake && !is_over);
        (waiting.is_urgent, waiting.is_told) = (false, false);
        (errands, waiting.is_awake)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_wait(errand: &Errand) -> bool {
    matches!(errand, Errand::Tell { .. } | Errand::Forget { .. })
}

#[cfg(test)]
mod tests {
    use proto::relay::letter::Place;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn forget() -> Vec<Errand> {
        let (name, until) = ("bob".parse().unwrap(), Place(1));
        vec![Errand::Forget { name, until }]
    }

    fn look() -> Vec<Errand> {
        let name = "bob".parse().unwrap();
        vec![Errand::Look { name }]
    }

    #[test]
    fn what_can_wait_wakes_nobody_who_looks_soon() {
        let (tell, mut works) = unbounded_channel();
        let intray = Intray::default();
        let mut is_woken = |errands| {
            intray.put(errands);
            intray.wake(&tell);
            works.try_recv().is_ok()
        };
        assert!(is_woken(forget()));
        assert_eq!(intray.take(false), (forget(), true));
        assert!(!is_woken(forget()));
        assert!(is_woken(look()));
        assert!(!is_woken(look()));
        assert_eq!(intray.take(false).0.len(), 3);
        assert!(!is_woken(forget()));
        assert_eq!(intray.take(true), (forget(), true));
        assert_eq!(intray.take(true), (vec![], false));
        assert!(is_woken(forget()));
        intray.attend();
        assert!(!is_woken(look()));
    }
}
