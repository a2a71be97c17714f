//! The last lines of a terminal, which change while a program works, and the notes that are said in between.

use std::io::{self, Write};

use crate::escape::Escaped;

/// Lines on standard error that the next ones take the place of. They go when this is dropped: a measurement that fails
/// says so on a line of its own.
#[derive(Debug, Default)]
pub struct Status {
    /// How many lines stand there.
    shown: usize,
    notes: Vec<String>,
}

impl Status {
    /// Shows this line in the place of the one before.
    ///
    /// # Errors
    /// Those of standard error.
    pub fn show(&mut self, line: &str) -> io::Result<()> {
        self.show_lines(&[line])
    }

    /// Shows these lines in the place of those before. Each has to fit the terminal.
    ///
    /// # Errors
    /// Those of standard error.
    pub fn show_lines(&mut self, lines: &[impl AsRef<str>]) -> io::Result<()> {
        let mut text = self.removal();
        for (place, line) in lines.iter().enumerate() {
            text += if place > 0 { "\n" } else { "" };
            text += line.as_ref();
        }
        self.shown = lines.len();
        let mut err = io::stderr().lock();
        err.write_all(text.as_bytes())?;
        err.flush()
    }

    /// What takes the lines away, from the last to the first.
    fn removal(&self) -> String {
        let above = self.shown.saturating_sub(1);
        format!("\r\x1b[K{}", "\x1b[A\x1b[K".repeat(above))
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

    /// Takes them away.
    ///
    /// # Errors
    /// Those of standard error.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.shown > 0 {
            write!(io::stderr().lock(), "{}", self.removal())?;
        }
        self.shown = 0;
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
