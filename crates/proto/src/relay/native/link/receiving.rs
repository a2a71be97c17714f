//! What comes from the other side: in order at once, else kept until its turn.

use std::collections::VecDeque;

use super::super::packet::MAX_MORE;

/// How many packets from the expected one on are taken.
const WINDOW: u16 = 1024;

/// The side that receives.
#[derive(Debug)]
pub(super) struct Receiving {
    expected: u32,
    window: u16,
    seen: u16,
    ahead: Option<Box<Ahead>>,
}

/// What came before its turn; the first place is the expected one's.
#[derive(Debug, Default)]
struct Ahead {
    packets: VecDeque<Option<Box<[u8]>>>,
    bytes: usize,
}

/// Which packets after the expected one have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Map {
    words: [u64; 1 + MAX_MORE / 8],
    length: usize,
}

/// When a packet is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now.
    Now,
    /// Later, or it was before, or never.
    NotNow,
}

impl Receiving {
    pub(super) fn new() -> Self {
        Self {
            expected: 1,
            window: WINDOW,
            seen: 0,
            ahead: None,
        }
    }

    pub(super) fn expected(&self) -> u32 {
        self.expected
    }

    pub(super) fn seen(&self) -> u16 {
        self.seen
    }

    pub(super) fn window(&self) -> u16 {
        self.window
    }

    pub(super) fn set_window(&mut self, packets: u16) {
        self.window = packets.min(WINDOW);
    }

    /// How many bytes are kept until their turn.
    pub(super) fn kept(&self) -> usize {
        self.ahead.as_ref().map_or(0, |ahead| ahead.bytes)
    }

    /// Takes a numbered packet.
    #[inline]
    pub(super) fn take(&mut self, number: u32, serial: u16, frames: &[u8]) -> Turn {
        if serial.wrapping_sub(self.seen) < 1 << 15 {
            self.seen = serial;
        }
        let beyond = match number.checked_sub(self.expected) {
            Some(beyond) if beyond < u32::from(self.window) && number < u32::MAX => beyond,
            _ => return Turn::NotNow,
        };
        if beyond > 0 {
            self.keep(beyond as usize, frames);
            return Turn::NotNow;
        }
        if self.is_waiting() {
            return Turn::NotNow;
        }
        self.advance();
        Turn::Now
    }

    /// What came before its turn, which is now.
    pub(super) fn next_waiting(&mut self) -> Option<Vec<u8>> {
        if !self.is_waiting() {
            return None;
        }
        let ahead = self.ahead.as_mut()?;
        let packet = ahead.packets.front_mut()?.take()?;
        ahead.bytes -= packet.len();
        self.advance();
        Some(packet.into_vec())
    }

    fn is_waiting(&self) -> bool {
        let first = self.ahead.as_ref().and_then(|ahead| ahead.packets.front());
        matches!(first, Some(Some(_)))
    }

    #[inline]
    fn advance(&mut self) {
        self.expected += 1;
        if let Some(ahead) = &mut self.ahead {
            ahead.packets.pop_front();
            if ahead.packets.is_empty() {
                self.ahead = None;
            }
        }
    }

    fn keep(&mut self, beyond: usize, frames: &[u8]) {
        let ahead = self.ahead.get_or_insert_default();
        if ahead.packets.len() <= beyond {
            ahead.packets.resize_with(beyond + 1, || None);
        }
        let place = &mut ahead.packets[beyond];
        if place.is_none() {
            *place = Some(frames.into());
            ahead.bytes += frames.len();
        }
    }

    /// What came before its turn.
    pub(super) fn map(&self) -> Map {
        let mut map = Map::default();
        let Some(ahead) = &self.ahead else {
            return map;
        };
        for (beyond, packet) in ahead.packets.iter().skip(1).enumerate() {
            if packet.is_some() {
                map.words[beyond / 64] |= 1 << (beyond % 64);
                map.length = beyond / 64 + 1;
            }
        }
        map
    }
}

impl Map {
    /// What stands in the head.
    pub(super) fn first(&self) -> u64 {
        self.words[0]
    }

    /// What goes behind it.
    pub(super) fn more(&self) -> &[u64] {
        self.words.get(1..self.length).unwrap_or_default()
    }
}
