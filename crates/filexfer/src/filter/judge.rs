//! Filters of both sides together, and the ignore files in the folders on the way to what is judged.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use proto::filexfer::native::message::Filter;
use proto::filexfer::native::name::Name;

use super::{FilterError, Filters, Ignored, Verdict};

/// The filters of both sides: what is named passes all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets(Arc<[Filters]>);

/// What is wrong with an ignore file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file.
    pub(crate) path: Vec<u8>,
    pub(crate) reason: String,
}

/// How an ignore file is opened: no link is followed, and what is no file is an error.
pub(crate) type Open<'a> = dyn FnMut(&Name) -> io::Result<File> + 'a;

impl Sets {
    /// This side's own, and those that the other side asks for.
    pub(crate) fn new(own: &[Filter], asked: &[Filter]) -> Result<Self, FilterError> {
        let sets = [Filters::new(own)?, Filters::new(asked)?];
        Ok(Self(sets.into()))
    }

    /// The names of ignore files. The later ones win.
    fn ignore_files(&self) -> Vec<Name> {
        let mut names: Vec<Name> = Vec::new();
        for name in self.0.iter().flat_map(Filters::ignore_files) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    fn judge(&self, path: &[u8], is_folder: bool) -> Verdict {
        let sets = self.0.iter().filter(|set| !set.is_empty());
        sets.map(|set| set.judge(path, is_folder))
            .max()
            .unwrap_or(Verdict::In)
    }
}

/// Judges what is come to, on the way through folders.
pub(crate) struct Judge {
    sets: Sets,
    ignore_files: Vec<Name>,
    /// The folders around what is judged that have ignore files, from the outermost on.
    levels: Vec<Level>,
}

struct Level {
    folder: Name,
    ignored: Ignored,
}

impl Judge {
    pub(crate) fn new(sets: &Sets) -> Self {
        let sets = sets.clone();
        Self {
            ignore_files: sets.ignore_files(),
            sets,
            levels: Vec::new(),
        }
    }

    /// What becomes of this, which is in a folder that was [entered](Self::enter).
    pub(crate) fn judge(&mut self, name: &[u8], is_folder: bool) -> Verdict {
        while self
            .levels
            .pop_if(|level| inner(name, &level.folder).is_none())
            .is_some()
        {}
        let said = self.levels.iter().rev().find_map(|level| {
            let path = inner(name, &level.folder)?;
            level.ignored.says(path, is_folder)
        });
        match said {
            Some(true) => Verdict::Out,
            Some(false) | None => self.sets.judge(within_root(name, is_folder), is_folder),
        }
    }

    /// Reads the ignore files of a folder, which is not left out. What is not understood in them is given back.
    ///
    /// # Errors
    /// What keeps one from being read: it is not known what of its folder is left out.
    pub(crate) fn enter(
        &mut self,
        folder: &Name,
        open: &mut Open<'_>,
    ) -> Result<Vec<Fault>, Fault> {
        let mut faults = Vec::new();
        for file in &self.ignore_files {
            let path = [folder.as_bytes(), b"/", file.as_bytes()].concat();
            let fault = |reason: String| Fault {
                path: path.clone(),
                reason,
            };
            let bytes = read(&path, open).map_err(|error| fault(error.to_string()))?;
            let Some(bytes) = bytes else {
                continue;
            };
            let (ignored, wrong) = Ignored::read(&bytes).map_err(fault)?;
            let folder = folder.clone();
            self.levels.push(Level { folder, ignored });
            faults.extend(wrong.into_iter().next().map(fault));
        }
        Ok(faults)
    }

    /// What becomes of this, wherever it is: the folders that lead there are entered.
    ///
    /// # Errors
    /// As for [`enter`](Self::enter).
    pub(crate) fn approach(
        &mut self,
        name: &Name,
        is_folder: bool,
        open: &mut Open<'_>,
    ) -> Result<Verdict, Fault> {
        let bytes = name.as_bytes();
        for end in (0..bytes.len()).filter(|at| bytes[*at] == b'/') {
            if self.judge(&bytes[..end], true) == Verdict::Out {
                return Ok(Verdict::Out);
            }
            if let Ok(folder) = Name::new(&bytes[..end]) {
                self.enter(&folder, open)?;
            }
        }
        Ok(self.judge(bytes, is_folder))
    }
}

/// What a name is within a folder, if it is.
pub(crate) fn inner<'a>(name: &'a [u8], folder: &Name) -> Option<&'a [u8]> {
    name.strip_prefix(folder.as_bytes())?.strip_prefix(b"/")
}

/// Where something is within the folder that is offered; of a file that is offered itself its name.
fn within_root(name: &[u8], is_folder: bool) -> &[u8] {
    match name.iter().position(|byte| *byte == b'/') {
        Some(slash) => &name[slash + 1..],
        None if is_folder => b"",
        None => name,
    }
}

/// What is in an ignore file; `None` where there is none.
fn read(path: &[u8], open: &mut Open<'_>) -> io::Result<Option<Vec<u8>>> {
    // A name that is too long is that of no file.
    let Ok(name) = Name::new(path) else {
        return Ok(None);
    };
    let file = match open(&name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(Ignored::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > Ignored::MAX_BYTES {
        true => Err(io::Error::other("expected at most 1 MiB")),
        false => Ok(Some(bytes)),
    }
}
