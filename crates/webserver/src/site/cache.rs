//! What was found at paths, kept as long as it is still there: the system tells of changes ([`Watch`]), and what it does
//! not tell of is looked at anew.
//!
//! What is kept is bounded, in bytes, entries and descriptors; what was not asked for longest goes first. What is asked for
//! only once is not kept at all, so that who goes through everything costs the others nothing.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;
use proto::http::{Coding, Path, Shape};
use runtime::watch::{Change, FolderId, Step, Watch};

use super::entry::{Compress, Marks, Resource, Variant};
use super::{Beside, Found, Place, Seen, Site};

/// The most paths that are kept, and as many again of those where nothing is.
const MOST_ENTRIES: usize = 4096;

/// The most descriptors that are kept.
const MOST_FILES: usize = 512;

/// How many paths are remembered that were asked for once; a power of two.
const ONCE: usize = 4096;

/// What is told of is looked at anew all the same, so often: the system does not tell of everything.
const LOOK_ANEW: Duration = Duration::from_secs(1);

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Kept {
    /// A file.
    File(Rc<Resource>),
    /// Something else, which is never kept, or nothing.
    Other(Found),
}

/// A path: its names, and a `/` before them where it is a folder's.
type Key = Rc<[u8]>;

/// What was found, kept for the next who asks.
#[derive(Debug)]
pub(crate) struct Cache {
    compress: Compress,
    bounds: Bounds,
    files: LruCache<Key, Entry<Rc<Resource>>>,
    /// Paths where nothing is.
    nothing: LruCache<Key, Entry<()>>,
    taken: Taken,
    watched: Option<Watched>,
    /// When the system was last asked what has changed.
    asked: Option<Instant>,
    /// Which paths were asked for once, by their hashes.
    once: Box<[u32]>,
    hasher: RandomState,
    /// Room for a key.
    key: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    bytes: usize,
    entries: usize,
    files: usize,
}

/// What is in use of the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    bytes: usize,
    files: usize,
}

/// Something that is kept.
#[derive(Debug)]
struct Entry<T> {
    what: T,
    /// What it depends on.
    steps: Vec<Step>,
    told: Told,
    looked: Instant,
    cost: Taken,
}

/// Whether the system tells of all changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

/// What the system tells of, and who depends on it.
#[derive(Debug)]
struct Watched {
    watch: Watch,
    folders: HashMap<FolderId, HashMap<Box<[u8]>, Vec<Key>>>,
}

impl<T> Entry<T> {
    /// Whether it is certain to be still there.
    fn is_certain(&self, now: Instant) -> bool {
        self.told == Told::Yes && now.saturating_duration_since(self.looked) < LOOK_ANEW
    }
}

impl Cache {
    /// Keeps so many bytes at the most; with 0 it keeps nothing.
    pub(crate) fn new(bytes: usize, compress: Compress) -> Self {
        let watch = (bytes > 0).then(Watch::new);
        let watch = watch.and_then(|watch| {
            watch
                .inspect_err(|error| tracing::debug!(%error, "changes of files are not told"))
                .ok()
        });
        Self {
            compress,
            bounds: Bounds {
                bytes,
                entries: MOST_ENTRIES,
                files: MOST_FILES,
            },
            files: LruCache::unbounded(),
            nothing: LruCache::unbounded(),
            taken: Taken::default(),
            watched: watch.map(|watch| Watched {
                watch,
                folders: HashMap::new(),
            }),
            asked: None,
            once: if bytes > 0 { vec![0; ONCE] } else { Vec::new() }.into(),
            hasher: RandomState::new(),
            key: Vec::new(),
        }
    }

