//! Files beneath a folder, for names that come from elsewhere.
//!
//! A [`Folder`] is held open, and everything in it is named by one part of a path. No part is ever followed where it is a
//! link, and none leads up: whatever somebody plants there meanwhile, nothing outside of the folder is read, written or
//! made. Deeper folders are opened part by part ([`Folder::child`], [`Folder::deeper`]).
//!
//! On Unix names are bytes; elsewhere they have to be UTF-8.

mod holes;
mod links;
mod partial;
mod patch;
mod permissions;
mod quick;
mod remove;
mod times;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use cap_fs_ext::{DirExt, MetadataExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, Metadata};
use thiserror::Error;

use crate::escape::Escaped;
pub use holes::zero;
pub use partial::{Partial, Replace};
pub use patch::{copy, read_at, write_at};
pub use permissions::{Attributes, Owner, Permissions};
pub use quick::Unnamed;
pub use remove::Made;

/// Why something in a folder could not be done.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The name is none that a file of this system can have.
    #[error("expected a name that this system can have, got \"{0}\"")]
    Name(String),
    /// A folder was to be there.
    #[error("expected a folder at \"{name}\", found {found}")]
    NoFolder {
        /// The part of the path, escaped.
        name: String,
        /// What is there.
        found: Kind,
    },
    /// A file was to be there, or nothing.
    #[error("expected a file or nothing at \"{name}\", found {found}")]
    NoFile {
        /// The part of the path, escaped.
        name: String,
        /// What is there.
        found: Kind,
    },
    /// Another file has the name, and was not to be replaced.
    #[error("a file of this name is there already")]
    Exists,
    /// Another transfer has the partial file open.
    #[error("another transfer is writing this file")]
    Busy,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FolderError {
    /// This is there, where a file was to be or nothing.
    pub fn no_file(part: &[u8], found: Kind) -> Self {
        let name = Escaped(part).to_string();
        Self::NoFile { name, found }
    }
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A pipe, a socket or a device.
    Special,
}

impl Kind {
    /// Whether it may give way to something else: nothing is in it that has a name of its own.
    pub fn gives_way(self) -> bool {
        matches!(self, Self::File | Self::Link)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Special => "a pipe, a socket or a device",
        })
    }
}

/// What is under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, where the system tells.
    pub modified: Option<SystemTime>,
    /// The twelve permissions of Unix; 0 elsewhere.
    pub mode: u32,
    /// Whose it is, where the system has such numbers.
    pub owner: Option<Owner>,
    /// How many names it has.
    pub names: u64,
    /// Which it is: its file system, its number there.
    pub id: (u64, u64),
}

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    origin: Origin,
    /// Whether there was something whose name begins in a certain way.
    had: OnceLock<bool>,
}

/// Where a folder comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Found,
    /// It was made when it was asked for: nothing was in it.
    Made,
}

