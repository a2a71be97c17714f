//! The last line of a terminal, which changes while a measurement runs, and the notes that are said in between.

use std::io::{self, Write};

use crate::escape::Escaped;

/// A line on standard error that the next one takes the place of. It goes when it is dropped: a measurement that fails
/// says so on a line of its own.
#[derive(Debug, Default)]
pub struct Status {
    is_shown: bool,
    notes: Vec<String>,
}

impl Status {
    /// Shows this line in the place of the one before.
    ///
    /// # Errors
    /// Those of standard error.
    pub fn show(&mut self, line: &str) -> io::Result<()> {
        self.is_shown = true;
        let mut err = io::stderr().lock();
        write!(err, "\r\x1b[K{line}")?;
        err.flush()
    }

    /// Says something that stays, and keeps it for [`take_notes`](Self::take_notes).
    ///
    /// # Errors
    /// Those of standard error.
    pub fn note(&mut self, note: String) -> io::Result<()> {
        self.clear()?;
        writeln!(io::stderr().lock(), "{}", Escaped(note.as_bytes()))?;
        self.notes.push(note);
        Ok(())
    }

    /// Takes the line away.
    ///
    /// # Errors
    /// Those of standard error.
    pub fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_shown) {
            write!(io::stderr().lock(), "\r\x1b[K")?;
        }
        Ok(())
    }

    /// What was said.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}
