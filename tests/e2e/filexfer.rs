//! Files from one machine to another.

mod choosing;
mod classic;
#[cfg(unix)]
mod following;
mod interrupted;
mod keys;
mod local_network;
mod native;
#[cfg(target_os = "linux")]
mod trees;

use std::fs;
use std::process::{Child, Command, Stdio};

use harness::{Finished, Folder, Server, finish, program};

/// A listener that made a code, and the code.
struct Coded {
    server: Server,
    code: String,
}

impl Coded {
    fn start(args: &[&str]) -> Self {
        let args = [args, &["--bind", "127.0.0.1:0"]].concat();
        let mut server = Server::start("filexfer", &args);
        let code = loop {
            if let Some(code) = server.next_line().strip_prefix("code: ") {
                break code.to_owned();
            }
        };
        Self { server, code }
    }

    /// Runs the other side, which is told the code by its standard input.
    fn other(&self, command: &str, args: &[&str]) -> Finished {
        let target = self.server.target();
        let args = [&[command, &target], args].concat();
        harness::run("filexfer", &args, &format!("{}\n", self.code))
    }
}

/// A file with a key, for both sides.
fn key_file(folder: &Folder) -> String {
    let path = folder.write("key", "SECRET_KEY");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

/// A listener with a key file.
fn keyed(args: &[&str], key: &str) -> Server {
    let args = [args, &["--key-file", key, "--bind", "127.0.0.1:0"]].concat();
    Server::start("filexfer", &args)
}

/// Runs the other side with a key file.
fn other(command: &str, server: &Server, args: &[&str], key: &str) -> Finished {
    let target = server.target();
    let args = [&[command, &target], args, &["--key-file", key]].concat();
    harness::run("filexfer", &args, "")
}

/// The same, with these bytes on its standard input or none to read.
fn begin(args: &[&str]) -> Child {
    let mut command = Command::new(program("filexfer"));
    let command = command.args(args).stdin(Stdio::null());
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Bytes that do not compress, and are others for each seed.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = std::iter::repeat_with(|| next().to_le_bytes());
    words.flatten().take(length).collect()
}

/// A file with such bytes, and its path.
fn file(folder: &Folder, name: &str, length: usize) -> String {
    let path = folder.file(name);
    fs::write(&path, bytes(length, 7)).unwrap();
    path
}

fn same(one: &str, other: &str) {
    assert!(
        fs::read(one).unwrap() == fs::read(other).unwrap(),
        "{one} and {other} differ"
    );
}
