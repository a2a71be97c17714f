//! Blocks on their way out, compressed where that makes them faster.

use std::io;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::Data;
use proto::filexfer::native::packing::{Choice, Packing, Sent};

use super::Compression;
use super::outlet::Outlet;
use super::zstd::{Beside, Work, Zstd};
use crate::transfer::TransferError;

/// What fills the room that it is given as far as there is something, and looks at what it has filled.
type Read<'a> = dyn FnMut(&mut [u8]) -> io::Result<usize> + 'a;

/// What became of a block: how many bytes it has, 0 at the end, or why it could not be read.
type Filled = io::Result<usize>;

/// Sends blocks, and watches how they go.
pub(super) struct Packer {
    packing: Option<Packing>,
    zstd: Zstd,
    beside: Option<Beside>,
    /// How many blocks are compressed beside, and what they can be read into.
    begun: usize,
    free: Vec<Work>,
    /// How things stood at the end of the last block.
    at: Instant,
    writing: Duration,
}

impl Packer {
    /// Smaller blocks are compressed here: waking the other thread would take longer.
    const BESIDE: usize = 256 * 1024;

    /// Samples are taken at this level.
    const SAMPLED: i32 = 1;

    pub(super) fn new(compression: Compression) -> Self {
        Self {
            packing: (compression == Compression::Auto).then(Packing::new),
            zstd: Zstd::default(),
            beside: None,
            begun: 0,
            free: Vec::new(),
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

    /// Takes a block of at most `size` bytes, which goes out now or with those that follow.
    pub(super) fn send(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        read: &mut Read<'_>,
    ) -> Result<Filled, TransferError> {
        let size = size.min(outlet.piece());
        let mut choice = self.choose(size);
        let is_beside = matches!(choice, Choice::Pack(_)) && size >= Self::BESIDE;
        if self.begun > 0 && !is_beside {
            self.finish(outlet)?;
            choice = self.choose(size);
        }
        match choice {
            Choice::Pack(level) => self.pack(outlet, size, level, read),
            Choice::AsIs => {
                let wire = outlet.wire();
                let filled = outlet.fill(|room| fill(room, size, read))?;
                self.note(outlet, *filled.as_ref().unwrap_or(&0), wire, Duration::ZERO);
                Ok(filled)
            }
            Choice::Sample => self.sample(outlet, size, read),
        }
    }

    /// Sends what was taken and is not sent yet.
    pub(super) fn finish(&mut self, outlet: &mut Outlet) -> Result<(), TransferError> {
        while self.begun > 0 {
            self.collect(outlet)?;
        }
        Ok(())
    }

    fn choose(&self, size: usize) -> Choice {
        let packing = self.packing.as_ref();
        packing.map_or(Choice::AsIs, |packing| packing.choose(size))
    }

    /// A block of so many bytes went out.
    fn note(&mut self, outlet: &Outlet, size: usize, wire: u64, packing: Duration) {
        let Some(machine) = &mut self.packing else {
            return;
        };
        let (at, writing) = (Instant::now(), outlet.writing());
        machine.sent(Sent {
            size,
            wire: (outlet.wire() - wire) as usize,
            packing,
            writing: writing - self.writing,
            whole: at - self.at,
        });
        (self.at, self.writing) = (at, writing);
    }

    /// Sends a block as it is, and compresses a piece of it to see what comes of it.
    fn sample(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        read: &mut Read<'_>,
    ) -> Result<Filled, TransferError> {
        let (mut sample, wire) = (Vec::new(), outlet.wire());
        let filled = outlet.fill(|room| {
            let filled = fill(room, size, read)?;
            let length = filled.min(Packing::SAMPLE);
            let start = (filled - length) / 2;
            sample.extend_from_slice(&room[start..start + length]);
            Ok(filled)
        })?;
        let (left, took) = self.zstd.sample(Self::SAMPLED, &sample);
        if let Some(packing) = &mut self.packing
            && !sample.is_empty()
        {
            packing.sampled(sample.len(), left, took);
        }
        self.note(outlet, *filled.as_ref().unwrap_or(&0), wire, Duration::ZERO);
        Ok(filled)
    }

    fn pack(
        &mut self,
        outlet: &mut Outlet,
        size: usize,
        level: i32,
        read: &mut Read<'_>,
    ) -> Result<Filled, TransferError> {
        let mut work = self.free.pop().unwrap_or_else(Work::new);
        let filled = match fill(&mut work.block, size, read) {
            Ok(filled) if filled > 0 => filled,
            other => {
                self.free.push(work);
                return Ok(other);
            }
        };
        work.filled = filled;
        if size < Self::BESIDE {
            self.zstd.work(level, &mut work);
            self.send_work(outlet, work)?;
            return Ok(Ok(filled));
        }
        self.beside(level, work).map_err(stopped)?;
        if self.begun > Beside::DEPTH {
            self.collect(outlet)?;
        }
        Ok(Ok(filled))
    }

    fn beside(&mut self, level: i32, work: Work) -> io::Result<()> {
        let beside = match self.beside.take() {
            Some(beside) => beside,
            None => Beside::new()?,
        };
        let begun = beside.begin(level, work);
        self.beside = Some(beside);
        self.begun += 1;
        begun
    }

    /// Sends the oldest block that is compressed beside.
    fn collect(&mut self, outlet: &mut Outlet) -> Result<(), TransferError> {
        self.begun -= 1;
        match self.beside.as_ref().map(Beside::end) {
            Some(work) => self.send_work(outlet, work.map_err(stopped)?),
            None => Ok(()),
        }
    }

    /// Sends a block compressed, or as it is where that is no longer.
    fn send_work(&mut self, outlet: &mut Outlet, work: Work) -> Result<(), TransferError> {
        let wire = outlet.wire();
        match work.packed() {
            Some(packed) => {
                let unpacked = Some(work.filled as u32);
                outlet.packed(Data { unpacked }, packed)?;
            }
            None => outlet.packed(Data { unpacked: None }, &work.block[..work.filled])?,
        }
        self.note(outlet, work.filled, wire, work.took);
        self.free.push(work);
        Ok(())
    }
}

fn fill(room: &mut [u8], size: usize, read: &mut Read<'_>) -> io::Result<usize> {
    let size = size.min(room.len());
    read(&mut room[..size])
}

fn stopped(reason: io::Error) -> TransferError {
    TransferError::Here {
        what: "cannot compress".into(),
        reason,
    }
}
