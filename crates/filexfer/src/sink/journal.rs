//! What a sink has of a file that is not complete: the hashes of its blocks, in a file beside it.
//!
//! | bytes | field |
//! |---|---|
//! | 0–7 | `filexfer` |
//! | 8–11 | version of this layout, 1 |
//! | 12–19 | size of the source's file |
//! | 20–31 | when that was last changed: seconds, nanoseconds |
//! | 32–47 | which start of the system wrote it, zeros where that is not known |
//! | 48–63 | hash of these bytes |
//! | 64–… | the hash of each block, 32 bytes |
//!
//! Numbers are big-endian. A hash is written after its block, so that it never says more than is there, unless the system
//! ended meanwhile: then the blocks have to be read again. What is not whole at its end was never written.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use proto::filexfer::native::blocks::{BLOCK, FileHash, block_hash};
use proto::filexfer::native::message::{Entry, Moment};
use runtime::folder::{Folder, FolderError, Partial};

const MAGIC: [u8; 8] = *b"filexfer";
const VERSION: u32 = 1;
const HEAD: usize = 64;
const HASH: usize = 32;

/// How many blocks are written down at once: after the sudden end of this program they are fetched again.
const GROUP: usize = 16;

/// Which file of a source it is. One that has not changed since is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    size: u64,
    modified: Moment,
}

impl Identity {
    /// `None` for what cannot be known again, such as what comes from a pipe.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match (entry.size(), entry.modified) {
            (Some(size), Some(modified)) => Some(Self { size, modified }),
            _ => None,
        }
    }

    /// How many of its blocks a sink may have and still be owed a byte.
    fn most_blocks(self) -> u64 {
        self.size.saturating_sub(1) / BLOCK as u64
    }

    fn head(self, boot: Boot) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_be_bytes());
        head[12..20].copy_from_slice(&self.size.to_be_bytes());
        head[20..28].copy_from_slice(&self.modified.seconds.to_be_bytes());
        head[28..32].copy_from_slice(&self.modified.nanos.to_be_bytes());
        head[32..48].copy_from_slice(&boot.0);
        let hash = block_hash(0, &head[..48]);
        head[48..].copy_from_slice(&hash[..16]);
        head
    }
}

/// Which start of the system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boot([u8; 16]);

impl Boot {
    pub(super) fn now() -> Self {
        Self::named(runtime::boot::id().as_deref())
    }

    pub(super) fn named(id: Option<&str>) -> Self {
        let mut boot = [0; 16];
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            boot.copy_from_slice(&block_hash(0, id.as_bytes())[..16]);
        }
        Self(boot)
    }

    fn is_known(self) -> bool {
        self.0 != [0; 16]
    }
}

/// Whether the blocks that a journal tells of are surely there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// The system that took them has run since. The last block is looked at nevertheless.
    Last,
    /// They may never have reached the disk.
    None,
}

/// An open journal.
pub(super) struct Journal {
    partial: Partial,
    pending: Vec<u8>,
}

impl Journal {
    /// A new one; one that is there goes.
    pub(super) fn create(
        folder: &Folder,
        name: &[u8],
        identity: Identity,
        boot: Boot,
    ) -> Result<Self, FolderError> {
        let partial = folder.partial(name)?;
        partial.file().set_len(0)?;
        partial.file().write_all(&identity.head(boot))?;
        let pending = Vec::new();
        Ok(Self { partial, pending })
    }

    /// The one that is there and what it tells of the file beside it, both cut to what that has: `None` where there is none
    /// of this file, or it tells of nothing. `alive` is called now and then.
    pub(super) fn resume(
        folder: &Folder,
        name: &[u8],
        identity: Identity,
        boot: Boot,
        file: &File,
        alive: &mut dyn FnMut(),
    ) -> Result<Option<(Self, FileHash)>, FolderError> {
        let Some(partial) = folder.existing_partial(name)? else {
            return Ok(None);
        };
        let Some(trust) = trust(partial.file(), identity, boot)? else {
            return Ok(None);
        };
        let most = identity
            .most_blocks()
            .min(file.metadata()?.len() / BLOCK as u64)
            .min(partial.file().metadata()?.len().saturating_sub(HEAD as u64) / HASH as u64);
        let checked = match trust {
            Trust::Last => check_last(partial.file(), file, most)?,
            Trust::None => None,
        };
        let hash = match checked {
            Some(hash) => hash,
            None => check_all(partial.file(), file, most, alive)?,
        };
        if hash.blocks() == 0 {
            return Ok(None);
        }
        let pending = Vec::new();
        let mut journal = Self { partial, pending };
        journal.go_on(identity, boot, hash.blocks())?;
        Ok(Some((journal, hash)))
    }

