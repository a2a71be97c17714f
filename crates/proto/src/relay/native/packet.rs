//! A packet of a session: a head of fixed places, which is written anew each time the packet is sent, then frames.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | 2 ([`MARK`]) |
//! | 1 | flags: 1 = the packet is numbered, 2 = its receiver is asked for an answer at once, 4 = more has come than bytes 16–29 tell |
//! | 2–9 | the session's [`Token`] |
//! | 10–13 | the packet's number, big-endian; 0 where it is not numbered |
//! | 14–15 | how many numbered packets were sent so far, this one and those sent again among them, big-endian, from 1; after 65535 comes 0; 0 where it is not numbered |
//! | 16–17 | the newest such count that came from the other side; 0 before there is one; says nothing where more has come than is told |
//! | 18–21 | acknowledgement: all packets below this number have come, big-endian |
//! | 22–29 | which of the 64 packets after that one have come: bit 0 is the first, big-endian |
//! | 30–31 | how many packets from the acknowledged on are taken, big-endian |
//! | 32– | numbered: frames, one after the other; else at most 15 times 8 bytes, which go on where bytes 22–29 end |
//!
//! Numbers begin with 1 in each direction and do not wrap: a session that has used them up begins anew. A packet that is
//! sent again keeps its number and has a new count, so that it is known which of both has come.

use super::{MAX_DATAGRAM, Token};

/// The first byte of a packet.
pub const MARK: u8 = 2;

/// The length of the head in bytes.
pub const HEAD: usize = 32;

/// The longest frame that fits a packet, in bytes.
pub const MAX_FRAME: usize = MAX_DATAGRAM - HEAD;

/// The longest rest of a map behind a head, in bytes.
pub const MAX_MORE: usize = 15 * 8;

/// The head of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose it is.
    pub token: Token,
    /// Its number, from 1; `None` is a packet that says no more than its head.
    pub number: Option<u32>,
    /// How many numbered ones were sent, modulo 65,536.
    pub serial: u16,
    /// The newest serial that came.
    pub seen: u16,
    /// Whether an answer is wanted at once, if only a head.
    pub asks: bool,
    /// Whether more has come than this head and what is behind it tell; [`seen`](Self::seen) says nothing then.
    pub is_partial: bool,
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
    const PARTIAL: u8 = 4;

    /// Reads the head, and hands out what is behind it: frames, or [`more`] of the map where the packet has no number.
    /// `None` is not a packet.
    #[inline]
    pub fn decode(datagram: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = datagram.split_first_chunk::<HEAD>()?;
        let u16_at = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let u32_at = |at: usize| (u32::from(u16_at(at)) << 16) | u32::from(u16_at(at + 2));
        let u64_at = |at: usize| (u64::from(u32_at(at)) << 32) | u64::from(u32_at(at + 4));
        let (flags, number) = (head[1], u32_at(10));
        let is_numbered = flags & Self::NUMBERED != 0;
        let is_rest = match is_numbered {
            true => !rest.is_empty(),
            false => rest.len().is_multiple_of(8) && rest.len() <= MAX_MORE,
        };
        let is_whole = head[0] == MARK
            && flags & !(Self::NUMBERED | Self::ASKS | Self::PARTIAL) == 0
            && is_numbered == (number != 0)
            && (is_numbered || u16_at(14) == 0)
            && is_rest;
        is_whole.then(|| {
            let head = Self {
                token: Token(u64_at(2).to_be_bytes()),
                number: is_numbered.then_some(number),
                serial: u16_at(14),
                seen: u16_at(16),
                asks: flags & Self::ASKS != 0,
                is_partial: flags & Self::PARTIAL != 0,
                expected: u32_at(18),
                beyond: u64_at(22),
                window: u16_at(30),
            };
            (head, rest)
        })
    }

    /// The bytes of the head.
    #[inline]
    pub fn encode(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = MARK;
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        head[1] = flag(self.number.is_some(), Self::NUMBERED)
            | flag(self.asks, Self::ASKS)
            | flag(self.is_partial, Self::PARTIAL);
        head[2..10].copy_from_slice(&self.token.0);
        head[10..14].copy_from_slice(&self.number.unwrap_or(0).to_be_bytes());
        head[14..16].copy_from_slice(&self.serial.to_be_bytes());
        head[16..18].copy_from_slice(&self.seen.to_be_bytes());
        head[18..22].copy_from_slice(&self.expected.to_be_bytes());
        head[22..30].copy_from_slice(&self.beyond.to_be_bytes());
        head[30..32].copy_from_slice(&self.window.to_be_bytes());
        head
    }
}

/// The words of a map that go on behind the head of a packet without a number.
pub fn more(rest: &[u8]) -> impl Iterator<Item = u64> {
    let (words, _) = rest.as_chunks::<8>();
    words.iter().map(|word| u64::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD_AND_BYTES: [(Head, [u8; HEAD]); 2] = [
        (
            Head {
                token: Token(*b"\x11\x12\x13\x14\x15\x16\x17\x18"),
                number: Some(0x2122_2324),
                serial: 0x3132,
                seen: 0x4142,
                asks: false,
                is_partial: true,
                expected: 0x5152_5354,
                beyond: 0x6162_6364_6566_6768,
                window: 0x7172,
            },
            *b"\x02\x05\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24\x31\x32\
               \x41\x42\x51\x52\x53\x54\x61\x62\x63\x64\x65\x66\x67\x68\x71\x72",
        ),
        (
            Head {
                token: Token([0xff; 8]),
                number: None,
                serial: 0,
                seen: 0,
                asks: true,
                is_partial: false,
                expected: 1,
                beyond: 1 << 63,
                window: 1024,
            },
            *b"\x02\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\
               \0\0\0\0\0\x01\x80\0\0\0\0\0\0\0\x04\0",
        ),
    ];

    #[test]
    fn the_places_of_the_head() {
        for (head, bytes) in HEAD_AND_BYTES {
            assert_eq!(head.encode(), bytes);
            let rest = if head.number.is_some() {
                &b"frames"[..]
            } else {
                b""
            };
            let packet = [&bytes, rest].concat();
            assert_eq!(Head::decode(&packet), Some((head, rest)));
        }
    }

    #[test]
    fn what_is_no_packet() {
        let [(_, numbered), (_, bare)] = HEAD_AND_BYTES;
        let with = |bytes: [u8; HEAD], at: usize, byte: u8, rest: &[u8]| {
            let mut packet = [&bytes, rest].concat();
            packet[at] = byte;
            packet
        };
        let table = [
            (bare[..HEAD - 1].to_vec(), "too short"),
            (numbered.to_vec(), "a number and no frames"),
            (with(bare, 0, 1, b""), "another mark"),
            (with(bare, 1, 8, b""), "a flag that is not known"),
            (with(bare, 1, 1, b"frames"), "numbered, but by 0"),
            (with(bare, 13, 7, b""), "a number, but not numbered"),
            (with(bare, 15, 7, b""), "a count without a number"),
            (with(bare, 0, 2, &[0; 7]), "no whole word"),
            (with(bare, 0, 2, &[0; MAX_MORE + 8]), "too many words"),
        ];
        for (packet, why) in table {
            assert_eq!(Head::decode(&packet), None, "{why}");
        }
        let longest = with(bare, 0, 2, &[0; MAX_MORE]);
        assert!(Head::decode(&longest).is_some());
    }

    #[test]
    fn the_words_behind_a_head() {
        let words = more(b"\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0");
        assert!(words.eq([1, 2 << 56]));
    }
}
