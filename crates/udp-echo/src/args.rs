//! The command line, as it is typed.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use proto::measure::PacketSize;
use runtime::addr::{Bind, Target};
use runtime::log::Verbosity;
use runtime::units::{self, Percent, Rate, TimeRange};

use crate::probe::Condition;

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
  udp-echo sweep example.org          find the rate that the path no longer carries
  udp-echo flood example.org          find out how much the path carries, each way
  udp-echo compare A.json B.json      compare two results
  udp-echo client example.org         talk to an upper-case echo

Exit codes: 0 success, 1 failure (an error, a value out of range, no answer at all), 2 usage,
3 a condition of --fail-if holds."
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
    Probe(Box<Probe>),
    Sweep(Box<Sweep>),
    Flood(Box<Flood>),
    Compare(Compare),
}

/// Serve an upper-case echo, or the server that `probe` measures against
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo serve                                     every interface, port 12000
  udp-echo serve --bind 127.0.0.1:0 --bind [::1]:0   this machine only, free ports
  udp-echo serve --loss 5% --delay 20ms..80ms        a bad line
  udp-echo serve --reply ack --loss 0 --delay 0      measurement without impairment
  udp-echo serve --reply ack --stamp                 and a STAMP reflector on port 862
  udp-echo serve --reply ack --loss 0 --delay 0 --exit never --stats --metrics   for others, watched")]
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
    /// To whom the server sends floods (--reply ack); floods from clients it takes and returns in any case
    #[arg(long, value_enum, value_name = "WHOM", default_value_t = FloodTo::Private)]
    pub(crate) flood_to: FloodTo,
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
    /// Be a STAMP and TWAMP Light reflector as well (RFC 8762, RFC 5357), without impairment (repeatable)
    /// [default address: every interface, port 862]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = ":862")]
    pub(crate) stamp: Vec<Bind>,
    #[command(flatten)]
    pub(crate) stamp_key: StampKey,
    /// Print a line of figures to standard error every PERIOD [default period: 10s]; SIGUSR1 asks for one at any time
    #[arg(long, value_name = "PERIOD", num_args = 0..=1, default_missing_value = "10s",
        value_parser = units::positive_time)]
    pub(crate) stats: Option<Duration>,
    /// Serve figures to Prometheus on http://ADDR/metrics [default address: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(crate) metrics: Option<Bind>,
}

