//! To come.

use anyhow::bail;
use runtime::cli::Exit;

use crate::args::Load;

pub(crate) fn run(_args: &Load) -> anyhow::Result<Exit> {
    bail!("not yet")
}
