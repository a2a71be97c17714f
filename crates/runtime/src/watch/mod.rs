//! What the system tells of files that change: which folders a path leads through, links included, and what happens to the
//! names in them. Where no system tells, everything has to be looked at anew each time.
//!
//! What is not told: a file system that is mounted over a folder, what is written through memory that is mapped, and what other machines do to a file system that they share. So that a look
//! now and then is needed all the same.

#[cfg(all(target_os = "linux", not(portable)))]
mod linux;
#[cfg(not(all(target_os = "linux", not(portable))))]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(all(target_os = "linux", not(portable)))]
pub use linux::Watch;
#[cfg(not(all(target_os = "linux", not(portable))))]
pub use portable::Watch;

/// A folder or file that is watched: a number that no other gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderId(i32);

/// A name that a path depends on, in a folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The folder.
    pub folder: FolderId,
    /// The name in it; `..` is the folder above, and nothing the file itself.
    pub name: Box<[u8]>,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A name in a folder, or what it stands for.
    Name(FolderId, &'a [u8]),
    /// All that depends on a folder.
    Folder(FolderId),
    /// More than the system can tell.
    Everything,
}
