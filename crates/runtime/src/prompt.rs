//! Lines from a person at a terminal, with editing and history, or from a pipe as they are.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};
use thiserror::Error;

/// Why there is no next line.
#[derive(Debug, Error)]
pub enum PromptError {
    /// A line from a pipe is longer than allowed.
    #[error("expected lines of at most {limit} bytes on standard input; line {line} is longer")]
    TooLong {
        /// Number of the line, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The terminal or the pipe failed.
    #[error("cannot read from standard input")]
    Failed(#[from] io::Error),
}

/// A source of lines: a terminal if standard input and output both are one, a pipe otherwise.
#[derive(Debug)]
pub struct Prompt {
    source: Source,
    limit: usize,
    line: u64,
}

#[derive(Debug)]
enum Source {
    Terminal(Box<DefaultEditor>, String),
    Pipe,
}

impl Prompt {
    /// Shows `prompt` on a terminal; takes lines of at most `limit` bytes.
    ///
    /// # Errors
    /// [`PromptError::Failed`] when the terminal cannot be set up.
    pub fn new(prompt: &str, limit: usize) -> Result<Self, PromptError> {
        let source = if io::stdin().is_terminal() && io::stdout().is_terminal() {
            Source::Terminal(
                Box::new(DefaultEditor::new().map_err(failed)?),
                prompt.to_owned(),
            )
        } else {
            Source::Pipe
        };
        Ok(Self {
            source,
            limit,
            line: 0,
        })
    }

    /// Takes lines of at most `limit` bytes as they are, from a terminal too: whoever asks shows what is asked.
    pub fn plain(limit: usize) -> Self {
        Self {
            source: Source::Pipe,
            limit,
            line: 0,
        }
    }

    /// Whether a person is at the other end.
    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal(..))
    }

    /// Shows this from the next line on.
    pub fn set_prompt(&mut self, prompt: String) {
        if let Source::Terminal(_, shown) = &mut self.source {
            *shown = prompt;
        }
    }

    /// What other threads say to the same terminal while a line is typed.
    ///
    /// # Errors
    /// [`PromptError::Failed`] when the terminal cannot be set up.
    pub fn printer(&mut self) -> Result<Printer, PromptError> {
        let above = match &mut self.source {
            Source::Terminal(editor, _) => {
                let printer = editor.create_external_printer().map_err(failed)?;
                Some(Box::new(printer) as Box<dyn ExternalPrinter + Send>)
            }
            Source::Pipe => None,
        };
        let mode = above.as_ref().and_then(|_| Mode::now());
        Ok(Printer { above, mode })
    }

    /// The next line without its end; `None` at the end of input and on Ctrl-C or Ctrl-D.
    ///
    /// # Errors
    /// [`PromptError::TooLong`] for a line over the limit, after which the next call reads the next line.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, PromptError> {
        self.line += 1;
        let line = match &mut self.source {
            Source::Pipe => return self.next_piped(),
            Source::Terminal(editor, prompt) => match editor.readline(prompt.as_str()) {
                Ok(line) => {
                    editor.add_history_entry(&line).map_err(failed)?;
                    line
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(None),
                Err(error) => return Err(failed(error)),
            },
        };
        if line.len() > self.limit {
            return Err(self.too_long());
        }
        Ok(Some(line.into_bytes()))
    }

    fn next_piped(&mut self) -> Result<Option<Vec<u8>>, PromptError> {
        let mut stdin = io::stdin().lock();
        match read_line(&mut stdin, self.limit)? {
            Piped::Line(line) => Ok(Some(line)),
            Piped::End => Ok(None),
            Piped::TooLong => Err(self.too_long()),
        }
    }

    fn too_long(&self) -> PromptError {
        PromptError::TooLong {
            line: self.line,
            limit: self.limit,
        }
    }
}

/// Says lines that do not break the one that is being typed: above it on a terminal, on standard output otherwise.
///
/// When it goes, the terminal is again as it was before, also where another thread still waits for a line.
pub struct Printer {
    above: Option<Box<dyn ExternalPrinter + Send>>,
    mode: Option<Mode>,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_terminal = self.above.is_some();
        f.debug_tuple("Printer").field(&is_terminal).finish()
    }
}

