//! The manners of the command line that all programs share: how they begin, how they fail, what their exit code says.

use std::io::{self, Write};
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
