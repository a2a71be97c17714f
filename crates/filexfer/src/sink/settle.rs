//! The end of files: on the disk, then under their names, then answered. Small ones together, since waiting for the disk takes
//! as long for one as for many.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use proto::filexfer::native::message::{Alive, NotSaved, Reason, Saved};
use proto::filexfer::native::name::Name;
use runtime::folder::Folder;

use super::disk::{Disk, Settled, Ways};
use super::saving::Complete;
use super::small::Small;
use crate::session::Sending;
use crate::transfer::{Event, Summary, TransferError, Watch};

/// The most files that are complete and wait for others, each of them open. As many more may be on their way to the disk.
const MOST_FILES: usize = 192;

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
    /// The same, made in one go.
    Small(Small, [u8; 32]),
    /// It went out, or was changed where it is, and has this hash.
    Streamed([u8; 32]),
    /// It is not there, for this reason.
    Failed(String),
}

impl How {
    /// The file that is to get a name, and the folder that it is in.
    pub(super) fn file(&self) -> Option<(&Folder, &File)> {
        match self {
            Self::Complete(complete, _) => Some((complete.folder(), complete.file())),
            Self::Small(small, _) => Some((small.folder(), small.file())),
            Self::Streamed(_) | Self::Failed(_) => None,
        }
    }

    /// That folder.
    pub(super) fn folder(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Complete(complete, _) => Some(complete.folder()),
            Self::Small(small, _) => Some(small.folder()),
            Self::Streamed(_) | Self::Failed(_) => None,
        }
    }
}

/// All of those, in their order.
pub(super) struct Settling {
    ways: Ways,
    finished: Vec<Finished>,
    bytes: u64,
    disk: Option<Disk>,
    /// How many that has, where it is busy.
    away: usize,
}

/// Who is told what came of them.
pub(super) struct Told<'a> {
    pub(super) sending: &'a mut Sending,
    pub(super) summary: &'a mut Summary,
    pub(super) watch: &'a mut dyn Watch,
}

impl Settling {
    pub(super) fn new(ways: Ways) -> Self {
        Self {
            ways,
            finished: Vec::new(),
            bytes: 0,
            disk: None,
            away: 0,
        }
    }

    pub(super) fn push(&mut self, finished: Finished) {
        self.bytes += finished.size;
        self.finished.push(finished);
    }

    /// Whether some wait for others.
    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty()
    }

    /// How many are not answered, those on their way to the disk too.
    pub(super) fn len(&self) -> usize {
        let away = if self.is_busy() { self.away } else { 0 };
        self.finished.len() + away
    }

    /// Whether no more should wait.
    pub(super) fn is_full(&self) -> bool {
        self.finished.len() >= MOST_FILES || self.bytes >= MOST_BYTES
    }

    /// Whether some are on their way to the disk.
    pub(super) fn is_busy(&self) -> bool {
        self.disk.as_ref().is_some_and(Disk::is_busy)
    }

    /// Sends those that wait on their way, after those that are.
    pub(super) fn send_off(&mut self, told: &mut Told<'_>) -> Result<(), TransferError> {
        while self.is_busy() {
            self.wait(told)?;
        }
        if self.finished.is_empty() {
            return Ok(());
        }
        (self.bytes, self.away) = (0, self.finished.len());
        let group = std::mem::take(&mut self.finished);
        let disk = match self.disk.take() {
            Some(disk) => disk,
            None => Disk::new(self.ways).map_err(broken)?,
        };
        self.disk.insert(disk).begin(group).map_err(broken)
    }

    /// Answers those that have come to their end.
    pub(super) fn answer(&mut self, told: &mut Told<'_>) -> Result<(), TransferError> {
        match &mut self.disk {
            Some(disk) if disk.is_busy() => {
                let settled = disk.take().map_err(broken)?;
                told.of(settled.unwrap_or_default())
            }
            _ => Ok(()),
        }
    }

    /// Waits until some are answered, but no longer than a side may be silent.
    pub(super) fn wait(&mut self, told: &mut Told<'_>) -> Result<(), TransferError> {
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        match disk.wait().map_err(broken)? {
            Some(settled) => told.of(settled),
            None => {
                say_alive(told.sending);
                Ok(())
            }
        }
    }

    /// Brings all of them to an end.
    pub(super) fn settle(&mut self, told: &mut Told<'_>) -> Result<(), TransferError> {
        self.send_off(told)?;
        while self.is_busy() {
            self.wait(told)?;
        }
        Ok(())
    }
}

impl Told<'_> {
    fn of(&mut self, settled: Vec<Settled>) -> Result<(), TransferError> {
        let mut answers = Ok(());
        for settled in settled {
            let answered = answer(&settled, self.sending);
            answers = answers.and(answered);
            tell(&settled, self.summary, self.watch);
        }
        answers
    }
}

fn broken(reason: io::Error) -> TransferError {
    TransferError::Here {
        what: "cannot bring files to the disk".into(),
        reason,
    }
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
pub(super) fn while_alive<T: Send>(sending: &mut Sending, work: impl FnOnce() -> T + Send) -> T {
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
