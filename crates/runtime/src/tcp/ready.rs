//! Whether there is something to read.

use std::net::TcpStream;

/// Whether a read from this stream would return at once: with bytes, its end or an error. Where the system does not tell it
/// would.
pub fn is_readable(stream: &TcpStream) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        let mut polled = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        !matches!(poll(&mut polled, PollTimeout::ZERO), Ok(0))
    }
    #[cfg(not(unix))]
    {
        use std::time::Duration;

        // A socket that does not block would not block who writes to it either: so it waits, for as little as it can.
        let patience = stream.read_timeout().unwrap_or(None);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
        let peeked = stream.peek(&mut [0]);
        let _ = stream.set_read_timeout(patience);
        let is_late = |error: &std::io::Error| {
            use std::io::ErrorKind::{TimedOut, WouldBlock};
            matches!(error.kind(), WouldBlock | TimedOut)
        };
        !peeked.is_err_and(|error| is_late(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn bytes_and_the_end_can_be_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        assert!(!is_readable(&near));
        far.write_all(b"x").unwrap();
        near.peek(&mut [0]).unwrap();
        assert!(is_readable(&near));
        assert!(!is_readable(&far));
        drop(near);
        let _ = far.peek(&mut [0]);
        assert!(is_readable(&far));
    }
}
