//! rsync: its daemon sends, in clear.

use std::fs;

use anyhow::Result;
use nix::unistd::geteuid;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::program::Rsync;
use crate::filexfer::programs::Programs;

pub(super) fn plan(mode: Rsync, programs: &Programs, task: &Task) -> Result<Plan> {
    let (address, settings) = (free::tcp()?, task.setting("rsyncd.conf"));
    let (source, log) = (task.source().display(), task.setting("rsyncd.log"));
    let log = log.display();
    let user = user();
    let text = format!(
        "use chroot = no\n{user}log file = {log}\n[files]\npath = {source}\nread only = yes\n"
    );
    fs::write(&settings, text)?;
    let (ip, port) = (address.ip(), address.port());
    let sender = Call::of(programs.path("rsync"))
        .words(&format!(
            "--daemon --no-detach --address={ip} --port={port}"
        ))
        .text(format!("--config={}", settings.display()));
    let options = match mode {
        Rsync::Default => "",
        Rsync::Synced => "--fsync",
        Rsync::Compressed => "-z",
        Rsync::Archive => "-a",
        Rsync::Anew => "-a --no-whole-file",
        Rsync::InPlace => "-a --no-whole-file --inplace",
    };
    let receiver = Call::of(programs.path("rsync"))
        .words(options)
        .text(format!("rsync://{address}/files/{}", task.name().display()));
    Ok(Plan {
        helpers: Vec::new(),
        sender,
        ready: Ready::Listens(address),
        receiver: receiver.path(&task.target),
        ends: Ends::WhenTold,
    })
}

/// Started by root, the daemon would read as nobody, who may not read all.
fn user() -> &'static str {
    match geteuid().is_root() {
        true => "uid = 0\ngid = 0\n",
        false => "",
    }
}
