//! filexfer: `serve` sends, `get` receives.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::program::Ours;
use crate::filexfer::programs::Programs;

/// As many bits as the keys of the others have.
const KEY: &str = "0123456789abcdef0123456789abcdef\n";

pub(super) fn plan(mode: Ours, programs: &Programs, task: &Task) -> Result<Plan> {
    let (address, key) = (free::tcp()?, task.setting("key"));
    fs::write(&key, KEY)?;
    // Or it warns.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let (serve, get) = match mode {
        Ours::Default => ("", ""),
        Ours::NoSync => ("", "--no-sync"),
        Ours::Plain => ("--plain", "--plain"),
        Ours::Classic => ("--classic", "--classic"),
        Ours::NeverCompress => ("--compress never", ""),
        Ours::Anew => ("", "--overwrite"),
        Ours::InPlace => ("", "--overwrite --in-place"),
    };
    let output = match mode {
        // That wire has no names.
        Ours::Classic => task.arrived(),
        _ => task.target.clone(),
    };
    let program = programs.path("filexfer");
    let sender = Call::of(program).words(&format!("serve --bind {address} {serve} --key-file"));
    let receiver = Call::of(program).words(&format!("get {address} {get} --key-file"));
    Ok(Plan {
        helpers: Vec::new(),
        sender: sender.path(&key).path(&task.file),
        ready: Ready::Listens(address),
        receiver: receiver.path(&key).words("-o").path(&output),
        ends: Ends::WhenTold,
    })
}
