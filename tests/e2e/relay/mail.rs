//! Mail for those who are away, with a store on this machine's disk.

#[cfg(target_os = "linux")]
mod full;
mod killed;
#[cfg(target_os = "linux")]
mod many;
mod waiting;

use std::net::SocketAddr;
use std::process::Command;

use harness::{Folder, Server, program};

/// A relay with a store, which can be started again with what it has.
struct Kept {
    folder: Folder,
    options: Vec<&'static str>,
    bind: String,
}

impl Kept {
    fn new(options: &[&'static str]) -> Self {
        Self {
            folder: Folder::new(),
            options: options.to_vec(),
            bind: super::HERE.to_owned(),
        }
    }

    /// Starts it, where it was if it was somewhere.
    fn start(&mut self) -> Server {
        let mut command = Command::new(program("relay"));
        command.args(["serve", "--bind", &self.bind]);
        command.args(["--store", &self.folder.file("mail")]);
        command.args(&self.options);
        let relay = Server::of(command, 1);
        self.bind = relay.target();
        relay
    }

    /// Where it is, once it was started.
    fn addr(&self) -> SocketAddr {
        self.bind.parse().unwrap()
    }
}
