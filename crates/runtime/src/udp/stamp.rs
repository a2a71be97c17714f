//! When datagrams came and left, by whose clock, and the stamps of those that were sent.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Socket, imp};

/// Who takes the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StampClock {
    /// The program, around its system calls.
    Program,
    /// The kernel's network stack (Linux): the time does not hold the wait for a processor.
    #[default]
    Kernel,
    /// The network card (Linux), where its driver does so and was told to (hwstamp_ctl(8), ptp4l(8)). Its clock need
    /// not be the system's.
    Card,
}

/// A time that was taken, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The time.
    pub at: u64,
    /// Who took it.
    pub clock: StampClock,
}

/// Sends datagrams of one socket that are to be stamped on their way out, and gives their stamps to those who sent
/// them, each with a `T`.
///
/// The system numbers such datagrams of a socket, so all of them must go through one of these.
#[derive(Debug)]
pub struct Outbox<T> {
    next: u32,
    open: VecDeque<(u32, T)>,
    /// When the oldest of those that are waited for was sent, or stamps were collected after that.
    since: Option<Instant>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            next: 0,
            open: VecDeque::new(),
            since: None,
        }
    }
}

impl<T> Outbox<T> {
    /// Whether this system stamps what is sent.
    pub const STAMPS: bool = imp::STAMPS_SENDING;

    /// The most stamps that are waited for; the oldest is given up for a new one.
    pub const CAPACITY: usize = 1024;

    /// How many stamps are worth a visit to the system, which is dear for the first and cheap for those after it, and how
    /// long fewer are left there.
    const WORTH: usize = 8;
    const PATIENCE: Duration = Duration::from_millis(10);

    /// Sends one datagram, to this address (or whom the socket is connected to) and from this one.
    ///
    /// # Errors
    /// What the system says.
    pub fn send(
        &mut self,
        socket: &Socket,
        payload: &[u8],
        to: Option<SocketAddr>,
        from: Option<IpAddr>,
        tag: T,
    ) -> io::Result<()> {
        let (out, to) = socket.out(to);
        imp::send(out, payload, to, from, Some(socket.clock))?;
        if socket.clock != StampClock::Program {
            self.open.truncate(Self::CAPACITY - 1);
            self.open.push_front((self.next, tag));
            self.next = self.next.wrapping_add(1);
            self.since = self.since.or_else(|| Some(Instant::now()));
        }
        Ok(())
    }

    /// Whether it is worth while to [collect](Self::collect) stamps by now.
    pub fn is_due(&self, now: Instant) -> bool {
        let is_old = |since| now.saturating_duration_since(since) >= Self::PATIENCE;
        self.open.len() >= Self::WORTH || self.since.is_some_and(is_old)
    }

    /// The next stamp that is there, and what was sent with its datagram. Older datagrams that have none are given up.
    pub fn collect(&mut self, socket: &Socket) -> Option<(T, Stamp)> {
        self.since = None;
        while !self.open.is_empty() {
            let Some((number, stamp)) = imp::sent_stamp(socket.out(None).0) else {
                self.since = Some(Instant::now());
                return None;
            };
            while let Some((oldest, tag)) = self.open.pop_back() {
                if oldest == number {
                    return Some((tag, stamp));
                }
                // Numbers wrap: what is behind by less than half of them is older.
                if number.wrapping_sub(oldest) > u32::MAX / 2 {
                    self.open.push_back((oldest, tag));
                    break;
                }
            }
        }
        None
    }
}
