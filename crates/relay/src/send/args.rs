//! The command line of `send`, as it is typed.

use std::time::Duration;

use clap::ValueEnum;
use proto::relay::native::frames::Wants;
use runtime::units;

use crate::peer::Reach;
use crate::to::Recipient;
use crate::who::Naming;

/// Send one message and wait for its verdict
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay send example.org --to alice 'the build is green'      0 if it was taken, 1 and why if not
  relay send example.org --to 192.0.2.7/50123 hello           somebody without a name, or on the classic wire
  relay send a.example,b.example --name me --to alice hello   by the first of these relays that answers
  make 2>&1 | relay send example.org --to '#builds' --lines   a message for each line
  relay send example.org --name me --to alice --receipt read - < letter.txt

Queued means that the relay is answerable for it: alice has it, or the relay keeps it until she comes where it keeps
mail (relay serve --store or --nats; from names only: --name). --receipt delivered waits until alice's program has it;
when --timeout is over it says so, exits with 1, and the message stays where it is.
Between names messages are sealed: only the receiver can read them. Without --name, to a room and to an address the
relay can. --lines exits with 4 where some were taken and others were not.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) reach: Reach,
    /// What to say; - or nothing is standard input, up to 1 MiB
    pub(super) text: Option<String>,
    /// For whom: NAME, IP/PORT, [V6]/PORT or #ROOM
    #[arg(long, value_name = "WHOM")]
    pub(super) to: Recipient,
    #[command(flatten)]
    pub(super) naming: Naming,
    /// Send each line of standard input as a message
    #[arg(long, conflicts_with = "text")]
    pub(super) lines: bool,
    /// How long to wait when nothing moves
    #[arg(short, long, value_name = "T", default_value = "10s", value_parser = units::positive_time)]
    pub(super) timeout: Duration,
    /// What to wait for
    #[arg(long, value_enum, value_name = "STAGE", default_value_t = Until::Queued)]
    pub(super) receipt: Until,
    /// Print the verdict as a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Until {
    /// The relay has it, and whoever it is for is there, or it is kept for them
    Queued,
    /// It has come to the receiver's program
    Delivered,
    /// The receiver's program says that it was read
    Read,
}

impl Until {
    pub(super) fn wants(self) -> Wants {
        match self {
            Self::Queued => Wants::Nothing,
            Self::Delivered => Wants::Delivered,
            Self::Read => Wants::Read,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}
