//! The command line, as it is typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use runtime::addr::{Bind, Target};
use runtime::log::Verbosity;
use runtime::units;

use crate::session::Protection;

/// Files from one machine to another, behind a key
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Examples:
  filexfer serve photos/               offer a folder: prints what to type on the other machine, and a code
  filexfer get 192.168.1.20            fetch it: asks for the code
  filexfer receive .                   the other way round: wait here for files
  filexfer send 192.168.1.20 a.iso     and send one from there

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
    Get(Get),
    List(List),
    Receive(Receive),
    Send(Send),
}

/// The key, and what it protects.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Keyed {
    /// Take the key from this file, without the end of its line [default: a code phrase]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Do not encrypt what follows the key exchange, on a wire that is trusted; it is still checked
    #[arg(long)]
    pub(crate) plain: bool,
}

impl Keyed {
    pub(crate) fn protection(&self) -> Protection {
        match self.plain {
            true => Protection::Plain,
            false => Protection::Encrypted,
        }
    }
}

/// What a side that listens can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Listening {
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:9090 or :9090 (repeatable)
    /// [default: every interface, port 9090]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Bind>,
    /// End when one other side has all it asked for, also with --key-file
    #[arg(long, conflicts_with = "many")]
    pub(crate) once: bool,
    /// Let any number of other sides use the code [default: one]
    #[arg(long)]
    pub(crate) many: bool,
    /// Let others on the local network find this one by mDNS: they need not type an address
    #[arg(long)]
    pub(crate) announce: bool,
    /// Show what the other side is to type as a QR code too
    #[arg(long)]
    pub(crate) qr: bool,
}

/// How it is told what happens.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Telling {
    /// Print events as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a source sends.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Sending {
    /// Bytes a second on the wire at most, such as 10MB/s, 500kB or 1MiB
    #[arg(long, value_name = "RATE")]
    pub(crate) limit: Option<units::ByteRate>,
    /// When to compress
    #[arg(long, value_enum, default_value_t = Compress::Auto)]
    pub(crate) compress: Compress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    /// Where it makes the transfer faster
    Auto,
    /// Not at all
    Never,
}

/// How a sink saves.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Saving {
    /// Replace other files that are there under the same name
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Do not wait until files are on the disk before they get their name
    #[arg(long)]
    pub(crate) no_sync: bool,
}

/// How a side that connects goes on when it has lost the other.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connecting {
    /// How long to look for the other side again when it is lost; 0s to give up at once
    #[arg(long, value_name = "T", default_value = "10m", value_parser = units::time)]
    pub(crate) retry: Duration,
}

/// Offer files and folders
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer serve a.iso photos/             with a code phrase, good for one receiver
  filexfer serve . --key-file key --many   go on for anybody who has the key")]
pub(crate) struct Serve {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listening: Listening,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) telling: Telling,
    /// Also answer classic clients, whose key travels in the clear (needs --key-file and one file)
    #[arg(long)]
    pub(crate) classic: bool,
}

/// Fetch files that are offered
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer get                             from the one server on the local network that offers itself
  filexfer get 192.168.1.20 -o downloads   all that is offered, into a folder
  filexfer get host:9091 photos/one.jpg    one file of it
  filexfer get host backup.tar -o - | tar x")]
pub(crate) struct Get {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 9090] [default: found by mDNS]
    pub(crate) target: Option<Target>,
    /// What to fetch of what is offered [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Folder, file or - for standard output [default: this folder]
    #[arg(short, long, value_name = "DIR|FILE|-")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) saving: Saving,
    #[command(flatten)]
    pub(crate) connecting: Connecting,
    #[command(flatten)]
    pub(crate) telling: Telling,
    /// Fetch from a classic server: key and file travel in the clear, and nothing tells whether the file is whole
    #[arg(long)]
    pub(crate) classic: bool,
}

/// Show what is offered
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 9090] [default: found by mDNS]
    pub(crate) target: Option<Target>,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    /// Print JSON, an entry a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Wait for files
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer receive downloads               with a code phrase, good for one sender
  filexfer receive . --key-file key --many")]
pub(crate) struct Receive {
    /// The folder that they go to; it is made where it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) listening: Listening,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) saving: Saving,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// Send files to one who waits for them
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer send 192.168.1.20 a.iso photos/
  tar c . | filexfer send host - --name backup.tar")]
pub(crate) struct Send {
    /// Receiver: HOST, HOST:PORT or [V6]:PORT [default port: 9090]
    pub(crate) target: Target,
    /// Files and folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// What standard input is called at the other side
    #[arg(long, default_value = "stdin")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) connecting: Connecting,
    #[command(flatten)]
    pub(crate) telling: Telling,
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
