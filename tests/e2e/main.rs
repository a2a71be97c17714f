//! End-to-end stories: the real programs on loopback, against each other, the classic Python programs and an attacker.

#![expect(
    clippy::unwrap_used,
    reason = "what fails here fails the test, and says where"
)]

mod filexfer;
mod flood;
mod loops;
mod months;
mod path;
mod relay;
mod stamp;
mod stats;
mod sweep;
mod tcp_client;
mod tcp_echo;
mod tcp_load;
#[cfg(unix)]
mod terminal;
mod udp_echo;
mod web;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test that keeps all processors busy, or needs them: such run one after the other.
fn all_processors() -> MutexGuard<'static, ()> {
    static PROCESSORS: Mutex<()> = Mutex::new(());
    // A test that failed says nothing of the next.
    PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner)
}
