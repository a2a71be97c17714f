//! The side that has files: names them, and sends those that are wanted.

mod answers;
mod content;
mod delta;
mod entries;
mod holes;
mod moved;
mod named;
mod numbers;
mod outlet;
mod packer;
mod piped;
mod roots;
mod rounds;
mod send;
#[cfg(test)]
pub(crate) mod tests;
mod watching;
mod zstd;

use std::io;
use std::path::PathBuf;

use proto::filexfer::native::message::{Course, Filter, Reason, Refused};
use proto::filexfer::native::name::Name;
use runtime::tree::What;
use runtime::units::ByteRate;

use crate::filter::{Filters, Judge, Sets, Verdict};
use crate::session::Session;
use crate::transfer::{Summary, TransferError, Watch};

pub(crate) use piped::Piped;
use roots::{Roots, There};
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

/// Whether these filters can be understood; a text for a person where they cannot.
pub(crate) fn filters_ok(filters: &[Filter]) -> Result<(), String> {
    let understood = Filters::new(filters).map(|_| ());
    understood.map_err(|error| error.to_string())
}

/// Whether what is wanted is offered; what to refuse it with where it is not. What this side's own filters leave out is not.
pub(crate) fn check(offer: &Offer, wanted: &Wanted, manner: &Manner) -> Result<(), Refused> {
    let unreadable = |error: TransferError| {
        tracing::warn!("{error}");
        Refused::Other(Reason::new("what is offered cannot be read now"))
    };
    filters_ok(&wanted.filters).map_err(|why| Refused::Other(Reason::new(&why)))?;
    let sets = sets(&manner.filters, &[]).map_err(unreadable)?;
    let mut roots = Roots::new(offer).map_err(unreadable)?.filtered(sets);
    let missing = wanted
        .names
        .iter()
        .find(|name| !is_offered(&mut roots, name));
    missing.map_or(Ok(()), |name| Err(Refused::NoSuchName(name.clone())))
}

fn is_offered(roots: &mut Roots<'_>, name: &Name) -> bool {
    let Ok(there) = roots.look(name) else {
        return false;
    };
    let is_folder = matches!(there, There::Found(What::Folder(_)));
    let mut judge = Judge::new(roots.sets());
    let verdict = judge.approach(name, is_folder, &mut |name| roots.file(name));
    !matches!(verdict, Ok(Verdict::Out))
}

/// Names what is wanted, and sends what the sink takes, until the sink has answered all of it.
pub(crate) fn send(
    session: Session,
    offer: &Offer,
    wanted: &Wanted,
    manner: &Manner,
    watch: &mut dyn Watch,
) -> Result<Summary, TransferError> {
    let roots = roots(offer, wanted, manner)?;
    Source::new(session, roots, wanted, manner, watch)?.send(offer, manner)
}

/// Names all that is wanted: nothing of it will be taken.
pub(crate) fn list(
    session: Session,
    offer: &Offer,
    wanted: &Wanted,
    manner: &Manner,
) -> Result<(), TransferError> {
    send::list(session, roots(offer, wanted, manner)?, wanted)
}

fn roots<'a>(
    offer: &'a Offer,
    wanted: &Wanted,
    manner: &Manner,
) -> Result<Roots<'a>, TransferError> {
    let sets = sets(&manner.filters, &wanted.filters)?;
    Ok(Roots::new(offer)?.filtered(sets))
}

fn sets(own: &[Filter], asked: &[Filter]) -> Result<Sets, TransferError> {
    Sets::new(own, asked).map_err(|error| TransferError::Here {
        what: "cannot use the filters".into(),
        reason: io::Error::other(error),
    })
}
