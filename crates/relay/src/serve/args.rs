//! The command line of `serve`, as it is typed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgGroup, ValueEnum};
use proto::relay::hub::{ExitPolicy, Targets};
use runtime::addr::Bind;

#[cfg(feature = "nats")]
use super::bus;
use super::store;

/// Pass messages on between clients
#[derive(Debug, clap::Args)]
#[command(group = who_keeps_mail(), after_help = "Examples:
  relay serve                                     every interface, port 9000
  relay serve --bind 127.0.0.1:0 --bind [::1]:0   this machine only, free ports
  relay serve --names names.txt                   names stay with their owners when it is started again
  relay serve --store mail                        messages wait for those who are away, also across restarts
  relay serve --to any                            classic clients may write to any address
  relay serve --exit never --metrics              for others, watched
  relay serve --store /var/lib/relay              mail is kept for those who are away, names too
  relay serve --store PATH --keep 7d --quota 100  for a week, 100 messages of one sender for one receiver
  relay serve --nats nats://192.0.2.7 --label a   one of several relays; names and mail are kept by that NATS server

Whom a classic client writes to must have registered: by \"hii\" or a message of its own in the last 300 s, or on
the native wire. Anything else is answered 405.")]
pub(crate) struct Args {
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:9000 or :9000 (repeatable)
    /// [default: every interface, port 9000]
    #[arg(long, value_name = "ADDR")]
    pub(super) bind: Vec<Bind>,
    /// Whom classic clients may write to
    #[arg(long, value_enum, value_name = "WHOM", default_value_t = To::Registered)]
    pub(super) to: To,
    /// Who may stop the relay by sending "exit server"
    #[arg(long, value_enum, value_name = "WHO", default_value_t = WhoMayStop::Loopback)]
    pub(super) exit: WhoMayStop,
    /// Look for datagrams without a pause: sooner deliveries, and a core kept busy for each socket
    #[arg(long)]
    pub(super) busy_poll: bool,
    /// Serve figures to Prometheus on http://ADDR/metrics [default address: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(super) metrics: Option<Bind>,
    /// File that remembers whose each name is; it is made where it is not there
    /// [default: names are forgotten when the relay stops]
    #[arg(long, value_name = "FILE")]
    pub(super) names: Option<PathBuf>,
    #[command(flatten)]
    pub(super) store: store::Args,
    #[cfg(feature = "nats")]
    #[command(flatten)]
    pub(super) bus: bus::Args,
    /// Messages of each room that are kept for those who come later
    #[arg(long, value_name = "N", default_value = "100")]
    pub(super) history: usize,
    /// Datagrams a second that each source may send, and its network sixteen times as many; more are dropped
    /// [default: no fixed limit; a source that floods yields to others]
    #[arg(long, value_name = "N")]
    pub(super) rate_limit: Option<NonZeroU32>,
    /// Clients that are remembered on each wire
    #[arg(long, value_name = "N", default_value = "100000")]
    pub(super) clients: NonZeroUsize,
}

/// The options of which one must be there for mail to be kept.
fn who_keeps_mail() -> ArgGroup {
    let group = ArgGroup::new("mail").arg("store").multiple(true);
    #[cfg(feature = "nats")]
    let group = group.arg("nats");
    group
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum To {
    /// Clients that have registered
    Registered,
    /// Any address that the client could write to itself
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WhoMayStop {
    /// Programs on this machine
    Loopback,
    /// Anyone
    Any,
    /// No one
    Never,
}

impl From<To> for Targets {
    fn from(to: To) -> Self {
        match to {
            To::Registered => Self::Registered,
            To::Any => Self::Any,
        }
    }
}

impl From<WhoMayStop> for ExitPolicy {
    fn from(who: WhoMayStop) -> Self {
        match who {
            WhoMayStop::Loopback => Self::Loopback,
            WhoMayStop::Any => Self::Any,
            WhoMayStop::Never => Self::Never,
        }
    }
}
