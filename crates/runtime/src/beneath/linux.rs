//! Held to the folder by the kernel: openat2 with RESOLVE_BENEATH (Linux 5.6 and later).

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::{Closed, Entry, Facts, Kind, Opened, Way};

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
#[derive(Debug)]
pub(super) enum Standing {
    Folder(Looks),
    File,
}

/// A root, and the folder in which something was looked for last: files of one folder follow one another.
#[derive(Debug)]
pub(super) struct Looks {
    root: Arc<OwnedFd>,
    last: Option<(Vec<u8>, Arc<OwnedFd>)>,
}

/// A folder beneath a root.
#[derive(Debug)]
pub(super) struct Folder {
    folder: Arc<OwnedFd>,
    root: Arc<OwnedFd>,
    path: Vec<u8>,
}

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Entries {
    dir: Dir,
    folder: Arc<OwnedFd>,
    root: Arc<OwnedFd>,
    path: Vec<u8>,
}

impl Root {
    /// What is at the path of the root now.
    pub(super) fn stand(&self, at: &Path) -> io::Result<Standing> {
        let found = rustix::fs::stat(at)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let same = held
            .as_ref()
            .filter(|held| held.identity == identity(&found));
        if let Some(held) = same {
            return Ok(Standing::folder(&held.folder));
        }
        *held = None;
        if kind(&found) == FileType::RegularFile {
            return Ok(Standing::File);
        }
        let folder = rustix::fs::open(at, LOOK | OFlags::DIRECTORY, Mode::empty())?;
        let identity = identity(&rustix::fs::fstat(&folder)?);
        let folder = Arc::new(folder);
        let standing = Standing::folder(&folder);
        *held = Some(Held { folder, identity });
        Ok(standing)
    }
}

impl Standing {
    fn folder(root: &Arc<OwnedFd>) -> Self {
        Self::Folder(Looks {
            root: Arc::clone(root),
            last: None,
        })
    }

    /// Opens what is at a path; `None` where the kernel cannot be asked.
    pub(super) fn open(&mut self, at: &Path, path: &[u8]) -> Option<Result<Opened, Closed>> {
        if IS_MISSING.load(Ordering::Relaxed) {
            return None;
        }
        let opened = match self {
            Self::Folder(looks) => looks.open(path),
            Self::File if path.is_empty() => open_file(at),
            Self::File => Err(Errno::NOENT.into()),
        };
        match opened {
            Ok(opened) => Some(Ok(opened)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOSYS) => {
                    IS_MISSING.store(true, Ordering::Relaxed);
                    None
                }
                // What a sandbox says that does not know the call.
                Some(Errno::PERM) => None,
                _ => Some(Err(Closed::beneath(error))),
            },
        }
    }
}

impl Looks {
    fn open(&mut self, path: &[u8]) -> io::Result<Opened> {
        if path.is_empty() {
            let root = Arc::clone(&self.root);
            return Ok(self.found(root, path));
        }
        match self.open_plain(path)? {
            Some(opened) => Ok(opened),
            None => self.open_any(path),
        }
    }

