//! Talk to others by a numbered menu.

use runtime::cli::Exit;

/// Talk to others by a numbered menu
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    anyhow::bail!("expected another command: this one is not there yet")
}
