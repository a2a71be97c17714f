//! Files beneath a folder, for somebody who reads them: no link within the folder is followed, not even one that is put
//! there meanwhile, and nothing that is no file is ever opened for good.

mod facts;
mod holes;
mod walk;
mod what;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

pub use facts::{Facts, Moment, Shared};
pub use holes::next_hole;
pub use walk::{Found, Walk};
pub use what::{Special, What};

/// A folder whose files are read.
#[derive(Debug)]
pub struct Tree {
    root: Dir,
    /// The folders that were opened last, from the root on: files of one folder follow one another.
    open: Vec<(OsString, Dir)>,
}

impl Tree {
    /// The folder at `path`, which itself may be a link.
    ///
    /// # Errors
    /// As the system has them, also where there is no folder.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            root: Dir::open_ambient_dir(path, ambient_authority())?,
            open: Vec::new(),
        })
    }

    /// What is known of the folder itself.
    ///
    /// # Errors
    /// As the system has them.
    pub fn facts(&self) -> io::Result<Facts> {
        Ok(Facts::of_found(&self.root.dir_metadata()?))
    }

    /// What there is at `path`: parts of names with `/` between them, relative to this folder.
    ///
    /// # Errors
    /// As the system has them, also where a folder of the path is a link.
    pub fn look(&mut self, path: &[u8]) -> io::Result<What> {
        let (folder, name) = self.parent(path)?;
        What::of(folder, &name)
    }

    /// Opens a file, given as for [`look`](Self::look), to be read. A pipe or a device that took its place is refused
    /// without waiting for it.
    ///
    /// # Errors
    /// As the system has them, also where it is no file or a part of the path is a link.
    pub fn file(&mut self, path: &[u8]) -> io::Result<(File, Facts)> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let (folder, name) = self.parent(path)?;
        only_a_file(folder.open_with(&name, &options)?.into_std())
    }

    /// All that is beneath `path`, a folder given as for [`look`](Self::look), or beneath this folder where it is empty.
    ///
    /// # Errors
    /// As the system has them, also where a part of the path is a link.
    pub fn walk(&mut self, path: &[u8]) -> io::Result<Walk> {
        let folder = if path.is_empty() {
            self.root.try_clone()?
        } else {
            let (parent, name) = self.parent(path)?;
            parent.open_dir_nofollow(&name)?
        };
        Ok(Walk::new(folder))
    }

    /// The folder in which the last part of the path is, and that part.
    fn parent(&mut self, path: &[u8]) -> io::Result<(&Dir, OsString)> {
        let mut parts: Vec<OsString> = path
            .split(|byte| *byte == b'/')
            .map(part)
            .collect::<io::Result<_>>()?;
        let name = parts.pop().unwrap_or_default();
        let same = |((open, _), part): &(&(OsString, Dir), &OsString)| open == *part;
        let known = self.open.iter().zip(&parts).take_while(same).count();
        self.open.truncate(known);
        for part in parts.into_iter().skip(known) {
            let folder = self.innermost().open_dir_nofollow(&part)?;
            self.open.push((part, folder));
        }
        Ok((self.innermost(), name))
    }

    fn innermost(&self) -> &Dir {
        self.open.last().map_or(&self.root, |(_, folder)| folder)
    }
}

/// Opens the file at `path`, which may be a link, to be read. What is no file is refused without waiting for it.
///
/// # Errors
/// As the system has them, also where there is no file.
pub fn file(path: &Path) -> io::Result<(File, Facts)> {
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true);
    let authority = ambient_authority();
    only_a_file(cap_std::fs::File::open_ambient_with(path, &options, authority)?.into_std())
}

/// What is at `path`; a link is followed.
///
/// # Errors
/// As the system has them.
pub fn look(path: &Path) -> io::Result<What> {
    Ok(What::followed(&std::fs::metadata(path)?))
}

fn only_a_file(file: File) -> io::Result<(File, Facts)> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected a file, found something else in its place",
        ));
    }
    Ok((file, Facts::of(&found)))
}

/// The name of a file as bytes; `None` where it is no Unicode on a system whose names are not bytes.
pub fn bytes(name: &OsStr) -> Option<&[u8]> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStrExt::as_bytes(name));
    #[cfg(not(unix))]
    return name.to_str().map(str::as_bytes);
}

/// One part of a path, which leads to nowhere but into its folder.
fn part(bytes: &[u8]) -> io::Result<OsString> {
    #[cfg(unix)]
    let name = Some(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned());
    #[cfg(not(unix))]
    let name = str::from_utf8(bytes).ok().map(OsString::from);
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "expected the name of a file");
    let mut components = name.as_ref().map(|name| Path::new(name).components());
    let is_one = components.as_mut().is_some_and(|components| {
        let first = components.next();
        matches!(first, Some(std::path::Component::Normal(_))) && components.next().is_none()
    });
    name.filter(|_| is_one).ok_or_else(refused)
}

#[cfg(test)]
mod tests;
