//! Several relays that serve one community over a NATS server.

mod away;
mod lost;
#[cfg(target_os = "linux")]
mod parted;
mod together;

use std::net::SocketAddr;
use std::process::Command;

use harness::{Nats, Server, program};

/// Relays on one NATS server; each can be killed and started again where it was.
struct Fleet {
    nats: Nats,
    relays: Vec<Option<Server>>,
    binds: Vec<String>,
}

impl Fleet {
    /// So many; `None`, after saying so, where there is no NATS server.
    fn new(count: usize) -> Option<Self> {
        let mut fleet = Self {
            nats: Nats::start()?,
            relays: Vec::new(),
            binds: Vec::new(),
        };
        for number in 0..count {
            fleet.relays.push(None);
            fleet.binds.push(super::HERE.to_owned());
            fleet.start(number);
        }
        Some(fleet)
    }

    /// Starts a relay, where it was if it was somewhere.
    fn start(&mut self, number: usize) {
        let mut command = Command::new(program("relay"));
        command.args(["serve", "--bind", &self.binds[number]]);
        command.args(["--nats", &self.nats.url()]);
        command.args(["--label", &format!("relay {number}")]);
        let relay = Server::of(command, 1);
        self.binds[number] = relay.target();
        self.relays[number] = Some(relay);
    }

    /// Takes a relay out, so that it can be ended.
    fn take(&mut self, number: usize) -> Server {
        self.relays[number].take().unwrap()
    }

    fn addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.binds.iter().map(|bind| bind.parse().unwrap());
        addrs.collect()
    }

    /// Ends them all in order.
    fn end(&mut self) {
        for relay in self.relays.iter_mut().filter_map(Option::take) {
            let (status, messages) = relay.terminate();
            assert_eq!(status.code(), Some(0), "{messages}");
            assert!(!messages.contains("ERROR"), "{messages}");
        }
    }
}
