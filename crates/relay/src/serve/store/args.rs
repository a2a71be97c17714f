//! The options of the store, as they are typed.

use std::path::PathBuf;

/// Where mail is kept.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Folder that keeps messages for those who are away, and whose each name is; it is made where it is not there
    /// [default: nothing is kept]
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
}
