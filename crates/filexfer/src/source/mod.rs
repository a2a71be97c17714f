//! The side that has files: names them, and sends those that are wanted.

mod answers;
mod content;
mod entries;
mod outlet;
mod packer;
mod piped;
mod roots;
mod send;
#[cfg(test)]
mod tests;
mod watching;
mod zstd;

use std::path::PathBuf;

use proto::filexfer::native::message::{Course, Filter, Reason, Refused};
use proto::filexfer::native::name::Name;
use runtime::units::ByteRate;

use crate::session::Session;
use crate::transfer::{Summary, TransferError, Watch};

pub(crate) use piped::Piped;
use roots::Roots;
use send::Source;

/// What a source has: files and folders, named by the last part of their path, or standard input under a name.
pub(crate) enum Offer {
    Paths(Vec<PathBuf>),
    Stdin(Piped),
}

/// Which of it the sink asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// These and what is in them; all there is where nothing is here.
    pub(crate) names: Vec<Name>,
    pub(crate) filters: Vec<Filter>,
}

/// When a source compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Where it makes the transfer faster, as is measured meanwhile.
    Auto,
    Never,
}

/// How a source sends.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// What goes on the wire, at most.
    pub(crate) limit: Option<ByteRate>,
    pub(crate) compression: Compression,
    pub(crate) course: Course,
    /// What is named of all that is offered, whatever is asked for.
    pub(crate) filters: Vec<Filter>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            limit: None,
            compression: Compression::Auto,
            course: Course::Once,
            filters: Vec::new(),
        }
    }
}

/// Whether there is what is offered, each under a name of its own.
pub(crate) fn validate(offer: &Offer) -> Result<(), TransferError> {
    Roots::new(offer).map(|_| ())
}

/// Whether what is wanted is offered; what to refuse it with where it is not.
pub(crate) fn check(offer: &Offer, wanted: &Wanted) -> Result<(), Refused> {
    let roots = Roots::new(offer).map_err(|error| {
        tracing::warn!("{error}");
        Refused::Other(Reason::new("what is offered cannot be read now"))
    });
    let mut roots = roots?;
    let missing = wanted.names.iter().find(|name| roots.look(name).is_err());
    missing.map_or(Ok(()), |name| Err(Refused::NoSuchName(name.clone())))
}

/// Names what is wanted, and sends what the sink takes, until the sink has answered all of it.
pub(crate) fn send(
    session: Session,
    offer: &Offer,
    wanted: &Wanted,
    manner: &Manner,
    watch: &mut dyn Watch,
) -> Result<Summary, TransferError> {
    let roots = Roots::new(offer)?;
    Source::new(session, roots, wanted, manner, watch)?.send(offer)
}

/// Names all that is offered: nothing of it will be taken.
pub(crate) fn list(session: Session, offer: &Offer, wanted: &Wanted) -> Result<(), TransferError> {
    send::list(session, Roots::new(offer)?, wanted)
}
