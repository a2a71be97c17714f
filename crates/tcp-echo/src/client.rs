//! To come.

use anyhow::bail;
use runtime::cli::Exit;

use crate::args::Client;

pub(crate) fn run(_args: &Client) -> anyhow::Result<Exit> {
    bail!("not yet")
}
