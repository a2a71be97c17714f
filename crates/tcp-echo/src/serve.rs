//! To come.

use anyhow::bail;
use runtime::cli::Exit;

use crate::args::Serve;

pub(crate) fn run(_args: &Serve) -> anyhow::Result<Exit> {
    bail!("not yet")
}
