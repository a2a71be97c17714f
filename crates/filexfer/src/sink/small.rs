//! Files that come in one piece: made in one go, where the system can ([`runtime::folder::Unnamed`]).
//!
//! None is ever gone on with, so it needs no journal; and nobody can come upon it before it has its name, so it needs no
//! lock.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use proto::filexfer::native::blocks::whole_hash;
use proto::filexfer::native::message::Entry;
use runtime::folder::{Folder, FolderError, Permissions, Replace, Unnamed};

use super::Preserve;
use super::saving::{Care, Spot};

/// A file that was written and has no name.
pub(super) struct Small {
    spot: Spot,
    file: Unnamed,
    hash: [u8; 32],
}

impl Small {
    /// The file with these bytes; `None` where it cannot be made in this way.
    pub(super) fn make(
        spot: &Spot,
        entry: &Entry,
        bytes: &[u8],
        preserve: Preserve,
    ) -> Option<io::Result<Self>> {
        let mut wanted = preserve.of_file(entry);
        let permissions = wanted
            .permissions
            .map_or(Permissions::granted(None), Permissions::plain);
        let file = spot.folder.unnamed(permissions)?;
        wanted.permissions = wanted.permissions.filter(|all| {
            // A new owner takes some away.
            *all != permissions || wanted.owner.is_some()
        });
        let written = file.file().write_all(bytes);
        Some(written.map(|()| {
            // A file system that has no permissions or times keeps none.
            let _ = wanted.give(file.file());
            Self {
                spot: spot.clone(),
                file,
                hash: whole_hash(bytes),
            }
        }))
    }

    /// Whether it is what the source has.
    pub(super) fn has(&self, expected: [u8; 32]) -> bool {
        self.hash == expected
    }

    pub(super) fn file(&self) -> &File {
        self.file.file()
    }

    pub(super) fn folder(&self) -> &Arc<Folder> {
        &self.spot.folder
    }

    /// Gives it its name. What is left of a longer one that was to have it goes.
    pub(super) fn publish(self, replace: Replace, care: Care) -> Result<(), FolderError> {
        let Spot { folder, name } = &self.spot;
        care.patiently(&mut || (), |_| {
            folder.name(&self.file, name, replace, &|| self.spot.partial())
        })?;
        let _ = self.spot.tidy();
        Ok(())
    }
}
