//! The programs that are measured, and what is common to them.

use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::irtt::Irtt;
use super::ours::Ours;
use super::sockperf::Sockperf;
use crate::child::Listens;
use crate::stats::Durations;

/// The size of every packet, in bytes of UDP payload.
pub(crate) const PACKET_SIZE: u32 = 64;

/// The interval of the load with a schedule.
pub(crate) const INTERVAL: Duration = Duration::from_millis(1);

/// How packets are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// One every [`INTERVAL`].
    Paced,
    /// The next one when the last one has come back.
    OneInFlight(Waiting),
}

/// How both sides wait for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// In a call that puts them to sleep.
    Blocking,
    /// By looking again and again.
    Spinning,
}

/// A program that measures, with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Irtt,
    Sockperf,
}

impl Program {
    /// How it is called and read, for one run.
    pub(crate) fn tool(self) -> Result<Box<dyn Tool>> {
        Ok(match self {
            Self::Ours => Box::new(Ours),
            Self::Irtt => Box::new(Irtt),
            Self::Sockperf => Box::new(Sockperf::new()?),
        })
    }
}

/// How a program is called, and how what it prints is read.
pub(crate) trait Tool {
    /// The arguments of its server, which is to listen on 127.0.0.1, and how it tells that it does.
    fn server(&self, load: Load) -> Result<(Vec<String>, Listens)>;

    /// The arguments of its client, which is to send for this many seconds.
    fn client(&self, load: Load, server: SocketAddrV4, seconds: u32) -> Vec<String>;

    /// What its client found out, from what it wrote to stdout.
    fn read(&self, load: Load, stdout: &str, seconds: u32) -> Result<Said>;
}

/// What a client says of one run; what it does not say is `None`.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    /// Packets that it sent.
    pub(crate) sent: u64,
    /// Packets that came back, each second.
    pub(crate) round_trips_per_s: Option<f64>,
    /// The mean time between packets.
    pub(crate) interval_ns: Option<f64>,
    /// From the wire's end of one host to that of the other and back.
    pub(crate) network: Option<Rtt>,
    /// As the program itself sees it.
    pub(crate) application: Option<Rtt>,
}

/// Round-trip times of one run, in µs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rtt {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Rtt {
    /// What these durations have, by nearest rank.
    pub(crate) fn of(durations: Durations) -> Self {
        let [p50, p99, max] = durations.percentiles_us([50.0, 99.0, 100.0]);
        Self { p50, p99, max }
    }
}

/// Command-line arguments from text with a blank between each two.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    ours: Installed,
    irtt: Option<Installed>,
    sockperf: Option<Installed>,
}

#[derive(Serialize)]
struct Installed {
    path: PathBuf,
    /// As the program says it.
    version: String,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(ours: Option<&Path>) -> Result<Self> {
        let ours = match ours {
            Some(path) => path.to_owned(),
            None => beside_this("udp-echo")?,
        };
        Ok(Self {
            ours: Installed::find(&ours, "--version")?.with_context(|| {
                let release = if cfg!(debug_assertions) { "" } else { "--release " };
                format!(
                    "there is no {}: build it with `cargo build {release}-p udp-echo`, or name one by --udp-echo",
                    ours.display()
                )
            })?,
            irtt: Installed::find(Path::new("irtt"), "version")?,
            sockperf: Installed::find(Path::new("sockperf"), "--version")?,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(crate) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Ours => return Ok(&self.ours.path),
            Program::Irtt => (&self.irtt, "not installed (apt install irtt)"),
            Program::Sockperf => (&self.sockperf, "not installed (apt install sockperf)"),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(&installed.path)
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        let all = [Some(&self.ours), self.irtt.as_ref(), self.sockperf.as_ref()];
        let versions: Vec<_> = all.into_iter().flatten().map(|one| &*one.version).collect();
        versions.join("; ")
    }
}

impl Installed {
    /// `None` if there is no such program.
    fn find(path: &Path, version: &str) -> Result<Option<Self>> {
        let mut command = Command::new(path);
        let output = match command.arg(version).stdin(Stdio::null()).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            output => output.with_context(|| format!("cannot start {}", path.display()))?,
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let version = said.lines().next().unwrap_or_default().trim().to_owned();
        ensure!(!version.is_empty(), "{} has no version", path.display());
        Ok(Some(Self {
            path: path.to_owned(),
            version,
        }))
    }
}

fn beside_this(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(this.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_no_error() {
        let path = Path::new("/nonexistent/irtt");
        assert!(Installed::find(path, "version").unwrap().is_none());
        let missing = Programs {
            ours: Installed {
                path: "udp-echo".into(),
                version: "udp-echo 1".to_owned(),
            },
            irtt: None,
            sockperf: None,
        };
        assert_eq!(
            missing.path(Program::Irtt),
            Err("not installed (apt install irtt)")
        );
        assert_eq!(missing.path(Program::Ours), Ok(Path::new("udp-echo")));
        assert_eq!(missing.versions(), "udp-echo 1");
    }

    #[test]
    fn our_own_program_has_to_be_there() {
        let error = Programs::find(Some(Path::new("/nonexistent/udp-echo")))
            .err()
            .unwrap();
        assert!(error.to_string().contains("cargo build"), "{error}");
    }
}
