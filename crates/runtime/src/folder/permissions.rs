//! Who may do what with a file or folder, and the rest that it can have without its bytes being touched.

use std::fs::File;
use std::io;
use std::time::SystemTime;

/// The permissions of Unix: who may read, write and run it (the lowest nine bits), then setuid, setgid and the sticky bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u32);

/// setuid, setgid and the sticky bit.
const SPECIAL: u32 = 0o7000;

impl Permissions {
    /// The lowest twelve bits of a mode.
    pub fn of(mode: u32) -> Self {
        Self(mode & 0o7777)
    }

    /// The lowest nine bits of a mode, or `rw-rw-rw-`, less what this process is not to grant (its umask).
    pub fn granted(mode: Option<u32>) -> Self {
        Self::of(mode.unwrap_or(0o666)).plain().masked()
    }

    /// Without setuid, setgid and the sticky bit.
    #[must_use]
    pub fn plain(self) -> Self {
        Self(self.0 & !SPECIAL)
    }

    /// Less what this process is not to grant (its umask).
    #[must_use]
    pub fn masked(self) -> Self {
        Self(self.0 & !umask())
    }

    /// The twelve bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether a file that is made with them has them, and need not be given them.
    pub(super) fn outlast_umask(self) -> bool {
        self.0 & (!0o777 | umask()) == 0
    }

    /// Gives them to an open file or folder. Elsewhere than on Unix it does nothing.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn give(self, file: &File) -> io::Result<()> {
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(self.0))?;
        #[cfg(not(unix))]
        let _ = (self.0, file);
        Ok(())
    }
}

/// The system tells it to who sets it alone, so it is asked once: nobody else may do so at the same time.
#[cfg(unix)]
fn umask() -> u32 {
    use nix::sys::stat::{Mode, umask};

    static MASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *MASK.get_or_init(|| {
        let mask = umask(Mode::S_IRWXG | Mode::S_IRWXO);
        umask(mask);
        u64::from(mask.bits()) as u32 // some systems have 16 bits
    })
}

#[cfg(not(unix))]
fn umask() -> u32 {
    0
}

/// Whose something is: the numbers of Unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// What a file or folder is to have; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Whose it is to be.
    pub owner: Option<Owner>,
    /// Who may do what with it.
    pub permissions: Option<Permissions>,
    /// When it was changed last.
    pub modified: Option<SystemTime>,
}

impl Attributes {
    /// Gives them to an open file or folder, as many of them as the file system takes. Where it does not take the owner,
    /// nobody gets to run it as somebody else.
    ///
    /// # Errors
    /// The first refusal.
    pub fn give(&self, file: &File) -> io::Result<()> {
        let owned = self.owner.map_or(Ok(()), |owner| own(file, owner));
        // A new owner takes setuid away, so the permissions follow.
        let permissions = match owned {
            Ok(()) => self.permissions,
            Err(_) => self.permissions.map(Permissions::plain),
        };
        let permitted = permissions.map_or(Ok(()), |permissions| permissions.give(file));
        let timed = self.modified.map_or(Ok(()), |time| file.set_modified(time));
        owned.and(permitted).and(timed)
    }
}

#[cfg(unix)]
fn own(file: &File, owner: Owner) -> io::Result<()> {
    let found = file.metadata()?;
    let is_so = {
        use std::os::unix::fs::MetadataExt;
        (found.uid(), found.gid()) == (owner.user, owner.group)
    };
    match is_so {
        true => Ok(()),
        false => std::os::unix::fs::fchown(file, Some(owner.user), Some(owner.group)),
    }
}

/// There are no such numbers.
#[cfg(not(unix))]
fn own(_file: &File, _owner: Owner) -> io::Result<()> {
    Ok(())
}
