//! The thread that brings finished files to the disk and under their names, group by group, while more come.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;

use proto::filexfer::native::name::Name;
use runtime::folder::{self, Folder, Replace};

use super::saving::Care;
use super::settle::{Finished, How, STILL_THERE};
use super::{Existing, Sync};

/// What came of a file in the end.
pub(super) struct Settled {
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) end: Result<[u8; 32], String>,
}

/// How files are brought to their end.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    pub(super) care: Care,
    pub(super) existing: Existing,
}

/// The thread, as who waits for it sees it.
pub(super) struct Disk {
    groups: SyncSender<Vec<Finished>>,
    settled: Receiver<Vec<Settled>>,
    /// How many groups it has.
    busy: usize,
}

impl Disk {
    pub(super) fn new(ways: Ways) -> io::Result<Self> {
        let (groups, waiting) = sync_channel(1);
        let (done, settled) = sync_channel(1);
        thread::Builder::new()
            .name("disk".into())
            .spawn(move || work(&waiting, &done, ways))?;
        Ok(Self {
            groups,
            settled,
            busy: 0,
        })
    }

    /// Whether it has something to do.
    pub(super) fn is_busy(&self) -> bool {
        self.busy > 0
    }

    /// Gives it a group. It has had none before, or told of it.
    pub(super) fn begin(&mut self, group: Vec<Finished>) -> io::Result<()> {
        self.busy += 1;
        self.groups.send(group).map_err(|_| gone())
    }

    /// What came of the group that it had, if it is done.
    pub(super) fn take(&mut self) -> io::Result<Option<Vec<Settled>>> {
        match self.settled.try_recv() {
            Ok(settled) => Ok(self.is_done(settled)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    /// What came of the group that it has, unless it is still at it after [`STILL_THERE`].
    pub(super) fn wait(&mut self) -> io::Result<Option<Vec<Settled>>> {
        match self.settled.recv_timeout(STILL_THERE) {
            Ok(settled) => Ok(self.is_done(settled)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }

    fn is_done(&mut self, settled: Vec<Settled>) -> Option<Vec<Settled>> {
        self.busy -= 1;
        Some(settled)
    }
}

fn gone() -> io::Error {
    io::Error::other("expected the thread that writes files to be there")
}

fn work(groups: &Receiver<Vec<Finished>>, done: &SyncSender<Vec<Settled>>, ways: Ways) {
    while let Ok(group) = groups.recv() {
        if done.send(published(group, ways)).is_err() {
            return;
        }
    }
}

/// On the disk, then under their names, which then are on the disk too.
fn published(group: Vec<Finished>, ways: Ways) -> Vec<Settled> {
    let written = match ways.care.sync {
        Sync::Yes => synced(&group),
        Sync::No => Ok(()),
    };
    let written = written.map_err(|error| error.to_string());
    let mut folders: Vec<Arc<Folder>> = Vec::new();
    let mut settled: Vec<_> = group
        .into_iter()
        .map(|finished| publish(finished, ways, &written, &mut folders))
        .collect();
    if ways.care.sync == Sync::Yes
        && let Err(error) = sync_folders(&folders)
    {
        for saved in settled.iter_mut().filter(|settled| settled.end.is_ok()) {
            saved.end = Err(format!("it is there, but may not be on the disk: {error}"));
        }
    }
    settled
}

fn synced(group: &[Finished]) -> io::Result<()> {
    let files: Vec<_> = group.iter().filter_map(|it| it.how.file()).collect();
    match files.is_empty() {
        true => Ok(()),
        false => folder::sync_files(&files),
    }
}

fn publish(
    finished: Finished,
    ways: Ways,
    written: &Result<(), String>,
    folders: &mut Vec<Arc<Folder>>,
) -> Settled {
    let Finished { name, size, how } = finished;
    if let Some(folder) = how.folder()
        && !folders.iter().rev().any(|known| Arc::ptr_eq(known, folder))
    {
        folders.push(Arc::clone(folder));
    }
    let replace = match ways.existing {
        Existing::Keep => Replace::No,
        Existing::Overwrite => Replace::Yes,
    };
    let (published, hash) = match how {
        How::Streamed(hash) => (Ok(()), hash),
        How::Failed(reason) => (Err(reason), [0; 32]),
        How::Complete(..) | How::Small(..) if written.is_err() => (written.clone(), [0; 32]),
        How::Complete(complete, hash) => (said(complete.publish(replace)), hash),
        How::Small(small, hash) => (said(small.publish(replace, ways.care)), hash),
    };
    let end = published.map(|()| hash);
    Settled { name, size, end }
}

fn said(published: Result<(), folder::FolderError>) -> Result<(), String> {
    published.map_err(|error| error.to_string())
}

/// A file system that cannot is one whose names need it not.
fn sync_folders(folders: &[Arc<Folder>]) -> io::Result<()> {
    folders.iter().try_for_each(|folder| match folder.sync() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    })
}
