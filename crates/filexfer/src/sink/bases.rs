//! Which file here another may be like: the one of its name, or one that was moved.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::{File, Metadata};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use proto::filexfer::native::blocks::PartSize;
use proto::filexfer::native::message::{Entry, Moment};
use runtime::folder::Folder;
use runtime::tree::What;

use super::saving::{OURS, Spot, system_time};
use super::target::Target;

/// Smaller files are sent whole: to ask takes longer.
pub(super) const LEAST: u64 = 32 << 10;

/// The most files that are known by size and time: the largest ones.
const MOST: usize = 1 << 16;

/// A file that is here.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) part: PartSize,
    pub(super) lies: Lies,
    modified: Option<SystemTime>,
    /// The hashes of its whole parts, as far as they were read, and where the first of them is.
    known: RefCell<(u64, Vec<[u8; 32]>)>,
    /// For how many rows there is room at the source.
    rows: Cell<u64>,
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    /// Under the name of the file that is to be made.
    There,
    Elsewhere,
}

impl Base {
    fn new(file: File, found: &Metadata, lies: Lies) -> Rc<Self> {
        Rc::new(Self {
            file,
            size: found.len(),
            part: PartSize::of(found.len()),
            lies,
            modified: found.modified().ok(),
            known: RefCell::default(),
            rows: Cell::new(0),
        })
    }

    /// Whether nobody has written to it, as far as anybody can tell.
    pub(super) fn is_unchanged(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|now| (now.len(), now.modified().ok()) == (self.size, self.modified))
    }

    /// The source has room for so many rows of it.
    pub(super) fn hold(&self, rows: u64) {
        self.rows.set(rows);
    }

    /// How many that are.
    pub(super) fn held(&self) -> u64 {
        self.rows.get()
    }

    /// Its parts will be learned from this byte on.
    pub(super) fn begin(&self, from: u64) {
        *self.known.borrow_mut() = (from, Vec::new());
    }

    /// The hash of the next whole part.
    pub(super) fn learn(&self, part: [u8; 32]) {
        self.known.borrow_mut().1.push(part);
    }

    /// The hashes of the whole parts that begin at this byte, as many as are known, are not more than `most` bytes, and do not
    /// include the first: that may be all of a file.
    pub(super) fn parts(&self, at: u64, most: u64) -> Vec<[u8; 32]> {
        let size = self.part.bytes() as u64;
        let known = self.known.borrow();
        let (begin, hashes) = &*known;
        let Some(ahead) = at.checked_sub(*begin) else {
            return Vec::new();
        };
        if at == 0 || !at.is_multiple_of(size) {
            return Vec::new();
        }
        let first = usize::try_from(ahead / size).unwrap_or(usize::MAX);
        let most = usize::try_from(most / size).unwrap_or(usize::MAX);
        let known = hashes.get(first..).unwrap_or_default();
        known[..known.len().min(most)].to_vec()
    }
}

/// What is known of the files that are here.
#[derive(Debug)]
pub(super) struct Bases {
    elsewhere: Elsewhere,
}

#[derive(Debug)]
enum Elsewhere {
    /// There is nothing.
    Nothing,
    /// Nobody has asked yet.
    Unread(Arc<Folder>),
    /// By size and time.
    Read(Arc<Folder>, HashMap<Facts, Box<[u8]>>),
}

type Facts = (u64, (i64, u32));

impl Bases {
    /// Of a target as it is now.
    pub(super) fn new(target: &Target) -> Self {
        let elsewhere = match target.root() {
            Some(root) if has_something(root) => Elsewhere::Unread(Arc::clone(root)),
            _ => Elsewhere::Nothing,
        };
        Self { elsewhere }
    }

    /// A file that this one may be like. `alive` is called now and then.
    pub(super) fn find(
        &mut self,
        spot: &Spot,
        entry: &Entry,
        alive: &mut dyn FnMut(),
    ) -> Option<Rc<Base>> {
        let size = entry.size().filter(|size| *size >= LEAST)?;
        let there = spot.folder.read(&spot.name).ok();
        there
            .and_then(|file| base(file, Lies::There))
            .or_else(|| self.moved((size, entry.modified?), alive))
    }

    fn moved(&mut self, (size, at): (u64, Moment), alive: &mut dyn FnMut()) -> Option<Rc<Base>> {
        if let Elsewhere::Unread(root) = &self.elsewhere {
            let read = read(root, alive);
            self.elsewhere = Elsewhere::Read(Arc::clone(root), read);
        }
        let Elsewhere::Read(root, known) = &self.elsewhere else {
            return None;
        };
        let path = known.get(&(size, (at.seconds, at.nanos)))?;
        let file = root.read_beneath(path.split(|byte| *byte == b'/')).ok()?;
        let base = base(file, Lies::Elsewhere)?;
        (base.size == size && base.modified == system_time(at)).then_some(base)
    }
}

fn base(file: File, lies: Lies) -> Option<Rc<Base>> {
    let found = file.metadata().ok()?;
    (found.len() >= LEAST).then(|| Base::new(file, &found, lies))
}

fn has_something(root: &Folder) -> bool {
    root.is_empty().is_ok_and(|is_empty| !is_empty)
}

/// All that is beneath a folder and large enough, by size and time.
fn read(root: &Folder, alive: &mut dyn FnMut()) -> HashMap<Facts, Box<[u8]>> {
    let Ok(walk) = root.walk() else {
        return HashMap::new();
    };
    let mut largest = BinaryHeap::new();
    for found in walk {
        alive();
        let What::File(facts) = &found.what else {
            continue;
        };
        let (Some(modified), true) = (facts.modified, facts.size >= LEAST) else {
            continue;
        };
        if found
            .path
            .split(|byte| *byte == b'/')
            .any(|part| part.starts_with(OURS))
        {
            continue;
        }
        largest.push(Reverse((
            facts.size,
            modified,
            found.path.into_boxed_slice(),
        )));
        if largest.len() > MOST {
            largest.pop();
        }
    }
    let known = largest.into_iter();
    known
        .map(|Reverse((size, modified, path))| ((size, modified), path))
        .collect()
}
