//! Connections on which nothing happens, and the memory that a server keeps for them.

use anyhow::{Context, Result};

use super::client;
use super::load::Run;
use crate::child::Server;

/// Opens so many connections, on each of which one byte has come back, and lets them be.
///
/// What the server has resident is its user memory: that of the kernel for the sockets is not in it.
pub(crate) fn measure(server: &Server, connections: u32) -> Result<Run> {
    // With the first, what the server keeps for all of them is there.
    let first = client::connect(server.address())?;
    let before = server.memory()?.now;
    let held = (1..connections).map(|_| client::connect(server.address()));
    let held: Vec<_> = held
        .collect::<Result<_>>()
        .context("are so many open files allowed here?")?;
    let after = server.memory()?.now;
    let bytes = after.saturating_sub(before) as f64 / held.len() as f64;
    drop(first);
    Ok(Run::Idle(bytes))
}
