//! Files beneath a folder, for somebody who may follow links as long as they stay inside: the system itself holds every
//! look to the folder, whoever swaps links meanwhile.
//!
//! Linux does so by openat2, which looks no further than beneath a folder. Elsewhere, and where that call is refused,
//! `cap-std` goes from folder to folder. What is neither file nor folder is looked at, and never opened.

mod closed;
mod entry;
#[cfg(all(target_os = "linux", not(portable)))]
mod linux;
mod portable;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

pub use closed::Closed;
pub use entry::{Entries, Entry, Kind};

/// A folder that is looked into by path, so that a link that stands for it may be swapped. It may also be a file, in which
/// there is nothing but itself.
#[derive(Debug)]
pub struct Beneath {
    path: Arc<Path>,
    #[cfg(all(target_os = "linux", not(portable)))]
    root: linux::Root,
}

/// What was at the path of a [`Beneath`] when it was looked at, for several looks in the same moment: they cost less, and
/// none of them sees another root than the first.
#[derive(Debug)]
pub struct Standing {
    path: Arc<Path>,
    #[cfg(all(target_os = "linux", not(portable)))]
    root: linux::Standing,
}

/// What is at a path.
#[derive(Debug)]
pub enum Opened {
    /// A file, open to be read.
    File(File, Facts),
    /// A folder.
    Folder(Folder),
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How long it is, in bytes.
    pub length: u64,
    /// When its content was last changed.
    pub modified: SystemTime,
    /// How many names it has: a change by another is not seen in the folder of this one. 0 where that is not known.
    pub links: u64,
    /// Which file it is, and which state of it: device, inode, and when anything of it was last changed (ns).
    pub identity: (u64, u64, i128),
}

/// A folder that was found beneath another. It is read when it is asked for its [`entries`](Self::entries), and not
/// before: who may not read it may still open what is in it.
#[derive(Debug)]
pub struct Folder(Way);

#[derive(Debug)]
enum Way {
    #[cfg(all(target_os = "linux", not(portable)))]
    Kernel(linux::Folder),
    Walked(portable::Folder),
}

impl Beneath {
    /// The folder at `path`, which may be a link and need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            #[cfg(all(target_os = "linux", not(portable)))]
            root: linux::Root::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the root now.
    ///
    /// # Errors
    /// Why it cannot be looked into.
    pub fn stand(&self) -> Result<Standing, Closed> {
        Ok(Standing {
            path: Arc::clone(&self.path),
            #[cfg(all(target_os = "linux", not(portable)))]
            root: self.root.stand(&self.path).map_err(Closed::root)?,
        })
    }

    /// Opens what is at a path, as [`Standing::open`] does.
    ///
    /// # Errors
    /// Why there is nothing to open.
    pub fn open(&self, path: &[u8]) -> Result<Opened, Closed> {
        self.stand()?.open(path)
    }
}

impl Standing {
    /// Opens what is at `path`, names with `/` between them, or the root itself where that is empty. What is neither file
    /// nor folder is never opened. Links are followed as long as they stay beneath the root; absolute ones never do.
    ///
    /// # Errors
    /// Why there is nothing to open.
    pub fn open(&mut self, path: &[u8]) -> Result<Opened, Closed> {
        #[cfg(all(target_os = "linux", not(portable)))]
        if let Some(opened) = self.root.open(&self.path, path) {
            return opened;
        }
        portable::open(&self.path, path)
    }
}

impl Folder {
    /// What is in it, in no order, at most so many.
    ///
    /// # Errors
    /// Those of the system.
    pub fn entries(&self, most: usize) -> io::Result<Vec<Entry>> {
        self.each()?.take(most).collect()
    }

    /// What is in it, one after the other, for who cannot wait for all of a large one.
    ///
    /// # Errors
    /// Those of the system.
    pub fn each(&self) -> io::Result<Entries> {
        Ok(match &self.0 {
            #[cfg(all(target_os = "linux", not(portable)))]
            Way::Kernel(folder) => Entries::kernel(folder.each()?),
            Way::Walked(folder) => Entries::walked(folder.each()?),
        })
    }

    /// When something in it was last added or removed.
    ///
    /// # Errors
    /// Those of the system.
    pub fn modified(&self) -> io::Result<SystemTime> {
        match &self.0 {
            #[cfg(all(target_os = "linux", not(portable)))]
            Way::Kernel(folder) => folder.modified(),
            Way::Walked(folder) => folder.modified(),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
