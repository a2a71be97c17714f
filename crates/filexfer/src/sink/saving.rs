//! One file on its way to the disk: written under a name for the time being, and kept where it is not complete.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use proto::filexfer::native::blocks::{BLOCK, FileHash, PartSize, block_hash, zeros};
use proto::filexfer::native::message::{Entry, Moment, Take};
use runtime::folder::{self, Folder, FolderError, Partial, Replace};

use super::journal::{Boot, Identity, Journal};
use super::writeback::Writeback;
use super::{Preserve, Sync};

/// What the names of files that are not complete begin with. No file of a source is called so.
pub(crate) const OURS: &[u8] = b".filexfer-";

/// The most bytes of one write: ext4 takes 1 MiB at once at a quarter of the speed of 256 KiB (Linux 6.18).
const WRITE: usize = 256 * 1024;

/// How soon a file is looked at again that another transfer has open.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A name in a folder.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) folder: Arc<Folder>,
    pub(super) name: Vec<u8>,
}

impl Spot {
    /// The names that go with it, which is none too long even where that one is as long as can be.
    fn beside(&self, extension: &str) -> Vec<u8> {
        let hash = block_hash(0, &self.name);
        let hex = u64::from_be_bytes([
            hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
        ]);
        let mut name = OURS.to_vec();
        name.extend_from_slice(format!("{hex:016x}.{extension}").as_bytes());
        name
    }

    pub(super) fn partial(&self) -> Vec<u8> {
        self.beside("part")
    }

    pub(super) fn journal(&self) -> Vec<u8> {
        self.beside("journal")
    }

    /// Whether some of the file may be there.
    pub(super) fn is_begun(&self) -> bool {
        self.folder.had(OURS) && matches!(self.folder.look(&self.partial()), Ok(Some(_)))
    }

    /// Removes what an earlier transfer left, unless one is at it now.
    pub(super) fn tidy(&self) -> Result<(), FolderError> {
        if !self.folder.had(OURS) {
            return Ok(());
        }
        // A transfer that ended between the last two steps has left a journal alone.
        let partial = self.folder.existing_partial(&self.partial())?;
        self.folder.remove(&self.journal())?;
        match partial {
            Some(partial) => partial.remove(&self.folder),
            None => Ok(()),
        }
    }
}

/// A file that is being written.
pub(super) struct Saving {
    spot: Spot,
    partial: Partial,
    hash: FileHash,
    identity: Option<Identity>,
    care: Care,
    journal: Option<Journal>,
    writeback: Writeback,
}

/// What all files of a transfer have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Care {
    pub(super) boot: Boot,
    pub(super) sync: Sync,
    /// How long a file is waited for that another transfer has open.
    pub(super) patience: Duration,
    pub(super) preserve: Preserve,
}

impl Care {
    /// Does it again while another transfer has the file: one whose connection broke may not know that yet.
    pub(super) fn patiently<T>(
        self,
        alive: &mut dyn FnMut(),
        mut open: impl FnMut(&mut dyn FnMut()) -> Result<T, FolderError>,
    ) -> Result<T, FolderError> {
        let begun = Instant::now();
        loop {
            match open(alive) {
                Err(FolderError::Busy) if begun.elapsed() < self.patience => {
                    alive();
                    thread::sleep(LOOK_AGAIN);
                }
                opened => return opened,
            }
        }
    }
}

impl Saving {
    /// From its beginning, whatever is there. `alive` is called now and then.
    pub(super) fn begin(
        spot: &Spot,
        entry: &Entry,
        care: Care,
        alive: &mut dyn FnMut(),
    ) -> Result<Self, FolderError> {
        care.patiently(alive, |_| {
            let partial = spot.folder.partial(&spot.partial())?;
            Self::anew(spot.clone(), partial, Identity::of(entry), care)
        })
    }

    /// From where it stood, if some of the same file is there. `alive` is called now and then.
    pub(super) fn resume(
        spot: &Spot,
        entry: &Entry,
        care: Care,
        alive: &mut dyn FnMut(),
    ) -> Result<Self, FolderError> {
        care.patiently(alive, |alive| {
            Self::try_resume(spot.clone(), entry, care, alive)
        })
    }

    fn try_resume(
        spot: Spot,
        entry: &Entry,
        care: Care,
        alive: &mut dyn FnMut(),
    ) -> Result<Self, FolderError> {
        let partial = spot.folder.partial(&spot.partial())?;
        let identity = Identity::of(entry);
        let known = match identity {
            Some(identity) => Journal::resume(
                &spot.folder,
                &spot.journal(),
                identity,
                care.boot,
                partial.file(),
                alive,
            )?,
            None => None,
        };
        let Some((journal, hash)) = known else {
            return Self::anew(spot, partial, identity, care);
        };
        let end = hash.blocks() * BLOCK as u64;
        cut(partial.file(), end)?;
        partial.file().seek(SeekFrom::Start(end))?;
        Ok(Self {
            spot,
            partial,
            hash,
            identity,
            care,
            journal: Some(journal),
            writeback: Writeback::new(care.sync),
        })
    }

    /// A journal of another file must not outlive the bytes that it tells of.
    fn anew(
        spot: Spot,
        partial: Partial,
        identity: Option<Identity>,
        care: Care,
    ) -> Result<Self, FolderError> {
        spot.folder.remove(&spot.journal())?;
        cut(partial.file(), 0)?;
        partial.file().rewind()?;
        Ok(Self {
            spot,
            partial,
            hash: FileHash::new(),
            identity,
            care,
            journal: None,
            writeback: Writeback::new(care.sync),
        })
    }

    /// What is wanted of it.
    pub(super) fn take(&self) -> Take {
        Take {
            from: self.hash.blocks() * BLOCK as u64,
            stack: self.hash.stack().to_vec(),
            basis: None,
        }
    }

