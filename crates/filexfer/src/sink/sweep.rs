//! Going through a folder, and removing what is superfluous in it: what is in a folder before the folder itself.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::Course;
use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;
use runtime::folder::{self, Attributes, Folder, FolderError, Found, Permissions};
use runtime::tree::{Walk, What};

use super::receiver::Sink;
use super::saving::OURS;
use super::settle::{STILL_THERE, say_alive};
use crate::filter::{Fault, Judge, Sets, Verdict};
use crate::transfer::TransferError;

/// What is to become of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The source has it.
    Named,
    /// It is not the source's, and stays nevertheless.
    Kept,
    /// It goes when nothing is left in it.
    Superfluous,
}

/// One folder, at work.
pub(super) struct Sweep {
    /// What all names are relative to.
    base: Arc<Folder>,
    walk: Walk,
    judge: Judge,
    /// The folders from that one down to where the walk is.
    levels: Vec<Level>,
    last: Instant,
}

/// A folder on the way.
struct Level {
    name: Name,
    fate: Fate,
    /// Opened when something in it goes.
    open: Option<Open>,
}

struct Open {
    folder: Folder,
    before: Found,
    case: Case,
}

/// Whether the file system tells `a` from `A` there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Unknown,
    Told,
    /// Then what seems not to be named may be the very file that was.
    Folded,
}

