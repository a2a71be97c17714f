//! The hidden subcommand that keeps a side.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};

use super::Usage;
use crate::pin::Core;

/// How long programs have to end when they are told to, and what they started when they have ended.
const GRACE: Duration = Duration::from_secs(3);

/// Runs a program until stdin ends, and prints what it and all that it started used, as a JSON object.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The core to stay on
    #[arg(long)]
    core: Option<Core>,

    program: OsString,

    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs it; what it writes goes to stderr.
pub(crate) fn run(args: &Args) -> Result<()> {
    set_child_subreaper(true).context("cannot adopt what the program starts")?;
    if let Some(core) = args.core {
        core.pin_this_thread()?;
    }
    let began = Instant::now();
    let program = Program::start(args)?;
    program.end_with_stdin();
    let success = program.wait()?;
    let wall = began.elapsed();
    reap_the_rest()?;
    serde_json::to_writer(io::stdout().lock(), &used(wall, success)?)?;
    Ok(())
}

fn used(wall: Duration, success: bool) -> Result<Usage> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read CPU times")?;
    let cpu = usage.user_time() + usage.system_time();
    Ok(Usage {
        wall,
        cpu: Duration::from_micros(u64::try_from(cpu.num_microseconds())?),
        // In KiB.
        peak: u64::try_from(usage.max_rss())? * 1024,
        success,
    })
}

/// The program, until it is reaped.
#[derive(Clone)]
struct Program(Arc<Mutex<Option<Pid>>>);

impl Program {
    fn start(args: &Args) -> Result<Self> {
        let child = Command::new(&args.program)
            .args(&args.arguments)
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .spawn()
            .with_context(|| format!("cannot start {}", args.program.display()))?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        Ok(Self(Arc::new(Mutex::new(Some(pid)))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_with_stdin(&self) {
        let program = self.clone();
        thread::spawn(move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            program.signal(Signal::SIGTERM);
            thread::sleep(GRACE);
            program.signal(Signal::SIGKILL);
        });
    }

    /// Reaches nobody else: the number is its own for as long as it is not reaped.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = *self.lock() {
            let _ = kill(pid, signal);
        }
    }

    /// Reaps what ends until it does, and tells whether it ended well.
    fn wait(&self) -> Result<bool> {
        loop {
            let ended = match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
                Err(Errno::EINTR) => continue,
                ended => ended?.pid().context("a process ended that has no number")?,
            };
            let mut program = self.lock();
            let status = waitpid(ended, None)?;
            if *program == Some(ended) {
                *program = None;
                return Ok(matches!(status, WaitStatus::Exited(_, 0)));
            }
        }
    }
}

/// Waits for what the program left behind, and ends it after a while.
fn reap_the_rest() -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + GRACE;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return Ok(()),
            Ok(WaitStatus::StillAlive) => {
                if deadline < Instant::now() {
                    kill_children()?;
                }
                thread::sleep(PAUSE);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What these leave behind comes next.
fn kill_children() -> Result<()> {
    let this = getpid();
    for entry in fs::read_dir("/proc").context("cannot list processes")? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().parse();
        let Ok(id) = id.map(Pid::from_raw) else {
            continue;
        };
        let status = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if parent(&status) == Some(this) {
            let _ = kill(id, Signal::SIGKILL);
        }
    }
    Ok(())
}

/// The parent of a process (proc_pid_stat(5)): the second word after its name, which may hold anything.
fn parent(status: &str) -> Option<Pid> {
    let (_, rest) = status.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(1)?;
    parent.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        for (status, expected) in [
            ("12 (sh) S 7 12 12 0", Some(7)),
            ("12 (a) b) 3) R 8 1", Some(8)),
            ("12 (sh) S", None),
            ("", None),
        ] {
            assert_eq!(parent(status), expected.map(Pid::from_raw), "{status:?}");
        }
    }
}
