//! Pass messages on between clients.

use runtime::cli::Exit;

/// Pass messages on between clients
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("expected another command: this one is not there yet")
}
