//! The servers that are kept here to compare with, and the hidden subcommand that is one of them.
//!
//! They answer with the letters a-z in upper case, as the load generators want it: in place, which costs next to
//! nothing.

mod epoll;
mod threads;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use runtime::descriptors;
use socket2::{Domain, Socket, Type};

use super::truth::Tally;
use crate::child;

/// As that of `tcp-echo serve`; the kernel cuts it to what it allows.
const BACKLOG: i32 = 4096;

/// For how long [`Bare::Held`] holds a request: some thousand times what a round trip takes beside.
pub(crate) const HOLD: Duration = Duration::from_millis(100);

/// Answers in upper case on 127.0.0.1 until it is killed.
#[derive(clap::Args)]
pub(crate) struct Args {
    server: Bare,
}

/// A server that is kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bare {
    /// One thread on epoll.
    Epoll,
    /// A thread for each connection.
    Threads,
    /// The same, which holds each request for [`HOLD`] and keeps for how long it truly did.
    Held,
}

/// Binds, says where, and serves; only an error ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    descriptors::raise_limit();
    let listener = listen()?;
    child::announce(listener.local_addr()?)?;
    let Err(error) = args.server.serve(listener, Tally::default());
    Err(error)
}

fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Bare {
    fn serve(self, listener: TcpListener, tally: Tally) -> Result<Infallible> {
        match self {
            Self::Epoll => epoll::serve(listener, &tally),
            Self::Threads => threads::serve(&listener, tally, Duration::ZERO),
            Self::Held => threads::serve(&listener, tally, HOLD),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddrV4;

    use super::super::client;
    use super::super::truth::Truth;
    use super::*;

    /// Starts one in a thread of this process, which lasts as long as that.
    pub(crate) fn started(server: Bare) -> SocketAddrV4 {
        let listener = listen().unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("not IPv4");
        };
        std::thread::spawn(move || server.serve(listener, Tally::default()));
        address
    }

    #[test]
    fn letters_come_back_in_upper_case_and_are_counted() {
        use std::io::{Read, Write};
        for server in [Bare::Epoll, Bare::Threads, Bare::Held] {
            let address = started(server);
            let mut stream = client::connect(address).unwrap();
            let long = b"a small \xc3\xa9 ".repeat(1000);
            let mut writer = stream.try_clone().unwrap();
            let request = long.clone();
            let writing = std::thread::spawn(move || writer.write_all(&request));
            let mut answer = vec![0; long.len()];
            stream.read_exact(&mut answer).unwrap();
            writing.join().unwrap().unwrap();
            assert!(answer == long.to_ascii_uppercase(), "{server:?}");
            let truth = Truth::of(address).unwrap();
            assert_eq!(truth.bytes, long.len() as u64 + 1, "{server:?}");
            let held = truth.held_p50_us >= HOLD.as_secs_f64() * 1e6;
            assert_eq!(held, server == Bare::Held);
        }
    }
}
