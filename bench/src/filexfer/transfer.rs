//! One transfer by one program.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::unistd::syncfs;

use super::content::{Content, ensure_same};
use super::folders::{Folders, Place};
use super::plan::{Ends, Plan, Task};
use super::program::{Program, Programs};
use super::side::{Ground, Side, Usage};
use super::{Args, Part};
use crate::child::client::tail;
use crate::pin::Core;

/// How long a sender that ends by itself may take for that.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Transfers, one after the other.
pub(crate) struct Transfers<'a> {
    pub(crate) args: &'a Args,
    pub(crate) programs: &'a Programs,
    pub(crate) folders: &'a Folders,
    source: Option<Content>,
}

/// One run of one program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) bytes: u64,
    pub(crate) sender: Usage,
    pub(crate) receiver: Usage,
}

impl<'a> Transfers<'a> {
    /// None so far.
    pub(crate) fn new(args: &'a Args, programs: &'a Programs, folders: &'a Folders) -> Self {
        Self {
            args,
            programs,
            folders,
            source: None,
        }
    }

    /// Moves the file of a part by a program, once.
    pub(crate) fn run(&mut self, part: Part, program: Program) -> Result<Run> {
        let run = self.measure(part, program);
        self.folders.ensure_kept();
        run
    }

    fn measure(&mut self, part: Part, program: Program) -> Result<Run> {
        let content = part.content(self.args);
        let task = Task {
            file: self.file(content)?,
            target: self.folders.empty_target(part.place())?,
            settings: self.folders.settings(),
        };
        if part.place() == Place::Disk {
            // Nobody is to wait for what another wrote.
            syncfs(File::open(&task.target)?)?;
        }
        let plan = program.plan(self.programs, &task)?;
        let (sender, receiver) = self.carry_out(&plan, part.limit(self.args))?;
        ensure_same(&task.file, &task.arrived())?;
        self.folders.empty_target(part.place())?;
        Ok(Run {
            bytes: content.size,
            sender,
            receiver,
        })
    }

    /// The file that holds this; there is one at a time.
    fn file(&mut self, content: Content) -> Result<PathBuf> {
        let path = self.folders.sources().join(Task::NAME);
        if self.source != Some(content) {
            self.source = None;
            content.write(&path)?;
            self.source = Some(content);
        }
        Ok(path)
    }

    fn carry_out(&self, plan: &Plan, limit: Duration) -> Result<(Usage, Usage)> {
        let mut helpers = Vec::new();
        for (number, (call, ready)) in plan.helpers.iter().enumerate() {
            let mut helper = Side::start(call, self.ground(None, &format!("helper-{number}")))?;
            helper
                .wait_until(ready)
                .context("a server that both sides need failed")?;
            helpers.push(helper);
        }
        let common = &self.args.common;
        let mut sender = Side::start(
            &plan.sender,
            self.ground(Some(common.server_core), "sender"),
        )?;
        sender
            .wait_until(&plan.ready)
            .context("the sender failed")?;
        let receiver = Side::start(
            &plan.receiver,
            self.ground(Some(common.client_core), "receiver"),
        )?;
        let received = receiver.finish(limit).context("the receiver failed")?;
        let grace = match plan.ends {
            Ends::ByItself if received.success => LAST_WORDS,
            _ => Duration::ZERO,
        };
        let sent = sender.stop(grace).context("the sender did not end well")?;
        ensure!(received.success, "the receiver failed{}", self.words());
        Ok((sent, received))
    }

    /// The last that both sides said.
    fn words(&self) -> String {
        let said = ["sender", "receiver"].map(|side| fs::read(self.log(side)).unwrap_or_default());
        tail(&String::from_utf8_lossy(&said.join(&b"\n"[..])))
    }

    fn ground(&self, core: Option<Core>, name: &str) -> Ground {
        Ground {
            core: core.filter(|_| !self.args.unpinned),
            home: self.folders.home(),
            log: self.log(name),
        }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folders.settings().join(format!("{name}.log"))
    }
}

impl Run {
    /// What arrived each second, in 10⁶ bytes.
    pub(crate) fn megabytes_per_s(&self) -> Option<f64> {
        Some(self.bytes as f64 / self.receiver.wall.as_secs_f64() / 1e6)
    }

    /// From the start of the receiver to its end, in ms.
    pub(crate) fn milliseconds(&self) -> Option<f64> {
        Some(self.receiver.wall.as_secs_f64() * 1e3)
    }

    /// CPU time of both sides for 2³⁰ bytes, in s.
    pub(crate) fn cpu_per_gib(&self) -> Option<f64> {
        let cpu = self.sender.cpu + self.receiver.cpu;
        let gib = self.bytes as f64 / (1_u64 << 30) as f64;
        Some(cpu.as_secs_f64() / gib)
    }

    /// Memory of the sender's largest process, in MiB.
    pub(crate) fn sender_mib(&self) -> Option<f64> {
        Some(mib(self.sender))
    }

    /// Memory of the receiver's largest process, in MiB.
    pub(crate) fn receiver_mib(&self) -> Option<f64> {
        Some(mib(self.receiver))
    }
}

fn mib(usage: Usage) -> f64 {
    usage.peak as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_run() {
        let usage = |cpu| Usage {
            wall: Duration::from_millis(500),
            cpu: Duration::from_secs(cpu),
            peak: 8 << 20,
            success: true,
        };
        let run = Run {
            bytes: 2 << 30,
            sender: usage(1),
            receiver: usage(2),
        };
        assert_eq!(run.megabytes_per_s(), Some(4294.967296));
        assert_eq!(run.milliseconds(), Some(500.0));
        assert_eq!(run.cpu_per_gib(), Some(1.5));
        assert_eq!(
            (run.sender_mib(), run.receiver_mib()),
            (Some(8.0), Some(8.0))
        );
    }
}
