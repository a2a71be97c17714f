//! What a process writes, read with a time limit.

use std::io::Read;
use std::os::fd::AsFd;
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The stdout of a process, and what came out of it so far.
///
/// Keep it for as long as the process is to run: one that writes to a pipe that nobody holds is ended by that.
pub(crate) struct Output {
    stdout: ChildStdout,
    text: Vec<u8>,
}

/// Whether there can be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is still open.
    Open,
    /// The process closed it, mostly by ending.
    Ended,
}

impl Output {
    /// Nothing read so far.
    pub(crate) fn of(stdout: ChildStdout) -> Self {
        Self {
            stdout,
            text: Vec::new(),
        }
    }

    /// What came so far; bytes that are no UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Waits for more, until the deadline at most.
    pub(crate) fn read_more(&mut self, deadline: Instant) -> Result<State> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut waited = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, timeout(left)) {
            Ok(0) if deadline <= Instant::now() => bail!("it took too long"),
            Ok(0) | Err(Errno::EINTR) => return Ok(State::Open),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; 65_536];
        let count = self.stdout.read(&mut chunk)?;
        self.text.extend_from_slice(&chunk[..count]);
        Ok(match count {
            0 => State::Ended,
            _ => State::Open,
        })
    }
}

/// Rounded up, so that nobody asks again and again during the last millisecond.
fn timeout(left: Duration) -> PollTimeout {
    let whole = left.as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(whole).unwrap_or(PollTimeout::MAX)
}
