//! A server in a child process, so that its CPU time can be read by itself.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use super::output::{Output, State};
use super::{Process, this_program};

const START_TIMEOUT: Duration = Duration::from_secs(5);

/// How it is known where a server listens, and that it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listens {
    /// It binds a port of its own choice and prints a line with these words and the address after them.
    Announced(&'static str),
    /// It was told this address; the kernel lists the UDP socket when it is bound.
    At(SocketAddrV4),
    /// It was told this TCP port; the kernel lists the socket, of whatever address, when it listens.
    Tcp(SocketAddrV4),
}

/// A running server; dropping it ends it.
pub(crate) struct Server {
    process: Process,
    address: SocketAddrV4,
    clock: ClockId,
    _output: Output,
}

impl Server {
    /// Starts this binary again with these arguments, and waits until it says where it listens ([`announce`]).
    pub(crate) fn spawn(arguments: &[&str]) -> Result<Self> {
        Self::start(&mut this_program(arguments)?, Listens::Announced(""))
    }

    /// Starts a program, and waits until it listens.
    pub(crate) fn start(command: &mut Command, listens: Listens) -> Result<Self> {
        let mut process = Process::start(command).context("cannot start a server process")?;
        let mut ready = || {
            let mut output = process.output()?;
            let address = match listens {
                Listens::Announced(words) => announced(&mut output, words)?,
                Listens::At(address) => listed(&mut process, address, is_bound)?,
                Listens::Tcp(address) => listed(&mut process, address, listens_on_tcp)?,
            };
            Ok((output, address, cpu_clock(&process)?))
        };
        match ready() {
            Ok((output, address, clock)) => Ok(Self {
                process,
                address,
                clock,
                _output: output,
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

    /// Its memory.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let id = self.process.0.id();
        let status = fs::read_to_string(format!("/proc/{id}/status"));
        let status = status.context("cannot read the memory of the server")?;
        Memory::read(&status).context("the kernel does not tell the memory of the server")
    }

    /// The CPU time that all its threads have used so far, in user space and in the kernel.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let id = self.process.0.id();
        let time = clock_gettime(self.clock)
            .with_context(|| format!("cannot read the CPU time of the server (process {id})"))?;
        Ok(time.into())
    }
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// As it is.
    pub(crate) now: u64,
    /// The most that it was.
    pub(crate) peak: u64,
}

impl Memory {
    /// What the kernel says of a process (proc_pid_status(5)).
    fn read(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self {
            now: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [now, peak] = [self.now, self.peak].map(|bytes| bytes as f64 / 1e6);
        write!(f, "VmRSS {now:.2} MB, VmHWM {peak:.2} MB")
    }
}

fn cpu_clock(process: &Process) -> Result<ClockId> {
    let id = i32::try_from(process.0.id()).context("the server's process id is too large")?;
    clock_getcpuclockid(Pid::from_raw(id)).context("cannot find its CPU clock")
}

fn announced(output: &mut Output, words: &str) -> Result<SocketAddrV4> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let state = output
            .read_more(deadline)
            .context("the server did not start")?;
        if let Some(address) = address_in(&output.text(), words) {
            return address
                .parse()
                .with_context(|| format!("the server says it listens on {address:?}"));
        }
        ensure!(state == State::Open, "the server ended before it listened");
    }
}

/// What stands after these words, in the first whole line that has them.
fn address_in<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let whole = text.rsplit_once('\n')?.0;
    let after = |line: &'a str| line.split_once(words).map(|(_, after)| after.trim());
    whole.lines().find_map(after)
}

fn listed(
    process: &mut Process,
    address: SocketAddrV4,
    is_listed: fn(SocketAddrV4) -> Result<bool>,
) -> Result<SocketAddrV4> {
    const PAUSE: Duration = Duration::from_millis(5);
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if is_listed(address)? {
            return Ok(address);
        }
        ensure!(process.runs(), "the server ended before it listened");
        ensure!(
            Instant::now() < deadline,
            "the server did not start: it took too long"
        );
        thread::sleep(PAUSE);
    }
}

