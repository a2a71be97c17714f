//! The side that has files: names them, and sends those that are wanted.

use std::path::PathBuf;

use proto::filexfer::native::message::Refused;
use proto::filexfer::native::name::Name;

use crate::session::Session;
use crate::transfer::{Summary, TransferError, Watch};

/// What a source has: files and folders, named by the last part of their path, or standard input under a name.
pub(crate) enum Offer {
    Paths(Vec<PathBuf>),
    Stdin(Name),
}

/// Which of it the sink asked for.
pub(crate) enum Wanted {
    All,
    Names(Vec<Name>),
}

/// When a source compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Where it makes the transfer faster, as is measured meanwhile.
    Auto,
    Never,
}

/// How a source sends.
pub(crate) struct Manner {
    /// Bytes a second on the wire, at most.
    pub(crate) limit: Option<u64>,
    pub(crate) compression: Compression,
}

/// Whether what is wanted is offered; what to refuse it with where it is not.
pub(crate) fn check(_offer: &Offer, _wanted: &Wanted) -> Result<(), Refused> {
    unimplemented!()
}

/// Names what is wanted, and sends what the sink takes, until the sink has answered all of it.
pub(crate) fn send(
    _session: Session,
    _offer: &Offer,
    _wanted: &Wanted,
    _manner: &Manner,
    _watch: &mut dyn Watch,
) -> Result<Summary, TransferError> {
    unimplemented!()
}

/// Names all that is offered: nothing of it will be taken.
pub(crate) fn list(_session: Session, _offer: &Offer) -> Result<(), TransferError> {
    unimplemented!()
}
