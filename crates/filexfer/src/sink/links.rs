//! Symbolic links, and files with several names.

use proto::filexfer::native::message::{Entry, LinkTarget};

use super::receiver::Sink;
use crate::transfer::TransferError;

/// Which symbolic links are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkPolicy {
    /// Those that lead to a place within what is transferred.
    Inside,
    All,
    None,
}

/// Files that have several names, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Links {}

impl Sink<'_> {
    /// Makes a symbolic link, and answers.
    pub(super) fn symbolic(
        &mut self,
        entry: &Entry,
        target: &LinkTarget,
    ) -> Result<(), TransferError> {
        let _ = target;
        self.cannot(entry, "it is a symbolic link")
    }

    /// Gives a file that is here one more name, and answers.
    pub(super) fn again(&mut self, entry: &Entry, number: u32) -> Result<(), TransferError> {
        let _ = number;
        self.cannot(entry, "it is another name of a file")
    }
}
