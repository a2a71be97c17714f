//! scp from an sshd of its own, with keys of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::program::{Programs, Scp, ensure_done};

pub(super) fn plan(mode: Scp, programs: &Programs, task: &Task) -> Result<Plan> {
    let address = free::tcp()?;
    let [host, user] = ["ssh-host", "ssh-user"].map(|name| task.setting(name));
    for key in [&host, &user] {
        make_key(key)?;
    }
    let settings = task.setting("sshd_config");
    fs::write(&settings, server_settings(address.port(), &host, &user))?;
    let sender = Call::of(programs.path("sshd"))
        .words("-D -e -f")
        .path(&settings);
    let receiver = Call::of(programs.path("scp"))
        .words(&format!("-q -F /dev/null -P {} -i", address.port()))
        .path(&user)
        .words("-o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR")
        .words("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null")
        .words(match mode {
            Scp::Default => "",
            Scp::Gcm | Scp::GcmSynced => "-c aes256-gcm@openssh.com",
        })
        .text(format!("{}:{}", address.ip(), task.file.display()))
        .path(&task.arrived());
    Ok(Plan {
        helpers: Vec::new(),
        sender,
        ready: Ready::Listens(address),
        receiver: match mode {
            Scp::Default | Scp::Gcm => receiver,
            Scp::GcmSynced => receiver.then_syncs(&task.arrived()),
        },
        ends: Ends::WhenTold,
    })
}

fn make_key(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path);
    ensure_done(command)
}

fn server_settings(port: u16, host: &Path, user: &Path) -> String {
    format!(
        "ListenAddress 127.0.0.1\n\
         Port {port}\n\
         HostKey {}\n\
         AuthorizedKeysFile {}.pub\n\
         PidFile none\n\
         StrictModes no\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n\
         Subsystem sftp internal-sftp\n",
        host.display(),
        user.display()
    )
}
