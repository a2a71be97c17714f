//! One side of a transfer: a program with all that it starts, its CPU time, its memory, and its end.
//!
//! The hidden subcommand stands between: whatever a side's processes start and leave behind becomes its child
//! (PR_SET_CHILD_SUBREAPER), so that all of them are counted, and ended. It ends them when the pipe that is its stdin is
//! closed, which the end of whoever started it does too.

mod keeper;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub(crate) use keeper::{Args, run};

use super::plan::{Call, Ready};
use crate::child::client::tail;
use crate::child::output::{Output, State};
use crate::child::{listens_on_tcp, this_program};
use crate::pin::Core;

/// How long a program may take until it can be used.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a side may take to end after it was told to; it kills what does not end by itself long before.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// What a side used.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Usage {
    /// From the start of the program to its end.
    pub(crate) wall: Duration,
    /// The CPU time of all processes, in user space and in the kernel.
    pub(crate) cpu: Duration,
    /// The most that any one process had resident, in bytes; never less than that of the process between, a few MiB.
    pub(crate) peak: u64,
    /// Whether the program said by its exit code that all went well.
    pub(crate) success: bool,
}

/// Where sides run.
pub(crate) struct Ground {
    pub(crate) core: Option<Core>,
    /// What the program is told is its user's home, and finds itself in.
    pub(crate) home: PathBuf,
    /// Where what it says is kept.
    pub(crate) log: PathBuf,
}

/// A side that runs; dropping it ends it.
pub(crate) struct Side {
    keeper: Child,
    life: Option<ChildStdin>,
    output: Output,
    log: PathBuf,
}

impl Side {
    /// Starts a program.
    pub(crate) fn start(call: &Call, ground: Ground) -> Result<Self> {
        let log = File::create(&ground.log).context("cannot keep what programs say")?;
        let mut command = this_program(&["transfer-side"])?;
        if let Some(core) = ground.core {
            command.args(["--core", &core.to_string()]);
        }
        command.arg("--").arg(&call.program).args(&call.arguments);
        command.envs(call.environment.iter().cloned());
        command.env("HOME", &ground.home).current_dir(&ground.home);
        // Ctrl-C is for this process alone, which ends it.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.stderr(log).spawn()?;
        let output = keeper.stdout.take().context("a side has no stdout")?;
        Ok(Self {
            life: keeper.stdin.take(),
            output: Output::of(output),
            keeper,
            log: ground.log,
        })
    }

    /// Waits until it can be used.
    pub(crate) fn wait_until(&mut self, ready: &Ready) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(2);
        let deadline = Instant::now() + START_TIMEOUT;
        while !self.is(ready)? {
            let runs = matches!(self.keeper.try_wait(), Ok(None));
            ensure!(runs, "it ended before it was ready{}", tail(&self.said()));
            ensure!(
                Instant::now() < deadline,
                "it was not ready in time{}",
                tail(&self.said())
            );
            thread::sleep(PAUSE);
        }
        if let Ready::Says { settles, .. } = ready {
            thread::sleep(*settles);
        }
        Ok(())
    }

    fn is(&self, ready: &Ready) -> Result<bool> {
        match ready {
            Ready::Listens(address) => listens_on_tcp(*address),
            Ready::Says { words, .. } => Ok(self.said().contains(words)),
        }
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Usage> {
        let deadline = Instant::now() + limit;
        while self.output.read_more(deadline)? == State::Open {}
        let told = self.output.text();
        serde_json::from_str(&told)
            .with_context(|| format!("a side does not tell what it used{}", tail(&self.said())))
    }

    /// Ends it, unless it ends by itself within this time.
    pub(crate) fn stop(mut self, grace: Duration) -> Result<Usage> {
        let deadline = Instant::now() + grace;
        while let Ok(State::Open) = self.output.read_more(deadline) {}
        self.life = None;
        self.finish(END_TIMEOUT)
    }

    /// What it wrote to stdout and stderr.
    pub(crate) fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.life = None;
        let deadline = Instant::now() + END_TIMEOUT;
        while let Ok(State::Open) = self.output.read_more(deadline) {}
        // Either fails only where it is gone already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
