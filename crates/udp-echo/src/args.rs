//! The command line, as it is typed.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use proto::measure::PacketSize;
use runtime::addr::{Bind, Target};
use runtime::log::Verbosity;
use runtime::units::{self, Percent, TimeRange};

/// Upper-case echo over UDP, and measuring a network path
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  udp-echo probe                      measure a server started for it on this machine
  udp-echo serve                      upper-case echo on port 12000
  udp-echo serve --reply ack          measurement server on port 8080
  udp-echo probe example.org -n 100   measure the path to such a server
  udp-echo client example.org         talk to an upper-case echo

Exit codes: 0 success, 1 failure (an error, a value out of range, no answer at all), 2 usage."
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
    Probe(Probe),
}

/// Serve an upper-case echo, or the server that `probe` measures against
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo serve                                     every interface, port 12000
  udp-echo serve --bind 127.0.0.1:0 --bind [::1]:0   this machine only, free ports
  udp-echo serve --loss 5% --delay 20ms..80ms        a bad line
  udp-echo serve --reply ack --loss 0 --delay 0      measurement without impairment")]
pub(crate) struct Serve {
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:12000 or :12000 (repeatable)
    /// [default: every interface, port 12000, with --reply ack 8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,
    /// What to answer
    #[arg(long, value_enum, default_value_t = Reply::Upper)]
    pub(crate) reply: Reply,
    /// Map the letters a-z only, in any input
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Share of replies not to send, such as 10% [default: 0, with --reply ack 10%]
    #[arg(long, value_name = "PCT")]
    pub(crate) loss: Option<Percent>,
    /// Delay of each reply, drawn uniformly, such as 0.1ms..500ms or 20ms
    /// [default: 0, with --reply ack 0.1ms..500ms]
    #[arg(long, value_name = "MIN..MAX")]
    pub(crate) delay: Option<TimeRange>,
    /// Share of replies to send twice
    #[arg(long, value_name = "PCT", default_value = "0%")]
    pub(crate) duplicate: Percent,
    /// Share of replies to hold back until the next one has gone, or for 50 ms
    #[arg(long, value_name = "PCT", default_value = "0%")]
    pub(crate) reorder: Percent,
    /// Seed of the emulated impairment, to repeat a run [default: random, and printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Who may stop the server by sending "exit" (--reply ack)
    #[arg(long, value_enum, default_value_t = WhoMayStop::Loopback)]
    pub(crate) exit: WhoMayStop,
    /// Datagrams a second that each source may send, more are dropped
    /// [default: no fixed limit; a source that floods yields to others]
    #[arg(long, value_name = "N")]
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// File with the key that clients must have, 16 bytes or more; the classic wire, which has none, is then not served
    /// (--reply ack)
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Look for datagrams without a pause: sooner answers, and a core kept busy for each socket
    #[arg(long)]
    pub(crate) spin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reply {
    /// The text in upper case
    Upper,
    /// "Packet Acknowledged", with emulated loss and delay
    Ack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhoMayStop {
    /// Programs on this machine
    Loopback,
    /// Anyone
    Any,
    /// No one
    Never,
}

/// Talk to an upper-case echo: type lines, or pipe them in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo client                              the server on this machine, port 12000
  udp-echo client example.org:12000            another one; \"quit\" ends
  echo hello | udp-echo client 192.0.2.7       the answer goes to standard output")]
pub(crate) struct Client {
    /// Server: HOST, HOST:PORT or [V6]:PORT
    #[arg(default_value = "127.0.0.1:12000")]
    pub(crate) target: Target,
    /// How long to wait for each answer, such as 500ms or 2 (seconds)
    #[arg(short, long, value_name = "T", default_value = "2s", value_parser = units::positive_time)]
    pub(crate) timeout: Duration,
}

/// Measure round-trip time, loss and jitter to a measurement server
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo probe                               a server started here, with emulated loss and delay
  udp-echo probe example.org -n 100 -i 20ms    100 packets, one every 20 ms
  udp-echo probe 192.0.2.7:8080 -s 1400 --json the result as one JSON object

Without TARGET a server with the documented impairment is started in this process.
Classic servers and ours are told apart by themselves. Times are in ms; --json gives ns.")]
pub(crate) struct Probe {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 8080]
    pub(crate) target: Option<Target>,
    /// Packets to send
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "20", value_parser = count)]
    pub(crate) count: u64,
    /// Time between packets, such as 10ms or 0.5 (seconds)
    #[arg(short, long, value_name = "INTERVAL", default_value = "100ms", value_parser = units::positive_time)]
    pub(crate) interval: Duration,
    /// Size of a packet in bytes of UDP payload, 1 to 65507
    #[arg(short, long, value_name = "SIZE", default_value = "64", value_parser = size)]
    pub(crate) size: PacketSize,
    /// After this an answer is late; a packet without one when all time-outs have passed is lost
    /// [default: 1s, less where the interval is below 2.5 ms]
    #[arg(short, long, value_name = "T", value_parser = units::positive_time)]
    pub(crate) timeout: Option<Duration>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask the server to stop at the end
    #[arg(long)]
    pub(crate) stop_server: bool,
}

fn count(text: &str) -> Result<u64, String> {
    const MOST: u64 = 10_000_000;
    match text.parse() {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("expected a number of packets from 1 to {MOST}")),
    }
}

fn size(text: &str) -> Result<PacketSize, String> {
    let bytes = text
        .parse()
        .map_err(|_| format!("expected a packet size from 1 to {} bytes", PacketSize::MAX))?;
    PacketSize::new(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for text in ["0", "65508", "-1", "big", ""] {
            assert!(size(text).is_err(), "size {text:?}");
        }
        for text in ["0", "10000001", "-1", "many"] {
            assert!(count(text).is_err(), "count {text:?}");
        }
    }
}
