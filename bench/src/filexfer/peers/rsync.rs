//! rsync: its daemon sends, in clear.

use std::fs;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::program::{Programs, Rsync};

pub(super) fn plan(mode: Rsync, programs: &Programs, task: &Task) -> Result<Plan> {
    let (address, settings) = (free::tcp()?, task.setting("rsyncd.conf"));
    let (source, log) = (task.source().display(), task.setting("rsyncd.log"));
    let log = log.display();
    let text =
        format!("use chroot = no\nlog file = {log}\n[files]\npath = {source}\nread only = yes\n");
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
    };
    let receiver = Call::of(programs.path("rsync"))
        .words(options)
        .text(format!("rsync://{address}/files/{}", Task::NAME));
    Ok(Plan {
        helpers: Vec::new(),
        sender,
        ready: Ready::Listens(address),
        receiver: receiver.path(&task.arrived()),
        ends: Ends::WhenTold,
    })
}
