//! Held to the folder by the kernel: openat2 with RESOLVE_BENEATH (Linux 5.6 and later).

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::{Closed, Entry, Facts, Kind, Opened, Way, join};

/// Whether this kernel has no openat2, as was found once.
static IS_MISSING: AtomicBool = AtomicBool::new(false);

/// How often a way is looked for that changes while it is: each time something that was on it has moved.
const TRIES: usize = 128;

/// To be looked at, which opens nothing.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// To be read, without waiting for whoever else has it open.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// A root, and the folder that was found there last. While that is held its number is no other's, so that a look at the
/// path tells whether it is still the one.
#[derive(Debug, Default)]
pub(super) struct Root {
    held: Mutex<Option<Held>>,
}

#[derive(Clone, Debug)]
struct Held {
    folder: Arc<OwnedFd>,
    identity: (u64, u64),
}

/// What is at the path of a root.
enum Now {
    Folder(Arc<OwnedFd>),
    File,
}

/// A folder beneath a root.
#[derive(Debug)]
pub(super) struct Folder {
    folder: OwnedFd,
    root: Arc<OwnedFd>,
    path: Vec<u8>,
}

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Entries {
    dir: Dir,
    folder: OwnedFd,
    root: Arc<OwnedFd>,
    path: Vec<u8>,
}

impl Root {
    /// Opens what is at a path; `None` where the kernel cannot be asked.
    pub(super) fn open(&self, at: &Path, path: &[u8]) -> Option<Result<Opened, Closed>> {
        if IS_MISSING.load(Ordering::Relaxed) {
            return None;
        }
        let opened = match self.now(at) {
            Ok(Now::Folder(root)) => open(&root, path),
            Ok(Now::File) if path.is_empty() => open_file(at),
            Ok(Now::File) => return Some(Err(Closed::Nothing)),
            Err(error) => return Some(Err(Closed::root(error.into()))),
        };
        match opened {
            Ok(opened) => Some(Ok(opened)),
            Err(Errno::NOSYS) => {
                IS_MISSING.store(true, Ordering::Relaxed);
                None
            }
            // What a sandbox says that does not know the call.
            Err(Errno::PERM) => None,
            Err(error) => Some(Err(Closed::beneath(error.into()))),
        }
    }

    pub(super) fn goes_straight(&self, at: &Path, path: &[u8]) -> bool {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match self.now(at) {
            Ok(Now::Folder(root)) => resolve_by(&root, path, LOOK, resolve).is_ok(),
            _ => false,
        }
    }

    /// What is at the path of the root now.
    fn now(&self, at: &Path) -> rustix::io::Result<Now> {
        let found = rustix::fs::stat(at)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held
            .as_ref()
            .filter(|held| held.identity == identity(&found))
        {
            return Ok(Now::Folder(Arc::clone(&held.folder)));
        }
        *held = None;
        if kind(&found) == FileType::RegularFile {
            return Ok(Now::File);
        }
        let folder = rustix::fs::open(at, LOOK | OFlags::DIRECTORY, Mode::empty())?;
        let found = rustix::fs::fstat(&folder)?;
        let folder = Arc::new(folder);
        *held = Some(Held {
            folder: Arc::clone(&folder),
            identity: identity(&found),
        });
        Ok(Now::Folder(folder))
    }
}

fn open(root: &Arc<OwnedFd>, path: &[u8]) -> rustix::io::Result<Opened> {
    for _ in 0..TRIES {
        let folder = resolve(root.as_fd(), path, LOOK)?;
        match kind(&rustix::fs::fstat(&folder)?) {
            FileType::RegularFile => {}
            FileType::Directory => {
                return Ok(Opened::Folder(super::Folder(Way::Kernel(Folder {
                    folder,
                    root: Arc::clone(root),
                    path: path.to_vec(),
                }))));
            }
            _ => return Err(Errno::NOENT),
        }
        let file = resolve(root.as_fd(), path, READ)?;
        let found = rustix::fs::fstat(&file)?;
        // Something else has taken its place since: it is looked at again.
        if kind(&found) == FileType::RegularFile {
            return Ok(Opened::File(file.into(), facts(&found)));
        }
    }
    Err(Errno::AGAIN)
}

/// The root itself, which is a file, or was one a moment ago.
fn open_file(at: &Path) -> rustix::io::Result<Opened> {
    let file = File::from(rustix::fs::open(at, READ, Mode::empty())?);
    let found = rustix::fs::fstat(&file)?;
    match kind(&found) {
        FileType::RegularFile => Ok(Opened::File(file, facts(&found))),
        _ => Err(Errno::NOENT),
    }
}

fn resolve(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    resolve_by(root, path, flags, beneath)
}

/// Looks for something until nothing moves on the way.
fn resolve_by(
    root: impl AsFd,
    path: &[u8],
    flags: OFlags,
    resolve: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let path = OsStr::from_bytes(path);
    let mut tried = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        tried = rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve);
        if !matches!(tried, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    tried
}

impl Folder {
    pub(super) fn each(&self) -> io::Result<Entries> {
        let flags = READ | OFlags::DIRECTORY;
        let open = rustix::fs::openat(&self.folder, ".", flags, Mode::empty())?;
        Ok(Entries {
            dir: Dir::new(open)?,
            folder: self.folder.try_clone()?,
            root: Arc::clone(&self.root),
            path: self.path.clone(),
        })
    }

    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        Ok(modified(&rustix::fs::fstat(&self.folder)?))
    }
}

impl Entries {
    pub(super) fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            let entry = match self.dir.read()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..")
                && let Some(entry) = self.look(name, entry.file_type())
            {
                return Some(Ok(entry));
            }
        }
    }

    /// What is known of something in the folder, unless it is gone or cannot be served.
    fn look(&self, name: &[u8], told: FileType) -> Option<Entry> {
        let mut found = match told {
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice => return None,
            FileType::Symlink => None,
            _ => Some(self.stat(name)?),
        };
        if found.is_none_or(|found| kind(&found) == FileType::Symlink) {
            found = Some(self.follow(name)?);
        }
        let found = found?;
        let what = match kind(&found) {
            FileType::RegularFile => Kind::File(facts(&found).length),
            FileType::Directory => Kind::Folder,
            _ => return None,
        };
        Some(Entry {
            name: OsStringExt::from_vec(name.to_vec()),
            kind: what,
            modified: modified(&found),
        })
    }

    fn stat(&self, name: &[u8]) -> Option<Stat> {
        let name = OsStr::from_bytes(name);
        rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    fn follow(&self, name: &[u8]) -> Option<Stat> {
        let path = join(&self.path, name);
        let found = resolve(self.root.as_fd(), &path, LOOK).ok()?;
        rustix::fs::fstat(found).ok()
    }
}

fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

fn identity(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

fn facts(found: &Stat) -> Facts {
    let changed = i128::from(found.st_ctime) * 1_000_000_000 + i128::from(found.st_ctime_nsec);
    Facts {
        length: u64::try_from(found.st_size).unwrap_or(0),
        modified: modified(found),
        identity: (found.st_dev, found.st_ino, changed),
    }
}

fn modified(found: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(found.st_mtime.unsigned_abs());
    let whole = if found.st_mtime < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    let rest = Duration::from_nanos(found.st_mtime_nsec);
    let time = whole.and_then(|whole| whole.checked_add(rest));
    time.unwrap_or(UNIX_EPOCH)
}
