//! Reading under one deadline, however slowly the bytes come.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Reads what is there, at the latest until then. A peer that sends little at a time wins no time by it.
pub(crate) fn read_until(
    mut stream: &TcpStream,
    deadline: Instant,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(timed_out),
        }
    }
}

/// What is left of the time; an error where nothing is.
pub(crate) fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// Unix says `WouldBlock` when the time is over.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
