//! Files that are made in one go.
//!
//! Such a file has no name until it is whole: whatever ends this process, the system takes it back, and nobody else can
//! come upon it meanwhile. Linux has that on most of its file systems; elsewhere a [`Partial`](super::Partial) is made.

use std::fs::File;
use std::io;

use super::partial::{Replace, TRIES};
use super::{Folder, FolderError, Kind, Permissions, file_name};

/// A file without a name.
#[derive(Debug)]
pub struct Unnamed {
    file: File,
}

impl Unnamed {
    /// Its bytes.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Folder {
    /// A new file that can get a name in this folder, with these permissions. `None` where there is no such thing, or
    /// something else is wrong, of which a [`Partial`](super::Partial) tells.
    pub fn unnamed(&self, permissions: Permissions) -> Option<Unnamed> {
        let file = system::open(&self.dir, permissions).ok()?;
        if permissions.outlast_umask() {
            return Some(Unnamed { file });
        }
        let given = permissions.give(&file);
        given.ok().map(|()| Unnamed { file })
    }

    /// Gives a file its name. Where it replaces another it is under `meanwhile` for a moment, the name of a partial file
    /// that nobody needs any more.
    ///
    /// # Errors
    /// [`FolderError::Exists`] where there is another that is not to be replaced; [`FolderError::NoFile`] where there is
    /// something that is no file and no link; [`FolderError::Busy`] where another transfer has the partial file. It
    /// stays without a name then.
    pub fn name(
        &self,
        unnamed: &Unnamed,
        part: &[u8],
        replace: Replace,
        meanwhile: &dyn Fn() -> Vec<u8>,
    ) -> Result<(), FolderError> {
        let name = file_name(part)?;
        match system::link(&unnamed.file, &self.dir, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => return Ok(linked?),
        }
        match (self.look(part)?.map(|found| found.kind), replace) {
            (Some(found @ (Kind::Folder | Kind::Special)), _) => {
                Err(FolderError::no_file(part, found))
            }
            (_, Replace::No) => Err(FolderError::Exists),
            (_, Replace::Yes) => {
                let aside = meanwhile();
                self.put_aside(unnamed, &aside)?;
                Ok(self.dir.rename(file_name(&aside)?, &self.dir, name)?)
            }
        }
    }

    /// Gives it the name of a partial file, as which it is locked: nobody takes it for one to go on with.
    fn put_aside(&self, unnamed: &Unnamed, part: &[u8]) -> Result<(), FolderError> {
        let _ = unnamed.file.try_lock();
        for _ in 0..TRIES {
            match system::link(&unnamed.file, &self.dir, file_name(part)?) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => return Ok(linked?),
            }
            if let Some(partial) = self.existing_partial(part)? {
                partial.remove(self)?;
            }
        }
        Err(FolderError::Busy)
    }
}

#[cfg(all(target_os = "linux", not(portable)))]
mod system {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;

    use cap_std::fs::Dir;
    use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
    use nix::sys::stat::Mode;
    use nix::unistd::linkat;

    use super::Permissions;

    pub(super) fn open(dir: &Dir, permissions: Permissions) -> io::Result<File> {
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(permissions.bits());
        Ok(openat(dir, ".", flags, mode)?.into())
    }

    /// Linux before 6.10 lets the superuser alone name a file by its descriptor, others by what stands for that in /proc.
    pub(super) fn link(file: &File, dir: &Dir, name: &OsStr) -> io::Result<()> {
        let linked = linkat(file, "", dir, name, AtFlags::AT_EMPTY_PATH);
        if linked != Err(nix::Error::ENOENT) {
            return Ok(linked?);
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        Ok(linkat(AT_FDCWD, path.as_str(), dir, name, follow)?)
    }
}

#[cfg(any(not(target_os = "linux"), portable))]
mod system {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io;

    use cap_std::fs::Dir;

    use super::Permissions;

    pub(super) fn open(_: &Dir, _: Permissions) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn link(_: &File, _: &Dir, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
