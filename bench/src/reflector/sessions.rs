//! How much memory many sessions take.

use std::net::UdpSocket;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use proto::measure::SessionId;
use runtime::descriptors;

use super::client::{Session, socket};
use super::{Goal, start, udp_echo};
use crate::child::Memory;
use crate::setup::progress;

/// Sockets at the most: the usual hard limit on open files, less what a program has open anyhow.
const SOCKETS: u32 = 15_000;

/// Opens many sessions at a measurement server, and tells what memory they take.
///
/// Each session has an address and a port of its own up to 15,000, beyond that they share them. Where the limit on open
/// files is lower, use fewer sockets. udp-echo has to be built first, and is taken from where this program lies.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sessions that are open at once, 1 to 65536
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sessions: u32,

    /// Probes in each, 1 to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    probes: u32,

    /// Sockets that they share at the most, 1 to 15000
    #[arg(long, default_value_t = SOCKETS, value_parser = clap::value_parser!(u32).range(1..=i64::from(SOCKETS)))]
    sockets: u32,

    /// The udp-echo to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    udp_echo: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    descriptors::raise_limit();
    let server = start(&udp_echo(args.udp_echo.as_ref())?)?;
    show("at its start", server.memory()?)?;
    progress(&format!(
        "{} sessions of {} probes",
        args.sessions, args.probes
    ));
    let mut clients = Clients::open(args, &server)?;
    show("calibrated", server.memory()?)?;
    let first = clients.probe(1)?;
    show("a probe in each", server.memory()?)?;
    let echoed = first + clients.probe(args.probes - 1)?;
    let after = server.memory()?;
    show("all probes", after)?;
    let remembered = clients.remembered(args.probes)?;
    let Clients { sockets, sessions } = &clients;
    let (sockets, sessions) = (sockets.len(), sessions.len());
    let sent = u64::from(args.sessions) * u64::from(args.probes);
    say(&format!(
        "{echoed} of {sent} probes echoed; {remembered} of {sessions} sessions remembered with all their probes, \
         from {sockets} addresses\n"
    ))?;
    let goal = Goal {
        figure: "memory of the server at its most, MB",
        value: after.peak as f64 / 1e6,
        below: 20.0,
    };
    say(&goal.to_string())?;
    ensure!(
        remembered == sessions,
        "not all sessions were there at once"
    );
    Ok(())
}

/// All of the sessions, and the sockets that they go through in turns.
struct Clients {
    sockets: Vec<UdpSocket>,
    sessions: Vec<Session>,
}

impl Clients {
    fn open(args: &Args, server: &crate::child::Server) -> Result<Self> {
        let count = args.sessions.min(args.sockets);
        let sockets = (0..count).map(|number| socket(number, server.address()));
        let sockets: Vec<_> = sockets.collect::<Result<_>>()?;
        let sessions = (0..args.sessions).map(|number| {
            let socket = &sockets[number as usize % sockets.len()];
            Session::open(socket, SessionId(number.into()))
        });
        Ok(Self {
            sessions: sessions.collect::<Result<_>>()?,
            sockets,
        })
    }

    fn pairs(&mut self) -> impl Iterator<Item = (&UdpSocket, &mut Session)> {
        self.sockets.iter().cycle().zip(&mut self.sessions)
    }

    /// Sends so many probes in each; how many were echoed.
    fn probe(&mut self, probes: u32) -> Result<u64> {
        let mut echoed = 0;
        for _ in 0..probes {
            for (socket, session) in self.pairs() {
                echoed += u64::from(session.is_echoed(socket)?);
            }
        }
        Ok(echoed)
    }

    /// How many sessions the server knows, with this many probes.
    fn remembered(&mut self, probes: u32) -> Result<usize> {
        let mut remembered = 0;
        for (socket, session) in self.pairs() {
            let report = session.report(socket)?;
            let all = report.is_some_and(|report| report.received == u64::from(probes));
            remembered += usize::from(all);
        }
        Ok(remembered)
    }
}

fn show(when: &str, memory: Memory) -> Result<()> {
    say(&format!("{when:<16} {memory}\n"))
}

/// To standard output, as it becomes known.
pub(super) fn say(text: &str) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
