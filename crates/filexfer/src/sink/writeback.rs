//! Bytes on their way to the disk while more come: what has to be waited for at the end is little, however slow the disk and
//! large the file.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;

use super::Sync;
use super::settle::STILL_THERE;

/// How many bytes are written before the disk is to have them. As many more may be on their way.
const PIECE: u64 = 64 << 20;

/// What of a file the disk was told to take.
pub(super) struct Writeback {
    sync: Sync,
    since: u64,
    running: Option<Receiver<io::Result<()>>>,
}

impl Writeback {
    pub(super) fn new(sync: Sync) -> Self {
        Self {
            sync,
            since: 0,
            running: None,
        }
    }

    /// So many bytes were written. `alive` is called now and then while the disk is behind.
    pub(super) fn wrote(
        &mut self,
        file: &File,
        length: usize,
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        self.since += length as u64;
        if self.sync == Sync::No || self.since < PIECE {
            return Ok(());
        }
        self.begin(file, alive)
    }

    /// Until the disk has all of it, where it is to.
    pub(super) fn finish(&mut self, file: &File, alive: &mut dyn FnMut()) -> io::Result<()> {
        if self.sync == Sync::Yes {
            self.begin(file, alive)?;
        }
        self.wait(alive)
    }

    fn begin(&mut self, file: &File, alive: &mut dyn FnMut()) -> io::Result<()> {
        self.since = 0;
        self.wait(alive)?;
        let (told, running) = sync_channel(1);
        let file = file.try_clone()?;
        thread::Builder::new().spawn(move || told.send(file.sync_data()))?;
        self.running = Some(running);
        Ok(())
    }

    /// Until the disk has what it was told to take: nobody else has the file open then.
    pub(super) fn wait(&mut self, alive: &mut dyn FnMut()) -> io::Result<()> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        loop {
            match running.recv_timeout(STILL_THERE) {
                Ok(written) => return written,
                Err(RecvTimeoutError::Timeout) => alive(),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}
