//! How each program is called.

mod croc;
mod ours;
mod pipes;
mod rsync;
mod ssh;
mod web;
mod wormhole;

use anyhow::Result;

use super::plan::{Plan, Task};
use super::program::Program;
use super::programs::Programs;

impl Program {
    /// What has to be started for one transfer; keys and settings that it needs are written.
    pub(crate) fn plan(self, programs: &Programs, task: &Task) -> Result<Plan> {
        match self {
            Self::Ours(mode) => ours::plan(mode, programs, task),
            Self::Scp(mode) => ssh::scp(mode, programs, task),
            Self::Tar => ssh::tar(programs, task),
            Self::Rsync(mode) => rsync::plan(mode, programs, task),
            Self::Nginx => web::plan(programs, task),
            Self::Croc => croc::plan(programs, task),
            Self::Wormhole => wormhole::plan(programs, task),
            Self::Socat => pipes::socat(programs, task),
            Self::Nc => pipes::nc(programs, task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::Network;
    use super::super::plan::Call;
    use super::super::program::{Ours, Rsync, Scp};
    use super::super::programs::tests::sample;
    use super::*;

    fn typed(call: &Call) -> String {
        let arguments = call.arguments.join(" ");
        format!("{} {arguments}", call.program.display())
    }

    /// Without those that have keys made.
    #[test]
    fn sides_meet_on_this_machine_alone() {
        let task = Task::sample("plans");
        for program in [
            Program::Ours(Ours::Default),
            Program::Rsync(Rsync::Compressed),
            Program::Croc,
            Program::Wormhole,
            Program::Socat,
            Program::Nc,
        ] {
            let plan = program.plan(&sample(Network::Own), &task).unwrap();
            let mut calls: Vec<_> = plan.helpers.iter().map(|(call, _)| call).collect();
            calls.push(&plan.receiver);
            // The others find the receiver by a helper, or serve.
            if plan.helpers.is_empty() {
                calls.push(&plan.sender);
            }
            for call in calls {
                let typed = typed(call);
                assert!(typed.contains("127.0.0.1"), "{typed}");
            }
        }
        std::fs::remove_dir_all(&task.settings).unwrap();
    }

    #[test]
    fn trees_are_taken_whole_into_the_target() {
        let task = Task::sample_of(Task::TREE, "trees");
        let programs = sample(Network::Own);
        let serves = task.setting("rsyncd.conf");
        for (program, sent, words) in [
            (Program::Ours(Ours::Default), "serve", "-o /to"),
            (
                Program::Rsync(Rsync::Archive),
                "--daemon",
                "/files/tree /to",
            ),
            (Program::Croc, "/from/tree", "--out /to"),
        ] {
            let plan = program.plan(&programs, &task).unwrap();
            let (sender, receiver) = (typed(&plan.sender), typed(&plan.receiver));
            assert!(sender.contains(sent), "{sender}");
            assert!(receiver.contains(words), "{receiver}");
        }
        let served = std::fs::read_to_string(serves).unwrap();
        assert!(served.contains("path = /from\n"), "{served}");
        std::fs::remove_dir_all(&task.settings).unwrap();
    }

    #[test]
    fn ssh_carries_trees_with_times_and_modes() {
        let task = Task::sample_of(Task::TREE, "ssh");
        // Keys that are there are not made anew.
        for key in ["ssh-host", "ssh-user"] {
            std::fs::write(task.setting(key), "").unwrap();
        }
        for (program, expected) in [
            (Program::Scp(Scp::Tree), "scp -q -r -p -P"),
            (Program::Scp(Scp::Tree), "127.0.0.1:/from/tree /to"),
            (Program::Tar, "sh -c \"$@\" | tar xf - -C \"$0\" /to ssh -q"),
            (Program::Tar, "-c aes256-gcm@openssh.com"),
            (Program::Tar, "127.0.0.1 exec tar cf - -C '/from' tree"),
        ] {
            let plan = program.plan(&sample(Network::Own), &task).unwrap();
            let receiver = typed(&plan.receiver);
            assert!(receiver.contains(expected), "{receiver}");
        }
        std::fs::remove_dir_all(&task.settings).unwrap();
    }

    #[test]
    fn what_changed_is_looked_for_in_place_or_beside() {
        let task = Task::sample("changed");
        for (program, words) in [
            (Program::Ours(Ours::Anew), "--overwrite --key-file"),
            (Program::Ours(Ours::InPlace), "--overwrite --in-place"),
            (Program::Rsync(Rsync::Anew), "-a --no-whole-file rsync:"),
            (
                Program::Rsync(Rsync::InPlace),
                "-a --no-whole-file --inplace rsync:",
            ),
        ] {
            let plan = program.plan(&sample(Network::Own), &task).unwrap();
            let receiver = typed(&plan.receiver);
            assert!(receiver.contains(words), "{receiver}");
        }
        std::fs::remove_dir_all(&task.settings).unwrap();
    }

    #[test]
    fn ours_is_told_on_both_sides() {
        let task = Task::sample("ours");
        for (mode, serve, get) in [
            (Ours::Default, None, None),
            (Ours::NoSync, None, Some("--no-sync")),
            (Ours::Plain, Some("--plain"), Some("--plain")),
            (Ours::Classic, Some("--classic"), Some("--classic")),
            (Ours::NeverCompress, Some("--compress never"), None),
        ] {
            let plan = Program::Ours(mode).plan(&sample(Network::Own), &task);
            let plan = plan.unwrap();
            let (sender, receiver) = (typed(&plan.sender), typed(&plan.receiver));
            assert!(sender.contains(serve.unwrap_or("serve")), "{sender}");
            assert!(receiver.contains(get.unwrap_or("get")), "{receiver}");
            assert!(sender.ends_with("file.bin"), "{sender}");
        }
        std::fs::remove_dir_all(&task.settings).unwrap();
    }
}
