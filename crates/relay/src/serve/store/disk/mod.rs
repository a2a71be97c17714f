//! The store's folder. In it are a lock, some spare room for when the disk is full, and the database, in a folder with a
//! number.
//!
//! A database gives room back slowly: what was removed stays in its journal, which grows to 64 MB, and in its tables.
//! So where most of it is of no use, what is left is written to a new one, with the next number; it counts as soon as
//! it has the number of its layout, which is written last.

mod renewed;
mod room;

use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail};
use fjall::compaction::Leveled;
use fjall::config::FilterPolicy;
use fjall::{Database, Iter, Keyspace, KeyspaceCreateOptions, PersistMode, Slice};
use proto::relay::letter::Place;
use proto::relay::native::Name;

pub(in crate::serve::store) use room::{Lock, Spare};

use super::form;

/// Something that is to be on the disk, or no longer.
#[derive(Clone, Debug)]
pub(in crate::serve::store) enum Change {
    Put(Slice, Slice),
    Remove(Slice),
}

impl Change {
    pub(in crate::serve::store) fn put(key: Vec<u8>, value: Vec<u8>) -> Self {
        Self::Put(key.into(), value.into())
    }

    pub(in crate::serve::store) fn remove(to: &Name, place: Place) -> Self {
        Self::Remove(form::mail_key(to, place).into())
    }
}

/// Whether changes are on the disk when they were made, or are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safety {
    Synced,
    OnTheWay,
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve::store) enum Use {
    Writing,
    /// It is left as it is: no thread of its own moves anything.
    Reading,
}

/// The database.
pub(in crate::serve::store) struct Disk {
    root: PathBuf,
    number: u64,
    database: Database,
    /// Names, and the number of its layout.
    names: Keyspace,
    /// Letters. Tables that follow each other are not merged, but one with what comes before and behind all letters, as
    /// those of a keyspace for everything, would be merged with each of the others.
    mail: Keyspace,
}

impl Disk {
    /// How much is written before it is moved to tables. Two or three times as much is in memory.
    const MEMTABLE: u64 = 3 * 1024 * 1024;

    /// The same of names, which are few and short.
    const MEMTABLE_OF_NAMES: u64 = 1024 * 1024;

    /// How much of the tables is in memory.
    const CACHE: u64 = 1024 * 1024;

    /// The journals, at least; the database allows no less.
    const JOURNALS: u64 = 64 * 1024 * 1024;

    /// How many tables are merged at once: with less, as with less in memory, everything is written once more and once
    /// again, which costs more than all else.
    const MERGED: u8 = 8;

    /// How many tables may wait to be merged before nothing more is written.
    const UNMERGED: usize = 24;

    /// Opens the database in this folder, and makes it where there is none.
    pub(in crate::serve::store) fn open(root: &Path, purpose: Use) -> anyhow::Result<Self> {
        let numbers = numbers(root)?;
        for (place, number) in numbers.iter().enumerate() {
            let others = &numbers[place + 1..];
            let folder = root.join(number.to_string());
            // The database writes this file when all else of it is there.
            if !folder.join("version").try_exists()? {
                fs::remove_dir_all(&folder)?;
                continue;
            }
            let disk = Self::open_number(root, *number, purpose)?;
            match disk.layout()? {
                Some(form::LAYOUT) => {}
                Some(other) => bail!(
                    "expected layout {} in it, found {other}: run the relay that made it, or choose another folder",
                    form::LAYOUT
                ),
                None if others.is_empty() => disk.finish()?,
                None => {
                    disk.discard();
                    continue;
                }
            }
            for other in others {
                fs::remove_dir_all(root.join(other.to_string()))?;
            }
            return Ok(disk);
        }
        let disk = Self::open_number(root, 1, purpose)?;
        disk.finish()?;
        Ok(disk)
    }

    fn open_number(root: &Path, number: u64, purpose: Use) -> anyhow::Result<Self> {
        // It does not take all that may be in its files as data: some of it ends its thread.
        let opened = catch_unwind(|| Self::open_or_panic(root, number, purpose));
        opened.unwrap_or_else(|_| Err(anyhow!("the database is damaged")))
    }

    fn open_or_panic(root: &Path, number: u64, purpose: Use) -> anyhow::Result<Self> {
        let database = Database::builder(root.join(number.to_string()))
            .cache_size(Self::CACHE)
            .max_journaling_size(Self::JOURNALS)
            .worker_threads_unchecked(usize::from(purpose == Use::Writing))
            .manual_journal_persist(true)
            .open()
            .map_err(explain)?;
        // All is read in ranges, for which filters are of no use.
        let options = |memtable| {
            let merging = Leveled::default().with_l0_threshold(Self::MERGED);
            KeyspaceCreateOptions::default()
                .max_memtable_size(memtable)
                .compaction_strategy(Arc::new(merging))
                .filter_policy(FilterPolicy::disabled())
        };
        let keyspace = |name, memtable| database.keyspace(name, || options(memtable));
        let names = keyspace("names", Self::MEMTABLE_OF_NAMES).map_err(explain)?;
        let mail = keyspace("mail", Self::MEMTABLE).map_err(explain)?;
        Ok(Self {
            root: root.to_owned(),
            number,
            database,
            names,
            mail,
        })
    }

