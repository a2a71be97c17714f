//! The options of the store, as they are typed.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use proto::relay::mail::Limits;
use runtime::units;

/// Where mail is kept, and how much of it.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Folder that keeps messages for those who are away, and whose each name is; it is made where it is not there
    /// [default: nothing is kept]
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// How long a message is kept for somebody who is away
    #[arg(long, value_name = "TIME", default_value = "30d", requires = "mail")]
    #[arg(value_parser = units::positive_time)]
    pub(crate) keep: Duration,
    /// Messages of one sender that are kept for one receiver
    #[arg(long, value_name = "N", default_value = "10000", requires = "mail")]
    pub(crate) quota: NonZeroU32,
    /// Bytes of all messages that are kept, a quarter of them for one sender
    #[arg(long, value_name = "BYTES", default_value = "1G", requires = "mail")]
    #[arg(value_parser = units::bytes)]
    pub(crate) store_size: u64,
}

impl Args {
    /// How much is kept. Time counts in whole seconds, and one at least.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            quota: self.quota.get(),
            size: self.store_size,
            keep: self.keep.as_secs().max(1),
        }
    }
}
