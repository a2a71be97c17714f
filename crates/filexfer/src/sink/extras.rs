//! What is here and the source has not got.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use proto::filexfer::native::message::{Course, Entry, Kind, Removed};
use proto::filexfer::native::name::Name;
use runtime::folder::FolderError;

use super::receiver::Sink;
use super::saving::Spot;
use super::sweep::{Fate, Sweep};
use super::{Existing, Manner};
use crate::filter::Sets;
use crate::transfer::{Event, TransferError};

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Superfluous {
    Keep,
    Remove,
}

/// The most folders in each of which something may be superfluous.
const MOST_ROOTS: usize = 4096;

/// What was named, as far as it has to be known: hashes of the names, with a key of this process. Where two have the same,
/// one file too many is kept.
#[derive(Debug)]
pub(super) struct Extras {
    manner: Superfluous,
    wanted: Vec<Name>,
    roots: Vec<Name>,
    key: RandomState,
    named: HashSet<u64>,
    /// The folder of the name before.
    last: Box<[u8]>,
}

impl Extras {
    pub(super) fn new(manner: &Manner) -> Self {
        Self {
            manner: manner.extras,
            wanted: manner.wanted.clone(),
            roots: Vec::new(),
            key: RandomState::new(),
            named: HashSet::new(),
            last: Box::default(),
        }
    }

    /// The source has this.
    pub(super) fn named(&mut self, entry: &Entry) {
        if self.manner == Superfluous::Keep {
            return;
        }
        let (name, is_folder) = (entry.name.as_bytes(), entry.kind == Kind::Folder);
        self.named.insert(self.hash(name, is_folder));
        self.lead_to(name);
        if is_folder && self.is_root(&entry.name) {
            match self.roots.len() {
                MOST_ROOTS.. => self.keep(),
                _ => self.roots.push(entry.name.clone()),
            }
        }
    }

    /// What a name lies in are folders.
    fn lead_to(&mut self, name: &[u8]) {
        let folder = folder_of(name).unwrap_or_default();
        if *folder == *self.last {
            return;
        }
        self.last = folder.into();
        let mut folder = Some(folder);
        while let Some(name) = folder.filter(|name| !name.is_empty()) {
            self.named.insert(self.hash(name, true));
            folder = folder_of(name);
        }
    }

    fn is_root(&self, name: &Name) -> bool {
        match self.wanted.is_empty() {
            true => name.parts().count() == 1,
            false => self.wanted.contains(name),
        }
    }

    fn hash(&self, name: &[u8], is_folder: bool) -> u64 {
        self.key.hash_one((name, is_folder))
    }

    pub(super) fn has_folder(&self, name: &Name) -> bool {
        self.named.contains(&self.hash(name.as_bytes(), true))
    }

    pub(super) fn has_file(&self, name: &Name) -> bool {
        self.named.contains(&self.hash(name.as_bytes(), false))
    }

    pub(super) fn are_removed(&self) -> bool {
        self.manner == Superfluous::Remove
    }

    /// The source does not know all that it has: nothing is superfluous.
    pub(super) fn keep(&mut self) {
        self.manner = Superfluous::Keep;
    }
}

fn folder_of(name: &[u8]) -> Option<&[u8]> {
    let slash = name.iter().rposition(|byte| *byte == b'/')?;
    Some(&name[..slash])
}

impl Sink<'_> {
    /// Removes what the source has not named, and tells it.
    pub(super) fn remove_extras(&mut self) -> Result<(), TransferError> {
        for root in std::mem::take(&mut self.extras.roots) {
            if self.extras.are_removed() {
                self.sweep(&root, Fate::Named)?;
            }
        }
        Ok(())
    }

    /// Removes a folder that is where the source has something else, with all that is in it, if that may be. It tells
    /// whether the folder is gone, or would be.
    pub(super) fn make_way(&mut self, entry: &Entry, spot: &Spot) -> Result<bool, TransferError> {
        let may = self.extras.are_removed()
            && self.manner.existing == Existing::Overwrite
            && !self.extras.has_folder(&entry.name);
        if !may {
            return Ok(false);
        }
        self.sweep(&entry.name, Fate::Superfluous)?;
        let is_preview = self.manner.course == Course::Preview;
        Ok(is_preview || matches!(spot.folder.look(&spot.name), Ok(None)))
    }

    fn sweep(&mut self, name: &Name, fate: Fate) -> Result<(), TransferError> {
        let Some(root) = self.target.root() else {
            return Ok(());
        };
        let sets = match Sets::new(&self.manner.filters, &[]) {
            Ok(sets) => sets,
            Err(error) => return self.kept(name.as_bytes(), &error.to_string()),
        };
        match Sweep::new(root, name, fate, &sets) {
            Ok(Some(sweep)) => sweep.run(self),
            Ok(None) => Ok(()),
            Err(reason) => self.kept(name.as_bytes(), &reason),
        }
    }

    /// Something that is superfluous, or may be, stays.
    pub(super) fn kept(&mut self, path: &[u8], reason: &str) -> Result<(), TransferError> {
        self.summary.failed += 1;
        self.watch.tell(Event::Skipped {
            path,
            reason: &format!("it was not removed: {reason}"),
            is_failure: true,
        });
        Ok(())
    }

    /// It is gone, or would be in a preview.
    pub(super) fn removed(&mut self, name: Name) -> Result<(), TransferError> {
        self.changed = true;
        self.summary.removed += 1;
        self.watch.tell(Event::Removed { name: &name });
        self.sending.say(&Removed { name })
    }

    /// What was made and removed is on the disk when all is done.
    pub(super) fn sync_changes(&mut self) -> Result<(), FolderError> {
        let changed = std::mem::take(&mut self.changed);
        match self.target.root() {
            Some(root) if changed && self.manner.sync == super::Sync::Yes => {
                Ok(super::settle::while_alive(&mut self.sending, || {
                    root.sync_all()
                })?)
            }
            _ => Ok(()),
        }
    }
}
