//! scp, and tar over ssh, from an sshd of its own, with keys of its own.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::program::Scp;
use crate::filexfer::programs::{Programs, ensure_done};

const GCM: &str = "-c aes256-gcm@openssh.com";

/// scp, in one of its modes.
pub(super) fn scp(mode: Scp, programs: &Programs, task: &Task) -> Result<Plan> {
    let server = Server::set_up(programs, task)?;
    let cipher = match mode {
        Scp::Default | Scp::Tree => "",
        Scp::Gcm | Scp::GcmSynced => GCM,
    };
    let tree = match mode {
        Scp::Tree => "-r -p",
        Scp::Default | Scp::Gcm | Scp::GcmSynced => "",
    };
    let (ip, port) = (server.address.ip(), server.address.port());
    let receiver = Call::of(programs.path("scp"))
        .words(&format!("-q {tree} -P {port}"))
        .words(OPTIONS)
        .words(&format!("{cipher} -i"))
        .path(&server.key)
        .text(format!("{ip}:{}", task.file.display()))
        // Within a folder that is there, it has the name that it was sent by.
        .path(&task.target);
    Ok(server.serves(match mode {
        Scp::Default | Scp::Gcm | Scp::Tree => receiver,
        Scp::GcmSynced => receiver.then_syncs(&task.arrived()),
    }))
}

/// tar on both sides, and ssh between.
pub(super) fn tar(programs: &Programs, task: &Task) -> Result<Plan> {
    let server = Server::set_up(programs, task)?;
    let (ip, port) = (server.address.ip(), server.address.port());
    let (folder, name) = (task.source().display(), task.name().display());
    let receiver = Call::of(programs.path("ssh"))
        .words(&format!("-q -p {port}"))
        .words(OPTIONS)
        .words(&format!("{GCM} -i"))
        .path(&server.key)
        .words(&ip.to_string())
        // A shell reads it there.
        .text(format!("exec tar cf - -C '{folder}' {name}"));
    Ok(server.serves(receiver.unpacks_into(&task.target)))
}

/// Nothing of the settings of this machine, and nobody is asked.
const OPTIONS: &str = "-F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR \
     -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";

/// An sshd that is to be started.
struct Server {
    call: Call,
    address: SocketAddrV4,
    /// Which its user has.
    key: PathBuf,
}

impl Server {
    fn set_up(programs: &Programs, task: &Task) -> Result<Self> {
        let address = free::tcp()?;
        let [host, key] = ["ssh-host", "ssh-user"].map(|name| task.setting(name));
        make_key(&host)?;
        make_key(&key)?;
        let settings = task.setting("sshd_config");
        fs::write(&settings, server_settings(address.port(), &host, &key))?;
        let call = Call::of(programs.path("sshd")).words("-D -e -f");
        Ok(Self {
            call: call.path(&settings),
            address,
            key,
        })
    }

    /// It sends, and this receives.
    fn serves(self, receiver: Call) -> Plan {
        Plan {
            helpers: Vec::new(),
            sender: self.call,
            ready: Ready::Listens(self.address),
            receiver,
            ends: Ends::WhenTold,
        }
    }
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