    /// What is at a path. `now` is when the requests were told of that are being answered: all that changed before is seen.
    /// What is kept has all that lies beside it, whatever this request takes.
    pub(crate) fn find(&mut self, site: &Site, path: &Path, beside: Beside, now: Instant) -> Kept {
        if self.bounds.bytes == 0 {
            return self.give(site.look(path, beside, now));
        }
        self.hear(now);
        self.key.clear();
        if path.shape() == Shape::Folder {
            self.key.push(b'/');
        }
        self.key.extend_from_slice(path.bytes());
        if let Some(entry) = self.files.get(&*self.key) {
            if entry.is_certain(now) {
                return Kept::File(Rc::clone(&entry.what));
            }
            return self.look_anew(site, path, now);
        }
        if let Some(entry) = self.nothing.get(&*self.key) {
            if entry.is_certain(now) {
                return Kept::Other(Found::Nothing);
            }
            let key = Key::from(&*self.key);
            self.drop_nothing(&key);
            return self.keep(site, path, key, now);
        }
        if self.was_asked_for() {
            let key = Key::from(&*self.key);
            return self.keep(site, path, key, now);
        }
        self.give(site.look(path, beside, now))
    }

    /// What was found, and is not kept.
    fn give(&self, found: Found) -> Kept {
        match found {
            Found::File(seen) => Kept::File(self.open(seen)),
            other => Kept::Other(other),
        }
    }

    /// A file that is not kept.
    pub(crate) fn open(&self, seen: Seen) -> Rc<Resource> {
        Rc::new(Resource::open(seen, self.compress))
    }

    /// Asks the system what has changed, once for all requests that were told of together.
    fn hear(&mut self, now: Instant) {
        if self.asked.replace(now) == Some(now) {
            return;
        }
        let Some(watched) = &mut self.watched else {
            return;
        };
        match watched.news() {
            News::Nothing => {}
            News::Of(keys) => {
                for key in keys {
                    self.drop_file(&key);
                    self.drop_nothing(&key);
                }
            }
            News::Everything => self.clear(),
        }
    }

    /// Whether the path of the key was asked for not long ago, as far as that is remembered.
    fn was_asked_for(&mut self) -> bool {
        let hash = self.hasher.hash_one(&self.key);
        let place = &mut self.once[hash as usize % ONCE];
        let mark = (hash >> 32) as u32;
        std::mem::replace(place, mark) == mark
    }

    /// Looks whether what is kept is there as it was.
    fn look_anew(&mut self, site: &Site, path: &Path, now: Instant) -> Kept {
        let found = site.look(path, Beside::Looked, now);
        if let (Found::File(seen), Some(entry)) = (&found, self.files.peek_mut(&*self.key))
            && *entry.what.marks() == Marks::of(seen)
        {
            entry.looked = now;
            return Kept::File(Rc::clone(&entry.what));
        }
        let key = Key::from(&*self.key);
        self.drop_file(&key);
        self.keep(site, path, key, now)
    }

    /// Looks, and keeps what is there, or that nothing is.
    fn keep(&mut self, site: &Site, path: &Path, key: Key, now: Instant) -> Kept {
        let first = site.look(path, Beside::Looked, now);
        if !matches!(first, Found::File(_) | Found::Nothing) {
            return self.give(first);
        }
        let mut trail = Trail::default();
        let told = self.follow(site, path, &first, &mut trail);
        // Now that all is watched on which it depends, what is there is what is kept.
        let found = match site.look(path, Beside::Looked, Instant::now()) {
            Found::File(seen) => self.keep_file(seen, told, &trail, &key, now),
            Found::Nothing if told == Told::Yes && trail.ends.iter().all(Option::is_none) => {
                self.keep_nothing(&trail, &key, now);
                Kept::Other(Found::Nothing)
            }
            other => self.give(other),
        };
        if !self.files.contains(&*key) && !self.nothing.contains(&*key) {
            self.depend_no_more(&key, &trail.steps);
        }
        found
    }

    /// Keeps a file, if it can be kept.
    fn keep_file(
        &mut self,
        seen: Seen,
        told: Told,
        trail: &Trail,
        key: &Key,
        now: Instant,
    ) -> Kept {
        let marks = Marks::of(&seen);
        let is_told = told == Told::Yes && marks.are_at(&trail.ends);
        if !is_told && marks.are_fresh(SystemTime::now()) {
            return self.give(Found::File(seen));
        }
        let resource = match Resource::read(seen, self.compress) {
            Ok(resource) => Rc::new(resource),
            Err(error) => {
                tracing::debug!(%error, "a file is not read");
                return Kept::Other(Found::Unavailable);
            }
        };
        let cost = Taken::of(&resource);
        let kept = Kept::File(Rc::clone(&resource));
        if cost.bytes > self.bounds.bytes / 4 {
            return kept;
        }
        self.depend(key, &trail.steps);
        let entry = Entry {
            what: resource,
            steps: trail.steps.clone(),
            told: if is_told { Told::Yes } else { Told::No },
            looked: now,
            cost,
        };
        self.taken.add(cost);
        self.files.put(Rc::clone(key), entry);
        self.shrink();
        kept
    }

