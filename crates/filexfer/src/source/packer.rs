//! Blocks on their way out, compressed where that makes them faster.

use std::io;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::{Data, MAX_DATA};
use proto::filexfer::native::packing::{Choice, Packing, Sent};
use zstd::bulk::Compressor;

use super::Compression;
use super::outlet::Outlet;
use crate::transfer::TransferError;

/// Sends blocks, and watches how they go.
pub(super) struct Packer {
    packing: Option<Packing>,
    zstd: Zstd,
    /// A block that is to be compressed; empty until one is.
    block: Vec<u8>,
    /// How things stood at the end of the last block.
    at: Instant,
    writing: Duration,
}

/// A compressor that is kept, and what it made last.
#[derive(Default)]
struct Zstd {
    compressor: Option<(i32, Compressor<'static>)>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            packing: (compression == Compression::Auto).then(Packing::new),
            zstd: Zstd::default(),
            block: Vec::new(),
            at: Instant::now(),
            writing: Duration::ZERO,
        }
    }

    /// A file of this size begins.
    pub(super) fn begin(&mut self, size: u64) {
        if let Some(packing) = &mut self.packing {
            packing.begin(size);
        }
    }

    /// What passed until now says nothing of the wire: there was nothing to send.
    pub(super) fn resume(&mut self, outlet: &Outlet) {
        self.at = Instant::now();
        self.writing = outlet.writing();
    }

    /// Sends a block of at most `size` bytes. `read` fills the room it is given as far as there is something, and looks
    /// at what it has filled; what it says is the answer.
    pub(super) fn send(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> Result<io::Result<usize>, TransferError> {
        let size = size.min(outlet.piece());
        let choice = self.packing.as_ref().map(|packing| packing.choose(size));
        let wire = outlet.wire();
        let (sent, packing) = match choice {
            None => return outlet.fill(|room| fill(room, size, read)),
            Some(Choice::AsIs) => {
                let sent = outlet.fill(|room| fill(room, size, read))?;
                (sent, Duration::ZERO)
            }
            Some(Choice::Sample) => self.sample(outlet, size, read)?,
            Some(Choice::Pack(level)) => self.pack(outlet, size, level, read)?,
        };
        if let Ok(size) = sent {
            self.note(outlet, size, wire, packing);
        }
        Ok(sent)
    }

    fn note(&mut self, outlet: &Outlet, size: usize, wire: u64, packing: Duration) {
        let (at, writing) = (Instant::now(), outlet.writing());
        let sent = Sent {
            size,
            wire: (outlet.wire() - wire) as usize,
            packing,
            writing: writing - self.writing,
            whole: at - self.at,
        };
        (self.at, self.writing) = (at, writing);
        if let Some(packing) = &mut self.packing {
            packing.sent(sent);
        }
    }

    /// Sends a block as it is, and compresses a piece of it to see what comes of it.
    fn sample(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> Result<(io::Result<usize>, Duration), TransferError> {
        let mut sample = Vec::new();
        let sent = outlet.fill(|room| {
            let filled = fill(room, size, read)?;
            let length = filled.min(Packing::SAMPLE);
            let start = (filled - length) / 2;
            sample.extend_from_slice(&room[start..start + length]);
            Ok(filled)
        })?;
        if !sample.is_empty() {
            let (packed, took) = self.zstd.timed(SAMPLED, &sample);
            if let Some(packing) = &mut self.packing {
                packing.sampled(sample.len(), packed, took);
            }
        }
        Ok((sent, Duration::ZERO))
    }

    /// Sends a block compressed, or as it is where that is no longer.
    fn pack(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        level: i32,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> Result<(io::Result<usize>, Duration), TransferError> {
        self.block.resize(MAX_DATA as usize, 0);
        let filled = match fill(&mut self.block, size, read) {
            Ok(filled) if filled > 0 => filled,
            other => return Ok((other, Duration::ZERO)),
        };
        let block = &self.block[..filled];
        let (packed, took) = self.zstd.timed(level, block);
        if packed < filled {
            let unpacked = Some(filled as u32);
            outlet.packed(Data { unpacked }, &self.zstd.packed[..packed])?;
        } else {
            outlet.packed(Data { unpacked: None }, block)?;
        }
        Ok((Ok(filled), took))
    }
}

impl Zstd {
    /// How many bytes are left, and how long that took. What does not shrink, or cannot be compressed for whatever
    /// reason, stays as long as it was.
    fn timed(&mut self, level: i32, bytes: &[u8]) -> (usize, Duration) {
        if self.packed.is_empty() {
            // The first time takes longer than any other will.
            let _ = self.compress(level, bytes);
        }
        let start = Instant::now();
        let packed = self.compress(level, bytes).unwrap_or(bytes.len());
        (packed, start.elapsed())
    }

    fn compress(&mut self, level: i32, bytes: &[u8]) -> io::Result<usize> {
        let Self { compressor, packed } = self;
        if compressor.as_ref().is_none_or(|(set, _)| *set != level) {
            *compressor = Some((level, Compressor::new(level)?));
        }
        let Some((_, compressor)) = compressor else {
            return Ok(bytes.len());
        };
        // What would be longer than the block has no room, and is not wanted.
        packed.resize(MAX_DATA as usize, 0);
        compressor.compress_to_buffer(bytes, &mut packed[..bytes.len()])
    }
}

/// Samples are taken at this level.
const SAMPLED: i32 = 1;

fn fill(
    room: &mut [u8],
    size: usize,
    read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let size = size.min(room.len());
    read(&mut room[..size])
}
