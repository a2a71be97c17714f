//! magic-wormhole, with servers of its own.
//!
//! Both sides meet at the mailbox; the file goes straight from one to the other.

use std::time::Duration;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::programs::Programs;

const CODE: &str = "1-bench-bench";

/// It says its code before it has been to the mailbox.
const SETTLES: Duration = Duration::from_millis(500);

pub(super) fn plan(programs: &Programs, task: &Task) -> Result<Plan> {
    let (mailbox, relay) = (free::tcp()?, free::tcp()?);
    let twist = || Call::of(programs.path("twist")).words("--log-level=warn");
    let side = || {
        Call::of(programs.path("wormhole")).words(&format!(
            "--relay-url ws://{mailbox}/v1 --transit-helper tcp:{relay}"
        ))
    };
    let (ip, port, relay_port) = (mailbox.ip(), mailbox.port(), relay.port());
    Ok(Plan {
        helpers: vec![
            (
                twist().words(&format!(
                    "wormhole-mailbox --port=tcp:{port}:interface={ip} --channel-db=:memory:"
                )),
                Ready::Listens(mailbox),
            ),
            (
                twist().words(&format!(
                    "transitrelay --port=tcp:{relay_port}:interface={ip}"
                )),
                Ready::Listens(relay),
            ),
        ],
        sender: side()
            .words(&format!("send --hide-progress --code {CODE}"))
            .path(&task.file),
        ready: Ready::Says {
            words: "Wormhole code is",
            settles: SETTLES,
        },
        receiver: side()
            .words("receive --accept-file --hide-progress -o")
            .path(&task.arrived())
            .words(CODE),
        ends: Ends::ByItself,
    })
}
