//! What files, folders and links get beside their bytes: owners, permissions, times.

use std::fs::File;

use proto::filexfer::native::message::Entry;
use runtime::folder::{Attributes, Found, Owner, Permissions};

use super::Preserve;
use super::saving::system_time;

/// The bit by which folders hand their group on to what is made in them.
const SETGID: u32 = 0o2000;

impl Preserve {
    /// What a file is to have.
    pub(super) fn of_file(self, entry: &Entry) -> Attributes {
        self.all(entry, 0o666)
    }

    /// Gives a file what it is to have. A file system that has no permissions or times keeps none.
    pub(super) fn dress(self, file: &File, entry: &Entry) {
        let _ = self.of_file(entry).give(file);
    }

    /// What a folder is to have, which is like this now.
    pub(super) fn of_folder(self, entry: &Entry, found: &Found) -> Attributes {
        let all = self.all(entry, 0o777);
        let inherited = match self.special {
            true => 0,
            false => found.mode & SETGID,
        };
        let permissions = all.permissions;
        Attributes {
            permissions: permissions.map(|own| Permissions::of(own.bits() | inherited)),
            ..all
        }
    }

    /// Whose a link is to be.
    pub(super) fn owner(self, entry: &Entry) -> Option<Owner> {
        let owner = entry.owner.filter(|_| self.owner)?;
        let (user, group) = (owner.user, owner.group);
        Some(Owner { user, group })
    }

    fn all(self, entry: &Entry, usual: u32) -> Attributes {
        Attributes {
            owner: self.owner(entry),
            permissions: Some(match entry.mode {
                Some(mode) => self.permissions(mode),
                None => Permissions::of(usual).masked(),
            }),
            modified: entry.modified.and_then(system_time),
        }
    }

    fn permissions(self, mode: u32) -> Permissions {
        let permissions = match self.special {
            true => Permissions::of(mode),
            false => Permissions::of(mode).plain(),
        };
        match self.mode {
            true => permissions,
            false => permissions.masked(),
        }
    }
}

/// What of these attributes is not so yet; `None` where all of it is.
pub(super) fn missing(wanted: Attributes, found: &Found) -> Option<Attributes> {
    let is_owned = wanted.owner.is_none() || wanted.owner == found.owner;
    let is_permitted = |own: &Permissions| own.bits() == found.mode || !cfg!(unix);
    let missing = Attributes {
        owner: wanted.owner.filter(|_| !is_owned),
        // A new owner takes some away.
        permissions: wanted
            .permissions
            .filter(|own| !is_owned || !is_permitted(own)),
        modified: wanted.modified.filter(|time| found.modified != Some(*time)),
    };
    (missing != Attributes::default()).then_some(missing)
}