/// STAMP's authenticated mode
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StampKey {
    /// File with the key of STAMP's authenticated mode, 16 bytes or more; packets without it are then not taken
    #[arg(long, value_name = "FILE", requires = "stamp")]
    pub(crate) stamp_key_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reply {
    /// The text in upper case
    Upper,
    /// "Packet Acknowledged", with emulated loss and delay
    Ack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloodTo {
    /// Clients with the key, on this machine and in private networks
    Private,
    /// Anyone who receives at his address
    Any,
    /// No one
    Never,
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

/// Who the server is, and how packets get there
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reach {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 8080]
    pub(crate) target: Option<Target>,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Address and port that packets come from, such as 192.0.2.7, 192.0.2.7:5000 or :5000
    #[arg(long, value_name = "ADDR")]
    pub(crate) source: Option<Bind>,
    /// Differentiated services code point of the packets: 0 to 63, or a name such as EF, AF41 or CS5
    #[arg(long, value_name = "DSCP", value_parser = dscp)]
    pub(crate) dscp: Option<u8>,
    /// Time to live (hop limit) of the packets, 1 to 255
    #[arg(long, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) ttl: Option<u8>,
    /// Do not let the packets be cut into fragments on their way
    #[arg(long)]
    pub(crate) df: bool,
    /// File with the key that the server has, 16 bytes or more
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Which server is measured, and with what packets
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Path {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Size of a packet in bytes of UDP payload, 1 to 65507; below 64 on the classic wire
    #[arg(short, long, value_name = "SIZE", default_value = "64", value_parser = size)]
    pub(crate) size: PacketSize,
    /// Measure on the classic wire, whatever the server speaks
    #[arg(long, conflicts_with = "key_file")]
    pub(crate) classic: bool,
    /// Measure a reflector of STAMP or TWAMP Light, such as a router (RFC 8762, RFC 5357) [default port: 862]
    #[arg(long, requires = "target", conflicts_with_all = ["key_file", "classic", "stop_server"])]
    pub(crate) stamp: bool,
    #[command(flatten)]
    pub(crate) stamp_key: StampKey,
    /// Whose clock stamps packets as they leave and come
    #[arg(long, value_enum, value_name = "CLOCK", default_value_t = Stamps::Auto)]
    pub(crate) stamps: Stamps,
    /// Look for answers without a pause: a core is kept busy
    #[arg(long)]
    pub(crate) spin: bool,
    /// Ask the server to stop at the end
    #[arg(long)]
    pub(crate) stop_server: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stamps {
    /// The kernel's where they arrive, which a test at the start finds out; none with -i 0, for speed
    Auto,
    /// The kernel's
    Kernel,
    /// The network card's, where it was told to stamp (hwstamp_ctl, ptp4l)
    Card,
    /// None: the program's own times alone
    Program,
}

/// Measure a path: round-trip time, loss, jitter and one-way delay
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo probe                               a server started here, with emulated loss and delay
  udp-echo probe example.org -n 100 -i 20ms    100 packets, one every 20 ms
  udp-echo probe example.org -d 10m -i 1ms     1,000 packets a second for 10 minutes
  udp-echo probe example.org --continuous      until Ctrl-C, with a line of figures every second
  udp-echo probe example.org -i 0 -d 5s        one packet in flight, as fast as it goes
  udp-echo probe 192.0.2.1 --stamp -d 1m       a router that reflects STAMP or TWAMP Light
  udp-echo probe example.org --fail-if 'p99>5ms' --fail-if 'loss>1%'
  udp-echo probe example.org -d 1m -i 1ms --html path.html --csv packets.csv
  udp-echo probe example.org -d 1m -i 1ms --json > before.json
  udp-echo compare before.json after.json
  udp-echo probe example.org --mtu             the longest packet that the path takes whole

--csv - gives the packets to standard output, and the text to standard error.
Without TARGET a server with the documented impairment is started in this process.
Classic servers and ours are told apart by themselves. Times are in ms; --json and --csv give ns.")]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) path: Path,
    /// Packets to send [default: 20, without -d and --continuous]
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = count)]
    pub(crate) count: Option<u64>,
    /// How long to send, such as 10s or 5m
    #[arg(short, long, value_name = "TIME", value_parser = units::positive_time)]
    pub(crate) duration: Option<Duration>,
    /// Go on until Ctrl-C, with figures of each period
    #[arg(short, long, conflicts_with_all = ["count", "duration"])]
    pub(crate) continuous: bool,
    /// Time between packets, such as 10ms or 0.5 (seconds); 0 is one in flight as fast as it goes
    #[arg(short, long, value_name = "INTERVAL", default_value = "100ms", value_parser = units::time)]
    pub(crate) interval: Duration,
    /// After this an answer is late; a packet without one when all time-outs have passed is lost
    /// [default: 1s, less on the classic wire where the interval is below 2.5 ms]
    #[arg(short, long, value_name = "T", value_parser = units::positive_time)]
    pub(crate) timeout: Option<Duration>,
    /// Length of the periods whose figures --continuous and --json-lines print while it runs
    #[arg(long, value_name = "PERIOD", default_value = "1s", value_parser = units::positive_time)]
    pub(crate) every: Duration,
    /// Exit with 3 if this is so at the end, such as 'p99>5ms', 'loss>1%' or 'app.mean>=2ms' (repeatable)
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<Condition>,
    /// Find the longest packet that the path takes whole, instead of measuring times (RFC 8899; Linux)
    #[arg(long, conflicts_with_all = [
        "count", "duration", "continuous", "interval", "every", "fail_if", "size", "df", "classic", "stamps", "spin",
        "json_lines", "csv", "plot", "html",
    ])]
    pub(crate) mtu: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Where the result goes
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Output {
    /// Print the result as one JSON object
    #[arg(long, conflicts_with = "json_lines")]
    pub(crate) json: bool,
    /// Print JSON objects, one a line: figures of each period while it runs, the result at the end
    #[arg(long)]
    pub(crate) json_lines: bool,
    /// Write a line for each packet to this file, of a sweep one for each step
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Draw the result to this file, .svg or .png (repeatable)
    #[arg(long, value_name = "FILE", value_parser = picture)]
    pub(crate) plot: Vec<PathBuf>,
    /// Write a page with the charts, the figures and how they were measured to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Raise the packet rate step by step: throughput and delay over time, and the rate that the path no longer carries
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo sweep example.org                          from 100 packets/s to 50,000, with a chart
  udp-echo sweep example.org -s 1400 --html path.html the same with large packets, as a page
  udp-echo sweep example.org -i 0.5 --packets 1 --until 1ms   what the classic client with a falling interval does

Throughput and delay over time count the answers that come before the interval of their packet has passed, as the
classic client does; the rates are judged by all answers. Without TARGET a server is started in this process.
Times are in ms; --json and --csv give ns.")]
pub(crate) struct Sweep {
    #[command(flatten)]
    pub(crate) path: Path,
    /// The first interval between packets
    #[arg(short, long, value_name = "INTERVAL", default_value = "10ms", value_parser = units::positive_time)]
    pub(crate) interval: Duration,
    /// What the interval is multiplied by after each step, 0 to 1
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 0.95,
        allow_negative_numbers = true
    )]
    pub(crate) shrink: f64,
    /// Packets of a step
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = count)]
    pub(crate) packets: u64,
    /// The sweep ends when the interval is shorter than this
    #[arg(long, value_name = "INTERVAL", default_value = "20us", value_parser = units::positive_time)]
    pub(crate) until: Duration,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Find out how much a path carries: packets and bits a second each way, loss, processor time of both ends
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo flood                                   this machine's own limit, against a server started here
  udp-echo flood example.org                       5 s there, then 5 s back, as fast as can be
  udp-echo flood example.org --rate 100Mbit        the same at a fixed rate
  udp-echo flood example.org --search              the highest rate with at most 0.1 % loss (RFC 2544 manner)
  udp-echo flood example.org --way echo -s 64      there and back, with the round-trip time of every packet
  udp-echo flood example.org --no-gso --no-gro     without offload, a packet at a time through the network stack

