//! The side that wants files: takes what it has not got, checks it, and puts it under its name when it is complete.

use std::path::PathBuf;

use proto::filexfer::native::message::{Entry, Totals};

use crate::session::Session;
use crate::transfer::{Summary, TransferError, Watch};

/// Where files go.
pub(crate) enum Place {
    /// Into this folder, under their names. It is made where it is not there.
    Folder(PathBuf),
    /// The one file that comes, under this path.
    File(PathBuf),
    /// To standard output, one after the other.
    Stdout,
}

/// How a sink treats what is there.
pub(crate) struct Manner {
    pub(crate) existing: Existing,
    pub(crate) sync: Sync,
}

/// What becomes of another file that is there under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Overwrite,
}

/// Whether files are on the disk before they have their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    Yes,
    No,
}

/// Takes what the source names and is not there yet, until all of it is safe.
pub(crate) fn receive(
    _session: Session,
    _place: &Place,
    _manner: &Manner,
    _watch: &mut dyn Watch,
) -> Result<Summary, TransferError> {
    unimplemented!()
}

/// Reads what is offered: `entry` is told each entry.
pub(crate) fn list(
    _session: Session,
    _entry: &mut dyn FnMut(&Entry),
) -> Result<Option<Totals>, TransferError> {
    unimplemented!()
}
