//! A file that is not complete yet, and how it gets its name.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;

use cap_fs_ext::{FollowSymlinks, MetadataExt, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::OpenOptions;

use super::{Folder, FolderError, Kind, file_name, found};

/// How often somebody may put another file under the name while it is opened.
pub(super) const TRIES: usize = 8;

/// What happens to a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// It stays: [`FolderError::Exists`].
    No,
    /// It goes in the moment in which the new one comes. A link goes itself, not what it leads to.
    Yes,
}

/// A file under a name for the time being. Nobody else who asks for it in this way has it.
#[derive(Debug)]
pub struct Partial {
    file: File,
    name: OsString,
}

impl Folder {
    /// Opens the file under this name to write and to read it, or makes it (only its owner may do anything with it).
    ///
    /// What is no plain file of this user, or has other names too, is removed and made anew. On a file system without locks
    /// it is not locked.
    ///
    /// # Errors
    /// [`FolderError::Busy`] where somebody else has it, [`FolderError::NoFile`] where a folder is there.
    pub fn partial(&self, part: &[u8]) -> Result<Partial, FolderError> {
        let name = file_name(part)?;
        for _ in 0..TRIES {
            let Some(file) = self.open_or_create(name)? else {
                continue;
            };
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(FolderError::Busy),
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            // Who held the lock may have completed the file: then it is no longer the one under this name.
            if self.is_under(name, &file)? {
                let name = name.to_owned();
                return Ok(Partial { file, name });
            }
        }
        Err(FolderError::Busy)
    }

    /// Opens the file under this name if it is one that [`partial`](Self::partial) would go on with.
    ///
    /// # Errors
    /// As there.
    pub fn existing_partial(&self, part: &[u8]) -> Result<Option<Partial>, FolderError> {
        match self.look(part)? {
            Some(_) => self.partial(part).map(Some),
            None => Ok(None),
        }
    }

    /// `None` where something was there that had to go, or came meanwhile.
    fn open_or_create(&self, name: &OsStr) -> Result<Option<File>, FolderError> {
        match self.dir.open_with(name, &options(Create::No)) {
            Ok(file) => self.usable(name, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(name),
            Err(error) => self.make_way(name, error),
        }
    }

    fn create(&self, name: &OsStr) -> Result<Option<File>, FolderError> {
        match self.dir.open_with(name, &options(Create::Yes)) {
            Ok(file) => Ok(Some(file.into_std())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn usable(&self, name: &OsStr, file: cap_std::fs::File) -> Result<Option<File>, FolderError> {
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.nlink() == 1 && is_ours(&metadata) {
            return Ok(Some(file.into_std()));
        }
        self.dir.remove_file(name)?;
        Ok(None)
    }

    /// A link, or a file that may not be written: it goes, a folder stays.
    fn make_way(&self, name: &OsStr, error: io::Error) -> Result<Option<File>, FolderError> {
        let Ok(metadata) = self.dir.symlink_metadata(name) else {
            return Err(error.into());
        };
        match found(&metadata).kind {
            Kind::Link | Kind::Special => self.dir.remove_file(name)?,
            Kind::File => return Err(error.into()),
            found @ Kind::Folder => {
                return Err(FolderError::no_file(name.as_encoded_bytes(), found));
            }
        }
        Ok(None)
    }

    pub(super) fn is_under(&self, name: &OsStr, file: &File) -> Result<bool, FolderError> {
        let ours = cap_std::fs::File::from_std(file.try_clone()?).metadata()?;
        match self.dir.symlink_metadata(name) {
            Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a partial file its name.
    ///
    /// # Errors
    /// [`FolderError::Exists`] where there is another that is not to be replaced; [`FolderError::NoFile`] where there is
    /// something that is no file and no link. The partial file stays.
    pub fn publish(
        &self,
        partial: &Partial,
        part: &[u8],
        replace: Replace,
    ) -> Result<(), FolderError> {
        let name = file_name(part)?;
        match (self.look(part)?.map(|found| found.kind), replace) {
            (Some(found @ (Kind::Folder | Kind::Special)), _) => {
                Err(FolderError::no_file(part, found))
            }
            (Some(Kind::File | Kind::Link), Replace::No) => Err(FolderError::Exists),
            (Some(_), Replace::Yes) => Ok(self.dir.rename(&partial.name, &self.dir, name)?),
            (None, _) => self.put(&partial.name, name, replace),
        }
    }

    /// A second name never replaces anything, also what came this very moment. File systems that have one name for each file
    /// (FAT) refuse it: there the moment between the look and the move is open.
    fn put(&self, from: &OsStr, to: &OsStr, replace: Replace) -> Result<(), FolderError> {
        match self.dir.hard_link(from, &self.dir, to) {
            Ok(()) => Ok(self.dir.remove_file(from)?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match replace {
                Replace::No => Err(FolderError::Exists),
                Replace::Yes => Ok(self.dir.rename(from, &self.dir, to)?),
            },
            Err(_) => Ok(self.dir.rename(from, &self.dir, to)?),
        }
    }
}

impl Partial {
    /// Its bytes.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Removes it from the folder that it is in.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(self, folder: &Folder) -> Result<(), FolderError> {
        match folder.dir.remove_file(&self.name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    No,
    Yes,
}

/// A pipe would be waited for, but for `nonblock`.
fn options(create: Create) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.create_new(create == Create::Yes);
    options.follow(FollowSymlinks::No).nonblock(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is_ours(metadata: &cap_std::fs::Metadata) -> bool {
    cap_std::fs::MetadataExt::uid(metadata) == nix::unistd::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_ours(_metadata: &cap_std::fs::Metadata) -> bool {
    true
}
