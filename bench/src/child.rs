//! A server in a child process of the same binary, so that its CPU time can be read by itself.
//!
//! The child binds a port of its own choice and prints its address as its only line ([`announce`]). It ends when its
//! [`Server`] is dropped, when the process that started it ends, and in any case after [`LIFETIME`].

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddrV4;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, alarm};
use runtime::descriptors;

/// How long a child lives at most, whatever becomes of its parent.
const LIFETIME: Duration = Duration::from_mins(5);

const START_TIMEOUT_MS: u16 = 5_000;

/// A running server child; dropping it kills and reaps the process.
///
/// Start it from a thread that outlives it: the kernel ends the child with the *thread* that started it.
pub(crate) struct Server {
    process: Reaped,
    address: SocketAddrV4,
    clock: ClockId,
}

impl Server {
    /// Starts this binary again with these arguments, and waits until it says where it listens.
    pub(crate) fn spawn(arguments: &[&str]) -> Result<Self> {
        let binary = std::env::current_exe().context("cannot tell where this program lies")?;
        let mut process = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("RUST_BACKTRACE", "0")
            .spawn()
            .map(Reaped)
            .context("cannot start a server process")?;
        match process.listening() {
            Ok((address, clock)) => Ok(Self {
                process,
                address,
                clock,
            }),
            Err(error) => Err(process.explain(error)),
        }
    }

    /// Ends the server, and puts before the error what it said on stderr, for that may be the cause.
    pub(crate) fn explain(self, error: anyhow::Error) -> anyhow::Error {
        self.process.explain(error)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// The CPU time that all its threads have used so far, in user space and in the kernel.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let id = self.process.0.id();
        let time = clock_gettime(self.clock)
            .with_context(|| format!("cannot read the CPU time of the server (process {id})"))?;
        Ok(time.into())
    }
}

struct Reaped(Child);

impl Reaped {
    fn listening(&mut self) -> Result<(SocketAddrV4, ClockId)> {
        let stdout = self.0.stdout.take().context("the server has no stdout")?;
        let address = read_address(stdout)?;
        let id = i32::try_from(self.0.id()).context("the server's process id is too large")?;
        let clock = clock_getcpuclockid(Pid::from_raw(id)).context("cannot find its CPU clock")?;
        Ok((address, clock))
    }

    fn explain(mut self, error: anyhow::Error) -> anyhow::Error {
        let stderr = self.0.stderr.take();
        drop(self);
        let said = stderr.and_then(|stderr| io::read_to_string(stderr).ok());
        let said = said.unwrap_or_default();
        if said.is_empty() {
            return error;
        }
        let words: Vec<_> = said.split_whitespace().collect();
        error.context(format!("the server said {:?}", words.join(" ")))
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        // Either fails only where the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_address(stdout: ChildStdout) -> Result<SocketAddrV4> {
    let mut waited = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut waited, PollTimeout::from(START_TIMEOUT_MS))?;
    ensure!(
        ready > 0,
        "the server did not start within {START_TIMEOUT_MS} ms"
    );
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    ensure!(!line.is_empty(), "the server ended before it listened");
    let address = line.trim_end();
    address
        .parse()
        .with_context(|| format!("the server says it listens on {address:?}"))
}

/// In the child, before it binds: makes sure that it ends, and allows it as many descriptors as the machine does.
pub(crate) fn prepare() -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL).context("cannot tie the server to its parent")?;
    alarm::set(u32::try_from(LIFETIME.as_secs())?);
    descriptors::raise_limit();
    Ok(())
}

/// In the child, once it is bound: tells the parent where it listens.
pub(crate) fn announce(address: std::net::SocketAddr) -> Result<()> {
    writeln!(io::stdout().lock(), "{address}").context("cannot tell the parent the address")
}
