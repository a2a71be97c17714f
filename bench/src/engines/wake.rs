//! Whether `shutdown(fd, SHUT_RD)` wakes a thread that waits for a datagram on a socket that is not connected.
//!
//! The call itself fails with ENOTCONN, and POSIX promises nothing; this finds out what the kernel at hand does.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::socket::{MsgFlags, Shutdown, shutdown};
use serde::Serialize;

use super::Args;
use super::mmsg::{Batch, Destination};
use crate::pin::Core;
use crate::setup::progress;
use crate::stats::{alternate, median};

/// How long the thread waits before it is taken to sleep through it all.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How long the thread gets to begin its wait.
const SETTLE: Duration = Duration::from_millis(20);

/// A call that waits for a datagram.
#[derive(Clone, Copy, Debug)]
enum Waiter {
    RecvFrom,
    RecvMmsg,
}

/// What became of a wait.
#[derive(Serialize)]
pub(crate) struct Row {
    /// The call that waited.
    pub(crate) call: &'static str,
    /// What `shutdown` returned.
    pub(crate) shutdown: String,
    /// The time from the call of `shutdown` to the return of the wait, the median of the runs; `None` if one slept on.
    pub(crate) woken_after_us: Option<f64>,
    /// What the wait returned.
    pub(crate) returned: String,
}

struct Run {
    shutdown: String,
    woken_after: Option<Duration>,
    returned: String,
}

/// Tries both calls, the thread on the core of the servers.
pub(crate) fn measure(args: &Args) -> Result<Vec<Row>> {
    progress("Waking a thread by shutdown");
    let waiters = [Waiter::RecvFrom, Waiter::RecvMmsg];
    let measured = alternate(args.common.runs, &waiters, |waiter| {
        run(waiter, args.common.server_core)
    });
    let rows = measured.into_iter().map(|(waiter, runs)| {
        let runs = runs.into_iter().collect::<Result<Vec<_>>>()?;
        let times: Option<Vec<_>> = runs.iter().map(|run| run.woken_after).collect();
        let last = runs.into_iter().next_back().context("there was no run")?;
        Ok(Row {
            call: waiter.label(),
            shutdown: last.shutdown,
            woken_after_us: times
                .map(|times| median(times.iter().map(|time| time.as_secs_f64() * 1e6))),
            returned: last.returned,
        })
    });
    rows.collect()
}

fn run(waiter: Waiter, core: Core) -> Result<Run> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(GIVE_UP))?;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            core.pin_this_thread()?;
            let returned = waiter.wait(&socket)?;
            anyhow::Ok((returned, Instant::now()))
        });
        thread::sleep(SETTLE);
        let called = Instant::now();
        let shutdown = match shutdown(socket.as_raw_fd(), Shutdown::Read) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let (returned, woken) = waiting
            .join()
            .map_err(|_| anyhow!("the waiting thread panicked"))??;
        let took = woken.saturating_duration_since(called);
        Ok(Run {
            shutdown,
            woken_after: (took < GIVE_UP / 2).then_some(took),
            returned,
        })
    })
}

impl Waiter {
    fn label(self) -> &'static str {
        match self {
            Self::RecvFrom => "recvfrom (std)",
            Self::RecvMmsg => "recvmmsg, MSG_WAITFORONE (nix)",
        }
    }

    /// Waits, and puts into words what came of it.
    fn wait(self, socket: &UdpSocket) -> Result<String> {
        Ok(match self {
            Self::RecvFrom => match socket.recv_from(&mut [0; 16]) {
                Ok((length, peer)) => format!("{length} B from {peer}"),
                Err(error) => error.to_string(),
            },
            Self::RecvMmsg => wait_for_batch(socket)?,
        })
    }
}

fn wait_for_batch(socket: &UdpSocket) -> Result<String> {
    const ROOM: usize = 2;
    let mut batch = Batch::<ROOM>::new(Destination::Sender);
    // nix reads an address for each message, also where the kernel wrote none: there has to be one from before.
    for _ in 0..ROOM {
        socket.send_to(b"first", socket.local_addr()?)?;
    }
    let before = batch.receive(socket, MsgFlags::MSG_WAITFORONE)?;
    ensure!(before == ROOM, "{before} of {ROOM} datagrams came back");
    Ok(match batch.receive(socket, MsgFlags::MSG_WAITFORONE) {
        Ok(count) => {
            let lengths: Vec<_> = batch
                .datagrams_mut()
                .map(|datagram| datagram.len())
                .collect();
            format!("{count} of length {lengths:?}")
        }
        Err(error) => error.to_string(),
    })
}
