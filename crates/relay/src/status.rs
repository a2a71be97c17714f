//! Say how a relay is.

use runtime::cli::Exit;

/// Say how a relay is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("expected another command: this one is not there yet")
}