    /// Where a key belongs.
    fn keyspace_of(&self, key: &[u8]) -> &Keyspace {
        match key.starts_with(form::MAIL) {
            true => &self.mail,
            false => &self.names,
        }
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.number.to_string())
    }

    fn layout(&self) -> anyhow::Result<Option<u32>> {
        let number = self.names.get(form::VERSION).map_err(explain)?;
        let number = number.map(|bytes| bytes.as_ref().try_into().map(u32::from_be_bytes));
        number
            .transpose()
            .map_err(|_| anyhow!("expected the number of its layout, found something else"))
    }

    /// All that belongs to it is there: it counts from now on.
    fn finish(&self) -> anyhow::Result<()> {
        let layout = form::LAYOUT.to_be_bytes().to_vec();
        let layout = Change::put(form::VERSION.to_vec(), layout);
        self.write(vec![layout], Safety::Synced)?;
        sync_folder(&self.root)?;
        Ok(())
    }

    fn discard(self) {
        let folder = self.folder();
        drop(self);
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::debug!(%error, "a database of no use is still there");
        }
    }

    /// Makes changes, all or none. They are on the disk when this returns.
    pub(in crate::serve::store) fn commit(&self, changes: Vec<Change>) -> anyhow::Result<()> {
        self.write(changes, Safety::Synced)
    }

    fn write(&self, changes: Vec<Change>, safety: Safety) -> anyhow::Result<()> {
        self.wait_for_tables()?;
        let durability = match safety {
            Safety::Synced => Some(PersistMode::SyncData),
            Safety::OnTheWay => None,
        };
        let mut batch = self.database.batch().durability(durability);
        for change in changes {
            match change {
                Change::Put(key, value) => batch.insert(self.keyspace_of(&key), key, value),
                Change::Remove(key) => batch.remove(self.keyspace_of(&key), key),
            }
        }
        batch.commit().map_err(explain)
    }

    /// Waits until the database keeps up with what was written. It would wait itself, and for ever where its own thread
    /// has failed.
    fn wait_for_tables(&self) -> anyhow::Result<()> {
        let is_behind = || {
            [&self.names, &self.mail].into_iter().any(|keyspace| {
                let sealed = keyspace.sealed_memtable_count();
                sealed >= 3 || keyspace.l0_table_count() >= Self::UNMERGED
            })
        };
        for _ in 0..2000 {
            if !is_behind() {
                return Ok(());
            }
            // It says so when its thread has failed.
            self.database
                .persist(PersistMode::Buffer)
                .map_err(explain)?;
            thread::sleep(Duration::from_millis(5));
        }
        bail!("expected its tables to be merged within 10 s")
    }

    /// All letters, by name and place.
    pub(in crate::serve::store) fn mail(&self) -> Iter {
        self.mail.prefix(form::MAIL)
    }

    /// Up to where letters are done with, by name.
    pub(in crate::serve::store) fn done(&self) -> Iter {
        self.names.prefix(form::DONE)
    }

    /// All names.
    pub(in crate::serve::store) fn names(&self) -> Iter {
        self.names.prefix(form::NAMES)
    }

    /// The letters for a name between these places.
    pub(in crate::serve::store) fn mail_for(
        &self,
        name: &Name,
        places: RangeInclusive<Place>,
    ) -> Iter {
        let (first, last) = (*places.start(), *places.end());
        let range = form::mail_key(name, first)..=form::mail_key(name, last);
        self.mail.range(range)
    }

    /// How many bytes of the disk it takes.
    pub(in crate::serve::store) fn used(&self) -> io::Result<u64> {
        used(&self.folder())
    }
}

/// The numbers of the databases in a folder, the greatest first.
fn numbers(root: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    Ok(numbers)
}

/// What all files beneath a folder take.
fn used(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A file may be gone meanwhile: the database removes some.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        sum += match metadata.is_dir() {
            true => used(&entry.path()).unwrap_or_default(),
            false => size_on_disk(&metadata),
        };
    }
    Ok(sum)
}

#[cfg(unix)]
fn size_on_disk(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn size_on_disk(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// What the database says, as an error whose cause can be looked for.
fn explain(error: fjall::Error) -> anyhow::Error {
    match error {
        fjall::Error::Io(error) => error.into(),
        fjall::Error::Storage(fjall::LsmError::Io(error)) => error.into(),
        fjall::Error::Locked => anyhow!("another relay has it"),
        fjall::Error::Poisoned => anyhow!("an earlier write to it failed"),
        error => anyhow!("the database is damaged ({error})"),
    }
}

/// Whether there was no room.
pub(in crate::serve::store) fn is_full(error: &anyhow::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|error: &io::Error| matches!(error.kind(), StorageFull | QuotaExceeded))
}