    fn keep_nothing(&mut self, trail: &Trail, key: &Key, now: Instant) {
        self.depend(key, &trail.steps);
        let entry = Entry {
            what: (),
            steps: trail.steps.clone(),
            told: Told::Yes,
            looked: now,
            cost: Taken::default(),
        };
        self.nothing.put(Rc::clone(key), entry);
        if self.nothing.len() > self.bounds.entries
            && let Some((oldest, entry)) = self.nothing.pop_lru()
        {
            self.depend_no_more(&oldest, &entry.steps);
        }
    }

    /// Watches what an answer depends on, and says whether all of that is told of.
    fn follow(&self, site: &Site, path: &Path, found: &Found, trail: &mut Trail) -> Told {
        let (Some(watched), Some(asked)) = (&self.watched, site.place(path)) else {
            return Told::No;
        };
        let mut follow = |place: &Place, beside: &[&[u8]]| {
            let path = absolute(site, place)?;
            let end = watched.watch.follow(&path, beside, &mut trail.steps);
            let end = end.inspect_err(|error| tracing::debug!(?path, %error, "not watched"));
            trail.ends.push(end.ok()?);
            Some(())
        };
        let mut follow_all = || {
            let Found::File(seen) = found else {
                return follow(&asked, &[]);
            };
            if asked != seen.place {
                let asked_for = |name: &[u8]| join(&asked, name);
                follow(&asked, &[])?;
                for name in site.index_names().map(asked_for) {
                    follow(&name, &[])?;
                }
            }
            let name = seen.place.path.rsplit(|byte| *byte == b'/').next()?;
            let beside = PACKED.map(|coding| with_extension(name, coding));
            follow(&seen.place, &beside.each_ref().map(|name| &**name))?;
            for packed in &seen.packed {
                let path = with_extension(&seen.place.path, packed.coding);
                let root = seen.place.root;
                follow(&Place { root, path }, &[])?;
            }
            Some(())
        };
        match follow_all() {
            Some(()) => Told::Yes,
            None => Told::No,
        }
    }

    fn depend(&mut self, key: &Key, steps: &[Step]) {
        if let Some(watched) = &mut self.watched {
            watched.depend(key, steps);
        }
    }

    fn depend_no_more(&mut self, key: &Key, steps: &[Step]) {
        if let Some(watched) = &mut self.watched {
            watched.depend_no_more(key, steps);
        }
    }

    fn drop_file(&mut self, key: &Key) {
        if let Some(entry) = self.files.pop(&**key) {
            self.taken.remove(entry.cost);
            self.depend_no_more(key, &entry.steps);
        }
    }

    fn drop_nothing(&mut self, key: &Key) {
        if let Some(entry) = self.nothing.pop(&**key) {
            self.depend_no_more(key, &entry.steps);
        }
    }

    /// Drops what was not asked for longest, until the rest is within its bounds.
    fn shrink(&mut self) {
        while self.taken.bytes > self.bounds.bytes
            || self.taken.files > self.bounds.files
            || self.files.len() > self.bounds.entries
        {
            let Some((key, entry)) = self.files.pop_lru() else {
                return;
            };
            self.taken.remove(entry.cost);
            self.depend_no_more(&key, &entry.steps);
        }
    }

    fn clear(&mut self) {
        self.files.clear();
        self.nothing.clear();
        self.taken = Taken::default();
        if let Some(watched) = &mut self.watched {
            watched.clear();
        }
    }

