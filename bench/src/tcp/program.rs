//! The programs that are compared, and how each is called.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

use super::load::Load;
use super::server::Bare;
use super::{Args, Generator};
use crate::child::{Listens, free, words};
use crate::installed::{self, Installed};

/// Who takes part: a server, or a load generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Serves(Host),
    Loads(Generator),
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ours,
    /// Ours with --busy-poll.
    OursBusy,
    /// One that is kept here.
    Bare(Bare),
    Socat,
    Ncat,
}

/// How a program is called.
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
}

impl Host {
    /// How it is started for one run, and how it is known that it listens.
    pub(crate) fn call(self, programs: &Programs) -> Result<(Call, Listens)> {
        let program = Program::Serves(self);
        let program = programs.path(program).map_err(anyhow::Error::msg)?;
        let (arguments, listens) = self.arguments()?;
        let call = Call {
            program: program.to_owned(),
            arguments,
        };
        Ok((call, listens))
    }

    fn arguments(self) -> Result<(Vec<String>, Listens)> {
        match self {
            Self::Ours => Ok(ours("")),
            Self::OursBusy => Ok(ours("--busy-poll")),
            Self::Bare(bare) => {
                let arguments = words(&format!("tcp-server {}", typed(&bare)));
                Ok((arguments, Listens::Announced("")))
            }
            Self::Socat => Ok(told(free::tcp()?, socat)),
            Self::Ncat => Ok(told(free::tcp()?, ncat)),
        }
    }
}

fn ours(more: &str) -> (Vec<String>, Listens) {
    let arguments = words(&format!("serve --bind 127.0.0.1:0 {more}"));
    (arguments, Listens::Announced("listening on tcp://"))
}

/// A server that has to be told its port.
fn told(address: SocketAddrV4, arguments: fn(SocketAddrV4) -> String) -> (Vec<String>, Listens) {
    (words(&arguments(address)), Listens::Tcp(address))
}

/// Its process for each connection sends back what it gets through a pipe to itself: that is its fastest echo.
fn socat(address: SocketAddrV4) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("TCP-LISTEN:{port},bind={ip},reuseaddr,fork,backlog=4096,nodelay PIPE")
}

fn ncat(address: SocketAddrV4) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("-l {ip} {port} --keep-open --max-conns 4096 --exec /bin/cat")
}

impl Generator {
    /// How it is started.
    pub(crate) fn call(
        self,
        load: &Load,
        server: SocketAddrV4,
        programs: &Programs,
    ) -> Result<Call> {
        let program = programs.path(Program::Loads(self));
        let Load {
            connections,
            size,
            seconds,
            expect,
        } = load;
        let arguments = match self {
            Self::Load => {
                format!("load {server} -c {connections} -s {size} -d {seconds}s --json")
            }
            Self::Bare => format!(
                "tcp-client {server} --connections {connections} --size {size} --seconds {seconds} --expect {}",
                typed(expect)
            ),
        };
        Ok(Call {
            program: program.map_err(anyhow::Error::msg)?.to_owned(),
            arguments: words(&arguments),
        })
    }
}

/// As it stands on a command line.
fn typed(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    ours: Installed,
    socat: Option<Installed>,
    ncat: Option<Installed>,
    /// This one, which has the bare ones.
    #[serde(skip)]
    bench: PathBuf,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(args: &Args) -> Result<Self> {
        let bench = std::env::current_exe().context("cannot tell where this program lies")?;
        let socat = Installed::find(Path::new("socat"), "-V")?;
        Ok(Self {
            ours: Installed::tcp_echo(args.tcp_echo.as_deref())?,
            socat: socat.map(|socat| socat.whose_version_has("socat version")),
            ncat: Installed::find(Path::new("ncat"), "--version")?,
            bench,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(crate) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Serves(Host::Ours | Host::OursBusy) | Program::Loads(Generator::Load) => {
                return Ok(self.ours.path());
            }
            Program::Serves(Host::Bare(_)) | Program::Loads(Generator::Bare) => {
                return Ok(&self.bench);
            }
            Program::Serves(Host::Socat) => (&self.socat, "not installed (apt install socat)"),
            Program::Serves(Host::Ncat) => (&self.ncat, "not installed (apt install ncat)"),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(installed.path())
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        installed::versions([Some(&self.ours), self.socat.as_ref(), self.ncat.as_ref()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    fn programs() -> Programs {
        Programs {
            ours: Installed::of("tcp-echo", "tcp-echo 1"),
            socat: None,
            ncat: Some(Installed::of("ncat", "Ncat: Version 7")),
            bench: "bench".into(),
        }
    }

    #[test]
    fn what_is_missing_is_told_with_its_cure() {
        let programs = programs();
        let missing = programs.path(Program::Serves(Host::Socat)).unwrap_err();
        assert!(missing.contains("apt install socat"), "{missing}");
        for (program, path) in [
            (Program::Serves(Host::OursBusy), "tcp-echo"),
            (Program::Loads(Generator::Load), "tcp-echo"),
            (Program::Serves(Host::Ncat), "ncat"),
            (Program::Serves(Host::Bare(Bare::Epoll)), "bench"),
            (Program::Loads(Generator::Bare), "bench"),
        ] {
            assert_eq!(programs.path(program), Ok(Path::new(path)));
        }
        assert_eq!(programs.versions(), "tcp-echo 1; Ncat: Version 7");
    }

    #[test]
    fn load_generators_are_told_the_same() {
        let load = Load::of(Part::Pages, 3);
        let call = |generator: Generator| {
            let server = "127.0.0.1:7".parse().unwrap();
            let call = generator.call(&load, server, &programs()).unwrap();
            call.arguments.join(" ")
        };
        let ours = "load 127.0.0.1:7 -c 64 -s 4096 -d 3s --json";
        assert_eq!(call(Generator::Load), ours);
        let bare = "tcp-client 127.0.0.1:7 --connections 64 --size 4096 --seconds 3 --expect upper";
        assert_eq!(call(Generator::Bare), bare);
    }

    #[test]
    fn servers_listen_on_this_machine_alone() {
        for host in [Host::Ours, Host::OursBusy, Host::Socat, Host::Ncat] {
            let (arguments, _) = host.arguments().unwrap();
            assert!(arguments.join(" ").contains("127.0.0.1"), "{arguments:?}");
        }
        let (bare, _) = Host::Bare(Bare::Held).arguments().unwrap();
        assert_eq!(bare, ["tcp-server", "held"]);
    }
}
