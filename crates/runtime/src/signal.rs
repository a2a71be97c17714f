//! Signals that ask a running program to say something. Those that end it are the business of
//! [`shutdown`](crate::shutdown).

use std::io;

use crate::shutdown::Shutdown;

/// Calls `act` whenever SIGUSR1 comes, on a thread of its own, until `shutdown` is triggered. Where there are no such
/// signals (Windows) it does nothing.
///
/// # Errors
/// When the handler cannot be set.
#[cfg(unix)]
pub fn on_request(shutdown: &Shutdown, act: impl FnMut() + Send + 'static) -> io::Result<()> {
    on_each(
        signal_hook::consts::SIGUSR1,
        "requests".into(),
        shutdown,
        act,
    )
}

/// The same for SIGHUP, which asks a server to read its files anew. It then no longer ends with its terminal.
///
/// # Errors
/// When the handler cannot be set.
#[cfg(unix)]
pub fn on_hangup(shutdown: &Shutdown, act: impl FnMut() + Send + 'static) -> io::Result<()> {
    on_each(signal_hook::consts::SIGHUP, "reloads".into(), shutdown, act)
}

#[cfg(unix)]
fn on_each(
    signal: i32,
    name: String,
    shutdown: &Shutdown,
    mut act: impl FnMut() + Send + 'static,
) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal])?;
    let handle = signals.handle();
    std::thread::Builder::new()
        .name(name)
        .spawn(move || signals.forever().for_each(|_| act()))?;
    shutdown.on_trigger(move || handle.close());
    Ok(())
}

#[cfg(not(unix))]
pub fn on_request(_: &Shutdown, _: impl FnMut() + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// The same for SIGHUP; there is none.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn on_hangup(_: &Shutdown, _: impl FnMut() + Send + 'static) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn each_request_is_heard_until_the_end() {
        let (said, heard) = mpsc::channel();
        let shutdown = Shutdown::new();
        on_request(&shutdown, move || said.send(()).unwrap()).unwrap();
        for _ in 0..2 {
            signal_hook::low_level::raise(signal_hook::consts::SIGUSR1).unwrap();
            heard.recv().unwrap();
        }
        shutdown.trigger();
        assert!(heard.recv().is_err(), "the thread has ended");
    }
}