Rates in bits count UDP payload. Offload (GSO, GRO) lets the system carry many packets as one: on loopback they are
never taken apart, so the figure is one of the network stack. The server is `udp-echo serve --reply ack`; to strangers
it sends no floods (its --flood-to). Times are in ms; --json gives ns.")]
pub(crate) struct Flood {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Size of a packet in bytes of UDP payload, 64 to 65507
    #[arg(short, long, value_name = "SIZE", default_value = "1400", value_parser = size)]
    pub(crate) size: PacketSize,
    /// Which way packets go
    #[arg(short, long, value_enum, default_value_t = Ways::Each)]
    pub(crate) way: Ways,
    /// How long to send each way; with --search, in each trial (there 1s)
    #[arg(short, long, value_name = "TIME", default_value = "5s", default_value_if("search", "true", "1s"), value_parser = units::positive_time)]
    pub(crate) duration: Duration,
    /// Packets or bits a second, such as 20kpps or 100Mbit [default: as many as can be]
    #[arg(short, long, value_name = "RATE")]
    pub(crate) rate: Option<Rate>,
    /// Flows at once, each from a port of its own, 1 to 16
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(crate) flows: u8,
    /// Packets on their way there and back at once, in each flow (--way echo without --rate)
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) in_flight: u16,
    /// Search the highest rate at which no more than --max-loss is lost (--way there unless told otherwise)
    #[arg(long, conflicts_with = "rate")]
    pub(crate) search: bool,
    /// Share of packets that --search lets be lost
    #[arg(long, value_name = "PCT", default_value = "0.1%", requires = "search")]
    pub(crate) max_loss: Percent,
    /// Hand packets to the system one by one (sendmmsg), at both ends, rather than many as one (GSO)
    #[arg(long)]
    pub(crate) no_gso: bool,
    /// Take packets from the system one by one (recvmmsg), at both ends, rather than many as one (GRO)
    #[arg(long)]
    pub(crate) no_gro: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ways {
    /// There, then back
    Each,
    /// From here to the server
    There,
    /// From the server to here
    Back,
    /// There, and each packet back
    Echo,
}

/// Compare two results that `probe --json` printed
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  udp-echo probe example.org -d 1m -i 1ms --json > before.json
  udp-echo probe example.org -d 1m -i 1ms --json > after.json
  udp-echo compare before.json after.json")]
pub(crate) struct Compare {
    /// The earlier result
    pub(crate) before: PathBuf,
    /// The later one
    pub(crate) after: PathBuf,
    /// Print the comparison as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn count(text: &str) -> Result<u64, String> {
    const MOST: u64 = 1_000_000_000_000;
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

/// Code points by their names (RFC 2474, 2597, 3246, 5865, 8622).
fn dscp(text: &str) -> Result<u8, String> {
    let name = text.to_ascii_uppercase();
    let digits = |text: &str| -> Option<Vec<u8>> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
        text.bytes().map(digit).collect()
    };
    let of_class = |name: &str| match digits(name.strip_prefix("CS")?)?[..] {
        [class @ 0..=7] => Some(class * 8),
        _ => None,
    };
    let assured = |name: &str| match digits(name.strip_prefix("AF")?)?[..] {
        [class @ 1..=4, drop @ 1..=3] => Some(class * 8 + drop * 2),
        _ => None,
    };
    let named = match name.as_str() {
        "EF" => Some(46),
        "VA" => Some(44),
        "LE" => Some(1),
        "DF" | "BE" => Some(0),
        name => of_class(name).or_else(|| assured(name)),
    };
    named
        .or_else(|| text.parse().ok().filter(|point| *point < 64))
        .ok_or_else(|| {
            "expected a code point from 0 to 63, or a name such as EF, AF41 or CS5".to_owned()
        })
}

fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("expected a file name that ends with .svg or .png".to_owned()),
    }
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
    fn code_points_have_names() {
        let table = [
            ("EF", 46),
            ("af41", 34),
            ("CS5", 40),
            ("LE", 1),
            ("0", 0),
            ("63", 63),
        ];
        for (text, point) in table {
            assert_eq!(dscp(text), Ok(point), "{text}");
        }
        for text in ["64", "-1", "AF51", "AF40", "CS8", "CS", "EFF", ""] {
            assert!(dscp(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for text in ["0", "65508", "-1", "big", ""] {
            assert!(size(text).is_err(), "size {text:?}");
        }
        for text in ["0", "1000000000001", "-1", "many"] {
            assert!(count(text).is_err(), "count {text:?}");
        }
    }
}
