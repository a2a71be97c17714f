//! Charts in files.

use std::fs;

use anyhow::Context;
use chart::{Chart, Page};

use crate::args::Output;

/// Writes the first of the charts to the files of `--plot`, and the page with all of them to that of `--html`.
pub(crate) fn write(
    output: &Output,
    charts: &[Chart],
    page: impl FnOnce() -> Page,
) -> anyhow::Result<()> {
    let first = charts.first().context("there is nothing to draw");
    for path in &output.plot {
        let chart = first.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        let is_png = path.extension().is_some_and(|extension| extension == "png");
        let bytes = if is_png {
            chart::png(chart)?
        } else {
            chart::svg(chart).into_bytes()
        };
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &output.html {
        let page = chart::html(&page());
        fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