    /// Opens a file that is no link; `None` for all else. A look in its folder spares a descriptor.
    fn open_plain(&mut self, path: &[u8]) -> io::Result<Option<Opened>> {
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(end) => (self.parent(&path[..end])?, &path[end + 1..]),
            None => (&self.root, path),
        };
        if matches!(name, b"" | b"." | b"..") {
            return Ok(None);
        }
        match kind(&stat(folder, name)?) {
            FileType::RegularFile => {}
            FileType::Directory | FileType::Symlink => return Ok(None),
            _ => return Err(Errno::NOENT.into()),
        }
        // Something else may have taken its place since.
        match resolve_by(folder, name, READ, ResolveFlags::NO_SYMLINKS) {
            Ok(file) => only_a_file(file),
            Err(Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens whatever it is, once it is known to be a file or a folder.
    fn open_any(&mut self, path: &[u8]) -> io::Result<Opened> {
        for _ in 0..TRIES {
            let folder = resolve(&self.root, path, LOOK)?;
            match kind(&rustix::fs::fstat(&folder)?) {
                FileType::RegularFile => {}
                FileType::Directory => return Ok(self.found(Arc::new(folder), path)),
                _ => return Err(Errno::NOENT.into()),
            }
            // Something else has taken its place since: it is looked at again.
            if let Some(file) = only_a_file(resolve(&self.root, path, READ)?)? {
                return Ok(file);
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// A folder was found, in which something is probably looked for next.
    fn found(&mut self, folder: Arc<OwnedFd>, path: &[u8]) -> Opened {
        if !path.is_empty() {
            self.last = Some((path.to_vec(), Arc::clone(&folder)));
        }
        Opened::Folder(super::Folder(Way::Kernel(Folder {
            folder,
            root: Arc::clone(&self.root),
            path: path.to_vec(),
        })))
    }

    /// The folder at a path.
    fn parent(&mut self, path: &[u8]) -> rustix::io::Result<&Arc<OwnedFd>> {
        let last = self.last.take().filter(|(last, _)| last == path);
        let (path, folder) = match last {
            Some(last) => last,
            None => {
                let folder = resolve(&self.root, path, LOOK | OFlags::DIRECTORY)?;
                (path.to_vec(), Arc::new(folder))
            }
        };
        Ok(&self.last.insert((path, folder)).1)
    }
}

fn only_a_file(file: OwnedFd) -> io::Result<Option<Opened>> {
    let file = File::from(file);
    let found = file.metadata()?;
    Ok(found.is_file().then(|| Opened::File(file, facts(&found))))
}

/// The root itself, which was a file a moment ago.
fn open_file(at: &Path) -> io::Result<Opened> {
    let file = rustix::fs::open(at, READ, Mode::empty())?;
    only_a_file(file)?.ok_or_else(|| Errno::NOENT.into())
}

fn resolve(root: &OwnedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    resolve_by(root, path, flags, ResolveFlags::NO_MAGICLINKS)
}

/// Looks for something until nothing moves on the way.
fn resolve_by(
    root: &OwnedFd,
    path: &[u8],
    flags: OFlags,
    resolve: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = resolve | ResolveFlags::BENEATH;
    let path = OsStr::from_bytes(path);
    let mut tried = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        tried = rustix::fs::openat2(root, path, flags, Mode::empty(), resolve);
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
            folder: Arc::clone(&self.folder),
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
            _ => Some(stat(&self.folder, name).ok()?),
        };
        if found.is_none_or(|found| kind(&found) == FileType::Symlink) {
            found = Some(self.follow(name)?);
        }
        let found = found?;
        let what = match kind(&found) {
            FileType::RegularFile => Kind::File(u64::try_from(found.st_size).unwrap_or(0)),
            FileType::Directory => Kind::Folder,
            _ => return None,
        };
        Some(Entry {
            name: OsStringExt::from_vec(name.to_vec()),
            kind: what,
            modified: modified(&found),
        })
    }

    fn follow(&self, name: &[u8]) -> Option<Stat> {
        let path = join(&self.path, name);
        let found = resolve(&self.root, &path, LOOK).ok()?;
        rustix::fs::fstat(found).ok()
    }
}

/// Looks at one name in a folder, and follows no link.
fn stat(folder: &OwnedFd, name: &[u8]) -> rustix::io::Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    rustix::fs::statat(folder, OsStr::from_bytes(name), flags)
}

fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

fn identity(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

fn facts(found: &Metadata) -> Facts {
    let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    Facts {
        length: found.len(),
        modified: found.modified().unwrap_or(UNIX_EPOCH),
        links: found.nlink(),
        identity: (found.dev(), found.ino(), changed),
    }
}

fn modified(found: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(found.st_mtime.unsigned_abs());
    let whole = if found.st_mtime < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    let rest = u32::try_from(found.st_mtime_nsec).unwrap_or(0);
    let time = whole.and_then(|whole| whole.checked_add(Duration::new(0, rest)));
    time.unwrap_or(UNIX_EPOCH)
}

/// A path and a name in it, with `/` between them.
fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(path.len() + 1 + name.len());
    joined.extend_from_slice(path);
    if !path.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(name);
    joined
}
