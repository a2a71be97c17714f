//! One side of a session's reliability: what is said arrives once and in order, whatever the path does.

use std::time::Duration;

use super::Token;

/// One side of a session. Frames go in by [`push`](Self::push), packets go out by [`transmit`](Self::transmit); packets
/// come in by [`receive`](Self::receive), which hands out what they say in order.
#[derive(Debug)]
pub struct Link {
    token: Token,
}

/// What a packet was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// The next one: these are its frames. Take [what waited for it](Link::next_waiting) after them.
    Next(&'a [u8]),
    /// Nothing to be read now: it was received before, comes before its turn, or says no more than its head.
    Nothing,
    /// It is none of this session.
    Foreign,
}

impl Link {
    /// A session that has just begun.
    pub fn new(token: Token) -> Self {
        Self { token }
    }

    /// What stands in its packets.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Appends a whole frame to what is to be sent, and says in the packet of which number it goes.
    pub fn push(&mut self, _frame: &[u8]) -> u32 {
        0
    }

    /// Takes a packet that came, and what it acknowledges.
    pub fn receive<'a>(&mut self, _datagram: &'a [u8], _now: Duration) -> Received<'a> {
        Received::Foreign
    }

    /// The frames of the next packet that came before its turn.
    pub fn next_waiting(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The other side has all packets below this number.
    pub fn acknowledged(&self) -> u32 {
        0
    }

    /// How many bytes of frames wait to be sent or acknowledged.
    pub fn backlog(&self) -> usize {
        0
    }

    /// Whether the other side took something since this moment, or nothing waits.
    pub fn moved_since(&self, _moment: Duration) -> bool {
        true
    }

    /// Hands out the packets that are to be sent now, acknowledgements with them; call it after each batch of what came
    /// or was pushed, and at the [`deadline`](Self::deadline).
    pub fn transmit(&mut self, _now: Duration, _send: impl FnMut(&[u8])) {}

    /// When something is to be sent again, if nothing comes until then.
    pub fn deadline(&self) -> Option<Duration> {
        None
    }

    /// Whether the other side has not answered for so long that it is to be given up.
    pub fn is_lost(&self, _now: Duration) -> bool {
        false
    }
}