impl Sweep {
    /// `None` where there is no such folder, or it is left out of all that is wanted.
    pub(super) fn new(
        base: &Arc<Folder>,
        name: &Name,
        fate: Fate,
        sets: &Sets,
    ) -> Result<Option<Self>, String> {
        let text = |error: FolderError| error.to_string();
        let Some(folder) = base.deeper(name.parts()).map_err(text)? else {
            return Ok(None);
        };
        let mut judge = Judge::new(sets);
        let verdict = judge.approach(name, true, &mut |name| open(base, name));
        let entered = judge.enter(name, &mut |name| open(base, name));
        match (verdict.map_err(said)?, fate) {
            (Verdict::In, _) | (Verdict::Through, Fate::Named) => entered.map_err(said)?,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            base: Arc::clone(base),
            walk: folder.walk().map_err(|error| error.to_string())?,
            judge,
            levels: vec![Level {
                name: name.clone(),
                fate,
                open: None,
            }],
            last: Instant::now(),
        }))
    }

    pub(super) fn run(mut self, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        let top = self.levels[0].name.as_bytes().to_vec();
        while let Some(found) = self.walk.next() {
            self.stay_alive(sink);
            let path = [&top[..], b"/", &found.path].concat();
            match found.what {
                // The walk may have come to that folder already.
                What::Unreadable(_) => self.leave(Some(&[&path[..], b"/"].concat()), sink)?,
                _ => self.leave(Some(&path), sink)?,
            }
            self.come_to(&path, &found.what, sink)?;
            if !sink.extras.are_removed() {
                break;
            }
        }
        self.leave(None, sink)
    }

    fn stay_alive(&mut self, sink: &mut Sink<'_>) {
        if self.last.elapsed() >= STILL_THERE.min(Duration::from_secs(5)) {
            self.last = Instant::now();
            say_alive(&mut sink.sending);
        }
    }

    fn come_to(
        &mut self,
        path: &[u8],
        what: &What,
        sink: &mut Sink<'_>,
    ) -> Result<(), TransferError> {
        let is_folder = matches!(what, What::Folder(_));
        let name = match (Name::new(path), what) {
            (Ok(name), What::Unreadable(error)) => {
                self.stay(is_folder);
                return sink.kept(name.as_bytes(), &error.to_string());
            }
            (Ok(name), _) => name,
            (Err(error), _) => {
                self.stay(is_folder);
                return sink.kept(path, &error.to_string());
            }
        };
        if sink.extras.has_folder(&name) || sink.extras.has_file(&name) {
            let is_entered = is_folder && sink.extras.has_folder(&name);
            self.stay(is_folder && !is_entered);
            return match is_entered {
                true => self.enter(name, Fate::Named, sink),
                false => Ok(()),
            };
        }
        match (self.judge.judge(name.as_bytes(), is_folder), is_folder) {
            (Verdict::In, false) => self.remove(name, sink),
            (Verdict::In, true) => self.enter(name, Fate::Superfluous, sink),
            (Verdict::Through, true) => {
                self.stay(false);
                self.enter(name, Fate::Kept, sink)
            }
            (Verdict::Through | Verdict::Out, _) => {
                self.stay(is_folder);
                Ok(())
            }
        }
    }

    fn enter(&mut self, name: Name, fate: Fate, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        let base = &self.base;
        match self.judge.enter(&name, &mut |name| open(base, name)) {
            Ok(_) => {
                let open = None;
                self.levels.push(Level { name, fate, open });
                Ok(())
            }
            Err(fault) => {
                self.stay(true);
                sink.kept(name.as_bytes(), &said(fault))
            }
        }
    }

    /// What was found stays, and so do the folders that it is in.
    fn stay(&mut self, is_left_out: bool) {
        if is_left_out {
            self.walk.stay_out();
        }
        for level in &mut self.levels {
            if level.fate == Fate::Superfluous {
                level.fate = Fate::Kept;
            }
        }
    }

    /// Leaves the folders that this path is not in.
    fn leave(&mut self, path: Option<&[u8]>, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        while let Some(level) = self.levels.last() {
            let folder = level.name.as_bytes();
            let rest = path.and_then(|path| path.strip_prefix(folder));
            if rest.is_some_and(|rest| rest.starts_with(b"/")) {
                return Ok(());
            }
            let Some(mut level) = self.levels.pop() else {
                return Ok(());
            };
            if level.fate == Fate::Superfluous {
                self.end(level, sink)?;
            } else if let Some(open) = level.open.take()
                && let Err(error) = open.close()
            {
                sink.kept(level.name.as_bytes(), &error.to_string())?;
            }
        }
        Ok(())
    }

    /// A folder has nothing in it any more.
    fn end(&mut self, level: Level, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        drop(level.open);
        if self.levels.is_empty() {
            return self.end_top(level.name, sink);
        }
        self.remove_by(level.name, sink, |open, part| {
            open.folder.remove_folder(part)
        })
    }

    /// The folder that the walk began with lies in none of the others.
    fn end_top(&mut self, name: Name, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        let mut parts: Vec<_> = name.parts().collect();
        let last = parts.pop().unwrap_or_default();
        let gone = match (is_preview(sink), self.base.deeper(parts)) {
            (true, _) | (false, Ok(None)) => Ok(()),
            (false, Ok(Some(folder))) => folder.remove_folder(last),
            (false, Err(error)) => Err(error),
        };
        match gone {
            Ok(()) => sink.removed(name),
            Err(error) => sink.kept(name.as_bytes(), &error.to_string()),
        }
    }

    /// Removes what is no folder.
    fn remove(&mut self, name: Name, sink: &mut Sink<'_>) -> Result<(), TransferError> {
        if !last_part(&name).starts_with(OURS) {
            return self.remove_by(name, sink, |open, part| open.folder.remove(part));
        }
        let is_stale = !is_preview(sink) && self.remove_ours(&name, sink);
        if !is_stale {
            self.stay(false);
        }
        Ok(())
    }

    /// What an earlier transfer left goes, unless one is at it, or the next will want it: nobody has named it, and nobody
    /// is told.
    fn remove_ours(&mut self, name: &Name, sink: &Sink<'_>) -> bool {
        let part = last_part(name);
        let stem = part.strip_suffix(b".journal");
        let stem = stem.or_else(|| part.strip_suffix(b".part"));
        let Ok(open) = self.open() else {
            return false;
        };
        let Some(stem) = stem else {
            return open.folder.remove(part).is_ok();
        };
        let partial = [stem, b".part"].concat();
        let is_free = open.folder.existing_partial(&partial);
        sink.summary.failed == 0 && is_free.is_ok() && open.folder.remove(part).is_ok()
    }

    fn remove_by(
        &mut self,
        name: Name,
        sink: &mut Sink<'_>,
        remove: impl FnOnce(&Open, &[u8]) -> Result<(), FolderError>,
    ) -> Result<(), TransferError> {
        let is_preview = is_preview(sink);
        let part = last_part(&name);
        let removed = self.open().and_then(|open| {
            if open.case(part)? == Case::Folded {
                return Ok(Gone::Unsure);
            }
            if !is_preview {
                open.prepare()?;
                remove(open, part)?;
            }
            Ok(Gone::Yes)
        });
        match removed {
            Ok(Gone::Yes) => sink.removed(name),
            Ok(Gone::Unsure) => {
                self.stay(true);
                sink.extras.keep();
                let reason =
                    "the file system does not tell 'a' from 'A', so it may be another's name";
                sink.kept(name.as_bytes(), reason)
            }
            Err(error) => {
                self.stay(false);
                sink.kept(name.as_bytes(), &error.to_string())
            }
        }
    }

    /// The innermost folder.
    fn open(&mut self) -> Result<&mut Open, FolderError> {
        let gone = || FolderError::Io(std::io::ErrorKind::NotFound.into());
        let level = self.levels.last_mut().ok_or_else(gone)?;
        if level.open.is_none() {
            let folder = self.base.deeper(level.name.parts())?.ok_or_else(gone)?;
            let before = folder.facts()?;
            level.open = Some(Open {
                folder,
                before,
                case: Case::Unknown,
            });
        }
        level.open.as_mut().ok_or_else(gone)
    }
}

