//! Messages between processes: `relay` with itself, on either wire, with the classic Python programs, and against those
//! who mean it harm.

mod attacked;
mod classic;
#[cfg(unix)]
mod counted;
mod crowd;
#[cfg(unix)]
mod fleet;
mod lost;
#[cfg(unix)]
mod mail;
mod native;
mod refusals;
mod several;
#[cfg(unix)]
mod talking;

use std::process::Command;

use harness::{Finished, Folder, Server, finish, program};

const HERE: &str = "127.0.0.1:0";

fn serve(options: &[&str]) -> Server {
    Server::start("relay", &[&["serve", "--bind", HERE], options].concat())
}

/// Somebody's computer: names have their keys there.
struct Home(Folder);

impl Home {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("relay"));
        command.args(args);
        command.env("XDG_CONFIG_HOME", self.0.file(""));
        command
    }

    fn run(&self, args: &[&str], stdin: &str) -> Finished {
        finish(self.command(args), stdin)
    }

    /// Sends, and checks that it went well.
    fn send(&self, args: &[&str], stdin: &str) -> String {
        let done = self.run(&[&["send"], args].concat(), stdin);
        assert_eq!(done.code(), Some(0), "{args:?}: {done:?}");
        done.stdout
    }

    /// Somebody who listens, and by which address.
    fn listen(&self, target: &str, options: &[&str]) -> (Server, String) {
        let args = [&["listen", target], options].concat();
        let mut listener = Server::of(self.command(&args), 0);
        let line = listener.next_line();
        let address = line.strip_prefix("registered as ");
        let address = address.unwrap_or_else(|| panic!("no address: {line}"));
        (listener, address.to_owned())
    }
}
