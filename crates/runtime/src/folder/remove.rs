//! Folders that are made and go.

use std::io;

use super::{Folder, FolderError, Found, Kind, Origin, file_name};
use crate::escape::Escaped;

/// Whether a folder was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made, and is empty.
    New,
    /// It was there, and is like this.
    There(Found),
}

impl Folder {
    /// Makes the folder of this name if it is not there; a new one gets these permissions of Unix (the lowest nine bits and
    /// the sticky one, less the umask).
    ///
    /// # Errors
    /// [`FolderError::NoFolder`] where something else is there, a link to a folder too.
    pub fn make_folder(&self, part: &[u8], mode: u32) -> Result<Made, FolderError> {
        match self.make_with(file_name(part)?, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match self.look(part)? {
                Some(found) if found.kind == Kind::Folder => Ok(Made::There(found)),
                Some(found) => Err(FolderError::NoFolder {
                    name: Escaped(part).to_string(),
                    found: found.kind,
                }),
                None => Err(error.into()),
            },
            made => Ok(made.map(|()| Made::New)?),
        }
    }

    /// The folder under these names, one within the other; `None` where it is not there, or one above it.
    ///
    /// # Errors
    /// [`FolderError::NoFolder`] where something else is there, a link to a folder too.
    pub fn deeper<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, FolderError> {
        let mut folder = self.try_clone()?;
        for part in parts {
            match folder.enter(part, Origin::Found) {
                Err(FolderError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(None);
                }
                entered => folder = entered?,
            }
        }
        Ok(Some(folder))
    }

    /// The folder of this name, which the caller has made a moment ago.
    ///
    /// # Errors
    /// Where it is gone, or something else is in its place.
    pub fn new_child(&self, part: &[u8]) -> Result<Self, FolderError> {
        self.enter(part, Origin::Made)
    }

    /// Removes the empty folder of this name. What is no folder stays, a link to one too.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove_folder(&self, part: &[u8]) -> Result<(), FolderError> {
        match self.dir.remove_dir(file_name(part)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
