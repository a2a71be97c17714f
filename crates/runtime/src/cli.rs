//! The manners of the command line that all programs share: how they begin, how they fail, what their exit code says.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::escape::Escaped;

/// What a program's exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: it did what was asked.
    Success = 0,
    /// 1: it could not, for a reason it printed; a value that an option cannot take is such a reason.
    Failure = 1,
    /// 2: the command line was not understood.
    Usage = 2,
    /// 3: a condition holds under which the user asked the program to fail.
    ConditionMet = 3,
    /// 4: a part of what was asked could not be done, each with a reason that was printed; the rest was.
    Partial = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads the command line and runs the program.
///
/// Help and version go to standard output. What is wrong goes to standard error in one line, `error: …`, with the cure
/// where one is known. A reader of our output that goes away early (`… | head`) ends the program without a word.
pub fn main<A: Parser>(run: impl FnOnce(A) -> anyhow::Result<Exit>) -> ExitCode {
    let args = match A::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error).into(),
    };
    let exit = run(args).unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return Exit::Success;
        }
        complain(&format!("{error:#}"));
        Exit::Failure
    });
    exit.into()
}

/// Prints what a server says at its start to standard output. A reader that has gone away is no reason not to serve.
///
/// # Errors
/// When standard output fails otherwise.
pub fn announce(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Standard output without the buffer that looks for the ends of lines and cuts large writes there.
///
/// # Errors
/// When the system has no other handle of it.
#[cfg(unix)]
pub fn raw_stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// Standard output without the buffer that looks for the ends of lines and cuts large writes there.
///
/// # Errors
/// When the system has no other handle of it.
#[cfg(windows)]
pub fn raw_stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
}

/// The command line that this process was started with, quoted for a shell where it must be.
pub fn command_line() -> String {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
    let words: Vec<_> = [program].into_iter().chain(words).collect();
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,%@[]+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Prints one line to standard error. What cannot be printed there is lost: there is nowhere else to say it.
pub fn complain(message: &str) {
    let line = Escaped(message.as_bytes());
    let _ = writeln!(io::stderr().lock(), "error: {line}");
}

fn refuse(error: &clap::Error) -> Exit {
    if error.kind() == ErrorKind::ValueValidation {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default();
        complain(line.trim_start_matches("error: "));
        return Exit::Failure;
    }
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Success
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        let table = [
            ("-i", "-i"),
            ("[::1]:8080", "[::1]:8080"),
            ("", "''"),
            ("loss>1%", "'loss>1%'"),
            ("it's", r"'it'\''s'"),
        ];
        for (word, expected) in table {
            assert_eq!(quoted(word), expected);
        }
    }
}
