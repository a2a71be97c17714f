//! Tables that read well in a terminal and are Markdown too.

use std::fmt;

/// A table: the first columns, mostly one, aligned left, the others right.
pub(crate) struct Table {
    text_columns: usize,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles and no row yet.
    pub(crate) fn new<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Self {
        Self::with_titles(header)
    }

    /// The same, however many columns there are.
    pub(crate) fn with_titles<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            text_columns: 1,
            header: header.into_iter().map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    /// The same with so many columns aligned left.
    pub(crate) fn text_columns(self, text_columns: usize) -> Self {
        Self {
            text_columns,
            ..self
        }
    }

    /// Adds a row; cells beyond the header's columns are not shown, missing ones are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .chain([&self.header[column]])
                .map(|cell| cell.chars().count())
                .max()
        };
        (0..self.header.len())
            .map(|column| width(column).unwrap_or(0))
            .collect()
    }

    fn write_row(
        &self,
        f: &mut fmt::Formatter<'_>,
        widths: &[usize],
        cells: &[String],
    ) -> fmt::Result {
        for (column, &width) in widths.iter().enumerate() {
            let cell = cells.get(column).map_or("", String::as_str);
            match column < self.text_columns {
                true => write!(f, "| {cell:<width$} ")?,
                false => write!(f, "| {cell:>width$} ")?,
            }
        }
        writeln!(f, "|")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        self.write_row(f, &widths, &self.header)?;
        for (column, &width) in widths.iter().enumerate() {
            let dashes = "-".repeat(width + 1);
            match column < self.text_columns {
                true => write!(f, "|:{dashes}")?,
                false => write!(f, "|{dashes}:")?,
            }
        }
        writeln!(f, "|")?;
        self.rows
            .iter()
            .try_for_each(|row| self.write_row(f, &widths, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["engine", "p50 µs"]);
        table.row(["a longer one".to_owned(), "7".to_owned()]);
        table.row(["b".to_owned()]);
        let expected = "\
| engine       | p50 µs |
|:-------------|-------:|
| a longer one |      7 |
| b            |        |
";
        assert_eq!(table.to_string(), expected);
        let left = table.text_columns(2).to_string();
        assert!(left.contains("|:-------------|:-------|"), "{left}");
        assert!(left.contains("| 7      |"), "{left}");
    }
}
