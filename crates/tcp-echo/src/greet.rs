//! To come.

use anyhow::bail;
use runtime::cli::Exit;

use crate::args::Greet;

pub(crate) fn run(_args: &Greet) -> anyhow::Result<Exit> {
    bail!("not yet")
}
