//! The end of files: on the disk, then under their names, then answered. Small ones together, since waiting for the disk takes
//! as long for one as for many.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use proto::filexfer::native::message::{Alive, NotSaved, Reason, Saved};
use proto::filexfer::native::name::Name;
use runtime::folder::{self, Folder, Replace};

use super::saving::Complete;
use super::{Existing, Manner, Sync};
use crate::session::Sending;
use crate::transfer::{Event, Summary, TransferError, Watch};

/// The most files that are complete and wait for others, each of them open.
const MOST_FILES: usize = 64;

/// The bytes from which on it is not worth waiting.
const MOST_BYTES: u64 = 8 << 20;

/// How often a side that is busy says that it is there.
pub(super) const STILL_THERE: Duration = Duration::from_secs(5);

/// A file that is finished and not answered.
pub(super) struct Finished {
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) how: How,
}

/// What came of it.
pub(super) enum How {
    /// It is whole, and has this hash.
    Complete(Complete, [u8; 32]),
    /// It went out, or was changed where it is, and has this hash.
    Streamed([u8; 32]),
    /// It is not there, for this reason.
    Failed(String),
}

/// All of those, in their order.
#[derive(Default)]
pub(super) struct Settling {
    finished: Vec<Finished>,
    bytes: u64,
}

impl Settling {
    pub(super) fn push(&mut self, finished: Finished) {
        self.bytes += finished.size;
        self.finished.push(finished);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty()
    }

    /// Whether no more should wait.
    pub(super) fn is_full(&self) -> bool {
        self.finished.len() >= MOST_FILES || self.bytes >= MOST_BYTES
    }

    /// Brings them to an end.
    pub(super) fn settle(
        &mut self,
        manner: &Manner,
        sending: &mut Sending,
        summary: &mut Summary,
        watch: &mut dyn Watch,
    ) -> Result<(), TransferError> {
        let finished = std::mem::take(self).finished;
        let mut answers = Ok(());
        for settled in published(finished, manner, sending) {
            let answered = answer(&settled, sending);
            answers = answers.and(answered);
            tell(&settled, summary, watch);
        }
        answers
    }
}

/// What came of a file in the end.
struct Settled {
    name: Name,
    size: u64,
    end: Result<[u8; 32], String>,
}

fn published(finished: Vec<Finished>, manner: &Manner, sending: &mut Sending) -> Vec<Settled> {
    let written = match manner.sync {
        Sync::Yes => synced(&finished, sending),
        Sync::No => Ok(()),
    };
    let written = written.map_err(|error| error.to_string());
    let replace = match manner.existing {
        Existing::Keep => Replace::No,
        Existing::Overwrite => Replace::Yes,
    };
    let mut folders: Vec<Arc<Folder>> = Vec::new();
    let mut settled: Vec<_> = finished
        .into_iter()
        .map(|finished| publish(finished, replace, &written, &mut folders))
        .collect();
    if manner.sync == Sync::Yes
        && !folders.is_empty()
        && let Err(error) = while_alive(sending, || sync_folders(&folders))
    {
        for saved in settled.iter_mut().filter(|settled| settled.end.is_ok()) {
            saved.end = Err(format!("it is there, but may not be on the disk: {error}"));
        }
    }
    settled
}

fn synced(finished: &[Finished], sending: &mut Sending) -> io::Result<()> {
    let files: Vec<_> = finished
        .iter()
        .filter_map(|finished| match &finished.how {
            How::Complete(complete, _) => Some(complete.file()),
            How::Streamed(_) | How::Failed(_) => None,
        })
        .collect();
    match files.is_empty() {
        true => Ok(()),
        false => while_alive(sending, || folder::sync_files(&files)),
    }
}

fn publish(
    finished: Finished,
    replace: Replace,
    written: &Result<(), String>,
    folders: &mut Vec<Arc<Folder>>,
) -> Settled {
    let Finished { name, size, how } = finished;
    let end = match how {
        How::Streamed(hash) => Ok(hash),
        How::Failed(reason) => Err(reason),
        How::Complete(complete, hash) => written.clone().and_then(|()| {
            let folder = Arc::clone(complete.folder());
            if !folders.iter().any(|known| Arc::ptr_eq(known, &folder)) {
                folders.push(folder);
            }
            let published = complete.publish(replace);
            published.map(|()| hash).map_err(|error| error.to_string())
        }),
    };
    Settled { name, size, end }
}

/// A file system that cannot is one whose names need it not.
fn sync_folders(folders: &[Arc<Folder>]) -> io::Result<()> {
    folders.iter().try_for_each(|folder| match folder.sync() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    })
}

fn answer(settled: &Settled, sending: &mut Sending) -> Result<(), TransferError> {
    match &settled.end {
        Ok(_) => sending.say(&Saved),
        Err(reason) => {
            let reason = Reason::new(reason);
            sending.say(&NotSaved { reason })
        }
    }
}

fn tell(settled: &Settled, summary: &mut Summary, watch: &mut dyn Watch) {
    let Settled { name, size, end } = settled;
    match end {
        Ok(hash) => {
            summary.saved += 1;
            let (size, hash) = (*size, *hash);
            watch.tell(Event::Saved { name, size, hash });
        }
        Err(reason) => {
            summary.failed += 1;
            watch.tell(Event::Failed { name, reason });
        }
    }
}

/// Works, and says meanwhile that this side is there. That it could not say so shows when it says something else.
fn while_alive<T: Send>(sending: &mut Sending, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let (done, waiting) = channel::<()>();
        let working = scope.spawn(move || {
            let result = work();
            drop(done);
            result
        });
        while waiting.recv_timeout(STILL_THERE) == Err(RecvTimeoutError::Timeout) {
            say_alive(sending);
        }
        match working.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Says that this side is there.
pub(super) fn say_alive(sending: &mut Sending) {
    let _ = sending.say(&Alive).and_then(|()| sending.flush());
}
