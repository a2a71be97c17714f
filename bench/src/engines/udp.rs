//! The echo of datagrams: one load generator, and a server of each engine.

mod load;
mod mio;
mod ours;
mod threads;
mod tokio;
mod uring;

use std::convert::Infallible;
use std::net::{Ipv4Addr, UdpSocket};

use anyhow::Result;
use clap::ValueEnum;

use super::echo::{self, Test};
use super::uring::Ring;
use super::{Args, mmsg};
use crate::child;

/// How many datagrams are on their way at once when it is not one.
const MANY: usize = 64;

/// A way to write a UDP server.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Engine {
    /// One blocking thread, a call per datagram.
    Blocking,
    /// One blocking thread, batched calls.
    Mmsg,
    /// Batched calls that do not block, and poll(2) to wait.
    MmsgPoll,
    /// mio.
    Mio,
    /// tokio on one thread.
    Tokio,
    /// io_uring.
    Uring,
    /// The project's own.
    Ours,
}

impl echo::Engine for Engine {
    const PROTOCOL: &'static str = "udp";

    fn label(self) -> &'static str {
        match self {
            Self::Blocking => "blocking recvfrom + sendto (std)",
            Self::Mmsg => "blocking recvmmsg + sendmmsg (nix)",
            Self::MmsgPoll => "poll, then recvmmsg + sendmmsg (nix)",
            Self::Mio => "epoll, recvfrom until empty (mio)",
            Self::Tokio => "tokio, current_thread",
            Self::Uring => "io_uring, multishot recvmsg",
            Self::Ours => "runtime::udp::Server (ours)",
        }
    }
}

impl Engine {
    /// Fails where this machine does not have what the engine needs.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::Uring => Ring::probe(),
            _ => Ok(()),
        }
    }

    /// Binds a port of 127.0.0.1, says which, and echoes what it receives until something fails.
    pub(crate) fn serve(self) -> Result<Infallible> {
        match self {
            Self::Blocking => threads::one_by_one(&bind()?),
            Self::Mmsg => threads::batched(&bind()?),
            Self::MmsgPoll => threads::batched_with_poll(&bind()?),
            Self::Mio => mio::serve(bind()?),
            Self::Tokio => tokio::serve(bind()?),
            Self::Uring => uring::serve(&bind()?),
            Self::Ours => ours::serve(),
        }
    }
}

fn bind() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    child::announce(socket.local_addr()?)?;
    Ok(socket)
}

/// Measures every engine with one datagram in flight and with many.
pub(crate) fn measure(args: &Args) -> Vec<Test> {
    let size = echo::MESSAGE_SIZE;
    vec![
        Test::measure::<Engine>(
            format!("UDP echo, {size} B, 1 in flight"),
            "round trips/s",
            args,
            load::run::<1>,
        ),
        Test::measure::<Engine>(
            format!("UDP echo, {size} B, {MANY} in flight"),
            "echoes/s",
            args,
            load::run::<MANY>,
        ),
    ]
}
