//! What runs beside the server that `serve` is about: each on a thread of its own, all under one shutdown.

use std::io;
use std::thread::{self, JoinHandle};

use anyhow::anyhow;
use runtime::shutdown::Shutdown;

/// Companions that have been started. [`join`](Self::join) waits for them when the server has ended.
pub(super) struct Companions {
    shutdown: Shutdown,
    threads: Vec<(&'static str, JoinHandle<anyhow::Result<()>>)>,
}

impl Companions {
    /// None yet.
    pub(super) fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            threads: Vec::new(),
        }
    }

    /// What ends them.
    pub(super) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts one. It is to run until the shutdown that it is given is triggered; if it fails, it triggers that.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        run: impl FnOnce(&Shutdown) -> anyhow::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let shutdown = self.shutdown.clone();
        let run = move || {
            let ended = run(&shutdown);
            if ended.is_err() {
                shutdown.trigger();
            }
            ended
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        self.threads.push((name, thread));
        Ok(())
    }

    /// Stops them all and waits for them.
    ///
    /// # Errors
    /// What the first that failed says.
    pub(super) fn join(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        let mut result = Ok(());
        for (name, thread) in self.threads {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("the {name} thread failed")));
            result = result.and(ended);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[test]
    fn they_end_with_the_server() {
        let mut companions = Companions::new(Shutdown::new());
        for name in ["one", "two"] {
            let wait = |shutdown: &Shutdown| {
                assert!(shutdown.wait_until(far()));
                Ok(())
            };
            companions.start(name, wait).unwrap();
        }
        companions.join().unwrap();
    }

    #[test]
    fn one_that_fails_ends_the_server_and_says_why() {
        let shutdown = Shutdown::new();
        let mut companions = Companions::new(shutdown.clone());
        companions
            .start("one", |_| Err(anyhow!("no more")))
            .unwrap();
        assert!(shutdown.wait_until(far()));
        assert_eq!(companions.join().unwrap_err().to_string(), "no more");
    }
}
