//! Where each file goes, and what is there already.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::filexfer::native::message::{Entry, Moment};
use proto::filexfer::native::name::Name;
use runtime::cli::raw_stdout;
use runtime::folder::{self, Folder, FolderError, Found, Origin};

use super::saving::{OURS, Spot, system_time};
use super::{Existing, Place};
use crate::transfer::Left;

/// The least nanoseconds by which times differ in file systems: one; NTFS; in microseconds; exFAT; HFS+; FAT.
const STEPS: [u128; 6] = [1, 100, 1_000, 10_000_000, 1_000_000_000, 2_000_000_000];

/// Where files go, held open.
pub(super) enum Target {
    Folder(Beneath),
    File(Spot),
    Stdout(File),
}

/// What is to become of a file.
pub(super) enum Verdict {
    Left(Left),
    Save(Spot),
    Stream,
}

impl Target {
    pub(super) fn open(place: &Place) -> io::Result<Self> {
        match place {
            Place::Folder(path) => Ok(Self::Folder(Beneath {
                root: Arc::new(Folder::open_or_make(path)?),
                open: Vec::new(),
            })),
            Place::File(path) => spot_of(path).map(Self::File),
            Place::Stdout => raw_stdout().map(Self::Stdout),
        }
    }

    /// The folder that everything is in, where it is one.
    pub(super) fn root(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Folder(beneath) => Some(&beneath.root),
            Self::File(_) | Self::Stdout(_) => None,
        }
    }

    /// What is to become of this file.
    pub(super) fn judge(
        &mut self,
        entry: &Entry,
        existing: Existing,
    ) -> Result<Verdict, FolderError> {
        let spot = match self {
            Self::Stdout(_) => return Ok(Verdict::Stream),
            Self::File(spot) => spot.clone(),
            Self::Folder(beneath) => {
                check(&entry.name)?;
                beneath.spot(&entry.name)?
            }
        };
        // What came meanwhile into a folder that was empty is found when the file gets its name.
        let found = match spot.folder.origin() {
            Origin::Made => None,
            Origin::Found => spot.folder.look(&spot.name)?,
        };
        let left = match found {
            None => None,
            Some(found) => left(found, entry, existing, &spot)?,
        };
        Ok(match left {
            Some(left) => Verdict::Left(left),
            None => Verdict::Save(spot),
        })
    }

    /// Makes a folder.
    pub(super) fn make(&mut self, entry: &Entry) -> Result<(), FolderError> {
        if let Self::Folder(beneath) = self {
            check(&entry.name)?;
            beneath.make(&entry.name, entry.mode)?;
        }
        Ok(())
    }

    /// Looks up all folders anew from now on: somebody may have moved them.
    pub(super) fn forget(&mut self) {
        if let Self::Folder(beneath) = self {
            beneath.open.clear();
        }
    }
}

/// A folder, and those in it that were come to last.
pub(super) struct Beneath {
    root: Arc<Folder>,
    /// One within the other, by their names.
    open: Vec<(Box<[u8]>, Arc<Folder>)>,
}

impl Beneath {
    fn spot(&mut self, name: &Name) -> Result<Spot, FolderError> {
        let (folder, name) = split(name);
        let folder = self.folder(folder)?;
        let name = name.to_vec();
        Ok(Spot { folder, name })
    }

    /// Makes a folder that is not there, with these permissions.
    fn make(&mut self, name: &Name, mode: Option<u32>) -> Result<(), FolderError> {
        let (folder, name) = split(name);
        let within = self.folder(folder)?;
        let made = within.child(name, mode.unwrap_or(0o777))?;
        self.open.push((name.into(), Arc::new(made)));
        Ok(())
    }

    /// The folder under these names. Those that are not there are made.
    fn folder<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Arc<Folder>, FolderError> {
        let same = |((open, _), part): &(&(Box<[u8]>, _), &[u8])| **open == **part;
        let known = self.open.iter().zip(parts.clone());
        let known = known.take_while(same).count();
        self.open.truncate(known);
        for part in parts.skip(known) {
            let folder = Arc::new(self.innermost().child(part, 0o777)?);
            self.open.push((part.into(), folder));
        }
        Ok(Arc::clone(self.innermost()))
    }

