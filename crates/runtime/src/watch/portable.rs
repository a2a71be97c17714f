//! Where no system tells.

use std::io;
use std::path::Path;

use super::{Change, FolderId, Step};

/// What is watched: nothing.
#[derive(Debug)]
pub struct Watch;

impl Watch {
    /// There is none.
    ///
    /// # Errors
    /// Always: `Unsupported`.
    pub fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Watches all folders on the way to a path.
    ///
    /// # Errors
    /// Always: `Unsupported`.
    pub fn follow(
        &self,
        _path: &Path,
        _beside: &[&[u8]],
        _steps: &mut Vec<Step>,
    ) -> io::Result<Option<(u64, u64)>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Watches a folder no longer.
    pub fn forget(&self, _folder: FolderId) {}

    /// What has changed since it was last asked.
    pub fn news(&mut self, mut tell: impl FnMut(Change<'_>)) {
        tell(Change::Everything);
    }
}