    /// What follows these blocks goes, and this start of the system answers for them.
    fn go_on(&mut self, identity: Identity, boot: Boot, blocks: u64) -> io::Result<()> {
        let mut file = self.partial.file();
        file.set_len(HEAD as u64 + blocks * HASH as u64)?;
        file.rewind()?;
        file.write_all(&identity.head(boot))?;
        file.seek(SeekFrom::End(0)).map(|_| ())
    }

    /// The hash of the next block, which is written in the file beside it.
    pub(super) fn push(&mut self, hash: [u8; HASH]) -> io::Result<()> {
        self.pending.extend_from_slice(&hash);
        match self.pending.len() >= GROUP * HASH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes down what is not yet. What could not be written is so later, or never.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut file = self.partial.file();
        let end = file.stream_position()?;
        let written = file.write_all(&self.pending);
        match &written {
            Ok(()) => self.pending.clear(),
            Err(_) => {
                file.set_len(end)?;
                file.seek(SeekFrom::Start(end))?;
            }
        }
        written
    }

    pub(super) fn remove(self, folder: &Folder) -> Result<(), FolderError> {
        self.partial.remove(folder)
    }
}

/// `None` where it is no journal of this file.
fn trust(journal: &File, identity: Identity, boot: Boot) -> io::Result<Option<Trust>> {
    let mut head = [0; HEAD];
    match (&*journal).read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut written = Boot([0; 16]);
    written.0.copy_from_slice(&head[32..48]);
    if head != identity.head(written) {
        return Ok(None);
    }
    Ok(Some(match written == boot && boot.is_known() {
        true => Trust::Last,
        false => Trust::None,
    }))
}

/// The hashes in a journal, at most so many. One that cannot be read is where it ends.
fn hashes(mut journal: &File, most: u64) -> io::Result<impl Iterator<Item = [u8; HASH]>> {
    journal.seek(SeekFrom::Start(HEAD as u64))?;
    let mut reader = BufReader::with_capacity(64 * 1024, journal);
    let all = std::iter::from_fn(move || {
        let mut hash = [0; HASH];
        reader.read_exact(&mut hash).ok().map(|()| hash)
    });
    Ok(all.take(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// `None` where the last block is not what the journal says.
fn check_last(journal: &File, file: &File, most: u64) -> io::Result<Option<FileHash>> {
    let mut last = None;
    let hash = FileHash::of_blocks(hashes(journal, most)?.inspect(|hash| last = Some(*hash)));
    let Some(last) = last else {
        return Ok(Some(hash));
    };
    let number = hash.blocks() - 1;
    let mut block = vec![0; BLOCK];
    let is_last = read_block(file, number, &mut block)? && block_hash(number, &block) == last;
    Ok(is_last.then_some(hash))
}

/// The blocks that are what the journal says, up to the first that is not.
fn check_all(
    journal: &File,
    file: &File,
    most: u64,
    alive: &mut dyn FnMut(),
) -> io::Result<FileHash> {
    let mut block = vec![0; BLOCK];
    let mut number = 0;
    let same = hashes(journal, most)?.take_while(|hash| {
        alive();
        let same = matches!(read_block(file, number, &mut block), Ok(true))
            && block_hash(number, &block) == *hash;
        number += 1;
        same
    });
    Ok(FileHash::of_blocks(same))
}

/// `false` where the file has no such block.
fn read_block(mut file: &File, number: u64, block: &mut [u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(number * BLOCK as u64))?;
    match file.read_exact(block) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}
