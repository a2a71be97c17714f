//! Small files that are read whole.

use std::io::{self, Read};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::OpenOptions;

use super::{Folder, FolderError, file_name};

impl Folder {
    /// What is in the file of this name; `None` where there is no file, a link to one too.
    ///
    /// # Errors
    /// Where it cannot be read, or has more than `most` bytes.
    pub fn read(&self, part: &[u8], most: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let is_file = self
            .look(part)?
            .is_some_and(|found| found.kind == super::Kind::File);
        if !is_file {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = self.dir.open_with(file_name(part)?, &options)?;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > most {
            true => Err(io::Error::other(format!("expected at most {most} bytes")).into()),
            false => Ok(Some(bytes)),
        }
    }
}
