//! The store's folder as such: whose it is, and whether there is room.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use runtime::escape::Escaped;

/// The folder is this relay's alone as long as this is there.
#[derive(Debug)]
pub(in crate::serve::store) struct Lock(
    #[expect(dead_code, reason = "the lock goes with the file")] File,
);

impl Lock {
    /// Makes the folder where it is not there, and takes it.
    pub(in crate::serve::store) fn take(root: &Path) -> anyhow::Result<Self> {
        let shown = Escaped(root.as_os_str().as_encoded_bytes());
        let open = || {
            fs::create_dir_all(root)?;
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            options.open(root.join("lock"))
        };
        let file = open().with_context(|| format!("cannot open {shown}, the folder of --store"))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("expected a folder of its own for --store, another relay has {shown}")
            }
            Err(TryLockError::Error(error)) => tracing::debug!(%error, "the folder is not locked"),
            Ok(()) => {}
        }
        Ok(Self(file))
    }
}

/// Room on the disk that is taken in advance: when the disk is full, what is left of the database is written anew in it.
#[derive(Debug)]
pub(in crate::serve::store) struct Spare {
    path: PathBuf,
}

impl Spare {
    pub(in crate::serve::store) const BYTES: usize = 1024 * 1024;

    pub(in crate::serve::store) fn new(root: &Path) -> Self {
        let path = root.join("spare");
        Self { path }
    }

    /// Takes the room, if it is not taken already.
    pub(in crate::serve::store) fn take(&self) -> io::Result<()> {
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length == Self::BYTES as u64 {
            return Ok(());
        }
        write(&self.path, Self::BYTES)
    }

    /// Whether there is as much room beside it.
    pub(in crate::serve::store) fn is_room(&self) -> bool {
        self.fits(Self::BYTES)
    }

    /// Whether there is so little beside it that this explains why the database has failed: it does not say itself.
    pub(in crate::serve::store) fn is_scarce(&self) -> bool {
        !self.fits(8 * Self::BYTES)
    }

    fn fits(&self, bytes: usize) -> bool {
        let probe = self.path.with_extension("probe");
        let written = write(&probe, bytes).is_ok();
        let _ = fs::remove_file(probe);
        written
    }

    /// Gives the room back.
    pub(in crate::serve::store) fn give_up(&self) {
        // Where there is none, there is nothing to be given.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes a file that takes so many bytes; where that fails, it is not there.
fn write(path: &Path, bytes: usize) -> io::Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        // Blocks of zeros may take no room.
        file.write_all(&vec![0x5A; bytes])?;
        file.sync_all()
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
