//! socat and nc, which copy what they read to the wire and what comes to what they write.

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::programs::Programs;

pub(super) fn socat(programs: &Programs, task: &Task) -> Result<Plan> {
    let address = free::tcp()?;
    let (ip, port) = (address.ip(), address.port());
    let call = || Call::of(programs.path("socat")).words("-u -b 1048576");
    let sender = call().words(&format!("- TCP-LISTEN:{port},bind={ip},reuseaddr"));
    let receiver = call().words(&format!("TCP:{ip}:{port} -"));
    Ok(Plan {
        helpers: Vec::new(),
        sender: sender.reads(&task.file),
        ready: Ready::Listens(address),
        receiver: receiver.writes(&task.arrived()),
        ends: Ends::ByItself,
    })
}

pub(super) fn nc(programs: &Programs, task: &Task) -> Result<Plan> {
    let address = free::tcp()?;
    let (ip, port) = (address.ip(), address.port());
    let call = || Call::of(programs.path("nc"));
    Ok(Plan {
        helpers: Vec::new(),
        sender: call()
            .words(&format!("-l -N {ip} {port}"))
            .reads(&task.file),
        ready: Ready::Listens(address),
        receiver: call()
            .words(&format!("-d {ip} {port}"))
            .writes(&task.arrived()),
        ends: Ends::ByItself,
    })
}
