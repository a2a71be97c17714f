//! The bus of a test: a `nats-server` of its own, with its messages in a folder of its own.

use std::fmt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::{Folder, Namespaces, Server, skip};

/// Where Debian has it, which is not on everybody's path.
const PROGRAMS: &[&str] = &["nats-server", "/usr/sbin/nats-server"];

/// A NATS server with JetStream, which can be killed and comes back at the same port with the same messages.
pub struct Nats {
    server: Option<Server>,
    command: Box<dyn Fn() -> Command + Send>,
    ip: String,
    port: u16,
    folder: Folder,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nats({})", self.url())
    }
}

impl Nats {
    /// One on loopback; `None`, after saying so, where there is no such program.
    pub fn start() -> Option<Self> {
        let program = program()?;
        Some(Self::of("127.0.0.1", move || Command::new(program)))
    }

    /// One in a network namespace, at an address that this has.
    pub fn within(namespaces: &Namespaces, letter: char, ip: &str) -> Option<Self> {
        let (program, within) = (program()?, namespaces.within(letter));
        Some(Self::of(ip, move || {
            let mut command = Command::new(&within[0]);
            command.args(&within[1..]).arg(program);
            command
        }))
    }

    fn of(ip: &str, command: impl Fn() -> Command + Send + 'static) -> Self {
        let mut nats = Self {
            server: None,
            command: Box::new(command),
            ip: ip.to_owned(),
            port: 0,
            folder: Folder::new(),
        };
        nats.start_again();
        nats
    }

    /// What a relay is told to reach it by.
    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.ip, self.port)
    }

    /// Starts it where it was, with what it had kept, and waits until it is ready.
    ///
    /// # Panics
    /// Where it does not come up.
    pub fn start_again(&mut self) {
        // It takes any free port for -1.
        let port = if self.port == 0 { -1 } else { self.port.into() };
        let mut command = (self.command)();
        command
            .args(["-js", "-a", &self.ip, "-p", &i32::to_string(&port)])
            .args(["-sd", &self.folder.file("jetstream")]);
        let mut server = Server::of(command, 0);
        loop {
            let line = server.next_message();
            if let Some((_, addr)) = line.split_once("Listening for client connections on ") {
                let port = addr.rsplit(':').next().and_then(|port| port.parse().ok());
                self.port = port.expect("the port that it took");
            }
            if line.ends_with("Server is ready") {
                break;
            }
        }
        self.server = Some(server);
    }

    /// Kills it: it writes nothing more.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Has it stop in order.
    pub fn stop(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Sends this signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(server) = &self.server {
            server.signal(signal);
        }
    }

    fn end(&mut self, signal: Signal) {
        if let Some(server) = self.server.take() {
            server.signal(signal);
            server.wait();
        }
    }
}

/// The program, where there is one.
fn program() -> Option<&'static str> {
    let is_there = |program: &&&str| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null());
        version.stderr(Stdio::null()).status().is_ok()
    };
    let found = PROGRAMS.iter().find(is_there);
    if found.is_none() {
        skip("no nats-server to join relays by");
    }
    found.copied()
}
