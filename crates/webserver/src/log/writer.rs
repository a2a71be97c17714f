//! The thread that writes the lines of the log, and the buffer between it and those who answer requests.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use runtime::cli;
use runtime::log::Throttle;

use super::{Form, Place};

/// How many bytes of lines may wait to be written.
const ROOM: usize = 1 << 20;

/// How long lines gather before they are written as one.
const GATHERING: Duration = Duration::from_millis(20);

/// Where lines are put. Clones share one buffer.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    form: Form,
    shared: Arc<Shared>,
}

/// The thread that writes. When it is dropped what waits is written, and the log is at its end.
#[derive(Debug)]
pub(crate) struct Writer {
    log: Log,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: String,
    /// Whether the thread waits to be told of lines.
    waits: bool,
    over: bool,
}

impl Log {
    /// In which words it is.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// How many lines were lost, because the disk or the terminal did not keep up or failed.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Puts whole lines in, or none of them where there is no room.
    pub(crate) fn put(&self, lines: &str) {
        let mut state = self.shared.lock();
        if state.over || state.lines.len() + lines.len() > ROOM {
            drop(state);
            self.shared.lose(lines);
            return;
        }
        state.lines.push_str(lines);
        if std::mem::take(&mut state.waits) {
            drop(state);
            self.shared.changed.notify_one();
        }
    }
}

impl Writer {
    /// Opens the log and starts the thread.
    ///
    /// # Errors
    /// When the file cannot be opened, or the system has no thread.
    pub(crate) fn start(form: Form, place: &Place) -> anyhow::Result<Self> {
        let sink = Sink::open(place)?;
        let log = Log {
            form,
            shared: Arc::default(),
        };
        let shared = Arc::clone(&log.shared);
        let thread = thread::Builder::new()
            .name("log".into())
            .spawn(move || work(&shared, sink))?;
        let thread = Some(thread);
        Ok(Self { log, thread })
    }

    /// Where lines are put.
    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.log.shared.lock().over = true;
        self.log.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, lines: &str) {
        let count = lines.lines().count() as u64;
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    /// Waits for lines and takes them into `lines`, which is empty; `false` where there will be no more.
    fn take(&self, lines: &mut String) -> bool {
        let mut state = self.lock();
        while state.lines.is_empty() && !state.over {
            state.waits = true;
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.lines, lines);
        !state.over
    }

    /// Lets lines gather, unless it is over.
    fn gather(&self) {
        let state = self.lock();
        let is_over = |state: &mut State| !state.over;
        // Whoever puts lines in tells nobody meanwhile: `waits` is not set.
        drop(self.changed.wait_timeout_while(state, GATHERING, is_over));
    }
}

fn work(shared: &Shared, mut sink: Sink) {
    let mut lines = String::new();
    let mut complaints = Throttle::default();
    let mut told = 0;
    loop {
        lines.clear();
        let more = shared.take(&mut lines);
        if let Err(error) = sink.write(lines.as_bytes()) {
            shared.lose(&lines);
            if error.kind() == io::ErrorKind::BrokenPipe {
                tracing::warn!("nobody reads the access log any more: it ends here");
                shared.lock().over = true;
                return;
            }
            if complaints.admits(Instant::now()) {
                tracing::warn!(%error, "cannot write to the access log");
            }
        }
        let lost = shared.lost.load(Ordering::Relaxed);
        if lost > told && complaints.admits(Instant::now()) {
            tracing::warn!(lines = lost - told, "lines of the access log were lost");
            told = lost;
        }
        if !more {
            return;
        }
        shared.gather();
    }
}

/// What is written to.
#[derive(Debug)]
enum Sink {
    Standard(File),
    /// A file, which is opened anew where it was moved away (as logrotate does).
    Named(File, std::path::PathBuf),
}

impl Sink {
    fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match place {
            Place::Standard => Self::Standard(cli::raw_stdout()?),
            Place::File(path) => {
                let cure = || format!("cannot open {} for --log-file", path.display());
                Self::Named(append(path).with_context(cure)?, path.clone())
            }
        })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match self {
            Self::Standard(file) => file.write_all(lines),
            Self::Named(file, path) => {
                if !is_at(file, path) {
                    *file = append(path)?;
                }
                file.write_all(lines)
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Whether the file is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(one), Ok(two)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (one.dev(), one.ino()) == (two.dev(), two.ino())
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("plumbline-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn every_line_is_written_in_order_by_the_end() {
        let path = place("log");
        let writer = Writer::start(Form::Common, &Place::File(path.clone())).unwrap();
        let log = writer.log();
        let lines: Vec<_> = (0..1000).map(|number| format!("{number}\n")).collect();
        lines.iter().for_each(|line| log.put(line));
        drop(writer);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines.concat());
        assert_eq!(log.lost(), 0);
        log.put("too late\n");
        assert_eq!(log.lost(), 1);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let log = Log {
            form: Form::Common,
            shared: Arc::default(),
        };
        let line = "x".repeat(1023) + "\n";
        (0..1030).for_each(|_| log.put(&line));
        assert_eq!(log.shared.lock().lines.len(), ROOM);
        assert_eq!(log.lost(), 6);
    }

    #[test]
    fn a_log_that_was_moved_away_begins_anew() {
        let path = place("moved");
        let aside = path.with_extension("1");
        let mut sink = Sink::open(&Place::File(path.clone())).unwrap();
        sink.write(b"one\n").unwrap();
        std::fs::rename(&path, &aside).unwrap();
        sink.write(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&aside).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        std::fs::remove_file(aside).unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_place_where_no_log_can_be_is_refused() {
        let place = Place::File("/no/such/folder/log".into());
        let error = Writer::start(Form::Common, &place).unwrap_err();
        assert!(format!("{error:#}").contains("--log-file"), "{error:#}");
    }
}
