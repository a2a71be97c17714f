//! Talk to others, at a terminal.

use runtime::cli::Exit;

/// Talk to others, at a terminal
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("expected another command: this one is not there yet")
}
