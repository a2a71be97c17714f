//! The servers of one run: one, or relays and the server that joins them.

use std::net::SocketAddrV4;
use std::time::Duration;

use anyhow::{Context, Result};

use super::program::{Call, Program, Programs};
use crate::child::{Memory, Server, launch};
use crate::pin::Core;

/// All of them; dropping this ends them, in this order, and removes what they kept.
pub(super) struct Servers {
    all: Vec<Server>,
    _calls: Vec<Call>,
}

impl Servers {
    /// Starts the servers that this program is made of, on one core.
    pub(super) fn start(program: Program, programs: &Programs, core: Core) -> Result<Self> {
        let mut servers = Self {
            all: Vec::new(),
            _calls: Vec::new(),
        };
        if program != Program::Fleet {
            servers.add(program.call(programs)?, core)?;
            return Ok(servers);
        }
        servers.add(Program::joining().call(programs)?, core)?;
        let joined_by = servers.address();
        for _ in 0..2 {
            servers.add(program.call_joined(programs, joined_by)?, core)?;
        }
        // The relays are talked to, and end first.
        servers.all.rotate_left(1);
        Ok(servers)
    }

    fn add(&mut self, call: Call, core: Core) -> Result<()> {
        let mut command = launch::command(Some(core), &call.program, &call.arguments)?;
        self.all.push(Server::start(&mut command, call.listens)?);
        self._calls.push(call);
        Ok(())
    }

    /// The first, for what is about one.
    pub(super) fn first(&self) -> &Server {
        &self.all[0]
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddrV4 {
        self.first().address()
    }

    /// Where the second relay listens, if there are two.
    pub(super) fn other(&self) -> Option<SocketAddrV4> {
        Some(self.all.get(1)?.address())
    }

    /// The CPU time that all of them have used so far.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        self.all.iter().map(Server::cpu_time).sum()
    }

    /// The memory of the first.
    pub(super) fn memory(&self) -> Result<Memory> {
        self.first().memory()
    }

    /// Ends the servers, and puts before the error what the first said on stderr, for that may be the cause.
    pub(super) fn explain(self, error: anyhow::Error) -> anyhow::Error {
        let first = self.all.into_iter().next().context("no server");
        first.map_or_else(|none| none, |first| first.explain(error))
    }
}
