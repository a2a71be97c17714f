//! Charts and tables on a page that needs no other file.

use crate::text::xml;
use crate::{Chart, svg};

/// A report: how something was measured, pictures and tables of what came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// How it was measured: names and what belongs to them.
    pub intro: Vec<(String, String)>,
    /// The pictures, from top to bottom.
    pub charts: Vec<Chart>,
    /// The tables below them.
    pub tables: Vec<Table>,
    /// What else a reader should know, a paragraph each.
    pub notes: Vec<String>,
}

/// A table. Columns in which all cells are numbers (with or without a unit) are set to the right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The heading of each column.
    pub header: Vec<String>,
    /// The rows; their cells stand below the header's.
    pub rows: Vec<Vec<String>>,
}

/// The page as HTML in one file. It runs no script and asks for no other file (its own policy forbids both), follows
/// the reader's choice of light or dark, and can be printed. A pointer that rests on a marker or a bar is told its
/// values.
pub fn html(page: &Page) -> String {
    let title = xml(&page.title);
    let mut out = format!("{HEAD}<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n");
    out += &format!("<body>\n<main>\n<h1>{title}</h1>\n");
    if !page.intro.is_empty() {
        out += "<dl>\n";
        for (name, value) in &page.intro {
            out += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", xml(name), xml(value));
        }
        out += "</dl>\n";
    }
    for chart in &page.charts {
        out += &format!("<figure>\n{}</figure>\n", svg(chart));
    }
    for table in &page.tables {
        draw_table(table, &mut out);
    }
    for note in &page.notes {
        out += &format!("<p>{}</p>\n", xml(note));
    }
    out + "</main>\n</body>\n</html>\n"
}

fn draw_table(table: &Table, out: &mut String) {
    let columns = table
        .rows
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or(0)
        .max(table.header.len());
    let numeric: Vec<_> = (0..columns)
        .map(|column| is_numeric(table, column))
        .collect();
    let row = |tag: &str, cells: &[String]| {
        let cell = |(column, numeric): (usize, &bool)| {
            let class = if *numeric { " class=\"n\"" } else { "" };
            let text = cells.get(column).map(|cell| xml(cell)).unwrap_or_default();
            format!(
                "<{tag}{class}>{text}</{}>",
                tag.split(' ').next().unwrap_or_default()
            )
        };
        let cells: String = numeric.iter().enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    *out += "<div class=\"table\">\n<table>\n";
    if !table.caption.is_empty() {
        *out += &format!("<caption>{}</caption>\n", xml(&table.caption));
    }
    if !table.header.is_empty() {
        *out += &format!(
            "<thead>\n{}</thead>\n",
            row("th scope=\"col\"", &table.header)
        );
    }
    let rows: String = table.rows.iter().map(|cells| row("td", cells)).collect();
    *out += &format!("<tbody>\n{rows}</tbody>\n</table>\n</div>\n");
}

/// Whether a column has numbers, and nothing else but dashes and empty cells.
fn is_numeric(table: &Table, column: usize) -> bool {
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    let mut cells = cells
        .filter(|cell| !matches!(cell.trim(), "" | "-" | "–" | "—"))
        .peekable();
    let is_number = |cell: &String| {
        let digits = cell
            .trim()
            .trim_start_matches(['+', '-', '−', '±', '<', '>', '≤', '≥', '~', ' ']);
        digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.contains(':')
    };
    cells.peek().is_some() && cells.all(is_number)
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
"#;

const STYLE: &str = include_str!("html.css");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::tests::charts;
    use proptest::prelude::*;

    fn table(rows: &[&[&str]]) -> Table {
        let cells = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        Table {
            rows: rows.iter().map(cells).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn columns_of_numbers_are_set_to_the_right() {
        let table = table(&[
            &["10 %", "udp", "–", "-1.5", "10.0.0.1:7"],
            &["≤ 5", "5", "", "7 µs"],
        ]);
        let numeric: Vec<_> = (0..6).map(|column| is_numeric(&table, column)).collect();
        assert_eq!(numeric, [true, false, false, true, false, false]);
        let mut out = String::new();
        draw_table(&table, &mut out);
        assert!(out.contains(
            "<tr><td class=\"n\">≤ 5</td><td>5</td><td></td><td class=\"n\">7 µs</td><td></td></tr>"
        ));
    }

    /// What would make a browser ask for something, or run something.
    const FORBIDDEN: [&str; 8] = [
        "<script", "<iframe", "<img", "src=", "url(", "@import", "//", "<a ",
    ];

    proptest! {
        #[test]
        fn any_page_asks_for_nothing(
            charts in prop::collection::vec(charts(), 0..3),
            text in "(<script src='//evil'>|url\\(http://|\"><img |.){0,5}",
        ) {
            let page = Page {
                title: text.clone(),
                intro: vec![(text.clone(), text.clone())],
                charts,
                tables: vec![table(&[&[&text, "1"]])],
                notes: vec![text.clone()],
            };
            let html = html(&page).replace("http://www.w3.org/2000/svg", "");
            let tags = html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
            // The one tag that quotes text from outside; what stands in it is escaped.
            for tag in tags.map(|tag| format!("<{tag}>")).filter(|tag| !tag.contains("aria-label")) {
                for forbidden in FORBIDDEN {
                    prop_assert!(!tag.contains(forbidden), "{tag}");
                }
            }
        }
    }

    #[test]
    fn a_page_names_no_other_place() {
        let axis = || crate::Axis::new("v", crate::Unit::Plain);
        let series = crate::Series::bars("s", vec![(1.0, 2.0)]);
        let page = Page {
            charts: vec![
                Chart::new("A chart", axis()).with(crate::Panel::new(axis()).with(series)),
            ],
            tables: vec![table(&[&["1", "2"]])],
            ..Page::default()
        };
        assert_eq!(html(&page).matches("//").count(), 1, "the namespace of SVG");
    }

    #[test]
    fn the_style_asks_for_nothing() {
        for forbidden in FORBIDDEN {
            assert!(!STYLE.contains(forbidden), "{forbidden}");
        }
    }
}
