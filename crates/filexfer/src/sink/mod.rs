//! The side that wants files: takes what it has not got, checks it, and puts it under its name when it is complete.
//!
//! A file that is not complete is `.filexfer-….part` beside its name, and `.filexfer-….journal` what is known of it
//! ([`journal`]): the next transfer of the same file goes on from there.

mod answering;
mod attributes;
mod bases;
mod disk;
mod extras;
mod folders;
mod in_place;
mod incoming;
mod journal;
mod links;
mod patching;
mod receiver;
mod saving;
mod settle;
mod signing;
mod slot;
mod small;
mod sweep;
mod target;
#[cfg(test)]
mod tests;
mod unpack;
mod writeback;

use std::path::PathBuf;
use std::time::Duration;

use proto::filexfer::native::message::{Alive, Course, Done, Entry, Filter, Refused, Totals};
use proto::filexfer::native::name::Name;
use proto::frame::{FrameError, Message};

use crate::session::{SILENCE, Session};
use crate::transfer::{Summary, TransferError, Watch, rules};
pub(crate) use extras::Superfluous;
pub(crate) use links::LinkPolicy;
use receiver::Receiver;
pub(crate) use saving::OURS;

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
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) existing: Existing,
    pub(crate) sync: Sync,
    /// What was asked for: nothing else is let in. All there is where nothing is here.
    pub(crate) wanted: Vec<Name>,
    /// How long a file is waited for that another transfer is writing.
    pub(crate) patience: Duration,
    pub(crate) course: Course,
    pub(crate) extras: Superfluous,
    pub(crate) links: LinkPolicy,
    pub(crate) preserve: Preserve,
    pub(crate) update: Update,
    pub(crate) compare: Compare,
    /// What was asked not to be named: nothing of it is superfluous.
    pub(crate) filters: Vec<Filter>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            existing: Existing::Keep,
            sync: Sync::Yes,
            wanted: Vec::new(),
            patience: PATIENCE,
            course: Course::Once,
            extras: Superfluous::Keep,
            links: LinkPolicy::Inside,
            preserve: Preserve::default(),
            update: Update::Anew,
            compare: Compare::SizeAndTime,
            filters: Vec::new(),
        }
    }
}

/// What files and folders keep beside their times and the permissions that this process may grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preserve {
    /// All permissions, whatever the umask.
    pub(crate) mode: bool,
    /// setuid, setgid and the sticky bit.
    pub(crate) special: bool,
    /// User and group, by their numbers.
    pub(crate) owner: bool,
}

/// When a file that is there is taken for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    SizeAndTime,
    /// When all of its bytes are.
    Contents,
}

/// How a file that is there becomes the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// The new one takes its place when it is complete.
    Anew,
    /// What differs is written over. Until that is done the file is neither.
    InPlace,
}

/// Enough for a transfer whose connection broke to find that out, and to let go of its file.
pub(crate) const PATIENCE: Duration = SILENCE.saturating_add(Duration::from_secs(5));

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
///
/// Files get the permissions that they have there, less what this process is not to grant (its umask) and never more than to
/// read, write and run them; folders also those that their owner needs; both only where they are new.
///
/// What is told of the files that failed is not escaped, and may be the other side's words.
pub(crate) fn receive(
    session: Session,
    place: &Place,
    manner: &Manner,
    watch: &mut dyn Watch,
) -> Result<Summary, TransferError> {
    Receiver::new(session, place, manner, watch)?.run()
}

/// Reads what is offered: `entry` is told each entry.
pub(crate) fn list(
    session: Session,
    entry: &mut dyn FnMut(&Entry),
) -> Result<Option<Totals>, TransferError> {
    let Session {
        peer,
        mut sending,
        mut receiving,
    } = session;
    let broken = |what: String| rules(peer, what);
    let judged = |error: FrameError| broken(error.to_string());
    let mut totals = None;
    loop {
        let incoming = receiving.next()?;
        let incoming = incoming.ok_or_else(|| broken(UNDONE.into()))?;
        match incoming.prefix.kind {
            Totals::KIND => totals = Some(incoming.decode::<Totals>().map_err(judged)?.message),
            Entry::KIND => entry(&incoming.decode::<Entry>().map_err(judged)?.message),
            Alive::KIND => {}
            Refused::KIND => {
                let refused = incoming.decode::<Refused>().map_err(judged)?;
                return Err(TransferError::Refused(refused.message));
            }
            Done::KIND => break,
            kind => return Err(broken(unexpected(kind))),
        }
    }
    sending.say(&Done)?;
    sending.end()?;
    Ok(totals)
}

const UNDONE: &str = "it ended before it said that it was done";

fn unexpected(kind: u8) -> String {
    format!("expected a frame of a source, got one of kind {kind}")
}
