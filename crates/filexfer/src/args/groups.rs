//! Options that several commands share: the key, the listener, what is told, how fast.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use runtime::addr::Bind;
use runtime::units;

use crate::session::Protection;

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

/// How a side that connects goes on when it has lost the other.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connecting {
    /// How long to look for the other side again when it is lost; 0s to give up at once
    #[arg(long, value_name = "T", default_value = "10m", value_parser = units::time)]
    pub(crate) retry: Duration,
}
