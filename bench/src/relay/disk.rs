//! Where servers keep what they keep, and how often the disk is told to have it for good.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use nix::sys::stat::{major, minor};

use crate::scratch::{Made, ensure_on_disk, remove};

/// A folder on a disk, with one in it for each server; all of them go.
pub(crate) struct Disk {
    folder: PathBuf,
    taken: Cell<u32>,
    _made: Made,
}

/// A server's own; it goes when this is dropped.
pub(super) struct Folder(PathBuf);

impl Disk {
    /// One under this folder. Ctrl-C and SIGTERM remove it too, and end this process.
    pub(super) fn make(under: &Path) -> Result<Self> {
        ensure_on_disk(under)?;
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = under.join(format!("bench-relay-{}-{number}", std::process::id()));
        let mut made = Made::default();
        made.folder(&folder)?;
        made.go_with_a_signal()?;
        Ok(Self {
            folder,
            taken: Cell::default(),
            _made: made,
        })
    }

    /// One that nothing is in.
    pub(super) fn folder(&self) -> Result<Folder> {
        let number = self.taken.get();
        self.taken.set(number + 1);
        let folder = self.folder.join(number.to_string());
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Folder(folder))
    }

    /// How often the device was told to write down all that it has, by anybody, since the machine was started; `None`
    /// where the kernel does not tell.
    pub(super) fn flushes(&self) -> Option<u64> {
        let device = fs::metadata(&self.folder).ok()?.dev();
        let (major, minor) = (major(device), minor(device));
        flushes_in(&fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?)
    }
}

/// The 16th figure of a device (Documentation/block/stat.rst); a partition has none.
fn flushes_in(stat: &str) -> Option<u64> {
    let flushes = stat.split_whitespace().nth(15)?.parse().ok()?;
    Some(flushes).filter(|flushes| *flushes > 0)
}

impl Folder {
    /// Where it lies.
    pub(super) fn path(&self) -> Result<&str> {
        self.0
            .to_str()
            .context("the folder for stores has no readable name")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_are_read_from_what_the_kernel_says() {
        let disk = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 236189 32292\n";
        assert_eq!(flushes_in(disk), Some(236_189));
        for none in ["", "1 2 3", &disk.replace("236189", "0")] {
            assert_eq!(flushes_in(none), None);
        }
    }

    #[test]
    fn every_server_has_a_folder_of_its_own_and_all_go() {
        let under = Path::new(env!("CARGO_MANIFEST_DIR"));
        let Ok(disk) = Disk::make(under) else {
            return; // the sources are in memory
        };
        let folders = [disk.folder().unwrap(), disk.folder().unwrap()];
        let [one, other] = folders.each_ref().map(|one| one.path().unwrap().to_owned());
        assert!(one != other && fs::exists(&one).unwrap());
        drop(folders);
        assert!(!fs::exists(&one).unwrap());
        let folder = disk.folder.clone();
        drop(disk);
        assert!(!fs::exists(folder).unwrap());
    }
}