    /// Keeps what was made of what is at a path, if that is kept itself.
    pub(crate) fn add(&mut self, path: &Path, of: &Rc<Resource>, made: Rc<Variant>) {
        self.key.clear();
        if path.shape() == Shape::Folder {
            self.key.push(b'/');
        }
        self.key.extend_from_slice(path.bytes());
        let Some(entry) = self.files.peek_mut(&*self.key) else {
            return;
        };
        if !Rc::ptr_eq(&entry.what, of) {
            return;
        }
        of.add(made);
        let cost = Taken::of(of);
        self.taken.remove(std::mem::replace(&mut entry.cost, cost));
        self.taken.add(cost);
        self.shrink();
    }
}

/// The codings that files may have beside the plain one.
const PACKED: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

fn with_extension(name: &[u8], coding: Coding) -> Vec<u8> {
    let extension = coding.extension().unwrap_or_default();
    [name, extension.as_bytes()].concat()
}

fn join(folder: &Place, name: &[u8]) -> Place {
    let separator: &[u8] = if folder.path.is_empty() { b"" } else { b"/" };
    Place {
        root: folder.root,
        path: [&folder.path, separator, name].concat(),
    }
}

/// Where a place is, as the system names it.
fn absolute(site: &Site, place: &Place) -> Option<PathBuf> {
    let root = std::path::absolute(site.root(place.root)?.path()).ok()?;
    if place.path.is_empty() {
        return Some(root);
    }
    let name = std::str::from_utf8(&place.path);
    #[cfg(unix)]
    let name = {
        use std::os::unix::ffi::OsStrExt;
        let _ = name;
        std::ffi::OsStr::from_bytes(&place.path)
    };
    #[cfg(not(unix))]
    let name = name.ok()?;
    Some(root.join(name))
}

/// All steps of the paths that an answer depends on, and what is at each.
#[derive(Debug, Default)]
struct Trail {
    steps: Vec<Step>,
    ends: Vec<Option<(u64, u64)>>,
}

/// What was told.
enum News {
    Nothing,
    Of(BTreeSet<Key>),
    Everything,
}

impl Watched {
    fn news(&mut self) -> News {
        let mut news = News::Nothing;
        let folders = &self.folders;
        self.watch.news(|change| {
            let touched: Vec<&Key> = match change {
                Change::Everything => {
                    news = News::Everything;
                    return;
                }
                Change::Folder(folder) => {
                    let names = folders.get(&folder);
                    names
                        .into_iter()
                        .flat_map(HashMap::values)
                        .flatten()
                        .collect()
                }
                Change::Name(folder, name) => {
                    let keys = folders.get(&folder).and_then(|names| names.get(name));
                    keys.into_iter().flatten().collect()
                }
            };
            if touched.is_empty() {
                return;
            }
            match &mut news {
                News::Everything => {}
                News::Of(keys) => keys.extend(touched.into_iter().cloned()),
                News::Nothing => news = News::Of(touched.into_iter().cloned().collect()),
            }
        });
        news
    }

    fn depend(&mut self, key: &Key, steps: &[Step]) {
        for step in steps {
            let names = self.folders.entry(step.folder).or_default();
            let keys = names.entry(step.name.clone()).or_default();
            // All steps of a key are noted at once.
            if keys.last() != Some(key) {
                keys.push(Rc::clone(key));
            }
        }
    }

    fn depend_no_more(&mut self, key: &Key, steps: &[Step]) {
        for step in steps {
            let Some(names) = self.folders.get_mut(&step.folder) else {
                // Nobody came to depend on it.
                self.watch.forget(step.folder);
                continue;
            };
            if let Some(keys) = names.get_mut(&step.name) {
                keys.retain(|one| one != key);
                if keys.is_empty() {
                    names.remove(&step.name);
                }
            }
            if names.is_empty() {
                self.folders.remove(&step.folder);
                self.watch.forget(step.folder);
            }
        }
    }

    fn clear(&mut self) {
        for (folder, _) in self.folders.drain() {
            self.watch.forget(folder);
        }
    }
}

impl Taken {
    fn of(resource: &Resource) -> Self {
        let (bytes, files) = resource.cost();
        Self { bytes, files }
    }

    fn add(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.files += more.files;
    }

    fn remove(&mut self, less: Self) {
        self.bytes = self.bytes.saturating_sub(less.bytes);
        self.files = self.files.saturating_sub(less.files);
    }
}

#[cfg(test)]
mod tests;
