//! What is in a folder.

use std::ffi::OsString;
use std::io;
use std::time::SystemTime;

#[cfg(all(target_os = "linux", not(portable)))]
use super::linux;
use super::portable;

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is; a link counts as what it leads to beneath the root. What cannot be served is left out.
    pub kind: Kind,
    /// When its content was last changed.
    pub modified: SystemTime,
}

/// What something in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
}

/// What is in a folder, one after the other, as the system tells it. Ends with the first error.
#[derive(Debug)]
pub struct Entries(Way);

#[derive(Debug)]
enum Way {
    #[cfg(all(target_os = "linux", not(portable)))]
    Kernel(Box<linux::Entries>),
    Walked(Box<portable::Entries>),
}

impl Entries {
    #[cfg(all(target_os = "linux", not(portable)))]
    pub(super) fn kernel(entries: linux::Entries) -> Self {
        Self(Way::Kernel(Box::new(entries)))
    }

    pub(super) fn walked(entries: portable::Entries) -> Self {
        Self(Way::Walked(Box::new(entries)))
    }
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            #[cfg(all(target_os = "linux", not(portable)))]
            Way::Kernel(entries) => entries.next(),
            Way::Walked(entries) => entries.next(),
        }
    }
}
