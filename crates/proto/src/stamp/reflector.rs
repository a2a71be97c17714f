//! The reflector's side of a session.

use super::packet::{Incoming, Reply};
use super::time::{ErrorEstimate, Timestamp};

/// The time to live of a packet of which the reflector does not know it.
const UNKNOWN_TTL: u8 = 255;

/// When and how a sender's packet arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The time, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// The time to live or hop limit, where the system tells.
    pub ttl: Option<u8>,
}

/// What a reflector remembers of one session: how many replies it has had. So its sender can tell what is lost on the
/// way there from what is lost on the way back (the stateful mode of RFC 8762, section 4).
#[derive(Clone, Debug, Default)]
pub struct Session {
    replies: u64,
}

impl Session {
    /// The reply to a packet, which is still to be encoded and completed; `None` where the packet answers one of this
    /// session's own replies, as that of another reflector does, whatever its clock says.
    pub fn reflect(&mut self, incoming: &Incoming, arrived: Arrived) -> Option<Reply> {
        if self.sent(incoming.answers) {
            return None;
        }
        let sequence = self.replies as u32;
        self.replies += 1;
        let error = ErrorEstimate::OURS;
        Some(Reply {
            sequence,
            sent: Timestamp::default(),
            received: Timestamp::of_unix(arrived.at, error.format()),
            error,
            asked: incoming.request,
            ttl: arrived.ttl.unwrap_or(UNKNOWN_TTL),
        })
    }

    /// Whether a reply of this session had this number and this error estimate. The padding of a request is zero, or says
    /// so once in 2¹⁶ times at the most.
    fn sent(&self, (sequence, error): (u32, ErrorEstimate)) -> bool {
        error == ErrorEstimate::OURS && u64::from(sequence) < self.replies
    }
}
