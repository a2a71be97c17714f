//! Comparing two results of `probe --json`.

mod found;
mod json;
mod read;
mod text;

use std::io;

use runtime::cli::Exit;

use crate::args::Compare;
use found::Comparison;

/// Prints what changed.
pub(crate) fn run(args: &Compare) -> anyhow::Result<Exit> {
    let (before, after) = (read::read(&args.before)?, read::read(&args.after)?);
    let comparison = Comparison::of(&before, &after);
    let out = &mut io::stdout().lock();
    if args.json {
        json::print(&comparison, out)?;
    } else {
        text::print(&comparison, out)?;
    }
    Ok(Exit::Success)
}
