//! Clocks, and waking up on time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch, by the clock that people set; 0 before it.
pub fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// Asks the system to wake this thread as close to its deadlines as it can. Linux may otherwise be 50 µs late on
/// purpose, to wake several threads at once (`PR_SET_TIMERSLACK`, prctl(2)); other systems have no such setting.
pub fn wake_precisely() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        tracing::debug!(%error, "timer slack stays as it is");
    }
}
