//! Programs in processes of their own: servers, clients that run to their end, and others that only have to be ended.
//!
//! A process is this binary again ([`this_program`]), which calls [`tie`] itself, or another one by way of [`launch`].
//! Both ways it ends when its [`Process`] is dropped, when the thread that started it ends, and mostly after
//! [`LIFETIME`]: a program that uses the alarm clock for itself is left to the other two.

pub(crate) mod client;
pub(crate) mod free;
pub(crate) mod launch;
pub(crate) mod output;
mod server;

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::alarm;

use output::Output;
pub(crate) use server::{Listens, Memory, Server, announce, listens_on_tcp};

/// How long a child lives at most, whatever becomes of its parent.
pub(crate) const LIFETIME: Duration = Duration::from_mins(5);

/// This binary, to be started again with these arguments.
pub(crate) fn this_program(arguments: &[&str]) -> Result<Command> {
    let binary = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = Command::new(binary);
    command.args(arguments).env("RUST_BACKTRACE", "0");
    Ok(command)
}

/// Command-line arguments from text with a blank between each two.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// In the child, before all else: makes sure that it ends.
pub(crate) fn tie() -> Result<()> {
    tie_for(LIFETIME)
}

/// The same, after this time at the most.
fn tie_for(lifetime: Duration) -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL).context("cannot tie the process to its parent")?;
    alarm::set(u32::try_from(lifetime.as_secs())?.max(1));
    Ok(())
}

/// A running child; dropping it kills and reaps the process.
///
/// Start it from a thread that outlives it: the kernel ends the child with the *thread* that started it.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it, with nothing to read and its words kept for [`Self::explain`].
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self)
            .with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Ends it, and puts before the error what it said on stderr, for that may be the cause.
    pub(crate) fn explain(mut self, error: anyhow::Error) -> anyhow::Error {
        let stderr = self.0.stderr.take();
        drop(self);
        let said = stderr.and_then(|stderr| io::read_to_string(stderr).ok());
        let said = said.unwrap_or_default();
        if said.is_empty() {
            return error;
        }
        let words: Vec<_> = said.split_whitespace().collect();
        error.context(format!("the process said {:?}", words.join(" ")))
    }

    fn output(&mut self) -> Result<Output> {
        let stdout = self.0.stdout.take().context("the process has no stdout")?;
        Ok(Output::of(stdout))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only where the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