    fn innermost(&self) -> &Arc<Folder> {
        self.open.last().map_or(&self.root, |(_, folder)| folder)
    }
}

/// A name that has a meaning of its own here.
fn check(name: &Name) -> Result<(), FolderError> {
    let is_ours = name.parts().any(|part| part.starts_with(OURS));
    let is_unsafe = cfg!(windows) && !name.is_safe_on_windows();
    match is_ours || is_unsafe {
        true => Err(FolderError::Name(
            runtime::escape::Escaped(name.as_bytes()).to_string(),
        )),
        false => Ok(()),
    }
}

/// The parts of the folder that a name is in, and its last part.
fn split(name: &Name) -> (impl Iterator<Item = &[u8]> + Clone, &[u8]) {
    let bytes = name.as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/');
    let (path, name) = match slash {
        Some(slash) => (Some(&bytes[..slash]), &bytes[slash + 1..]),
        None => (None, bytes),
    };
    let parts = path.map(|path| path.split(|byte| *byte == b'/'));
    (parts.into_iter().flatten(), name)
}

fn left(
    found: Found,
    entry: &Entry,
    existing: Existing,
    spot: &Spot,
) -> Result<Option<Left>, FolderError> {
    match found.kind {
        folder::Kind::File if is_same(found, entry) => {
            let _ = spot.tidy();
            Ok(Some(Left::Same))
        }
        folder::Kind::File | folder::Kind::Link => {
            Ok((existing == Existing::Keep).then_some(Left::Other))
        }
        found @ (folder::Kind::Folder | folder::Kind::Special) => {
            let name = runtime::escape::Escaped(&spot.name).to_string();
            Err(FolderError::NoFile { name, found })
        }
    }
}

/// Of the same size and time, as far as the file system here can tell times apart.
fn is_same(found: Found, entry: &Entry) -> bool {
    let (Some(size), Some(there), Some(here)) = (entry.size(), entry.modified, found.modified)
    else {
        return false;
    };
    size == found.size && is_same_time(there, here)
}

fn is_same_time(there: Moment, here: SystemTime) -> bool {
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let Some(there) = system_time(there) else {
        return false;
    };
    match (since(there), since(here)) {
        (Some(there), Some(here)) => STEPS
            .iter()
            .any(|step| here.as_nanos() == rounded(there, *step)),
        _ => there == here,
    }
}

fn rounded(time: Duration, step: u128) -> u128 {
    time.as_nanos() / step * step
}

fn spot_of(path: &Path) -> io::Result<Spot> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "expected the name of a file")
    })?;
    let folder = Folder::open(path.parent().unwrap_or(Path::new("")))?;
    Ok(Spot {
        folder: Arc::new(folder),
        name: name.as_encoded_bytes().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_a_file_system_rounds_are_the_same() {
        let moment = |seconds, nanos| Moment { seconds, nanos };
        let table = [
            (moment(11, 123_456_789), (11, 123_456_789), true),
            (moment(11, 123_456_789), (11, 123_456_700), true),
            (moment(11, 123_456_789), (11, 120_000_000), true),
            (moment(11, 123_456_789), (11, 0), true),
            (moment(11, 123_456_789), (10, 0), true),
            (moment(11, 123_456_789), (11, 123_456_788), false),
            (moment(11, 123_456_789), (12, 0), false),
            (moment(10, 0), (11, 0), false),
            (moment(-5, 0), (5, 0), false),
            (moment(i64::MIN, 0), (0, 0), false),
            (moment(i64::MAX, 999_999_999), (0, 0), false),
        ];
        for (there, (seconds, nanos), expected) in table {
            let here = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            assert_eq!(is_same_time(there, here), expected, "{there:?}");
        }
    }

    #[test]
    fn names_that_are_ours() {
        for (name, expected) in [
            ("a/.filexfer", true),
            (".filexfer-1.part", false),
            (".filexfer-1/b", false),
        ] {
            let name = Name::new(name.as_bytes()).unwrap();
            assert_eq!(check(&name).is_ok(), expected, "{name}");
        }
    }
}
