//! croc, with a relay of its own.
//!
//! It asks public name servers for public relays as it starts, and finds others by multicast: it is for a network in which
//! there are none.

use std::time::Duration;

use anyhow::Result;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::programs::Programs;

const CODE: &str = "1234-bench-bench-bench";

/// It says its code before it has been to its relay.
const SETTLES: Duration = Duration::from_millis(500);

pub(super) fn plan(programs: &Programs, task: &Task) -> Result<Plan> {
    let relay = free::tcp()?;
    // The first is for what sides say, the others for the file.
    let ports: Vec<_> = (0..5)
        .map(|number| (relay.port().saturating_add(number)).to_string())
        .collect();
    let ports = ports.join(",");
    let hides = programs.croc_hides_its_code();
    let croc = || Call::of(programs.path("croc"));
    let side = || {
        let side = croc().words(&format!("--ignore-stdin --yes --relay {relay}"));
        if hides {
            side.variable("CROC_SECRET", CODE)
        } else {
            side
        }
    };
    let (says, code) = match hides {
        true => ("", ""),
        false => ("--code", CODE),
    };
    Ok(Plan {
        helpers: vec![(
            croc().words(&format!("relay --host {} --ports {ports}", relay.ip())),
            Ready::Listens(relay),
        )],
        sender: side()
            .words(&format!("send --no-local {says} {code}"))
            .path(&task.file),
        ready: Ready::Says {
            words: "Code is",
            settles: SETTLES,
        },
        receiver: side()
            .words("--overwrite --out")
            .path(&task.target)
            .words(code),
        ends: Ends::ByItself,
    })
}
