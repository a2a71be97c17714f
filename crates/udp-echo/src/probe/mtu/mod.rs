//! `probe --mtu`: the longest packet that a path takes whole.

mod json;
mod search;
mod words;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use proto::measure::mtu::{End, Family, Finding, Progress};
use proto::measure::native::MIN_SIZE;
use proto::measure::{Key, PacketSize};
use runtime::cli::Exit;
use runtime::shutdown::Shutdown;
use runtime::udp::{ClientError, Fragments, Options, StampClock};

use super::native::{Hello, hello};
use super::schedule::{Limit, Schedule};
use super::{calibrate, plan, with_server_of};
use crate::args::{Path, Probe};
use chart::columns::paragraph;
use runtime::status::Status;
use search::{Line, Word};

/// How long an echo is waited for where nothing else is asked for.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the status line of a terminal changes.
const STATUS_EVERY: Duration = Duration::from_millis(100);

/// What was found.
struct Found {
    server: SocketAddr,
    family: Family,
    is_keyed: bool,
    finding: Finding,
    /// What hosts on the path said of packets that are too long.
    words: Vec<Word>,
    /// How long it took.
    took: Duration,
    /// Whether the host of the server said that its port is closed.
    is_refused: bool,
    /// Whether the server said that it does not know the session.
    is_forgotten: bool,
}

pub(super) fn run(args: &Probe) -> anyhow::Result<Exit> {
    ensure!(
        cfg!(target_os = "linux"),
        "expected --mtu on Linux: this system is not known to send long packets whole whatever it believes of the path"
    );
    let shutdown = Shutdown::on_signal()?;
    let json = args.output.json;
    let server = |found: &Found| found.server;
    let found = with_server_of(&args.path, &shutdown, server, |candidates, key| {
        let line = connect_first(&args.path, candidates, key)?;
        begin(&line, json)?;
        let found = search(line, args.timeout.unwrap_or(DEFAULT_TIMEOUT), &shutdown)?;
        show(&found, json)?;
        Ok(found)
    })?;
    Ok(exit(&found))
}

/// Connects to the first address that does not refuse.
fn connect_first(
    path: &Path,
    candidates: &[SocketAddr],
    key: Option<&Key>,
) -> anyhow::Result<Line> {
    let mut refused = None;
    for server in candidates {
        match connect(path, *server, key)? {
            Ok(line) => return Ok(line),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| anyhow!("no address to measure"), Into::into))
}

/// A session with this server; the inner error where another address of the same name may have one.
fn connect(
    path: &Path,
    server: SocketAddr,
    key: Option<&Key>,
) -> anyhow::Result<Result<Line, ClientError>> {
    let limit = Limit::default();
    let options = Options {
        fragments: Fragments::Probing,
        clock: StampClock::Program,
        ..plan::options(path, server, &Schedule::BackToBack { limit })?
    };
    let size = PacketSize::new(MIN_SIZE as u64)?;
    match hello(server, size, &options, key.cloned()) {
        Ok(Hello::Native(session)) => Ok(Ok(Line::new(server, *session, key.cloned()))),
        Ok(Hello::Classic(_)) => bail!(
            "expected a Plumbline server at udp://{server} for --mtu, such as `udp-echo serve --reply ack`: it speaks the classic wire alone, whose answers are short, all alike and lost on purpose"
        ),
        Err(calibrate::Error::Client(error)) if error.may_be_this_address_only() => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

fn begin(line: &Line, json: bool) -> io::Result<()> {
    if json {
        return Ok(());
    }
    paragraph(&words::header(line), &mut io::stdout().lock())
}

fn search(line: Line, timeout: Duration, shutdown: &Shutdown) -> anyhow::Result<Found> {
    let mut status = Status::default();
    let (has_terminal, mut next) = (io::stderr().is_terminal(), Duration::ZERO);
    let show = |at: Duration, progress: &Progress| {
        if !has_terminal || at < next {
            return Ok(());
        }
        next = at + STATUS_EVERY;
        status.show(&words::progress(progress))
    };
    line.search(timeout, shutdown, show)
}

/// Prints the result; a server that was lost on the way is an error, which says how far it came.
fn show(found: &Found, json: bool) -> anyhow::Result<()> {
    if found.finding.end == End::Silent {
        bail!("{}", words::lost(found));
    }
    let mut out = io::stdout().lock();
    if json {
        runtime::json::print(&json::View::of(found), &mut out)?;
        return Ok(());
    }
    for line in words::result(found) {
        paragraph(&line, &mut out)?;
    }
    Ok(out.flush()?)
}

/// A search that was ended early has not found what was asked for.
fn exit(found: &Found) -> Exit {
    match found.finding.end {
        End::Complete => Exit::Success,
        End::Silent | End::TooMany | End::Early => Exit::Failure,
    }
}