impl Printer {
    /// Says whole lines.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn print(&mut self, lines: &str) -> io::Result<()> {
        if let Some(above) = &mut self.above {
            if above.print(lines.to_owned()).is_ok() {
                return Ok(());
            }
            self.above = None; // no line is typed any more
        }
        let mut out = io::stdout().lock();
        out.write_all(lines.as_bytes())?;
        out.flush()
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        if let Some(mode) = self.mode.take() {
            mode.restore();
        }
    }
}

/// The most bytes of a line that nobody is to see.
const LONGEST_SECRET: usize = 1024;

/// Asks a person for a line that nobody is to see, which a terminal then does not show (but on Windows).
///
/// # Errors
/// [`PromptError::Failed`] where there is no line in UTF-8, [`PromptError::TooLong`] for one of more than 1 KiB.
pub fn secret(question: &str) -> Result<String, PromptError> {
    let mut err = io::stderr().lock();
    write!(err, "{question}")?;
    err.flush()?;
    let line = {
        let _hidden = Hidden::begin();
        read_line(&mut io::stdin().lock(), LONGEST_SECRET)
    };
    writeln!(err)?;
    match line? {
        Piped::Line(line) => String::from_utf8(line).map_err(|_| nothing()),
        Piped::End => Err(nothing()),
        Piped::TooLong => Err(PromptError::TooLong {
            line: 1,
            limit: LONGEST_SECRET,
        }),
    }
}

fn nothing() -> PromptError {
    PromptError::Failed(io::Error::new(
        io::ErrorKind::InvalidData,
        "expected a line of UTF-8",
    ))
}

/// What is typed is not shown, until this goes.
struct Hidden(Option<Mode>);

impl Hidden {
    fn begin() -> Self {
        let mode = Mode::now();
        if let Some(mode) = &mode {
            mode.hide();
        }
        Self(mode)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(mode) = self.0.take() {
            mode.show();
        }
    }
}

/// How a terminal treats what is typed.
#[cfg(unix)]
struct Mode(nix::sys::termios::Termios);

#[cfg(unix)]
impl Mode {
    fn now() -> Option<Self> {
        nix::sys::termios::tcgetattr(io::stdin()).ok().map(Self)
    }

    /// Has the terminal not show what is typed.
    fn hide(&self) {
        use nix::sys::termios::{LocalFlags, SetArg, tcsetattr};
        let mut hidden = self.0.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &hidden);
    }

    /// Makes it so again.
    fn show(self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }

    /// Makes it so again, on a new line, if a line is being typed.
    fn restore(self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        let is_typing = Self::now().is_some_and(|now| now.0.local_flags != self.0.local_flags);
        if is_typing && tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0).is_ok() {
            let _ = writeln!(io::stdout());
        }
    }
}

#[cfg(not(unix))]
struct Mode;

#[cfg(not(unix))]
impl Mode {
    fn now() -> Option<Self> {
        None
    }

    fn restore(self) {}

    fn hide(&self) {}

    fn show(self) {}
}

fn failed(error: ReadlineError) -> PromptError {
    match error {
        ReadlineError::Io(error) => PromptError::Failed(error),
        other => PromptError::Failed(io::Error::other(other)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Piped {
    Line(Vec<u8>),
    TooLong,
    End,
}

fn read_line(input: &mut impl BufRead, limit: usize) -> io::Result<Piped> {
    let mut line = Vec::new();
    let with_end = limit as u64 + 2;
    if input.take(with_end).read_until(b'\n', &mut line)? == 0 {
        return Ok(Piped::End);
    }
    let ended = line.pop_if(|byte| *byte == b'\n').is_some();
    if ended {
        line.pop_if(|byte| *byte == b'\r');
    }
    if line.len() <= limit {
        return Ok(Piped::Line(line));
    }
    if !ended {
        input.skip_until(b'\n')?;
    }
    Ok(Piped::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_from_a_pipe() {
        let mut input = &b"one\n\r\n\xff two\r\nlong line\nfive\nlast"[..];
        let line = |text: &[u8]| Piped::Line(text.to_vec());
        let expected = [
            line(b"one"),
            line(b""),
            line(b"\xff two"),
            Piped::TooLong,
            line(b"five"),
            line(b"last"),
            Piped::End,
        ];
        for expected in expected {
            assert_eq!(read_line(&mut input, 6).unwrap(), expected);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_allowed() {
        let mut endless = io::BufReader::new(io::repeat(b'x').take(10_000_000));
        assert_eq!(read_line(&mut endless, 2048).unwrap(), Piped::TooLong);
        assert_eq!(read_line(&mut endless, 2048).unwrap(), Piped::End);
    }
}
