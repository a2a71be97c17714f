//! A folder as JSON.

use std::os::unix::ffi::OsStrExt;

use runtime::beneath::{Entry, Kind};
use runtime::json;
use serde::Serialize;

use super::listing::Listing;
use super::text::{Moment, Segment};

/// A folder as a program is told of it.
#[derive(Debug, Serialize)]
struct Folder<'a> {
    schema: &'static str,
    path: String,
    /// Whether entries were left out, since there are too many.
    truncated: bool,
    entries: Vec<Item<'a>>,
}

/// Something in it. A name that is not UTF-8 is shown by what it is like; `href` is exact.
#[derive(Debug, Serialize)]
struct Item<'a> {
    name: std::borrow::Cow<'a, str>,
    href: String,
    r#type: &'static str,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: Option<String>,
}

pub(super) fn write(listing: &Listing<'_>, out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut path = String::from("/");
    for name in listing.names() {
        path.push_str(&String::from_utf8_lossy(name));
        path.push('/');
    }
    let folder = Folder {
        schema: "plumbline/listing/1",
        path,
        truncated: listing.cut,
        entries: listing
            .entries
            .iter()
            .map(|entry| item(entry, listing))
            .collect(),
    };
    json::print(&folder, out)
}

fn item<'a>(entry: &'a Entry, listing: &Listing<'_>) -> Item<'a> {
    let segment = Segment(entry.name.as_bytes());
    let moment = Moment::of(entry.modified, listing.zone);
    let (href, r#type, size) = match entry.kind {
        Kind::Folder => (format!("{segment}/"), "folder", None),
        Kind::File(length) => (segment.to_string(), "file", Some(length)),
    };
    Item {
        name: entry.name.to_string_lossy(),
        href,
        r#type,
        size,
        modified: moment.map(|moment| moment.machine),
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::{UTC, entry};
    use super::super::view::View;
    use super::*;

    #[test]
    fn what_a_program_reads() {
        let entries = vec![
            entry("a \"b\".txt", Kind::File(5), 0),
            entry("sub", Kind::Folder, 1),
        ];
        let listing = Listing::new(b"x/y", entries, View::default(), &UTC);
        let mut out = Vec::new();
        write(&listing, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({
            "schema": "plumbline/listing/1",
            "path": "/x/y/",
            "truncated": false,
            "entries": [
                {"name": "sub", "href": "sub/", "type": "folder", "modified": "2026-11-17T11:06:40Z"},
                {"name": "a \"b\".txt", "href": "a%20%22b%22.txt", "type": "file", "size": 5,
                 "modified": "2026-11-18T11:06:40Z"},
            ],
        });
        assert_eq!(value, expected);
    }
}
