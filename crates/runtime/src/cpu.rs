//! Which processor a thread runs on.
//!
//! To wake a thread on another, idle processor takes longer than to send a datagram and receive it: where a thread is
//! about to be woken by what another one causes, both are best on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOWHERE: usize = usize::MAX;

/// Lets one thread follow another from processor to processor (Linux; elsewhere nothing happens). Clones share one
/// state.
#[derive(Clone, Debug)]
pub struct Companion(Arc<AtomicUsize>);

impl Default for Companion {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(NOWHERE)))
    }
}

impl Companion {
    /// Says where the calling thread, which leads, runs.
    pub fn lead(&self) {
        self.0.store(here().unwrap_or(NOWHERE), Ordering::Relaxed);
    }

    /// Puts the calling thread where the leading one runs. `at` is where it was put last.
    pub fn follow(&self, at: &mut Option<usize>) {
        let leader = self.0.load(Ordering::Relaxed);
        if leader != NOWHERE && *at != Some(leader) {
            *at = Some(leader);
            go(leader);
        }
    }
}

/// How long the calling thread has had a processor, where the system tells (Linux).
pub fn thread_time() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .ok()
        .map(Duration::from);
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
fn here() -> Option<usize> {
    nix::sched::sched_getcpu().ok()
}

#[cfg(target_os = "linux")]
fn go(processor: usize) {
    let mut set = nix::sched::CpuSet::new();
    let this_thread = nix::unistd::Pid::from_raw(0);
    let gone = set
        .set(processor)
        .and_then(|()| nix::sched::sched_setaffinity(this_thread, &set));
    if let Err(error) = gone {
        tracing::debug!(%error, processor, "the thread stays where it is");
    }
}

#[cfg(not(target_os = "linux"))]
fn here() -> Option<usize> {
    None
}

#[cfg(not(target_os = "linux"))]
fn go(_processor: usize) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_follows() {
        let companion = Companion::default();
        let mut at = None;
        companion.follow(&mut at);
        assert_eq!(at, None, "nobody leads yet");
        companion.lead();
        let leader = companion.0.load(Ordering::Relaxed);
        std::thread::spawn(move || {
            companion.follow(&mut at);
            assert_eq!((at, here()), (Some(leader), Some(leader)));
        })
        .join()
        .unwrap();
    }
}
