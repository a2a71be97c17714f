//! The command line, as it is typed.

mod choosing;
mod groups;
mod saving;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use proto::filexfer::native::message::Pattern;
use runtime::addr::Target;
use runtime::log::Verbosity;

pub(crate) use choosing::{Choosing, Going};
pub(crate) use groups::{Compress, Connecting, Keyed, Listening, Sending, Telling};
pub(crate) use saving::Saving;

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

Two folders are kept alike:
  filexfer get 192.168.1.20 photos --overwrite --delete --dry-run   what would come and what would go
  filexfer get 192.168.1.20 photos --overwrite --delete             that, and only what changed travels
  filexfer get 192.168.1.20 photos --overwrite --delete --watch     and go on as files change

Exit codes: 0 all is there; 1 nothing could be done, or it broke off; 2 usage; 4 some files failed or were kept,
the others are there."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the classic wire cannot say.
const NOT_CLASSIC: [&str; 8] = [
    "include",
    "exclude",
    "ignore_file",
    "delete",
    "in_place",
    "preserve",
    "dry_run",
    "watch",
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Get(Get),
    List(List),
    Receive(Receive),
    Send(Send),
}

/// Offer files and folders
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer serve a.iso photos/             with a code phrase, good for one receiver
  filexfer serve . --key-file key --many   go on for anybody who has the key
  filexfer serve src --ignore-file .gitignore --exclude .git/")]
pub(crate) struct Serve {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listening: Listening,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) telling: Telling,
    /// Also answer classic clients, whose key travels in the clear (needs --key-file and one file)
    #[arg(long, conflicts_with_all = ["include", "exclude", "ignore_file"])]
    pub(crate) classic: bool,
}

/// Fetch files that are offered
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer get                             from the one server on the local network that offers itself
  filexfer get 192.168.1.20 -o downloads   all that is offered, into a folder
  filexfer get host:9091 photos/one.jpg    one file of it
  filexfer get host photos --include '*.jpg' --exclude raw/
  filexfer get host backup.tar -o - | tar x

Two folders are kept alike:
  filexfer get host photos --overwrite --delete --dry-run   what would come and what would go
  filexfer get host photos --overwrite --delete             that, and only what changed travels
  filexfer get host photos --overwrite --delete --watch     and go on as files change")]
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
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) saving: Saving,
    #[command(flatten)]
    pub(crate) going: Going,
    #[command(flatten)]
    pub(crate) connecting: Connecting,
    #[command(flatten)]
    pub(crate) telling: Telling,
    /// Fetch from a classic server: key and file travel in the clear, and nothing tells whether the file is whole
    #[arg(long, conflicts_with_all = NOT_CLASSIC)]
    pub(crate) classic: bool,
}

/// Show what is offered
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    /// Server: HOST, HOST:PORT or [V6]:PORT [default port: 9090] [default: found by mDNS]
    pub(crate) target: Option<Target>,
    /// What to show of what is offered [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) keyed: Keyed,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    /// Print JSON, an entry a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Wait for files
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer receive downloads               with a code phrase, good for one sender
  filexfer receive . --key-file key --many
  filexfer receive backup --overwrite --delete --exclude '*.local'   keep what is there like what is sent")]
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
    /// Remove nothing that this matches (--delete), such as '*.local' or /cache; as in .gitignore (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = choosing::pattern, requires = "delete")]
    pub(crate) exclude: Vec<Pattern>,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// Send files to one who waits for them
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  filexfer send 192.168.1.20 a.iso photos/
  filexfer send host src --ignore-file .gitignore --watch   and go on as files change
  filexfer send host src --dry-run                          what would be sent, and removed there
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
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) going: Going,
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
