//! A folder as a page for people.

use std::fmt::{self, Display, Write};
use std::os::unix::ffi::OsStrExt;

use proto::http::media;
use runtime::beneath::{Entry, Kind};

use super::listing::{Listing, MOST};
use super::style::{ICON, STYLE};
use super::text::{Grouped, Html, Many, Moment, Segment, Size};
use super::view::{By, Order};

/// What stands before what is a page's own.
pub(super) struct Top<'a, T: Display>(pub(super) T, pub(super) &'a str);

impl<T: Display> Display for Top<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(title, class) = self;
        write!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <link rel=\"icon\" href=\"{ICON}\">\n<style>{STYLE}</style>\n</head>\n<body class=\"{class}\">\n"
        )
    }
}

/// What stands at the end of every page.
pub(super) const BOTTOM: &str = "</body>\n</html>\n";

/// Which way a column is sorted, for those who see it; others are told by `aria-sort`.
const UPWARDS: &str = "<span aria-hidden=\"true\">▲</span>";
const DOWNWARDS: &str = "<span aria-hidden=\"true\">▼</span>";

/// Pictures of what can be in a folder, which rows refer to.
const ICONS: &str = include_str!("icons.svg");

/// Writes the page.
pub(super) fn write(listing: &Listing<'_>) -> String {
    // A row is some 300 bytes.
    let mut out = String::with_capacity(8192 + listing.entries.len() * 384);
    // Writing to a string does not fail.
    let _ = write_all(listing, &mut out);
    out
}

fn write_all(listing: &Listing<'_>, out: &mut String) -> fmt::Result {
    let title = listing.names().next_back().unwrap_or(b"/");
    write!(out, "{}{ICONS}", Top(Html(title), "listing"))?;
    write_header(listing, out)?;
    out.write_str("<main>\n<table>\n<thead>\n<tr>")?;
    for (by, class, text) in [
        (By::Name, "name", "Name"),
        (By::Size, "size", "Size"),
        (By::Modified, "date", "Modified"),
    ] {
        write_column(listing, by, class, text, out)?;
    }
    out.write_str("</tr>\n</thead>\n<tbody>\n")?;
    if !listing.path.is_empty() {
        let query = Html(listing.view.query().as_bytes());
        writeln!(
            out,
            "<tr class=\"up\"><td class=\"name\"><a href=\"../{query}\"><svg aria-hidden=\"true\"><use href=\"#up\"/></svg>\
             <span>Parent folder</span></a></td><td class=\"size\"></td><td class=\"date\"></td></tr>"
        )?;
    }
    for entry in &listing.entries {
        write_row(listing, entry, out)?;
    }
    out.write_str("</tbody>\n</table>\n")?;
    if listing.entries.is_empty() {
        out.write_str("<p class=\"empty\">This folder is empty.</p>\n")?;
    }
    if listing.cut {
        let most = Grouped(MOST as u64);
        writeln!(
            out,
            "<p class=\"cut\">There is more here: only {most} entries are shown.</p>"
        )?;
    }
    write!(out, "</main>\n{BOTTOM}")
}

/// Where this is, and what it amounts to.
fn write_header(listing: &Listing<'_>, out: &mut String) -> fmt::Result {
    let names: Vec<_> = listing.names().collect();
    let query = Html(listing.view.query().as_bytes());
    out.write_str("<header>\n<nav aria-label=\"Path\"><ol>")?;
    let root = "<svg aria-hidden=\"true\"><use href=\"#root\"/></svg>";
    match names.len() {
        0 => write!(
            out,
            "<li><h1 aria-current=\"page\">{root}<span>Index</span></h1></li>"
        )?,
        depth => write!(
            out,
            "<li><a href=\"{}{query}\" aria-label=\"Index\">{root}</a></li>",
            "../".repeat(depth)
        )?,
    }
    for (place, name) in names.iter().enumerate() {
        let (up, name) = (names.len() - 1 - place, Html(name));
        match up {
            0 => write!(
                out,
                "<li><h1 aria-current=\"page\"><bdi>{name}</bdi></h1></li>"
            )?,
            _ => write!(
                out,
                "<li><a href=\"{}{query}\"><bdi>{name}</bdi></a></li>",
                "../".repeat(up)
            )?,
        }
    }
    let (folders, files, bytes) = listing.sums();
    write!(
        out,
        "</ol></nav>\n<p>{}, {}, {} · <a href=\"?format=json\">JSON</a></p>\n</header>\n",
        Many(folders, "folder"),
        Many(files, "file"),
        Size(bytes)
    )
}

fn write_column(
    listing: &Listing<'_>,
    by: By,
    class: &str,
    text: &str,
    out: &mut String,
) -> fmt::Result {
    let view = listing.view;
    let clicked = view.clicked(by).query();
    // The view that has no query is where its path alone leads.
    let href = Html(if clicked.is_empty() { "./" } else { clicked }.as_bytes());
    let (sort, arrow) = match view.order {
        _ if view.by != by => ("", ""),
        Order::Ascending => (" aria-sort=\"ascending\"", UPWARDS),
        Order::Descending => (" aria-sort=\"descending\"", DOWNWARDS),
    };
    write!(
        out,
        "<th scope=\"col\" class=\"{class}\"{sort}><a href=\"{href}\">{text}{arrow}</a></th>"
    )
}

