//! Compressing: here, or in a thread beside this one, so that a block is read while the one before shrinks.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ::zstd::bulk::Compressor;
use proto::filexfer::native::message::MAX_DATA;

/// A compressor that is kept.
#[derive(Default)]
pub(super) struct Zstd(Option<(i32, Compressor<'static>)>);

/// A block, and what it was compressed to.
pub(super) struct Work {
    /// Room for a block, and how much of it is filled.
    pub(super) block: Vec<u8>,
    pub(super) filled: usize,
    packed: Vec<u8>,
    shrunk: usize,
    pub(super) took: Duration,
}

impl Work {
    pub(super) fn new() -> Self {
        Self {
            block: vec![0; MAX_DATA as usize],
            filled: 0,
            packed: vec![0; MAX_DATA as usize],
            shrunk: 0,
            took: Duration::ZERO,
        }
    }

    /// The block compressed; `None` where that is no shorter.
    pub(super) fn packed(&self) -> Option<&[u8]> {
        (self.shrunk < self.filled).then_some(&self.packed[..self.shrunk])
    }
}

impl Zstd {
    /// Compresses a block. One that does not shrink, or cannot be compressed for whatever reason, stays as it is.
    pub(super) fn work(&mut self, level: i32, work: &mut Work) {
        let start = Instant::now();
        let (bytes, room) = (&work.block[..work.filled], &mut work.packed[..work.filled]);
        work.shrunk = self.compress(level, bytes, room).unwrap_or(work.filled);
        work.took = start.elapsed();
    }

    /// What is left of these bytes, and how long that takes.
    pub(super) fn sample(&mut self, level: i32, bytes: &[u8]) -> (usize, Duration) {
        let mut room = vec![0; bytes.len()];
        if self.0.is_none() {
            // The first time takes longer than any other will.
            let _ = self.compress(level, bytes, &mut room);
        }
        let start = Instant::now();
        let left = self.compress(level, bytes, &mut room);
        (left.unwrap_or(bytes.len()), start.elapsed())
    }

    /// What would be longer than `room` is refused.
    fn compress(&mut self, level: i32, bytes: &[u8], room: &mut [u8]) -> io::Result<usize> {
        if self.0.as_ref().is_none_or(|(set, _)| *set != level) {
            self.0 = Some((level, Compressor::new(level)?));
        }
        match &mut self.0 {
            Some((_, compressor)) => compressor.compress_to_buffer(bytes, room),
            None => Ok(bytes.len()),
        }
    }
}

/// A thread that compresses one block after the other.
pub(super) struct Beside {
    jobs: SyncSender<(i32, Work)>,
    done: Receiver<Work>,
}

impl Beside {
    /// So many blocks are on their way through the thread at most.
    pub(super) const DEPTH: usize = 2;

    pub(super) fn new() -> io::Result<Self> {
        let (jobs, todo) = sync_channel::<(i32, Work)>(Self::DEPTH);
        let (sender, done) = sync_channel(Self::DEPTH);
        thread::Builder::new()
            .name("compress".into())
            .spawn(move || {
                let mut zstd = Zstd::default();
                for (level, mut work) in todo {
                    zstd.work(level, &mut work);
                    if sender.send(work).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self { jobs, done })
    }

    pub(super) fn begin(&self, level: i32, work: Work) -> io::Result<()> {
        self.jobs.send((level, work)).map_err(|_| ended())
    }

    /// The oldest block that was begun.
    pub(super) fn end(&self) -> io::Result<Work> {
        self.done.recv().map_err(|_| ended())
    }
}

fn ended() -> io::Error {
    io::Error::other("expected the thread that compresses to go on")
}
