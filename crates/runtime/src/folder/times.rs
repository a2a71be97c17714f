//! Times, permissions and owners of what is there.

use std::io;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::OpenOptions;

use super::{Attributes, Folder, FolderError, Found, file_name, found};

/// What its owner needs to write in a folder.
const NEEDED: u32 = 0o700;

impl Folder {
    /// What is known of the folder itself.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn facts(&self) -> io::Result<Found> {
        Ok(found(&self.dir.dir_metadata()?))
    }

    /// Gives the folder itself these attributes.
    ///
    /// # Errors
    /// Where the file system refuses one of them; the others are given.
    pub fn set(&self, attributes: &Attributes) -> io::Result<()> {
        // The handle in `dir` may be one that only leads there.
        attributes.give(&self.dir.open(".")?.into_std())
    }

    /// Lets the owner of the folder of this name read and write in it, and go through it.
    ///
    /// # Errors
    /// Where it cannot be opened, or the file system refuses.
    pub fn permit(&self, part: &[u8]) -> Result<(), FolderError> {
        self.set_folder(part, |mode| mode | NEEDED)
    }

    #[cfg(unix)]
    fn set_folder(&self, part: &[u8], mode: impl FnOnce(u32) -> u32) -> Result<(), FolderError> {
        use cap_std::fs::PermissionsExt;
        use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, mode_t};

        let name = file_name(part)?;
        let folder = self.dir.open_dir_nofollow(name)?;
        let before = found(&folder.dir_metadata()?).mode;
        let after = mode(before);
        if before == after {
            return Ok(());
        }
        let permissions = cap_std::fs::Permissions::from_mode(after);
        if folder.set_permissions(".", permissions).is_ok() {
            return Ok(());
        }
        // Who may not go through it cannot come to it by the handle.
        let mode = Mode::from_bits_truncate(after as mode_t);
        let flags = FchmodatFlags::NoFollowSymlink;
        Ok(fchmodat(&self.dir, name, mode, flags).map_err(io::Error::from)?)
    }

    #[cfg(not(unix))]
    fn set_folder(&self, part: &[u8], mode: impl FnOnce(u32) -> u32) -> Result<(), FolderError> {
        let _ = (file_name(part)?, mode(NEEDED));
        Ok(())
    }

    /// Gives the file of this name these attributes if it still is the one that was found.
    ///
    /// # Errors
    /// Where it is another, or cannot be opened, or the file system refuses.
    pub fn set_file(
        &self,
        part: &[u8],
        found_before: &Found,
        attributes: &Attributes,
    ) -> Result<(), FolderError> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = self.dir.open_with(file_name(part)?, &options)?;
        if found(&file.metadata()?).id != found_before.id {
            return Err(io::Error::other("another file came into its place").into());
        }
        Ok(attributes.give(&file.into_std())?)
    }

    /// Waits until all that its file system has to write is on the disk (Linux; elsewhere the names in it).
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn sync_all(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        nix::unistd::syncfs(self.dir.open(".")?)?;
        #[cfg(not(target_os = "linux"))]
        self.sync()?;
        Ok(())
    }

    /// Whether a folder with this mode lets its owner write in it.
    pub fn is_writable(mode: u32) -> bool {
        !cfg!(unix) || mode & NEEDED == NEEDED
    }
}
