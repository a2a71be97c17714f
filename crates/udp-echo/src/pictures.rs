//! The files that a result is drawn to, and what a page says of how it was measured.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chart::{Chart, Page};

use crate::args::Output;

/// The name that stands for standard output, where --csv may go.
pub(crate) const STDOUT: &str = "-";

/// Finds out, before anything is measured, whether the files of `output` can be written, where each --plot draws so
/// many charts. What is in them stays, and none is left that was not there.
///
/// # Errors
/// For the first that cannot.
pub(crate) fn check(output: &Output, charts: usize) -> anyhow::Result<()> {
    let plots = output.plot.iter();
    let plots = plots.flat_map(|path| (0..charts).map(|place| numbered(path, place)));
    let others = [&output.csv, &output.html].into_iter().flatten();
    let others = others.filter(|path| *path != Path::new(STDOUT)).cloned();
    for path in plots.chain(others) {
        writable(&path).with_context(|| cannot_write(&path))?;
    }
    Ok(())
}

fn writable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        // Opening a pipe would wait for its reader.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(_) => {
            OpenOptions::new()
                .append(true)
                .create_new(true)
                .open(path)?;
            fs::remove_file(path)
        }
    }
}

/// Draws the charts to the files of --plot, the first to the one that was named and further ones to that name with `-2`,
/// `-3` and so on before its extension; and writes the page to the file of --html.
///
/// # Errors
/// Where a file cannot be written.
pub(crate) fn write(
    output: &Output,
    charts: &[Chart],
    page: impl FnOnce() -> Page,
) -> anyhow::Result<()> {
    for path in &output.plot {
        for (place, chart) in charts.iter().enumerate() {
            let path = numbered(path, place);
            let picture = match path.extension() {
                Some(extension) if extension == "png" => chart::png(chart)?,
                _ => chart::svg(chart).into_bytes(),
            };
            write_file(&path, &picture)?;
        }
    }
    match &output.html {
        Some(path) => write_file(path, chart::html(&page()).as_bytes()),
        None => Ok(()),
    }
}

/// Writes a file.
///
/// # Errors
/// With its path.
pub(crate) fn write_file(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    fs::write(path, contents).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

fn numbered(path: &Path, place: usize) -> PathBuf {
    if place == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("-{}", place + 1));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("pictures-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn output(folder: &Path, html: &str) -> Output {
        Output {
            json: false,
            json_lines: false,
            csv: None,
            plot: vec![folder.join("a.svg"), folder.join("a.png")],
            html: Some(folder.join(html)),
        }
    }

    fn charts() -> Vec<Chart> {
        let axis = chart::Axis::new("x", chart::Unit::Plain);
        vec![Chart::new("one", axis.clone()), Chart::new("two", axis)]
    }

    #[test]
    fn each_chart_has_a_file() {
        let folder = folder("each");
        let output = output(&folder, "a.html");
        check(&output, 2).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");
        write(&output, &charts(), Page::default).unwrap();
        for name in ["a.svg", "a-2.svg", "a.png", "a-2.png", "a.html"] {
            assert!(
                fs::metadata(folder.join(name)).unwrap().len() > 100,
                "{name}"
            );
        }
        check(&output, 2).unwrap();
        assert!(fs::metadata(folder.join("a.svg")).unwrap().len() > 100);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_found_out_before() {
        let folder = folder("bad");
        let bad = output(&folder, "none/a.html");
        let error = format!("{:#}", check(&bad, 2).unwrap_err());
        assert!(
            error.contains("cannot write") && error.contains("none"),
            "{error}"
        );
        let error = format!("{:#}", check(&output(&folder, "."), 2).unwrap_err());
        assert!(error.contains("cannot write"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
