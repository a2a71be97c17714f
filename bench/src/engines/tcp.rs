//! The echo of streams: one load generator, and a server of each engine.

mod load;
mod mio;
pub(crate) mod slots;
mod threads;
mod tokio;
mod uring;

use std::convert::Infallible;
use std::net::TcpListener;

use anyhow::Result;
use clap::ValueEnum;

use super::Args;
use super::echo::{self, Test};
use super::uring::Ring;

/// How many bytes a server takes from a connection at once.
const READ_SIZE: usize = 2048;

/// A way to write a TCP server.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Engine {
    /// A blocking thread for each connection.
    Threads,
    /// mio.
    Mio,
    /// tokio on one thread.
    Tokio,
    /// io_uring.
    Uring,
}

impl echo::Engine for Engine {
    const PROTOCOL: &'static str = "tcp";

    fn label(self) -> &'static str {
        match self {
            Self::Threads => "a thread per connection (std)",
            Self::Mio => "epoll (mio)",
            Self::Tokio => "tokio, current_thread",
            Self::Uring => "io_uring, multishot recv",
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

    /// Accepts connections, and echoes what each sends until it ends, until accepting fails.
    pub(crate) fn serve(self, listener: TcpListener) -> Result<Infallible> {
        match self {
            Self::Threads => threads::serve(&listener),
            Self::Mio => mio::serve(listener),
            Self::Tokio => tokio::serve(listener),
            Self::Uring => uring::serve(&listener),
        }
    }
}

/// Measures every engine with few connections and with many, one request in flight on each.
pub(crate) fn measure(args: &Args) -> Vec<Test> {
    let test = |connections: usize| {
        let size = echo::MESSAGE_SIZE;
        let title = format!("TCP echo, {size} B, {connections} connections, 1 in flight on each");
        Test::measure::<Engine>(title, "requests/s", args, |server, length| {
            load::run(server, connections, length)
        })
    };
    vec![test(64), test(1000)]
}
