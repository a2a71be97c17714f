//! Waking one thread when something is due, and never else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nothing is due.
const NEVER: u64 = u64::MAX;

/// When a thread is to be woken next.
#[derive(Debug)]
pub(super) struct Alarm {
    /// When, in nanoseconds since the beginning; changed by who has the lock alone.
    next: AtomicU64,
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(NEVER),
            stopped: Mutex::new(false),
            changed: Condvar::new(),
        }
    }
}

impl Alarm {
    /// Something is due at this time since the beginning. Where it is later than what was said before, the thread is
    /// woken then, and finds out: to put it off would take a lock for each batch.
    pub(super) fn set(&self, deadline: Duration) {
        let deadline = nanos(deadline);
        if deadline >= self.next.load(Ordering::Acquire) {
            return;
        }
        let _lock = self.lock();
        if deadline < self.next.load(Ordering::Acquire) {
            self.next.store(deadline, Ordering::Release);
            self.changed.notify_one();
        }
    }

    /// Waits until something is due, which is forgotten with that; `false` when it is time to stop.
    pub(super) fn wait(&self, began: Instant) -> bool {
        let mut stopped = self.lock();
        loop {
            if *stopped {
                return false;
            }
            let next = self.next.load(Ordering::Acquire);
            if next == NEVER {
                let woken = self.changed.wait(stopped);
                stopped = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = Duration::from_nanos(next).saturating_sub(began.elapsed());
            if left.is_zero() {
                self.next.store(NEVER, Ordering::Release);
                return true;
            }
            let woken = self.changed.wait_timeout(stopped, left);
            stopped = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends all waiting, now and later.
    pub(super) fn stop(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(NEVER - 1, |nanos| nanos.min(NEVER - 1))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_due_wakes_once_and_not_before() {
        let (alarm, began) = (Alarm::default(), Instant::now());
        for millis in [30, 10, 20] {
            alarm.set(Duration::from_millis(millis));
        }
        assert!(alarm.wait(began));
        assert!(began.elapsed() >= Duration::from_millis(10));
        alarm.set(Duration::from_millis(40));
        assert!(alarm.wait(began));
        assert!(began.elapsed() >= Duration::from_millis(40));
        alarm.stop();
        assert!(!alarm.wait(began));
    }

    #[test]
    fn a_thread_that_waits_for_nothing_or_for_long_is_woken() {
        let (alarm, began) = (Alarm::default(), Instant::now());
        let (tell, woken) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                while alarm.wait(began) {
                    tell.send(()).unwrap();
                }
                drop(tell);
            });
            alarm.set(Duration::from_secs(3600));
            alarm.set(Duration::ZERO);
            woken.recv().unwrap();
            alarm.set(Duration::ZERO);
            woken.recv().unwrap();
            alarm.stop();
        });
    }
}
