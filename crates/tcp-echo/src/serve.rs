//! The two servers: the stream in upper case, and an acknowledgement for what comes.

use anyhow::ensure;
use proto::ack::{self, Request};
use proto::echo::{self, Case};
use runtime::cli::Exit;
use runtime::shutdown::Shutdown;
use runtime::tcp::{Conversation, Listener, Next, Out, Policy, Server};

use crate::args::{Reply, Serve};

pub(crate) fn run(args: &Serve) -> anyhow::Result<Exit> {
    ensure!(
        !args.ascii || args.reply == Reply::Upper,
        "expected --ascii with --reply upper: an acknowledgement has no letters of the client's"
    );
    let shutdown = Shutdown::on_signal()?;
    match args.reply {
        Reply::Upper => {
            let case = if args.ascii {
                Case::Ascii
            } else {
                Case::Unicode
            };
            let server = server(args, echo::DEFAULT_PORT)?;
            server.run_until_signal(&shutdown, |_, _| Upper::new(case))?;
        }
        Reply::Ack => server(args, ack::DEFAULT_PORT)?.run_until_signal(&shutdown, |_, _| Ack)?,
    }
    Ok(Exit::Success)
}

fn server(args: &Serve, default_port: u16) -> anyhow::Result<Server> {
    let policy = Policy {
        max_connections: args.max_connections,
        idle_timeout: args.idle_timeout,
        spin: args.busy_poll,
        ..Policy::default()
    };
    let listeners = Listener::bind_all(&args.bind, default_port)?;
    Ok(Server::new(listeners, policy))
}

/// A stream in upper case (`proto::echo`).
#[derive(Debug)]
pub(crate) struct Upper(echo::Upper);

impl Upper {
    pub(crate) fn new(case: Case) -> Self {
        Self(echo::Upper::new(case))
    }
}

impl Conversation for Upper {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        self.0.push(bytes, out.bytes());
        Next::GoOn
    }

    fn end(&mut self, out: &mut Out) {
        self.0.finish(out.bytes());
    }
}

/// An acknowledgement for each read (`proto::ack`).
#[derive(Debug)]
struct Ack;

impl Conversation for Ack {
    const MAX_READ: usize = ack::MAX_MESSAGE;

    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        match Request::decode(bytes) {
            Request::Exit => Next::Close,
            Request::Message(_) => {
                out.bytes()
                    .extend_from_slice(ack::ACKNOWLEDGEMENT.as_bytes());
                Next::GoOn
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_answered_as_it_comes() {
        let (mut upper, mut out) = (Upper::new(Case::Unicode), Out::default());
        assert_eq!(upper.take(b"stra\xc3", &mut out), Next::GoOn);
        assert_eq!(out.bytes(), b"STRA");
        assert_eq!(upper.take(b"\x9fe \xe6\xbc", &mut out), Next::GoOn);
        upper.end(&mut out);
        assert_eq!(out.bytes(), b"STRASSE \xe6\xbc");
    }

    #[test]
    fn only_a_read_that_says_exit_ends() {
        let table: &[(&[u8], Next, &[u8])] = &[
            (b"Hii Server", Next::GoOn, b"Acknowledgement"),
            (b"exit\n", Next::GoOn, b"Acknowledgement"),
            (b"\xff", Next::GoOn, b"Acknowledgement"),
            (b"exit", Next::Close, b""),
        ];
        for (read, next, answer) in table {
            let mut out = Out::default();
            assert_eq!(Ack.take(read, &mut out), *next, "{read:?}");
            assert_eq!(out.bytes(), *answer, "{read:?}");
        }
    }
}
