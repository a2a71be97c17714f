//! What sources and sinks have in common: what they tell while they work, and how they end.

use std::io;
use std::net::SocketAddr;

use proto::filexfer::native::message::{Refused, Totals};
use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;
use thiserror::Error;

/// What happens in a transfer, for a person or a program to see. Files are told of one after the other.
#[derive(Clone, Debug)]
pub(crate) enum Event<'a> {
    /// How much there is.
    Totals(Totals),
    /// A file begins, at this offset where it goes on after an interruption.
    Begun {
        name: &'a Name,
        size: Option<u64>,
        from: u64,
    },
    /// So many bytes of the file that began last came or went.
    Moved(u64),
    /// A file is complete, and safe where it was to go. A source tells so when its sink has.
    Saved {
        name: &'a Name,
        size: u64,
        hash: [u8; 32],
    },
    /// A file was there already, and is left as it is: the same, or another that is not to be overwritten.
    Left {
        name: &'a Name,
        size: Option<u64>,
        why: Left,
    },
    /// So many bytes of the file that began last were not sent: they are there already, or zeros.
    Reused(u64),
    /// A link was made, or a file got one more name.
    Made { name: &'a Name },
    /// What the source has not got was removed, or would be in a preview.
    Removed { name: &'a Name },
    /// It would be transferred if this were no preview.
    Wanted { name: &'a Name, size: Option<u64> },
    /// The source has something that it does not name. The path is the other side's, or as odd as file names are.
    Skipped {
        path: &'a [u8],
        reason: &'a str,
        is_failure: bool,
    },
    /// A round of a transfer that is followed is over.
    Paused,
    /// A file could not be transferred. The others go on.
    Failed { name: &'a Name, reason: &'a str },
}

/// Why a file was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// One of this size and time is there.
    Same,
    /// Another is there, and overwriting was not asked for.
    Other,
    /// The sink was told not to want it.
    Unwanted,
}

/// Who is told.
pub(crate) trait Watch {
    fn tell(&mut self, event: Event<'_>);
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Files that are complete and safe.
    pub(crate) saved: u64,
    /// Files that were left as they were, the same and others.
    pub(crate) same: u64,
    pub(crate) kept: u64,
    /// Files that failed.
    pub(crate) failed: u64,
    /// Links that were made, and names that were added.
    pub(crate) made: u64,
    /// What was removed at the sink, or would be in a preview.
    pub(crate) removed: u64,
    /// Files that would be transferred, in a preview.
    pub(crate) wanted: u64,
    /// Bytes of files that were not sent: they were there already, or zeros.
    pub(crate) reused: u64,
    /// Bytes of files that came or went in this session.
    pub(crate) bytes: u64,
    /// Bytes on the wire that they took, by which compression can be told.
    pub(crate) wire: u64,
}

/// What a refusal means, and the cure. Text of the peer's is escaped.
pub(crate) fn refusal(refused: &Refused) -> String {
    match refused {
        Refused::WrongWay => "it does the opposite: `filexfer get` fetches from one that serves, `filexfer send` gives to one that receives".into(),
        Refused::NoSuchName(name) => {
            let name = Escaped(name.as_bytes());
            format!("'{name}' is not offered; `filexfer list` shows what is")
        }
        Refused::Busy => "it has no room for another now; try again later".into(),
        Refused::Other(reason) => Escaped(reason.as_str().as_bytes()).to_string(),
    }
}

impl Summary {
    /// Everything is named anew: what was left or failed before will be told again.
    pub(crate) fn begin_round(&mut self) {
        (self.same, self.kept, self.failed) = (0, 0, 0);
    }

    /// One more file was left.
    pub(crate) fn count(&mut self, left: Left) {
        match left {
            Left::Same => self.same += 1,
            Left::Other => self.kept += 1,
            Left::Unwanted => {}
        }
    }
}

/// Why a transfer ended before its end.
#[derive(Debug, Error)]
pub(crate) enum TransferError {
    /// The connection broke, or nothing came for too long. Trying again goes on where it stood.
    #[error("the connection to {peer} was lost: {reason}")]
    Lost { peer: SocketAddr, reason: io::Error },
    /// The other side does not do it.
    #[error("the other side says that {}", refusal(.0))]
    Refused(Refused),
    /// The other side broke the rules of the wire.
    #[error("{peer} broke the rules: {what}")]
    Rules { peer: SocketAddr, what: String },
    /// This side cannot go on: a full disk, say.
    #[error("{what}: {reason}")]
    Here { what: String, reason: io::Error },
    /// It was interrupted by a signal.
    #[error("interrupted")]
    Interrupted,
}

/// That the other side broke a rule.
pub(crate) fn rules(peer: SocketAddr, what: impl ToString) -> TransferError {
    let what = what.to_string();
    TransferError::Rules { peer, what }
}

/// What tests compare of an event; `None` of those that each of them says in its own way, or not at all.
#[cfg(test)]
pub(crate) fn said(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Totals(_) | Event::Begun { .. } | Event::Moved(_) => return None,
        Event::Saved { name, size, .. } => format!("saved {name} {size}"),
        Event::Left { name, why, .. } => format!("left {name} {why:?}"),
        Event::Failed { name, reason } => format!("failed {name}: {reason}"),
        Event::Made { name } => format!("made {name}"),
        Event::Removed { name } => format!("removed {name}"),
        Event::Wanted { name, .. } => format!("wanted {name}"),
        Event::Skipped { path, reason, .. } => {
            format!("skipped {}: {reason}", path.escape_ascii())
        }
        Event::Reused(bytes) => format!("reused {bytes}"),
        Event::Paused => "paused".to_owned(),
    })
}
