//! What the programs are put through.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::program::{Program, Programs};
use super::site::{File, Site};
use super::wrk::{After, Answered, Load};
use super::{Args, Part, held};
use crate::child::{Server, client, launch, words};

/// How long a load generator may take beyond the time for which it loads.
const GRACE: Duration = Duration::from_secs(30);

/// How many read a large file at once.
const READERS: u32 = 64;

impl Part {
    /// In the order of the report.
    pub(super) const ALL: [Self; 10] = [
        Self::Small,
        Self::Cached,
        Self::Many,
        Self::Medium,
        Self::Large,
        Self::NotFound,
        Self::Close,
        Self::One,
        Self::Idle,
        Self::Sending,
    ];

    /// What the report calls it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Small => "64 connections, a file of 1 KiB",
            Self::Cached => "64 connections, a file of 1 KiB, kept open",
            Self::Many => "64 connections, 1,000 files of 4 KiB, kept open",
            Self::Medium => "64 connections, a file of 100 KiB",
            Self::Large => "64 connections, a file of 10 MiB, thrown away",
            Self::NotFound => "64 connections, a file that is not there",
            Self::Close => "64 connections at a time, each for one request of 1 KiB",
            Self::One => "one connection, a file of 1 KiB",
            Self::Idle => "10,000 connections on which nothing happens",
            Self::Sending => "memory while 64 files of 10 MiB are sent at once",
        }
    }

    fn file(self) -> File {
        match self {
            Self::Many => File::Many,
            Self::Medium => File::Medium,
            Self::Large | Self::Sending => File::Large,
            Self::NotFound => File::Missing,
            _ => File::Small,
        }
    }

    fn load(self, seconds: u32) -> Load {
        Load {
            file: self.file(),
            connections: if self == Self::One { 1 } else { 64 },
            after: if self == Self::Close {
                After::Close
            } else {
                After::Another
            },
            seconds,
        }
    }
}

/// What a part is measured with.
pub(super) struct Course<'a> {
    pub(super) programs: &'a Programs,
    pub(super) site: &'a Site,
    pub(super) args: &'a Args,
}

impl Course<'_> {
    /// Puts a program through a part once, with a fresh server.
    pub(super) fn run(&self, part: Part, program: Program) -> Result<Run> {
        let call = program.call(self.programs, self.site)?;
        let core = Some(self.args.common.server_core);
        let mut command = launch::command(core, &call.program, &call.arguments)?;
        let server = Server::start(&mut command, call.listens)?;
        let measured = match part {
            Part::Large => self.large(&server).map(Run::Large),
            Part::Idle => held::measure(&server).map(|(idle, each)| Run::Idle { idle, each }),
            Part::Sending => self
                .large(&server)
                .and_then(|_| Ok(Run::Sending(server.memory()?.peak))),
            _ => self.small(part, &server),
        };
        measured.map_err(|error| server.explain(error))
    }

    fn small(&self, part: Part, server: &Server) -> Result<Run> {
        let load = part.load(self.args.seconds);
        let arguments = load.arguments(server.address(), self.site)?;
        let wrk = self.programs.wrk().map_err(anyhow::Error::msg)?;
        let core = Some(self.args.common.client_core);
        let before = server.cpu_time()?;
        let said = self.client(&mut launch::command(core, wrk, &arguments)?)?;
        Ok(Run::Small {
            cpu_time: server.cpu_time()?.saturating_sub(before),
            answered: load.read(&said)?,
        })
    }

    fn large(&self, server: &Server) -> Result<f64> {
        let (file, seconds) = (File::Large, self.args.seconds);
        let arguments = words(&format!(
            "web-client {} --path {} --length {} --connections {READERS} --seconds {seconds}",
            server.address(),
            file.path(),
            file.length().unwrap_or(0)
        ));
        let core = Some(self.args.common.client_core);
        let said = self.client(&mut launch::command(
            core,
            self.programs.bench(),
            &arguments,
        )?)?;
        said.trim()
            .parse()
            .context("the client does not say what came")
    }

    fn client(&self, command: &mut Command) -> Result<String> {
        let limit = Duration::from_secs(self.args.seconds.into()) + GRACE;
        Ok(client::run(command, limit)
            .context("the load generator failed")?
            .stdout)
    }
}

/// One run of one program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Run {
    /// By wrk, and what processor time it took the server.
    Small {
        answered: Answered,
        cpu_time: Duration,
    },
    /// MiB a second.
    Large(f64),
    /// Memory of an idle server, and for each idle connection, in bytes.
    Idle { idle: f64, each: f64 },
    /// The most memory while large files were sent, in bytes.
    Sending(u64),
}

impl Run {
    pub(super) fn requests_per_s(&self) -> Option<f64> {
        Some(self.answered()?.requests_per_s)
    }

    pub(super) fn p50_us(&self) -> Option<f64> {
        Some(self.answered()?.p50_us)
    }

    pub(super) fn p99_us(&self) -> Option<f64> {
        Some(self.answered()?.p99_us)
    }

    fn answered(&self) -> Option<&Answered> {
        match self {
            Self::Small { answered, .. } => Some(answered),
            _ => None,
        }
    }

    /// Processor time of the server for a request, in µs.
    pub(super) fn cpu_us(&self) -> Option<f64> {
        match self {
            Self::Small { answered, cpu_time } => {
                Some(cpu_time.as_secs_f64() * 1e6 / answered.requests as f64)
            }
            _ => None,
        }
    }

    pub(super) fn mebibytes_per_s(&self) -> Option<f64> {
        match self {
            Self::Large(rate) => Some(*rate),
            _ => None,
        }
    }

    /// Of an idle process, in 10⁶ bytes.
    pub(super) fn idle_megabytes(&self) -> Option<f64> {
        match self {
            Self::Idle { idle, .. } => Some(idle / 1e6),
            _ => None,
        }
    }

    /// For an idle connection, in 10³ bytes.
    pub(super) fn kilobytes_each(&self) -> Option<f64> {
        match self {
            Self::Idle { each, .. } => Some(each / 1e3),
            _ => None,
        }
    }

    /// The most of a process that sends large files, in 10⁶ bytes.
    pub(super) fn sending_megabytes(&self) -> Option<f64> {
        match self {
            Self::Sending(bytes) => Some(*bytes as f64 / 1e6),
            _ => None,
        }
    }
}