impl Folder {
    /// The folder of this path, by whatever links the path has: it is the user's.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self::new(dir, Origin::Found))
    }

    fn new(dir: Dir, origin: Origin) -> Self {
        Self {
            dir,
            origin,
            had: OnceLock::new(),
        }
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether something was in it whose name begins so, when this was asked first. It is always asked of the same
    /// beginning. A folder that cannot be read may have had it.
    pub fn had(&self, beginning: &[u8]) -> bool {
        let had = || self.has(beginning).unwrap_or(true);
        self.origin == Origin::Found && *self.had.get_or_init(had)
    }

    /// Whether nothing is in it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(!self.has(b"")?)
    }

    fn has(&self, beginning: &[u8]) -> io::Result<bool> {
        for entry in self.dir.entries()? {
            if entry?.file_name().as_encoded_bytes().starts_with(beginning) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same; it is made where it is not there, with those above it.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn open_or_make(path: &Path) -> io::Result<Self> {
        match Self::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(path)?;
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// Another handle of it.
    ///
    /// # Errors
    /// Where the system has no more.
    pub fn try_clone(&self) -> io::Result<Self> {
        let dir = self.dir.try_clone()?;
        Ok(Self::new(dir, self.origin))
    }

    /// The folder of this name in it. One that is not there is made, with these permissions of Unix, of which its
    /// owner's are always granted.
    ///
    /// # Errors
    /// [`FolderError::NoFolder`] where something else is there, a link to a folder too.
    pub fn child(&self, part: &[u8], mode: u32) -> Result<Self, FolderError> {
        match self.enter(part, Origin::Found) {
            Err(FolderError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                let origin = self.make(file_name(part)?, mode)?;
                self.enter(part, origin)
            }
            entered => entered,
        }
    }

    /// The folder of this name, which is there.
    fn enter(&self, part: &[u8], origin: Origin) -> Result<Self, FolderError> {
        match self.dir.open_dir_nofollow(file_name(part)?) {
            Ok(dir) => Ok(Self::new(dir, origin)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error.into()),
            Err(error) => Err(self.why_no_folder(part, error)),
        }
    }

    fn make(&self, name: &OsStr, mode: u32) -> io::Result<Origin> {
        match self.make_with(name, mode & 0o777) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Origin::Found),
            made => made.map(|()| Origin::Made),
        }
    }

    fn make_with(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, mode & 0o1777 | 0o700);
        #[cfg(not(unix))]
        let _ = (mode, &mut builder);
        self.dir.create_dir_with(name, &builder)
    }

    fn why_no_folder(&self, part: &[u8], error: io::Error) -> FolderError {
        match self.look(part) {
            Ok(Some(found)) if found.kind != Kind::Folder => FolderError::NoFolder {
                name: Escaped(part).to_string(),
                found: found.kind,
            },
            _ => error.into(),
        }
    }

    /// What is under a name in it; links are not followed.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn look(&self, part: &[u8]) -> Result<Option<Found>, FolderError> {
        match self.dir.symlink_metadata(file_name(part)?) {
            Ok(metadata) => Ok(Some(found(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the file or link under a name, if there is one.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(&self, part: &[u8]) -> Result<(), FolderError> {
        match self.dir.remove_file_or_symlink(file_name(part)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Waits until the names in it are on the disk. Windows has no such thing.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn sync(&self) -> io::Result<()> {
        if cfg!(unix) {
            // The handle in `dir` may be one that only leads there.
            self.dir.open(".")?.sync_all()?;
        }
        Ok(())
    }
}

/// Waits until all of these files, each with the folder that it is in, are on the disk: one by itself, many with whatever else
/// their file system has to write, which takes no longer than one of them (Linux; elsewhere one after the other).
///
/// # Errors
/// Where one cannot be written.
pub fn sync_files(files: &[(&Folder, &File)]) -> io::Result<()> {
    match files {
        [(_, file)] => file.sync_all(),
        files => sync_many(files),
    }
}

/// Files of one folder that follow one another are on one file system.
#[cfg(target_os = "linux")]
fn sync_many(files: &[(&Folder, &File)]) -> io::Result<()> {
    let mut synced = Vec::new();
    let groups = files.chunk_by(|(one, _), (next, _)| std::ptr::eq(*one, *next));
    for (_, file) in groups.filter_map(|group| group.first()) {
        let system = std::os::unix::fs::MetadataExt::dev(&file.metadata()?);
        if !synced.contains(&system) {
            nix::unistd::syncfs(file)?;
            synced.push(system);
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn sync_many(files: &[(&Folder, &File)]) -> io::Result<()> {
    files.iter().try_for_each(|(_, file)| file.sync_all())
}

fn found(metadata: &Metadata) -> Found {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    };
    Found {
        kind,
        size: metadata.len(),
        modified: metadata
            .modified()
            .ok()
            .map(cap_std::time::SystemTime::into_std),
        mode: mode(metadata),
        owner: owner(metadata),
        names: metadata.nlink(),
        id: (metadata.dev(), metadata.ino()),
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    cap_std::fs::MetadataExt::mode(metadata) & 0o7777
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> Option<Owner> {
    use cap_std::fs::MetadataExt;

    let (user, group) = (metadata.uid(), metadata.gid());
    Some(Owner { user, group })
}

#[cfg(not(unix))]
fn mode(_metadata: &Metadata) -> u32 {
    0
}

#[cfg(not(unix))]
fn owner(_metadata: &Metadata) -> Option<Owner> {
    None
}

/// One part of a path, as the system names it.
fn file_name(part: &[u8]) -> Result<&OsStr, FolderError> {
    let invalid = || FolderError::Name(Escaped(part).to_string());
    let is_path = part
        .iter()
        .any(|byte| [b'/', 0].contains(byte) || cfg!(windows) && b"\\:".contains(byte));
    if is_path || matches!(part, b"" | b"." | b"..") {
        return Err(invalid());
    }
    os_str(part).ok_or_else(invalid)
}

#[cfg(unix)]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(OsStr::new(str::from_utf8(bytes).ok()?))
}

#[cfg(test)]
mod tests;