fn write_row(listing: &Listing<'_>, entry: &Entry, out: &mut String) -> fmt::Result {
    let name = entry.name.as_bytes();
    let (segment, shown) = (Segment(name), Html(name));
    out.write_str("<tr><td class=\"name\"><a href=\"")?;
    match entry.kind {
        Kind::Folder => {
            let query = Html(listing.view.query().as_bytes());
            write!(
                out,
                "{segment}/{query}\"><svg role=\"img\" aria-label=\"Folder\" class=\"folder\"><use href=\"#folder\"/></svg>\
                 <bdi>{shown}</bdi></a></td><td class=\"size\">–</td>"
            )?;
        }
        Kind::File(length) => {
            let (icon, size, exact) = (icon(name), Size(length), Grouped(length));
            write!(
                out,
                "{segment}\"><svg aria-hidden=\"true\" class=\"{icon}\"><use href=\"#{icon}\"/></svg><bdi>{shown}</bdi></a></td>\
                 <td class=\"size\" title=\"{exact} bytes\">{size}</td>"
            )?;
        }
    }
    out.write_str("<td class=\"date\">")?;
    if let Some(moment) = Moment::of(entry.modified, listing.zone) {
        let Moment { day, time, machine } = moment;
        write!(
            out,
            "<time datetime=\"{machine}\">{day}<span> {time}</span></time>"
        )?;
    }
    out.write_str("</td></tr>\n")
}

/// Which of the [`ICONS`] stands for a file of this name.
fn icon(name: &[u8]) -> &'static str {
    let media = media::of_name(name);
    match media.split_once('/') {
        Some(("image", _)) => "image",
        Some(("audio", _)) => "audio",
        Some(("video", _)) => "video",
        Some(("text", _)) => "text",
        Some(("application", kind)) => icon_of_application(kind),
        _ => "file",
    }
}

fn icon_of_application(kind: &str) -> &'static str {
    let is = |parts: &[&str]| parts.iter().any(|part| kind.contains(part));
    if is(&["zip", "tar", "compressed", "zstd", "xz", "bzip", "archive"]) {
        "archive"
    } else if is(&[
        "json",
        "xml",
        "javascript",
        "pdf",
        "yaml",
        "toml",
        "rtf",
        "document",
    ]) {
        "text"
    } else {
        "file"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::http::Fields;

    use super::super::listing::tests::{UTC, entries, entry};
    use super::super::view::View;
    use super::*;

    fn page(path: &[u8], query: &str, entries: Vec<Entry>) -> String {
        let view = View::of(Some(query), &Fields::default());
        write(&Listing::new(path, entries, view, &UTC))
    }

    #[test]
    fn every_entry_is_a_link() {
        let page = page(b"", "", entries());
        for link in [
            "href=\"Alpha/\"",
            "href=\"File2.txt\"",
            "href=\"file10.txt\"",
        ] {
            assert!(page.contains(link), "{page}");
        }
        assert!(page.contains("2 folders, 3 files, 2.00 MB"), "{page}");
        assert!(
            page.contains("title=\"2,000,000 bytes\">2.00 MB<"),
            "{page}"
        );
        let time = "<time datetime=\"2026-11-17T11:06:40Z\">2026-11-17<span> 11:06</span></time>";
        assert!(page.contains(time), "{page}");
        assert!(!page.contains("Parent folder") && !page.contains("empty."));
    }

    #[test]
    fn the_path_leads_back() {
        let page = page(b"a/b <c>/d", "sort=size", Vec::new());
        for part in [
            "<a href=\"../../../?sort=size&amp;order=desc\" aria-label=\"Index\">",
            "<a href=\"../../?sort=size&amp;order=desc\"><bdi>a</bdi></a>",
            "<a href=\"../?sort=size&amp;order=desc\"><bdi>b &lt;c&gt;</bdi></a>",
            "<h1 aria-current=\"page\"><bdi>d</bdi></h1>",
            "<title>d</title>",
            "Parent folder",
            "This folder is empty.",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn columns_say_how_they_are_sorted() {
        let page = page(b"", "sort=size", entries());
        for part in [
            "<th scope=\"col\" class=\"name\"><a href=\"./\">",
            "class=\"size\" aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">",
            "class=\"date\"><a href=\"?sort=modified&amp;order=desc\">",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn every_picture_is_there() {
        let names = ["a.png", "a.mp3", "a.mp4", "a.txt", "a.zip", "a.json", "a"];
        let icons = names.map(|name| icon(name.as_bytes()));
        for icon in icons.iter().chain(&["root", "up", "folder"]) {
            assert!(ICONS.contains(&format!("id=\"{icon}\"")), "{icon}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_out(name in "[^/\0]{1,20}", path: Vec<u8>) {
            let page = page(&path, "", vec![entry(&name, Kind::File(1), 0)]);
            let plain = page_without_names();
            let tags = |page: &str| page.matches('<').count();
            let depth = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).count();
            if depth == 0 {
                prop_assert_eq!(tags(&page), tags(&plain));
            }
            prop_assert!(!page.contains("<script"));
        }
    }

    fn page_without_names() -> String {
        page(b"", "", vec![entry("a", Kind::File(1), 0)])
    }
}
