//! The last line of a terminal, which changes while a measurement runs, and the notes that are said in between.

use std::io::{self, Write};

use runtime::escape::Escaped;

/// A line on standard error that the next one takes the place of. It goes when it is dropped: a measurement that fails
/// says so on a line of its own.
#[derive(Debug, Default)]
pub(crate) struct Status {
    is_shown: bool,
    notes: Vec<String>,
}

impl Status {
    pub(crate) fn show(&mut self, line: &str) -> io::Result<()> {
        self.is_shown = true;
        let mut err = io::stderr().lock();
        write!(err, "\r\x1b[K{line}")?;
        err.flush()
    }

    /// Says something that stays, and keeps it for [`take_notes`](Self::take_notes).
    pub(crate) fn note(&mut self, note: String) -> io::Result<()> {
        self.clear()?;
        writeln!(io::stderr().lock(), "{}", Escaped(note.as_bytes()))?;
        self.notes.push(note);
        Ok(())
    }

    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_shown) {
            write!(io::stderr().lock(), "\r\x1b[K")?;
        }
        Ok(())
    }

    /// What was said.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}
