//! Send one message and wait for its verdict.

use runtime::cli::Exit;

/// Send one message and wait for its verdict
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("expected another command: this one is not there yet")
}
