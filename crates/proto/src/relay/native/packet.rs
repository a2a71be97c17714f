//! A packet of a session: a head of fixed places, which is written anew each time the packet is sent, then frames.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | 2 ([`MARK`]) |
//! | 1 | flags: 1 = the packet is numbered, 2 = its receiver is asked for an answer at once |
//! | 2–9 | the session's [`Token`] |
//! | 10–13 | the packet's number, big-endian; 0 where it is not numbered |
//! | 14–17 | acknowledgement: all packets below this number have come, big-endian |
//! | 18–25 | which of the 64 packets from there on have come: bit 0 is the first after it, big-endian |
//! | 26–27 | how many packets from the acknowledged on are taken, big-endian |
//! | 28– | frames, one after the other; none where the packet is not numbered |
//!
//! Numbers begin with 1 in each direction and do not wrap: a session that has used them up begins anew.

use super::Token;

/// The first byte of a packet.
pub const MARK: u8 = 2;

/// The length of the head in bytes.
pub const HEAD: usize = 28;

/// The head of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose it is.
    pub token: Token,
    /// Its number, from 1; `None` is a packet that says no more than its head.
    pub number: Option<u32>,
    /// Whether an answer is wanted at once, if only a head.
    pub asks: bool,
    /// All packets below this number have come.
    pub expected: u32,
    /// Which of the 64 after `expected` have come; bit 0 is `expected` + 1.
    pub beyond: u64,
    /// How many packets from `expected` on are taken.
    pub window: u16,
}

impl Head {
    const NUMBERED: u8 = 1;
    const ASKS: u8 = 2;

    /// Reads the head; `None` is not a packet.
    pub fn decode(datagram: &[u8]) -> Option<(Self, &[u8])> {
        let (head, frames) = datagram.split_first_chunk::<HEAD>()?;
        let u32_at =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| (u64::from(u32_at(at)) << 32) | u64::from(u32_at(at + 4));
        let (flags, number) = (head[1], u32_at(10));
        let is_numbered = flags & Self::NUMBERED != 0;
        let is_whole = head[0] == MARK
            && flags & !(Self::NUMBERED | Self::ASKS) == 0
            && is_numbered == (number != 0)
            && is_numbered != frames.is_empty();
        is_whole.then_some((
            Self {
                token: Token(u64_at(2).to_be_bytes()),
                number: is_numbered.then_some(number),
                asks: flags & Self::ASKS != 0,
                expected: u32_at(14),
                beyond: u64_at(18),
                window: u16::from_be_bytes([head[26], head[27]]),
            },
            frames,
        ))
    }

    /// The bytes of the head.
    pub fn encode(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = MARK;
        head[1] = if self.number.is_some() {
            Self::NUMBERED
        } else {
            0
        };
        head[1] |= if self.asks { Self::ASKS } else { 0 };
        head[2..10].copy_from_slice(&self.token.0);
        head[10..14].copy_from_slice(&self.number.unwrap_or(0).to_be_bytes());
        head[14..18].copy_from_slice(&self.expected.to_be_bytes());
        head[18..26].copy_from_slice(&self.beyond.to_be_bytes());
        head[26..28].copy_from_slice(&self.window.to_be_bytes());
        head
    }
}