fn is_bound(address: SocketAddrV4) -> Result<bool> {
    let sockets = fs::read_to_string("/proc/net/udp").context("cannot list UDP sockets")?;
    Ok(lists(&sockets, address))
}

/// Whether the kernel lists a TCP socket, of whatever address, that listens on this port.
pub(crate) fn listens_on_tcp(address: SocketAddrV4) -> Result<bool> {
    let sockets = fs::read_to_string("/proc/net/tcp").context("cannot list TCP sockets")?;
    // Absent where there is no IPv6.
    let more = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Ok(lists_listener(&sockets, address.port()) || lists_listener(&more, address.port()))
}

/// Whether the kernel's list of TCP sockets has one that listens on this port.
fn lists_listener(sockets: &str, port: u16) -> bool {
    const LISTENS: &str = "0A";
    let suffix = format!(":{port:04X}");
    let is_it = |line: &str| {
        let mut cells = line.split_whitespace().skip(1);
        let is_local = cells.next().is_some_and(|local| local.ends_with(&suffix));
        is_local && cells.nth(1) == Some(LISTENS)
    };
    sockets.lines().any(is_it)
}

/// Whether the kernel's list of UDP sockets has one that is bound here.
fn lists(sockets: &str, address: SocketAddrV4) -> bool {
    let ip = u32::from_ne_bytes(address.ip().octets());
    let local = format!("{ip:08X}:{:04X}", address.port());
    let is_local = |line: &str| line.split_whitespace().nth(1) == Some(&local);
    sockets.lines().any(is_local)
}

/// In the child, once it is bound: tells the parent where it listens.
pub(crate) fn announce(address: std::net::SocketAddr) -> Result<()> {
    writeln!(io::stdout().lock(), "{address}").context("cannot tell the parent the address")
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn addresses_are_found_in_what_servers_say() {
        let irtt = "[ServerStart] starting IRTT server version 0.9.0\n\
                    [ListenerStart] starting IPv4 listener on 127.0.0.1:52255\n";
        let table = [
            ("127.0.0.1:7\n", "", Some("127.0.0.1:7")),
            ("127.0.0.1:7", "", None),
            (irtt, "listener on ", Some("127.0.0.1:52255")),
            (irtt.trim_end(), "listener on ", None),
            ("hello\n", "listener on ", None),
        ];
        for (text, words, expected) in table {
            assert_eq!(address_in(text, words), expected, "{text:?}");
        }
    }

    #[test]
    fn memory_is_read_from_what_the_kernel_says() {
        let memory = Memory::read("VmPeak:\t   9 kB\nVmHWM:\t    8000 kB\nVmRSS:\t    5000 kB\n");
        let text = memory.unwrap().to_string();
        assert_eq!(text, "VmRSS 5.12 MB, VmHWM 8.19 MB");
        assert!(Memory::read("VmRSS:\n").is_none());
    }

    #[test]
    fn a_listener_is_listed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("not IPv4");
        };
        assert!(listens_on_tcp(address).unwrap());
        let connected = "0: 0100007F:1645 0100007F:D431 01 00000000:00000000\n";
        assert!(!lists_listener(connected, 0x1645));
        let listens = "0: 00000000000000000000000000000000:1645 0000:0000 0A 00000000:00000000\n";
        assert!(lists_listener(listens, 0x1645) && !lists_listener(listens, 0x0645));
    }

    #[test]
    fn a_bound_socket_is_listed() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = socket.local_addr().unwrap() else {
            panic!("not IPv4");
        };
        let listed = || fs::read_to_string("/proc/net/udp").unwrap();
        assert!(lists(&listed(), address));
        assert!(!lists("  sl  local_address rem_address\n", address));
    }
}
