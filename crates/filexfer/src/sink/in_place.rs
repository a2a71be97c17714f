//! A file that is changed where it is.

use std::fs::File;
use std::io;

use proto::filexfer::native::blocks::{FileHash, zeros};
use proto::filexfer::native::message::Entry;
use runtime::folder::{self, FolderError, write_at};

use super::bases::Base;
use super::saving::{ANOTHER_HASH, Care, Spot};
use super::writeback::Writeback;
use super::{Preserve, Sync};

/// What a file that was changed where it is can be told to be when that went wrong.
pub(super) const NEITHER: &str =
    "it is neither the old file nor the new one now: transfer it again";

/// Such a file.
pub(super) struct InPlace {
    file: File,
    pub(super) hash: FileHash,
    writeback: Writeback,
    preserve: Preserve,
    /// Whether something was written to it.
    pub(super) touched: bool,
}

impl InPlace {
    /// This file, of which nothing but its time and permissions is to be changed.
    pub(super) fn same(file: File, base: &Base, preserve: Preserve) -> Self {
        let mut hash = FileHash::new();
        hash.by_parts(base.part);
        Self {
            file,
            hash,
            writeback: Writeback::new(Sync::No),
            preserve,
            touched: false,
        }
    }

    /// `None` where it may not be changed, or has other names: then a new one is made.
    pub(super) fn open(
        spot: &Spot,
        base: &Base,
        care: Care,
        alive: &mut dyn FnMut(),
    ) -> Result<Option<Self>, FolderError> {
        let opened = care.patiently(alive, |_| spot.folder.change(&spot.name));
        let file = match opened {
            Ok(Some(file)) => file,
            Err(FolderError::Busy) => return Err(FolderError::Busy),
            Ok(None) | Err(_) => return Ok(None),
        };
        if !base.is_unchanged() || !spot.folder.holds(&spot.name, &base.file)? {
            return Ok(None);
        }
        // What an earlier transfer began is worth nothing once this one has changed the file.
        let _ = spot.tidy();
        let same = Self::same(file, base, care.preserve);
        let writeback = Writeback::new(care.sync);
        Ok(Some(Self { writeback, ..same }))
    }

    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        at: u64,
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        self.touched = true;
        write_at(&self.file, bytes, at)?;
        self.hash.update(bytes, |_| ());
        self.writeback.wrote(&self.file, bytes.len(), alive)
    }

    pub(super) fn hole(&mut self, length: u64, at: u64, alive: &mut dyn FnMut()) -> io::Result<()> {
        self.touched = true;
        folder::zero(&self.file, at, length)?;
        for bytes in zeros(at..at.saturating_add(length)) {
            self.hash.update(bytes, |_| ());
            alive();
        }
        Ok(())
    }

    pub(super) fn complete(
        mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        let touched = self.touched;
        let done = self.try_complete(entry, expected, alive);
        done.map_err(|error| match touched {
            true => io::Error::new(error.kind(), format!("{error}; {NEITHER}")),
            false => error,
        })
    }

    fn try_complete(
        &mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        if self.hash.clone().finish() != expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, ANOTHER_HASH));
        }
        if let Some(size) = entry.size()
            && self.file.metadata()?.len() != size
        {
            self.file.set_len(size)?;
            self.touched = true;
        }
        self.preserve.dress(&self.file, entry);
        match self.touched {
            true => self.writeback.finish(&self.file, alive),
            false => Ok(()),
        }
    }
}
