//! Symbolic links, and more names for files.

use std::ffi::OsStr;
use std::io;
use std::time::SystemTime;

use cap_fs_ext::{DirExt, SystemTimeSpec};

use super::{Folder, FolderError, Kind, Owner, Replace, file_name};

impl Folder {
    /// Makes a symbolic link that leads there, wherever that is: nothing is looked up by it. What is replaced goes in the
    /// moment in which the link comes, which has the name `temporary` until then.
    ///
    /// # Errors
    /// [`FolderError::Exists`] where something is there that is not to be replaced; [`FolderError::NoFile`] where it is no
    /// file and no link; [`io::ErrorKind::Unsupported`] elsewhere than on Unix.
    pub fn make_link(
        &self,
        part: &[u8],
        target: &[u8],
        replace: Replace,
        temporary: &[u8],
    ) -> Result<(), FolderError> {
        self.make_name(part, replace, temporary, |name| self.symbolic(target, name))
    }

    /// Gives the file `from` in another folder one more name in this one, as [`make_link`](Self::make_link) makes links. A
    /// link gets one itself, not what it leads to.
    ///
    /// # Errors
    /// As there; what the system says where its files have one name each.
    pub fn add_name(
        &self,
        part: &[u8],
        folder: &Self,
        from: &[u8],
        replace: Replace,
        temporary: &[u8],
    ) -> Result<(), FolderError> {
        let from = file_name(from)?;
        self.make_name(part, replace, temporary, |name| {
            folder.dir.hard_link(from, &self.dir, name)
        })
    }

    /// `make` never replaces anything.
    fn make_name(
        &self,
        part: &[u8],
        replace: Replace,
        temporary: &[u8],
        make: impl Fn(&OsStr) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let name = file_name(part)?;
        match (make(name), replace) {
            (Err(error), Replace::Yes) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.replace(part, temporary, make)
            }
            (Err(error), _) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FolderError::Exists)
            }
            (made, _) => Ok(made?),
        }
    }

    fn replace(
        &self,
        part: &[u8],
        temporary: &[u8],
        make: impl Fn(&OsStr) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        if let Some(found) = self.look(part)?
            && let Kind::Folder | Kind::Special = found.kind
        {
            return Err(FolderError::no_file(part, found.kind));
        }
        let held = file_name(temporary)?;
        self.remove(temporary)?;
        make(held)?;
        let renamed = self.dir.rename(held, &self.dir, file_name(part)?);
        // Two names of one file are not renamed into each other.
        self.remove(temporary)?;
        Ok(renamed?)
    }

    #[cfg(unix)]
    fn symbolic(&self, target: &[u8], name: &OsStr) -> io::Result<()> {
        let target = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target);
        self.dir.symlink_contents(target, name)
    }

    #[cfg(not(unix))]
    fn symbolic(&self, _target: &[u8], _name: &OsStr) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no symbolic links that anybody may make",
        ))
    }

    /// Where the symbolic link of this name leads.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read_link(&self, part: &[u8]) -> Result<Vec<u8>, FolderError> {
        let target = self.dir.read_link_contents(file_name(part)?)?;
        Ok(target.into_os_string().into_encoded_bytes())
    }

    /// Sets whose a symbolic link is and when it was changed, as far as the system has such of links.
    ///
    /// # Errors
    /// Where it refuses.
    pub fn set_link(
        &self,
        part: &[u8],
        owner: Option<Owner>,
        modified: Option<SystemTime>,
    ) -> Result<(), FolderError> {
        let name = file_name(part)?;
        let owned = owner.map_or(Ok(()), |owner| self.own_link(name, owner));
        let timed = modified.map_or(Ok(()), |time| {
            let time = cap_std::time::SystemTime::from_std(time);
            let time = SystemTimeSpec::Absolute(time);
            self.dir.set_symlink_times(name, None, Some(time))
        });
        Ok(owned.and(timed)?)
    }

    #[cfg(unix)]
    fn own_link(&self, name: &OsStr, owner: Owner) -> io::Result<()> {
        use nix::fcntl::AtFlags;
        use nix::unistd::{Gid, Uid, fchownat};

        let (user, group) = (Uid::from_raw(owner.user), Gid::from_raw(owner.group));
        let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
        Ok(fchownat(&self.dir, name, Some(user), Some(group), flags)?)
    }

    #[cfg(not(unix))]
    fn own_link(&self, _name: &OsStr, _owner: Owner) -> io::Result<()> {
        Ok(())
    }
}
