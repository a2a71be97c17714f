//! When the next round begins of a transfer that is followed: what the system tells of the files that are offered, and how
//! long to gather it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Offer;

/// A round begins when nothing changed for so long.
const QUIET: Duration = Duration::from_millis(200);

/// Something that changes all the time is not waited for longer.
const LONGEST: Duration = Duration::from_secs(2);

/// Between two looks where the system does not tell what changes.
const LOOK: Duration = Duration::from_secs(5);

/// Going through everything is followed by so many times that of rest: it takes a quarter of the time at most.
const REST: u32 = 3;

/// What has changed since the last round began. Time is an argument.
#[derive(Clone, Copy, Debug, Default)]
struct Gathering {
    first: Option<Instant>,
    last: Option<Instant>,
    /// The end of the rest.
    earliest: Option<Instant>,
    /// When to look though nothing was told.
    look: Option<Instant>,
}

impl Gathering {
    fn note(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// A round is over whose look at everything took so long. What changed meanwhile is kept.
    fn rest(&mut self, took: Duration, now: Instant) {
        self.earliest = Some(now + took * REST);
    }

    fn due(&self) -> Option<Instant> {
        let told = match (self.first, self.last) {
            (Some(first), Some(last)) => Some((last + QUIET).min(first + LONGEST)),
            _ => None,
        };
        let due = match (told, self.look) {
            (Some(told), Some(look)) => Some(told.min(look)),
            (told, look) => told.or(look),
        };
        due.map(|due| self.earliest.map_or(due, |earliest| due.max(earliest)))
    }

    /// A round begins: it sees all that changed so far.
    fn begin(&mut self) {
        (self.first, self.last, self.look) = (None, None, None);
    }
}

/// Watches what is offered.
pub(super) struct Watching {
    state: Arc<State>,
    roots: Vec<Root>,
    /// None where the system cannot: files are looked at every few seconds.
    watcher: Option<RecommendedWatcher>,
}

/// A path that is offered.
#[derive(Clone, Debug)]
struct Root {
    /// As it was typed.
    path: PathBuf,
    /// Without links, where there is something.
    full: Option<PathBuf>,
}

struct State {
    seen: Mutex<Seen>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct Seen {
    gathering: Gathering,
    /// A path that is offered has gone, and what may be there now is not watched.
    lost: bool,
    /// Why the system tells no more.
    failed: Option<notify::Error>,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What is in it is valid after each statement.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.lock();
        seen.gathering.note(Instant::now());
        change(&mut seen);
        drop(seen);
        (self.wake)();
    }

    /// What the system tells.
    fn told(&self, event: notify::Result<Event>, roots: &[Root]) {
        match event {
            Ok(event) if event.need_rescan() => self.note(|_| ()),
            Ok(event) if is_change(event.kind) => {
                let concerns = |path: &PathBuf| roots.iter().any(|root| root.has(path));
                if event.paths.iter().any(concerns) {
                    let has_gone = matches!(
                        event.kind,
                        EventKind::Remove(_)
                            | EventKind::Modify(notify::event::ModifyKind::Name(_))
                    );
                    let is_root = |path: &PathBuf| roots.iter().any(|root| root.is(path));
                    let lost = has_gone && event.paths.iter().any(is_root);
                    self.note(|seen| seen.lost |= lost);
                }
            }
            Ok(_) => {}
            Err(error) => self.note(|seen| seen.failed = Some(error)),
        }
    }
}

/// Reading changes nothing.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

impl Root {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            full: path.canonicalize().ok(),
        }
    }

    fn has(&self, path: &Path) -> bool {
        self.full
            .as_ref()
            .is_some_and(|full| path.starts_with(full))
    }

    fn is(&self, path: &Path) -> bool {
        self.full.as_deref() == Some(path)
    }
}

impl Watching {
    /// From now on nothing is missed. `wake` is called from another thread when something has changed.
    pub(super) fn new(offer: &Offer, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let paths: &[PathBuf] = match offer {
            Offer::Paths(paths) => paths,
            Offer::Stdin(_) => &[],
        };
        let mut watching = Self {
            state: Arc::new(State {
                seen: Mutex::default(),
                wake: Box::new(wake),
            }),
            roots: paths.iter().map(|path| Root::new(path)).collect(),
            watcher: None,
        };
        watching.listen();
        watching
    }

    /// Has the system tell of changes.
    fn listen(&mut self) {
        self.watcher = match watcher(&self.state, &self.roots) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                say_blind(&error);
                None
            }
        };
    }

    /// A round begins now, which sees all that has changed so far.
    pub(super) fn begin(&mut self) {
        self.state.lock().gathering.begin();
        self.look_again();
    }

    /// A path that had gone may be there again.
    fn look_again(&mut self) {
        let lost = std::mem::take(&mut self.state.lock().lost);
        if lost && self.watcher.is_some() {
            self.watcher = None;
            self.roots = self
                .roots
                .iter()
                .map(|root| Root::new(&root.path))
                .collect();
            self.listen();
        }
    }

    /// Something has to be named once more.
    pub(super) fn note_change(&mut self) {
        self.state.lock().gathering.note(Instant::now());
    }

    /// The round is over, in which it took so long to go through everything.
    pub(super) fn rest(&mut self, looking: Duration) {
        let now = Instant::now();
        let mut seen = self.state.lock();
        seen.gathering.rest(looking, now);
        if let Some(error) = seen.failed.take()
            && self.watcher.take().is_some()
        {
            say_blind(&error);
        }
        let is_missing = self.roots.iter().any(|root| root.full.is_none());
        if self.watcher.is_none() || seen.lost || is_missing {
            seen.lost |= is_missing;
            seen.gathering.look = Some(now + LOOK);
        }
    }

    /// When the next round is to begin, as far as it is known.
    pub(super) fn due(&self) -> Option<Instant> {
        self.state.lock().gathering.due()
    }
}