enum Gone {
    Yes,
    Unsure,
}

impl Open {
    /// Its owner may write in it while something goes.
    fn prepare(&self) -> Result<(), FolderError> {
        if Folder::is_writable(self.before.mode) {
            return Ok(());
        }
        let permissions = Some(Permissions::of(self.before.mode | 0o700));
        Ok(self.folder.set(&Attributes {
            permissions,
            ..Attributes::default()
        })?)
    }

    /// It is as it was, but for what is gone.
    fn close(&self) -> Result<(), FolderError> {
        let now = self.folder.facts()?;
        let (mode, modified) = (self.before.mode, self.before.modified);
        if (now.mode, now.modified) == (mode, modified) {
            return Ok(());
        }
        let permissions = (now.mode != mode).then(|| Permissions::of(mode));
        Ok(self.folder.set(&Attributes {
            permissions,
            modified,
            ..Attributes::default()
        })?)
    }

    /// Looks at the same name in other letters, once.
    fn case(&mut self, part: &[u8]) -> Result<Case, FolderError> {
        if self.case == Case::Unknown {
            let other: Vec<u8> = part.iter().map(swapped).collect();
            let there = match other == part {
                true => return Ok(Case::Unknown),
                false => (self.folder.look(part)?, self.folder.look(&other)?),
            };
            self.case = match there {
                (Some(one), Some(other)) if one.id == other.id && is_one_name(&one) => Case::Folded,
                _ => Case::Told,
            };
        }
        Ok(self.case)
    }
}

/// Files may have two names that differ in their letters alone.
fn is_one_name(found: &Found) -> bool {
    found.kind == folder::Kind::Folder || found.names == 1
}

fn swapped(byte: &u8) -> u8 {
    match byte.is_ascii_lowercase() {
        true => byte.to_ascii_uppercase(),
        false => byte.to_ascii_lowercase(),
    }
}

/// Opens an ignore file.
fn open(base: &Folder, name: &Name) -> io::Result<File> {
    base.read_beneath(name.parts())
        .map_err(|error| match error {
            FolderError::Io(error) => error,
            other => io::Error::other(other),
        })
}

fn said(fault: Fault) -> String {
    let path = Escaped(&fault.path);
    format!("{path}: {}", fault.reason)
}

fn last_part(name: &Name) -> &[u8] {
    name.parts().next_back().unwrap_or_default()
}

fn is_preview(sink: &Sink<'_>) -> bool {
    sink.manner.course == Course::Preview
}
