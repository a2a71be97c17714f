//! The terminal that transfers share: what is said once, and the lines that change.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::escape::Escaped;
use runtime::status::Status;

/// The most lines that change.
const MOST_LINES: usize = 12;

/// Standard error. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Screen(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    status: Status,
    /// The lines of each transfer.
    slots: BTreeMap<u64, Vec<String>>,
    next: u64,
}

/// The lines of one transfer. They go with it.
#[derive(Debug)]
pub(super) struct Slot {
    screen: Screen,
    id: u64,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Whether lines can change there.
    pub(super) fn is_terminal() -> bool {
        io::stderr().is_terminal()
    }

    /// How many columns it has.
    pub(super) fn width() -> usize {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or(80, |(width, _)| usize::from(width.0))
    }

    /// Says something that stays; it is escaped here.
    pub(super) fn say(&self, line: &str) {
        let mut board = self.lock();
        let _ = board.status.clear();
        let _ = writeln!(io::stderr().lock(), "{}", Escaped(line.as_bytes()));
        board.draw();
    }

    /// Has something written elsewhere, where it may be the same terminal.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut board = self.lock();
        if board.slots.is_empty() {
            return write();
        }
        let _ = board.status.clear();
        let written = write();
        board.draw();
        written
    }

    pub(super) fn slot(&self) -> Slot {
        let mut board = self.lock();
        board.next += 1;
        Slot {
            screen: self.clone(),
            id: board.next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        // What is drawn next is drawn anew.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    /// A terminal that is gone is no reason to stop.
    fn draw(&mut self) {
        let lines: Vec<_> = self.slots.values().flatten().take(MOST_LINES).collect();
        if lines.is_empty() {
            let _ = self.status.clear();
        } else {
            let _ = self.status.show_lines(&lines);
        }
    }
}

impl Slot {
    pub(super) fn show(&self, lines: Vec<String>) {
        let mut board = self.screen.lock();
        board.slots.insert(self.id, lines);
        board.draw();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut board = self.screen.lock();
        if board.slots.remove(&self.id).is_some() {
            board.draw();
        }
    }
}
