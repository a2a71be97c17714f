//! What goes wrong with a connection, counted by its kind.

use std::io::{self, ErrorKind};

/// Why a connection is no more, or never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing listens, or what listens refuses.
    Refused,
    /// The connection, or an answer, did not come in time.
    TimedOut,
    /// The peer broke the connection off.
    Reset,
    /// The peer closed its side while requests were in flight.
    Closed,
    /// An answer is not the upper case of its request.
    Wrong,
    /// This machine has no port left for a connection to that address.
    NoPort,
    /// This process may not open more sockets.
    NoDescriptor,
    /// What the system says otherwise.
    Other,
}

impl Failure {
    /// All kinds, in the order in which they are shown.
    pub(super) const ALL: [Self; 8] = [
        Self::Refused,
        Self::TimedOut,
        Self::Reset,
        Self::Closed,
        Self::Wrong,
        Self::NoPort,
        Self::NoDescriptor,
        Self::Other,
    ];

    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                Self::Reset
            }
            ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => Self::NoPort,
            _ if is_no_descriptor(error) => Self::NoDescriptor,
            _ => {
                tracing::debug!(%error, "a connection failed");
                Self::Other
            }
        }
    }

    /// What it means, and what helps.
    pub(super) fn explained(self) -> &'static str {
        match self {
            Self::Refused => "refused: the server's queue may be full, or it has ended",
            Self::TimedOut => "without an answer for 10 s",
            Self::Reset => "reset by the server or a host between",
            Self::Closed => {
                "closed by the server while it owed answers (a classic one closes after its first answer)"
            }
            Self::Wrong => {
                "with a wrong answer, closed: expected the upper case of the request, as `tcp-echo serve` sends it without --reply ack"
            }
            Self::NoPort => {
                "not opened, since this machine has no more ports for connections to that address: some 28,000 on Linux, see net.ipv4.ip_local_port_range"
            }
            Self::NoDescriptor => {
                "not opened, since this process may have no more open files: raise the limit by `ulimit -Hn`"
            }
            Self::Other => "failed otherwise (--verbose says how)",
        }
    }
}

#[cfg(unix)]
fn is_no_descriptor(error: &io::Error) -> bool {
    // EMFILE and ENFILE have these numbers on every Unix that Rust knows.
    matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(not(unix))]
fn is_no_descriptor(_: &io::Error) -> bool {
    false
}

/// How many connections failed, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures([u64; Failure::ALL.len()]);

impl Failures {
    pub(super) fn add(&mut self, failure: Failure) {
        self.add_many(failure, 1);
    }

    pub(super) fn add_many(&mut self, failure: Failure, count: u64) {
        self.0[failure as usize] += count;
    }

    pub(super) fn of(&self, failure: Failure) -> u64 {
        self.0[failure as usize]
    }

    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that happened, each with its count.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Failure, u64)> {
        let all = Failure::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_their_own_place() {
        let mut failures = Failures::default();
        for (place, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place);
            failures.add_many(failure, place as u64);
        }
        assert_eq!((failures.all(), failures.seen().count()), (28, 7));
        assert_eq!(failures.of(Failure::Wrong), 4);
    }
}
