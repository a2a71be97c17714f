//! The command line, as it is typed.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use runtime::addr::{Bind, Target};
use runtime::log::Verbosity;
use runtime::units;

/// Upper-case and acknowledging echo over TCP, and a load generator
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  tcp-echo serve                         upper-case echo on port 12000
  echo hi | tcp-echo client example.org  HI
  tcp-echo greet example.org             a short conversation with an acknowledging echo
  tcp-echo load -c 64 -d 5s              how much a server in this process bears

Exit codes: 0 success, 1 failure, 2 usage."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Client(Client),
    Greet(Greet),
    Load(Load),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reply {
    /// The stream in upper case
    Upper,
    /// "Acknowledgement" for what has come; "exit" ends the connection
    Ack,
}

/// Serve an upper-case or an acknowledging echo
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  tcp-echo serve                                     every interface, IPv4 and IPv6, port 12000
  tcp-echo serve --bind 127.0.0.1:0 --bind [::1]:0   this machine only, free ports
  tcp-echo serve --reply ack                         acknowledge what comes")]
pub(crate) struct Serve {
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:12000 or :12000 (repeatable)
    /// [default: every interface, port 12000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,
    /// What to answer
    #[arg(long, value_enum, default_value_t = Reply::Upper)]
    pub(crate) reply: Reply,
    /// Map the letters a-z only, in any input
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Close a connection on which nothing has come or gone for so long [default: never]
    #[arg(long, value_name = "T", value_parser = units::positive_time)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Connections at once, more wait to be accepted [default: as many as the system allows]
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<NonZeroU32>,
    /// Look for requests without a pause: sooner answers, and a core kept busy
    #[arg(long)]
    pub(crate) busy_poll: bool,
}

/// Talk to an upper-case echo: type lines, or pipe them in
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  tcp-echo client                        the server on this machine, port 12000
  echo hi | tcp-echo client example.org  the answer goes to standard output
  tcp-echo client example.org < file     the whole file in upper case")]
pub(crate) struct Client {
    /// Server: HOST, HOST:PORT or [V6]:PORT
    #[arg(default_value = "127.0.0.1:12000")]
    pub(crate) target: Target,
    /// How long to wait for the connection and, at the prompt, for an answer, such as 500ms or 2 (seconds)
    #[arg(short, long, value_name = "T", default_value = "10s", value_parser = units::positive_time)]
    pub(crate) timeout: Duration,
}

/// Greet an acknowledging echo a few times, and end the connection
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  tcp-echo greet example.org             \"Hii Server\" five times
  tcp-echo greet [::1]:12000 -n 2 --message hello")]
pub(crate) struct Greet {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 12000]
    pub(crate) target: Target,
    /// How often
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// What to say
    #[arg(long, value_name = "TEXT", default_value = "Hii Server")]
    pub(crate) message: String,
    /// How long to wait for the connection and for each answer
    #[arg(short, long, value_name = "T", default_value = "10s", value_parser = units::positive_time)]
    pub(crate) timeout: Duration,
}

/// Load an upper-case echo with requests: how many it answers, and how soon
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  tcp-echo load                                       a server started here
  tcp-echo load example.org -c 64 -s 64 -d 10s        64 connections, one request in flight on each
  tcp-echo load example.org -c 1000 --rate 50000      at a fixed rate, late or not")]
pub(crate) struct Load {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 12000]
    pub(crate) target: Option<Target>,
    /// Connections at once
    #[arg(short, long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// Size of a request in bytes
    #[arg(short, long, value_name = "SIZE", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub(crate) size: u32,
    /// How long [default: 5s, without -n]
    #[arg(short, long, value_name = "TIME", value_parser = units::positive_time, conflicts_with = "count")]
    pub(crate) duration: Option<Duration>,
    /// How many requests
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Requests a second in all, sent when they are due whatever has been answered [default: each when the one before
    /// is answered]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Requests in flight on each connection
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) pipeline: u32,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
