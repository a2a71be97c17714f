//! Stopping in order: on a signal, on request, once.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::Exit;

/// Tells every part of a program that it is time to stop. Clones share one state.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    triggered: Condvar,
}

#[derive(Default)]
struct Inner {
    triggered: bool,
    wakers: Vec<Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shutdown")
            .field(&self.is_triggered())
            .finish()
    }
}

impl Shutdown {
    /// One that nothing triggers by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGINT and SIGTERM trigger (Ctrl-C on Windows). A second signal ends the process at once with
    /// [`Exit::Failure`]. SIGHUP is left as it is, so that nohup(1) works.
    ///
    /// # Errors
    /// When the handler cannot be set.
    pub fn on_signal() -> io::Result<Self> {
        let shutdown = Self::new();
        let handed = shutdown.clone();
        on_each_signal(move || {
            if handed.is_triggered() {
                std::process::exit(Exit::Failure as i32);
            }
            handed.trigger();
        })
        .map_err(|error| io::Error::new(error.kind(), format!("cannot handle signals: {error}")))?;
        Ok(shutdown)
    }

    /// It is time to stop. Further calls do nothing.
    pub fn trigger(&self) {
        let wakers = {
            let mut inner = self.lock();
            inner.triggered = true;
            self.0.triggered.notify_all();
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_iter().for_each(|wake| wake());
    }

    /// Whether it is time to stop.
    pub fn is_triggered(&self) -> bool {
        self.lock().triggered
    }

    /// Calls `wake` when it is time to stop, at once if it is already. It must end what blocks the caller's thread.
    pub fn on_trigger(&self, wake: impl FnOnce() + Send + 'static) {
        let mut inner = self.lock();
        if inner.triggered {
            drop(inner);
            return wake();
        }
        inner.wakers.push(Box::new(wake));
    }

    /// Blocks until `deadline` or until it is time to stop, which is what the answer says.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        let mut inner = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if inner.triggered || left == Duration::ZERO {
                return inner.triggered;
            }
            let woken = self.0.triggered.wait_timeout(inner, left);
            inner = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is valid between any two statements that could panic.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn on_each_signal(act: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(|_| act()))?;
    Ok(())
}

#[cfg(not(unix))]
fn on_each_signal(act: impl Fn() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(act).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn everyone_is_told_once() {
        let shutdown = Shutdown::new();
        let (told, hear) = mpsc::channel();
        let early = told.clone();
        shutdown.on_trigger(move || early.send("early").unwrap());
        let waiting = shutdown.clone();
        let far = Instant::now() + Duration::from_secs(3600);
        let waiter = thread::spawn(move || waiting.wait_until(far));
        shutdown.trigger();
        shutdown.trigger();
        assert!(waiter.join().unwrap());
        shutdown.on_trigger(move || told.send("late").unwrap());
        assert_eq!(hear.iter().collect::<Vec<_>>(), ["early", "late"]);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let shutdown = Shutdown::new();
        let deadline = Instant::now() + Duration::from_millis(5);
        assert!(!shutdown.wait_until(deadline));
        assert!(Instant::now() >= deadline);
        shutdown.trigger();
        assert!(shutdown.wait_until(deadline + Duration::from_secs(3600)));
    }
}
