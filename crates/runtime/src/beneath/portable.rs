//! Held to the folder by `cap-std`, which follows each link itself: where there is no openat2.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_fs_ext::OpenOptionsSyncExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions, ReadDir};

use super::{Closed, Entry, Facts, Kind, Opened, Way};

/// A folder beneath a root.
#[derive(Debug)]
pub(super) struct Folder {
    root: Arc<Dir>,
    path: PathBuf,
    modified: SystemTime,
}

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Entries {
    names: ReadDir,
    root: Arc<Dir>,
    path: PathBuf,
}

/// Opens what is at a path beneath the root, which is looked for anew.
pub(super) fn open(at: &Path, path: &[u8]) -> Result<Opened, Closed> {
    let found = std::fs::metadata(at).map_err(Closed::root)?;
    if found.is_file() {
        return match path {
            b"" => open_root(at),
            _ => Err(Closed::Nothing),
        };
    }
    let root = Dir::open_ambient_dir(at, ambient_authority()).map_err(Closed::root)?;
    let path = relative(path).ok_or(Closed::Nothing)?;
    open_beneath(root, path).map_err(Closed::beneath)
}

fn open_root(at: &Path) -> Result<Opened, Closed> {
    let authority = ambient_authority();
    let file = cap_std::fs::File::open_ambient_with(at, &to_read(), authority);
    let opened = file.and_then(only_a_file).map_err(Closed::root)?;
    opened.ok_or(Closed::Nothing)
}

fn open_beneath(root: Dir, path: PathBuf) -> io::Result<Opened> {
    let found = root.metadata(&path)?;
    if found.is_dir() {
        return Ok(Opened::Folder(super::Folder(Way::Walked(Folder {
            root: Arc::new(root),
            path,
            modified: modified(&found),
        }))));
    }
    let opened = if found.is_file() {
        only_a_file(root.open_with(&path, &to_read())?)?
    } else {
        None
    };
    opened.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Without waiting for whoever has it open, if it is no file after all.
fn to_read() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true);
    options
}

fn only_a_file(file: cap_std::fs::File) -> io::Result<Option<Opened>> {
    let found = file.metadata()?;
    Ok(found
        .is_file()
        .then(|| Opened::File(file.into_std(), facts(&found))))
}

impl Folder {
    pub(super) fn each(&self) -> io::Result<Entries> {
        Ok(Entries {
            names: self.root.open_dir(&self.path)?.entries()?,
            root: Arc::clone(&self.root),
            path: self.path.clone(),
        })
    }

    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        Ok(self.modified)
    }
}

impl Entries {
    pub(super) fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            let entry = match self.names.next()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error)),
            };
            if let Some(entry) = self.look(entry.file_name(), entry.metadata()) {
                return Some(Ok(entry));
            }
        }
    }

    /// What is known of something in the folder, unless it is gone or cannot be served.
    fn look(&self, name: OsString, found: io::Result<Metadata>) -> Option<Entry> {
        let mut found = found.ok()?;
        if found.is_symlink() {
            found = self.root.metadata(self.path.join(&name)).ok()?;
        }
        let kind = if found.is_dir() {
            Kind::Folder
        } else if found.is_file() {
            Kind::File(found.len())
        } else {
            return None;
        };
        Some(Entry {
            name,
            kind,
            modified: modified(&found),
        })
    }
}

/// Names with `/` between them as a path of this system, in which each of them is one name; `.` where there is none.
fn relative(path: &[u8]) -> Option<PathBuf> {
    if path.is_empty() {
        return Some(".".into());
    }
    path.split(|byte| *byte == b'/').map(name).collect()
}

fn name(bytes: &[u8]) -> Option<OsString> {
    #[cfg(unix)]
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned();
    // A colon would name a drive, or a stream beside the file.
    #[cfg(not(unix))]
    let name = OsString::from(
        str::from_utf8(bytes)
            .ok()
            .filter(|name| !name.contains(':'))?,
    );
    let mut components = Path::new(&name).components();
    let is_name = matches!(components.next(), Some(Component::Normal(one)) if one == name);
    is_name.then_some(name)
}

fn facts(found: &Metadata) -> Facts {
    let modified = modified(found);
    #[cfg(unix)]
    let (links, identity) = {
        use cap_std::fs::MetadataExt;
        let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
        (found.nlink(), (found.dev(), found.ino(), changed))
    };
    #[cfg(not(unix))]
    let (links, identity) = {
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = i128::try_from(since.as_nanos()).unwrap_or(i128::MAX);
        (0, (0, 0, changed))
    };
    Facts {
        length: found.len(),
        modified,
        links,
        identity,
    }
}

fn modified(found: &Metadata) -> SystemTime {
    found.modified().map_or(UNIX_EPOCH, |time| time.into_std())
}
