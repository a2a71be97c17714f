//! The packets that are kept until they are acknowledged, one behind the other in few blocks.

use std::collections::VecDeque;

use super::super::MAX_DATAGRAM;
use super::super::packet::HEAD;

/// The size of a block in bytes.
const BLOCK: usize = 64 * 1024;

/// How many empty blocks are kept for later.
const SPARE: usize = 2;

/// Where a packet lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    block: u32,
    at: u16,
    length: u16,
}

impl Place {
    /// The length of its frames in bytes.
    pub(super) fn frames(&self) -> usize {
        usize::from(self.length) - HEAD
    }
}

/// Packets, which are let go in the order in which they were opened.
#[derive(Debug, Default)]
pub(super) struct Store {
    blocks: VecDeque<Vec<u8>>,
    first: u32,
    spare: Vec<Vec<u8>>,
}

impl Store {
    /// Begins a packet with this frame; its head is empty.
    pub(super) fn open(&mut self, frame: &[u8]) -> Place {
        let is_room = |block: &Vec<u8>| block.len() + MAX_DATAGRAM <= BLOCK;
        if !self.blocks.back().is_some_and(is_room) {
            self.blocks.push_back(
                self.spare
                    .pop()
                    .unwrap_or_else(|| Vec::with_capacity(MAX_DATAGRAM)),
            );
        }
        let block = self.first + self.blocks.len() as u32 - 1;
        let mut place = Place {
            block,
            at: 0,
            length: HEAD as u16,
        };
        if let Some(bytes) = self.blocks.back_mut() {
            place.at = bytes.len() as u16;
            bytes.extend_from_slice(&[0; HEAD]);
        }
        self.append(&mut place, frame);
        place
    }

    /// Appends a frame to the packet that was opened last, if it has room for it.
    #[inline]
    pub(super) fn append(&mut self, place: &mut Place, frame: &[u8]) -> bool {
        let length = usize::from(place.length) + frame.len();
        match self.blocks.back_mut() {
            Some(bytes) if length <= MAX_DATAGRAM => bytes.extend_from_slice(frame),
            _ => return false,
        }
        place.length = length as u16;
        true
    }

    /// A packet, whose head is there to be written.
    #[inline]
    pub(super) fn packet(&mut self, place: Place) -> Option<&mut [u8]> {
        let block = self.blocks.get_mut((place.block - self.first) as usize)?;
        let at = usize::from(place.at);
        block.get_mut(at..at + usize::from(place.length))
    }

    /// Lets all packets before this one go.
    pub(super) fn keep_from(&mut self, place: Place) {
        while self.first < place.block {
            self.let_block_go();
        }
    }

    /// Lets all packets go.
    pub(super) fn clear(&mut self) {
        while self.blocks.len() > 1 {
            self.let_block_go();
        }
        if let Some(block) = self.blocks.front_mut() {
            block.clear();
        }
    }

    fn let_block_go(&mut self) {
        self.first += 1;
        if let Some(mut block) = self.blocks.pop_front()
            && self.spare.len() < SPARE
        {
            block.clear();
            self.spare.push(block);
        }
    }
}