fn watcher(state: &Arc<State>, roots: &[Root]) -> notify::Result<RecommendedWatcher> {
    let (told, known) = (Arc::clone(state), roots.to_vec());
    let handler = move |event| told.told(event, &known);
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handler, config)?;
    for full in roots.iter().filter_map(|root| root.full.as_deref()) {
        if full.is_dir() {
            watcher.watch(full, RecursiveMode::Recursive)?;
        } else if let Some(folder) = full.parent() {
            // A file that another takes the place of is not the one that was watched.
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
    }
    Ok(watcher)
}

fn say_blind(error: &notify::Error) {
    let cure = match error.kind {
        notify::ErrorKind::MaxFilesWatch => " (fs.inotify.max_user_watches is the limit)",
        _ => "",
    };
    let every = LOOK.as_secs();
    tracing::warn!("cannot watch what is offered: {error}{cure}; looking at it every {every} s");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Receiver, channel};

    use super::super::tests::peer::Scratch;
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn changes_are_gathered() {
        let start = Instant::now();
        let at = |millis| start + ms(millis);
        let mut gathering = Gathering::default();
        assert_eq!(gathering.due(), None);
        gathering.note(at(0));
        assert_eq!(gathering.due(), Some(at(200)));
        gathering.note(at(150));
        assert_eq!(gathering.due(), Some(at(350)));
        (2..20).for_each(|step| gathering.note(at(step * 150)));
        assert_eq!(
            gathering.due(),
            Some(at(2000)),
            "it is not waited for longer"
        );
        gathering.begin();
        assert_eq!(gathering.due(), None);
        gathering.rest(ms(1000), at(4000));
        gathering.note(at(4000));
        assert_eq!(gathering.due(), Some(at(7000)), "a round that took long");
        gathering.begin();
        gathering.look = Some(at(20_000));
        assert_eq!(gathering.due(), Some(at(20_000)));
        gathering.note(at(10_000));
        assert_eq!(gathering.due(), Some(at(10_200)));
    }

    /// Waits for the news that a change is due. A real clock, since it is the system that tells.
    fn changed(watching: &mut Watching, woken: &Receiver<()>) {
        while watching.due().is_none() {
            woken.recv_timeout(Duration::from_secs(20)).unwrap();
        }
        watching.begin();
        woken.try_iter().for_each(drop);
    }

    #[test]
    fn what_changes_is_told() {
        let scratch = Scratch::new("watching");
        let (root, link) = (scratch.path("root"), scratch.path("link"));
        fs::create_dir(&root).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&root, &link).unwrap();
        #[cfg(not(unix))]
        let link = root.clone();
        let (file, other) = (scratch.file("file", b""), scratch.file("other", b""));
        let (wake, woken) = channel();
        let offer = Offer::Paths(vec![link, file.clone()]);
        let mut watching = Watching::new(&offer, move || {
            let _ = wake.send(());
        });
        // Each is one event of the system.
        fs::create_dir(root.join("a")).unwrap();
        changed(&mut watching, &woken);
        fs::hard_link(&file, root.join("b")).unwrap();
        changed(&mut watching, &woken);
        fs::remove_file(root.join("b")).unwrap();
        changed(&mut watching, &woken);
        fs::rename(&other, &file).unwrap();
        changed(&mut watching, &woken);
    }

    #[test]
    fn what_concerns_nobody_and_what_is_no_change() {
        let scratch = Scratch::new("told");
        let file = scratch.file("root/a", b"");
        let roots = [Root::new(file.parent().unwrap())];
        let full = roots[0].full.clone().unwrap();
        let due = |kind, path: PathBuf| {
            let state = State {
                seen: Mutex::default(),
                wake: Box::new(|| ()),
            };
            state.told(Ok(Event::new(kind).add_path(path)), &roots);
            let seen = state.lock();
            (seen.gathering.due().is_some(), seen.lost)
        };
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let removed = EventKind::Remove(notify::event::RemoveKind::Any);
        let table = [
            (written, full.join("a"), (true, false)),
            (opened, full.join("a"), (false, false)),
            (removed, full.join("a"), (true, false)),
            (removed, full.clone(), (true, true)),
            (removed, full.with_file_name("beside"), (false, false)),
        ];
        for (kind, path, expected) in table {
            assert_eq!(due(kind, path.clone()), expected, "{kind:?} {path:?}");
        }
    }
}
