//! The MTU of a path, found by probing (RFC 8899, DPLPMTUD).
//!
//! [`Search`] says what to send next and is told what came of it; it owns neither socket nor clock. Every packet is a
//! probe of the native wire, which may not be cut on its way. Its echo says which of the 32 packets before it the server
//! had received, so that the way there is judged by what arrived there, whatever becomes of long echoes: a size is too
//! long once [`MAX_PROBES`] packets of it are missing while a control packet of a proven size, sent after them, arrived.
//! What an echo was like when it came (whole, in fragments, not at all) judges the way back.
//!
//! Loss is told from length at the end: the size just above the result is probed until the loss that was seen at proven
//! sizes would hardly ever explain its silence. What a host on the path says (ICMP "packet too big") is a hint: it
//! chooses what is probed next and proves nothing, as anyone could have sent it (RFC 8899, section 4.6).

mod burst;
mod finding;
mod ladder;
mod record;
mod search;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::PacketSize;
use super::native::MIN_SIZE;
pub use finding::{End, Finding, Limit, Progress, Reach, State};
pub use search::Search;

/// A size is held to be too long after so many packets of it are missing, or more on a lossy path (RFC 8899, section
/// 5.1.2).
pub const MAX_PROBES: u32 = 3;

/// The most packets of a search, after which it ends with what it knows.
pub const MAX_PACKETS: usize = 1000;

/// Between two packets, so that a short queue on the path is not filled by the search itself.
pub const GAP: Duration = Duration::from_millis(5);

/// The length of an IP packet, headers included, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(pub u32);

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Mtu {
    /// Where the search begins (BASE_PLPMTU: RFC 8899, section 5.1.2).
    pub const BASE: Self = Self(1200);

    /// The UDP payload of such a packet in bytes; 0 where the headers take all of it.
    pub fn payload(self, family: Family) -> usize {
        self.0.saturating_sub(family.headers()) as usize
    }

    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4, without options.
    V4,
    /// IPv6, without extension headers.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// What the headers of IP and UDP take, in bytes.
    pub fn headers(self) -> u32 {
        match self {
            Self::V4 => 28,
            Self::V6 => 48,
        }
    }

    /// The shortest packet that is sent (MIN_PLPMTU): the smallest probe.
    pub fn shortest(self) -> Mtu {
        Mtu(MIN_SIZE as u32 + self.headers())
    }

    /// The longest packet that is sent (MAX_PLPMTU): the largest probe.
    pub fn longest(self) -> Mtu {
        Mtu(PacketSize::MAX.bytes() as u32 + self.headers())
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send the probe of this number, padded to this length, now.
    Send {
        /// Its number, from 0 up without a gap.
        number: u64,
        /// The length of its IP packet.
        size: Mtu,
    },
    /// Wait for what comes until this time.
    Wait(Duration),
    /// No more: see [`Search::finding`].
    Done,
}

/// How an echo came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// In one packet.
    Whole,
    /// Put together from fragments of which the longest had this length.
    Cut(Mtu),
}

/// An echo, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The number of its probe.
    pub number: u64,
    /// Which of the 32 probes before it had arrived; bit 0 is the one just before.
    pub before: u32,
    /// How it came.
    pub shape: Shape,
}
