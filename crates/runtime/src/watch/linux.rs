//! inotify(7).

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Change, FolderId, Step};

/// How many links a path may lead through, as the system has it (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// How much is read of what was told, in bytes: some hundred changes.
const READ_AT_ONCE: usize = 16 * 1024;

/// How many changes are told before it is easier to believe nothing any more.
const MOST_TOLD: usize = 4096;

/// Folders that are watched.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
    room: Box<[MaybeUninit<u8>]>,
}

/// What is left of a path to go, the next name last. Whether a name is the last of the path as it was asked for.
struct Way(Vec<(OsString, Last)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    No,
    Yes,
}

impl Watch {
    /// Begins to watch nothing.
    ///
    /// # Errors
    /// Where the user has too many already (`fs.inotify.max_user_instances`).
    pub fn new() -> io::Result<Self> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        Ok(Self {
            inotify: inotify::init(flags)?,
            room: vec![MaybeUninit::uninit(); READ_AT_ONCE].into(),
        })
    }

    /// Watches all folders on the way to what is at an absolute path, also those that links lead through. Appends to
    /// `steps` all that it depends on, itself included, and the names of `beside` in the folder of the last one. Gives
    /// device and inode of what is there, if anything is. As long as nothing is told of any step, that is the same.
    ///
    /// Whoever relies on it opens what is there afterwards, and compares: what changed before is not told.
    ///
    /// # Errors
    /// When a folder may not be read, or the user watches too much (`fs.inotify.max_user_watches`).
    pub fn follow(
        &self,
        path: &Path,
        beside: &[&[u8]],
        steps: &mut Vec<Step>,
    ) -> io::Result<Option<(u64, u64)>> {
        let mut way = Way::of(path)?;
        let mut here = root()?;
        let mut links = 0;
        while let Some((name, last)) = way.0.pop() {
            let folder = match self.add(&here, NAMES) {
                // The step before says what it is that is no folder.
                Err(Errno::NOTDIR) => return Ok(None),
                watched => watched?,
            };
            steps.push(step(folder, name.as_bytes()));
            if last == Last::Yes {
                steps.extend(beside.iter().map(|name| step(folder, name)));
            }
            // Watched first, opened then: no change falls between the two.
            let flags = PLACE | OFlags::NOFOLLOW;
            let next = match rustix::fs::openat(&here, &name, flags, Mode::empty()) {
                Err(Errno::NOENT) => return Ok(None),
                opened => opened?,
            };
            let found = rustix::fs::fstat(&next)?;
            if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
                here = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = rustix::fs::readlinkat(&next, "", Vec::new())?.into_bytes();
            let target = OsString::from_vec(target);
            if Path::new(&target).is_absolute() {
                here = root()?;
            }
            way.put(Path::new(&target));
        }
        let end = rustix::fs::fstat(&here)?;
        if FileType::from_raw_mode(end.st_mode) == FileType::RegularFile {
            // The file itself: also what is done to it by another of its names is told then.
            steps.push(step(self.add(&here, CONTENT)?, b""));
        }
        Ok(Some((end.st_dev, end.st_ino)))
    }

    fn add(&self, place: &OwnedFd, what: WatchFlags) -> Result<FolderId, Errno> {
        // The descriptor stands for the place itself, whatever its path is by now.
        let path = format!("/proc/self/fd/{}", place.as_raw_fd());
        let number = inotify::add_watch(&self.inotify, path, what | WatchFlags::MASK_ADD)?;
        Ok(FolderId(number))
    }

    /// Watches a folder no longer.
    pub fn forget(&self, folder: FolderId) {
        // It may be gone, and the watch with it.
        let _ = inotify::remove_watch(&self.inotify, folder.0);
    }

    /// Tells what has changed since it was last asked. It may tell of what is not watched any more.
    pub fn news(&mut self, mut tell: impl FnMut(Change<'_>)) {
        let mut reader = Reader::new(&self.inotify, &mut self.room);
        for _ in 0..MOST_TOLD {
            match reader.next() {
                Ok(event) => tell(change(&event)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => break,
            }
        }
        tell(Change::Everything);
    }
}

/// What is told of a folder on the way: names that come and go, and who may enter.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What is told of a file.
const CONTENT: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::ATTRIB);

const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

fn root() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/", PLACE, Mode::empty())?)
}

fn step(folder: FolderId, name: &[u8]) -> Step {
    let name = name.into();
    Step { folder, name }
}

fn change<'a>(event: &'a inotify::Event<'_>) -> Change<'a> {
    if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
        return Change::Everything;
    }
    let folder = FolderId(event.wd());
    match event.file_name() {
        Some(name) => Change::Name(folder, name.to_bytes()),
        None => Change::Folder(folder),
    }
}

impl Way {
    fn of(path: &Path) -> io::Result<Self> {
        if !path.is_absolute() {
            return Err(Errno::INVAL.into());
        }
        let mut way = Self(Vec::new());
        way.put(path);
        if let Some((_, last)) = way.0.first_mut() {
            *last = Last::Yes;
        }
        Ok(way)
    }

    /// Goes this way first.
    fn put(&mut self, path: &Path) {
        let names = path.components().rev().filter_map(|part| match part {
            Component::Normal(name) => Some((name.to_owned(), Last::No)),
            Component::ParentDir => Some((OsStr::new("..").to_owned(), Last::No)),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        self.0.extend(names);
    }
}