    /// Adds what comes next, at most a block. After an error it cannot go on. `alive` is called now and then.
    pub(super) fn write(&mut self, bytes: &[u8], alive: &mut dyn FnMut()) -> io::Result<()> {
        for piece in bytes.chunks(WRITE) {
            self.partial.file().write_all(piece)?;
        }
        self.add(bytes);
        let file = self.partial.file();
        self.writeback.wrote(file, bytes.len(), alive)
    }

    /// Hashes what was written, at most a block.
    fn add(&mut self, bytes: &[u8]) {
        let mut complete = None;
        self.hash.update(bytes, |block| complete = Some(*block));
        if let Some(block) = complete {
            self.note(block);
        }
    }

    /// Adds zeros that take no room on a file system that can do without. After an error it cannot go on. `alive` is
    /// called now and then.
    pub(super) fn hole(&mut self, length: u64, alive: &mut dyn FnMut()) -> io::Result<()> {
        let mut file = self.partial.file();
        let from = file.stream_position()?;
        folder::zero(file, from, length)?;
        let end = from.saturating_add(length);
        file.seek(SeekFrom::Start(end))?;
        for bytes in zeros(from..end) {
            self.add(bytes);
            alive();
        }
        Ok(())
    }

    /// From now on by parts of this size, so that those of another file can be added.
    pub(super) fn by_parts(&mut self, part: PartSize) {
        self.hash.by_parts(part);
    }

    /// Whether the next byte is the first of a part.
    pub(super) fn is_between_parts(&self) -> bool {
        self.hash.is_between_parts()
    }

    /// Adds whole parts of another file, which have these hashes, between two parts; `length` is all of them in bytes.
    pub(super) fn copy(
        &mut self,
        (from, at): (&File, u64),
        length: u64,
        parts: &[[u8; 32]],
        alive: &mut dyn FnMut(),
    ) -> io::Result<()> {
        folder::copy(from, at, self.partial.file(), length)?;
        for part in parts {
            if let Some(block) = self.hash.add_part(*part) {
                self.note(block);
            }
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.writeback.wrote(self.partial.file(), length, alive)
    }

    /// Notes the hash of a block; there is no journal before the first, and none of a file that cannot be known again. A
    /// journal that cannot be written does not hinder the file.
    fn note(&mut self, block: [u8; 32]) {
        if let (Some(identity), 1) = (self.identity, self.hash.blocks()) {
            let name = self.spot.journal();
            self.journal = Journal::create(&self.spot.folder, &name, identity, self.care.boot).ok();
        }
        if let Some(journal) = &mut self.journal {
            let _ = journal.push(block);
        }
    }

    /// Leaves it for another time, or removes it where nothing of it is worth keeping.
    pub(super) fn keep(mut self) {
        let _ = self.writeback.wait(&mut || ());
        let Some(mut journal) = self.journal.take() else {
            return self.discard();
        };
        // The room that the journal needs may be what this one has too much.
        let end = self.hash.blocks() * BLOCK as u64;
        let _ = self.partial.file().set_len(end);
        let _ = journal.flush();
    }

    /// Removes it.
    pub(super) fn discard(mut self) {
        let _ = self.writeback.wait(&mut || ());
        let _ = self.spot.folder.remove(&self.spot.journal());
        let _ = self.partial.remove(&self.spot.folder);
    }

    /// All of it came. It is not safe yet.
    pub(super) fn complete(
        mut self,
        entry: &Entry,
        expected: [u8; 32],
        alive: &mut dyn FnMut(),
    ) -> Result<Complete, FolderError> {
        self.writeback.wait(alive)?;
        let hash = self.hash.clone().finish();
        if hash != expected {
            self.discard();
            return Err(io::Error::new(io::ErrorKind::InvalidData, ANOTHER_HASH).into());
        }
        self.care.preserve.dress(self.partial.file(), entry);
        Ok(Complete {
            spot: self.spot,
            partial: self.partial,
            journal: self.journal,
        })
    }
}

/// Why a file that came to its end is not taken for whole.
pub(super) const ANOTHER_HASH: &str = "expected the hash that the source has, got another";

/// A file that is complete and has not got its name.
pub(super) struct Complete {
    spot: Spot,
    partial: Partial,
    journal: Option<Journal>,
}

impl Complete {
    pub(super) fn file(&self) -> &File {
        self.partial.file()
    }

    pub(super) fn folder(&self) -> &Arc<Folder> {
        &self.spot.folder
    }

    /// Gives it its name.
    pub(super) fn publish(self, replace: Replace) -> Result<(), FolderError> {
        let folder = &self.spot.folder;
        match folder.publish(&self.partial, &self.spot.name, replace) {
            Ok(()) => match self.journal {
                Some(journal) => journal.remove(folder),
                None => Ok(()),
            },
            Err(error @ (FolderError::Exists | FolderError::NoFile { .. })) => {
                folder.remove(&self.spot.journal())?;
                self.partial.remove(folder)?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

/// Cuts a file where it is longer: ext4 remembers that one was cut, be it from nothing to nothing, and then writes all of
/// it to the disk when it is closed.
pub(super) fn cut(file: &File, length: u64) -> io::Result<()> {
    match file.metadata()?.len() > length {
        true => file.set_len(length),
        false => Ok(()),
    }
}

/// `None` where this system has no such time.
pub(super) fn system_time(moment: Moment) -> Option<SystemTime> {
    let seconds = Duration::from_secs(moment.seconds.unsigned_abs());
    let whole = match moment.seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(seconds),
        _ => SystemTime::UNIX_EPOCH.checked_sub(seconds),
    };
    whole?.checked_add(Duration::from_nanos(moment.nanos.into()))
}
