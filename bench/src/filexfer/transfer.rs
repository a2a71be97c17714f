//! One transfer by one program.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::unistd::syncfs;

use super::folders::{Folders, Place};
use super::plan::{Ends, Plan, Task};
use super::program::Program;
use super::programs::Programs;
use super::side::{Ground, Side, Usage};
use super::source::{Before, Source};
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
    source: Option<Source>,
}

/// One run of one program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// What went through the network, in bytes, with all headers; where it is this run's own.
    pub(crate) wire: Option<u64>,
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

    /// Moves what a part sends by a program, once.
    pub(crate) fn run(&mut self, part: Part, program: Program) -> Result<Run> {
        let run = self.measure(part, program);
        self.folders.ensure_kept();
        if run.is_err() || !matches!(part.before(), Before::Older(_)) {
            self.folders.empty_target(part.place())?;
        }
        run
    }

    fn measure(&mut self, part: Part, program: Program) -> Result<Run> {
        let source = part.source(self.args);
        let file = self.file(source)?;
        let task = self.task(part.before(), part.place(), file)?;
        if part.before() == Before::Same {
            self.transfer(part, program, &task)
                .context("it could not be filled before")?;
        }
        if part.place() == Place::Disk {
            // Nobody is to wait for what another wrote.
            syncfs(File::open(&task.target)?)?;
        }
        self.transfer(part, program, &task)
    }

    /// With what is there already; what an earlier run left is the same as what is sent.
    fn task(&self, before: Before, place: Place, file: PathBuf) -> Result<Task> {
        let task = Task {
            file,
            target: match before {
                Before::Nothing | Before::Same => self.folders.empty_target(place)?,
                Before::Older(_) => self.folders.target(place)?,
            },
            settings: self.folders.settings(),
        };
        if let Before::Older(older) = before {
            older.make(&task.file, &task.arrived())?;
        }
        Ok(task)
    }

    /// Moves it, and makes sure that it arrived, and nothing else.
    fn transfer(&self, part: Part, program: Program, task: &Task) -> Result<Run> {
        let source = part.source(self.args);
        let plan = program.plan(self.programs, task)?;
        let before = self.programs.network.carried()?;
        let (sender, receiver) = self.carry_out(&plan, part.limit(self.args))?;
        let after = self.programs.network.carried()?;
        source.ensure_same(&task.file, &task.arrived(), program.keeps())?;
        ensure_alone(task)?;
        Ok(Run {
            files: source.files(),
            bytes: source.bytes(),
            wire: before.zip(after).map(|(before, after)| after - before),
            sender,
            receiver,
        })
    }

    /// What holds this; there is one at a time.
    fn file(&mut self, source: Source) -> Result<PathBuf> {
        let path = |source: Source| self.folders.sources().join(source.name());
        if self.source != Some(source) {
            if let Some(earlier) = self.source.take() {
                earlier.remove(&path(earlier))?;
            }
            source.write(&path(source))?;
            self.source = Some(source);
        }
        Ok(path(source))
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

/// Makes sure that nothing lies beside what arrived.
fn ensure_alone(task: &Task) -> Result<()> {
    for entry in fs::read_dir(&task.target)? {
        let name = entry?.file_name();
        ensure!(name == task.name(), "{} was left behind", name.display());
    }
    Ok(())
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

    /// From the start of the receiver to its end, in s.
    pub(crate) fn seconds(&self) -> Option<f64> {
        Some(self.receiver.wall.as_secs_f64())
    }

    /// What arrived, or was found to be there, each second.
    pub(crate) fn files_per_s(&self) -> Option<f64> {
        Some(self.files as f64 / self.receiver.wall.as_secs_f64())
    }

    /// What went through the network, in 10⁶ bytes.
    pub(crate) fn wire_megabytes(&self) -> Option<f64> {
        Some(self.wire? as f64 / 1e6)
    }

    /// The same beside what is sent, in percent.
    pub(crate) fn wire_percent(&self) -> Option<f64> {
        Some(self.wire? as f64 / self.bytes as f64 * 100.0)
    }

    /// CPU time of the sender, in s.
    pub(crate) fn sender_cpu(&self) -> Option<f64> {
        Some(self.sender.cpu.as_secs_f64())
    }

    /// CPU time of the receiver, in s.
    pub(crate) fn receiver_cpu(&self) -> Option<f64> {
        Some(self.receiver.cpu.as_secs_f64())
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
            files: 100,
            bytes: 2 << 30,
            wire: Some(1 << 30),
            sender: usage(1),
            receiver: usage(2),
        };
        assert_eq!(run.megabytes_per_s(), Some(4294.967296));
        assert_eq!(run.milliseconds(), Some(500.0));
        assert_eq!((run.seconds(), run.files_per_s()), (Some(0.5), Some(200.0)));
        assert_eq!(run.wire_percent(), Some(50.0));
        assert_eq!(run.cpu_per_gib(), Some(1.5));
        assert_eq!(
            (run.sender_cpu(), run.receiver_cpu()),
            (Some(1.0), Some(2.0))
        );
        assert_eq!(
            (run.sender_mib(), run.receiver_mib()),
            (Some(8.0), Some(8.0))
        );
    }
}
