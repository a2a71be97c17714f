//! Text in columns and paragraphs, for a terminal.

use std::io::{self, Write};

use crate::Table;

/// What a line for people is at most, in columns.
pub const WIDTH: usize = 100;

/// What is between two columns where there is room.
const WIDE_GAP: &str = "  ";

/// Writes a table: the first `left` columns set to the left, all others to the right. Its caption stands above the
/// first one.
///
/// # Errors
/// Those of the writer.
pub fn table(table: &Table, left: usize, out: &mut impl Write) -> io::Result<()> {
    let mut header = table.header.clone();
    if let Some(first) = header.first_mut() {
        first.clone_from(&table.caption);
    }
    let lines: Vec<_> = std::iter::once(&header).chain(&table.rows).collect();
    let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let is_narrow = widths
        .iter()
        .map(|width| width + WIDE_GAP.len())
        .sum::<usize>()
        <= WIDTH;
    let between = if is_narrow { WIDE_GAP } else { " " };
    for cells in lines {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { between };
            line += &if column < left {
                format!("{gap}{cell:<width$}")
            } else {
                format!("{gap}{cell:>width$}")
            };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes a paragraph; all lines but the first are indented.
///
/// # Errors
/// Those of the writer.
pub fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    const INDENT: &str = "  ";
    let mut line = String::new();
    for word in text.split_whitespace() {
        let wide = line.chars().count() + 1 + word.chars().count();
        if wide > WIDTH && !line.trim().is_empty() {
            writeln!(out, "{line}")?;
            line = format!("{INDENT}{word}");
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let cells = |line: &str| line.split(' ').map(str::to_owned).collect();
        let shown = Table {
            caption: "ms".to_owned(),
            header: cells("x clock p50 max"),
            rows: vec![cells("there fitted – 12.5"), cells("back fitted 1.25 3")],
        };
        let mut out = Vec::new();
        table(&shown, 2, &mut out).unwrap();
        let expected =
            "ms     clock    p50   max\nthere  fitted     –  12.5\nback   fitted  1.25     3\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn paragraphs_keep_to_the_width() {
        let mut out = Vec::new();
        paragraph(&"word ".repeat(60), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert!(lines[1].starts_with("  word"));
    }
}
