//! The network that files go through: one of this process's own where that may be made, with nothing in it but 127.0.0.1.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};
use serde::Serialize;

/// What this process and all that it starts are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Network {
    /// Nothing leaves it, and its speed can be set.
    Own,
    /// That of the machine.
    Shared,
}

impl Network {
    /// Goes into one of its own if it may.
    ///
    /// The calling thread goes alone, with what it starts later: there may be no others yet.
    pub(crate) fn enter() -> Result<Self> {
        if carry_out("ip -Version").is_err() || unshare(CloneFlags::CLONE_NEWNET).is_err() {
            return Ok(Self::Shared);
        }
        carry_out("ip link set lo up").context("cannot set up a network")?;
        Ok(Self::Own)
    }
}

impl Network {
    /// All that went through it so far, in bytes, with the headers; of one that others use too nothing is told.
    pub(crate) fn carried(self) -> Result<Option<u64>> {
        match self {
            Self::Own => {
                let interfaces = fs::read_to_string("/proc/thread-self/net/dev")?;
                let carried = received(&interfaces, "lo").context("loopback counts no bytes")?;
                Ok(Some(carried))
            }
            Self::Shared => Ok(None),
        }
    }
}

/// What an interface received, in bytes: the first figure behind its name (proc_pid_net(5)).
fn received(interfaces: &str, name: &str) -> Option<u64> {
    let lines = interfaces.lines().filter_map(|line| line.split_once(':'));
    let (_, figures) = lines.into_iter().find(|(found, _)| found.trim() == name)?;
    figures.split_whitespace().next()?.parse().ok()
}

/// Loopback as slow as a link of 1 Gbit/s, with packets of its size, until this is dropped.
pub(crate) struct Link;

impl Link {
    /// Slows it down.
    pub(crate) fn slow() -> Result<Self> {
        carry_out("tc qdisc add dev lo root tbf rate 1gbit burst 256kb latency 50ms")?;
        let link = Self;
        carry_out("ip link set lo mtu 1500")?;
        Ok(link)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What is left of it goes with the network.
        let _ = carry_out("tc qdisc del dev lo root");
        let _ = carry_out("ip link set lo mtu 65536");
    }
}

fn carry_out(words: &str) -> Result<()> {
    let mut command = words.split(' ');
    let program = command.next().unwrap_or_default();
    let done = Command::new(program).args(command).output();
    let done = done.with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{words}: {}", said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_with_its_bytes() {
        let text =
            "Inter-|   Receive\n face |bytes    packets\n  eth0: 7 1 0\n    lo: 1234      3    0\n";
        for (name, expected) in [("lo", Some(1234)), ("eth0", Some(7)), ("wlan0", None)] {
            assert_eq!(received(text, name), expected, "{name}");
        }
    }
}
