//! Where each file goes, and what is there already.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::filexfer::native::message::{Course, Entry, Moment};
use proto::filexfer::native::name::Name;
use runtime::cli::raw_stdout;
use runtime::folder::{self, Attributes, Folder, FolderError, Found, Origin};

use super::attributes::missing;
use super::saving::{OURS, Spot, system_time};
use super::{Compare, Existing, Manner, Place};
use crate::transfer::Left;

/// The least nanoseconds by which times differ in file systems: one; NTFS; in microseconds; exFAT; HFS+; FAT.
const STEPS: [u128; 6] = [1, 100, 1_000, 10_000_000, 1_000_000_000, 2_000_000_000];

/// Where files go, held open.
pub(super) enum Target {
    Folder(Beneath),
    /// A folder that is not there, and is not made.
    Nowhere,
    File(Spot),
    Stdout(File),
}

/// What becomes of folders that are missing on the way to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Made,
    /// In a preview.
    Stay,
}

/// What is to become of a file.
pub(super) enum Verdict {
    Left(Left),
    Save(Spot),
    /// It would be saved, but its folder is missing.
    Missing,
    Stream,
}

impl Target {
    pub(super) fn open(place: &Place, course: Course) -> io::Result<Self> {
        let (folder, missing) = match (place, course) {
            (Place::Folder(path), Course::Preview) => match Folder::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nowhere),
                opened => (opened, Missing::Stay),
            },
            (Place::Folder(path), _) => (Folder::open_or_make(path), Missing::Made),
            (Place::File(path), _) => return spot_of(path).map(Self::File),
            (Place::Stdout, _) => return raw_stdout().map(Self::Stdout),
        };
        Ok(Self::Folder(Beneath {
            root: Arc::new(folder?),
            open: Vec::new(),
            missing,
        }))
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_) | Self::Nowhere)
    }

    /// The folder that everything goes into.
    pub(super) fn root(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Folder(beneath) => Some(&beneath.root),
            Self::Nowhere | Self::File(_) | Self::Stdout(_) => None,
        }
    }

    /// Where something of this name goes; `None` where its folder is not there, and not made.
    pub(super) fn spot(&mut self, name: &Name) -> Result<Option<Spot>, FolderError> {
        match self {
            Self::Stdout(_) | Self::Nowhere => Ok(None),
            Self::File(spot) => Ok(Some(spot.clone())),
            Self::Folder(beneath) => {
                check(name)?;
                beneath.spot(name)
            }
        }
    }

    /// The same; in a preview what would give way to a folder is none too.
    pub(super) fn spot_for(
        &mut self,
        entry: &Entry,
        manner: &Manner,
    ) -> Result<Option<Spot>, FolderError> {
        let replaces = manner.course == Course::Preview && manner.existing == Existing::Overwrite;
        match self.spot(&entry.name) {
            Err(FolderError::NoFolder { found, .. }) if replaces && found.gives_way() => Ok(None),
            spot => spot,
        }
    }

    /// What is to become of this file.
    pub(super) fn judge(&mut self, entry: &Entry, manner: &Manner) -> Result<Verdict, FolderError> {
        if let Self::Stdout(_) = self {
            return Ok(Verdict::Stream);
        }
        let Some(spot) = self.spot_for(entry, manner)? else {
            return Ok(Verdict::Missing);
        };
        // What came meanwhile into a folder that was empty is found when the file gets its name.
        let found = match spot.folder.origin() {
            Origin::Made => None,
            Origin::Found => spot.folder.look(&spot.name)?,
        };
        let left = match found {
            None => None,
            Some(found) => left(found, entry, manner, &spot)?,
        };
        Ok(match left {
            Some(left) => Verdict::Left(left),
            None => Verdict::Save(spot),
        })
    }

    /// This folder was made a moment ago: nothing is in it.
    pub(super) fn made(&mut self, name: &Name) -> Result<(), FolderError> {
        match self {
            Self::Folder(beneath) => beneath.made(name),
            Self::Nowhere | Self::File(_) | Self::Stdout(_) => Ok(()),
        }
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
    missing: Missing,
}

impl Beneath {
    fn spot(&mut self, name: &Name) -> Result<Option<Spot>, FolderError> {
        let (folder, name) = split(name);
        let name = name.to_vec();
        let folder = self.folder(folder)?;
        Ok(folder.map(|folder| Spot { folder, name }))
    }

    fn made(&mut self, name: &Name) -> Result<(), FolderError> {
        let (folder, name) = split(name);
        if let Some(within) = self.folder(folder)? {
            let made = within.new_child(name)?;
            self.open.push((name.into(), Arc::new(made)));
        }
        Ok(())
    }

    /// The folder under these names. Those that are not there are made, unless they are to stay away.
    fn folder<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Option<Arc<Folder>>, FolderError> {
        let same = |((open, _), part): &(&(Box<[u8]>, _), &[u8])| **open == **part;
        let known = self.open.iter().zip(parts.clone());
        let known = known.take_while(same).count();
        self.open.truncate(known);
        for part in parts.skip(known) {
            let folder = match self.missing {
                Missing::Made => Some(self.innermost().child(part, 0o777)?),
                Missing::Stay => self.innermost().deeper([part])?,
            };
            let Some(folder) = folder else {
                return Ok(None);
            };
            self.open.push((part.into(), Arc::new(folder)));
        }
        Ok(Some(Arc::clone(self.innermost())))
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
    manner: &Manner,
    spot: &Spot,
) -> Result<Option<Left>, FolderError> {
    match found.kind {
        folder::Kind::File if is_same(found, entry) && manner.compare == Compare::SizeAndTime => {
            if manner.course != Course::Preview {
                let _ = spot.tidy();
                align(&found, entry, manner, spot)?;
            }
            Ok(Some(Left::Same))
        }
        folder::Kind::File | folder::Kind::Link => {
            Ok((manner.existing == Existing::Keep).then_some(Left::Other))
        }
        found @ (folder::Kind::Folder | folder::Kind::Special) => {
            Err(FolderError::no_file(&spot.name, found))
        }
    }
}

/// Gives a file that is there already what it is to have beside its bytes, where it may be changed.
///
/// One that has more names than the source knows of may be somebody else's too.
fn align(found: &Found, entry: &Entry, manner: &Manner, spot: &Spot) -> Result<(), FolderError> {
    let is_ours = found.names == 1 || entry.number.is_some();
    if manner.existing == Existing::Keep || entry.mode.is_none() || !is_ours {
        return Ok(());
    }
    // Its time is that of the source, as far as the file system can tell.
    let wanted = Attributes {
        modified: None,
        ..manner.preserve.of_file(entry)
    };
    match missing(wanted, found) {
        Some(missing) => spot.folder.set_file(&spot.name, found, &missing),
        None => Ok(()),
    }
}

/// Of the same size and time, as far as the file system here can tell times apart.
pub(super) fn is_same(found: Found, entry: &Entry) -> bool {
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
