//! A client: a program that runs to its end, its output and the CPU time that it took.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::Process;
use super::output::State;

/// What is left of a client that ended well.
pub(crate) struct Finished {
    /// All that it wrote to stdout.
    pub(crate) stdout: String,
    /// The CPU time of all its threads from its start to its end, in user space and in the kernel.
    pub(crate) cpu_time: Duration,
}

/// Starts a program and waits for its end; after `limit` it is killed, which is an error like any failure of its own.
///
/// The CPU time is what the reaped children have used, read before and after this one is: no other child may be reaped
/// meanwhile.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    let deadline = Instant::now() + limit;
    let mut process = Process::start(command)?;
    match finish(&mut process, deadline) {
        Ok(finished) => Ok(finished),
        Err(error) => Err(process.explain(error)),
    }
}

fn finish(process: &mut Process, deadline: Instant) -> Result<Finished> {
    let mut output = process.output()?;
    while output.read_more(deadline)? == State::Open {}
    let before = reaped_cpu_time()?;
    let status = process.0.wait().context("cannot wait for its end")?;
    let cpu_time = reaped_cpu_time()?.saturating_sub(before);
    let stdout = output.text();
    ensure!(status.success(), "it ended with {status}{}", tail(&stdout));
    Ok(Finished { stdout, cpu_time })
}

fn reaped_cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read CPU times")?;
    let total = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(u64::try_from(
        total.num_microseconds(),
    )?))
}

/// The last that a program said, to be put behind an error; empty if it said nothing.
pub(crate) fn tail(said: &str) -> String {
    const LINES: usize = 3;
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut last: Vec<_> = lines.rev().take(LINES).collect();
    last.reverse();
    match &last[..] {
        [] => String::new(),
        lines => format!("; it said {:?}", lines.join(" / ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_whole_however_long() {
        let limit = Duration::from_secs(60);
        let script = "head -c 300000 /dev/zero | tr '\\0' x";
        let finished = run(&mut shell(script), limit).unwrap();
        assert_eq!(finished.stdout.len(), 300_000);
    }

    #[test]
    fn a_failure_tells_what_was_said() {
        let script = "echo first; echo second >&2; exit 3";
        let error = run(&mut shell(script), Duration::from_secs(60))
            .err()
            .unwrap();
        let error = format!("{error:#}");
        for part in ["first", "second", "exit status: 3"] {
            assert!(error.contains(part), "{part:?} in {error:?}");
        }
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let error = run(&mut shell("exec sleep 60"), Duration::from_millis(50))
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("too long"));
    }

    #[test]
    fn the_tail_is_the_end_of_what_was_said() {
        assert_eq!(tail(""), "");
        assert_eq!(tail("a\n\nb\nc\nd\n"), "; it said \"b / c / d\"");
    }
}
