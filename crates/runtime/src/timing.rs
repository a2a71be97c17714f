//! Waking up on time.

/// Asks the system to wake this thread as close to its deadlines as it can. Linux may otherwise be 50 µs late on
/// purpose, to wake several threads at once (`PR_SET_TIMERSLACK`, prctl(2)); other systems have no such setting.
pub fn wake_precisely() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        tracing::debug!(%error, "timer slack stays as it is");
    }
}
