//! `list`: shows what another side offers.

use std::io::{self, BufWriter, Write};

use chart::Unit;
use proto::filexfer::native::message::{Entry, Kind, Moment, Request};
use runtime::cli::Exit;
use runtime::escape::Escaped;
use runtime::units::date;
use serde::Serialize;

use crate::args::List;
use crate::connect::{Other, names};
use crate::key::Stdin;
use crate::retry::Failure;
use crate::show::{File, files};
use crate::sink;
use crate::source::Wanted;

pub(crate) fn run(args: &List) -> anyhow::Result<Exit> {
    let names = names(&args.names)?;
    let other = Other::new(args.target.as_ref(), &args.keyed, Stdin::Free)?;
    let wanted = Wanted {
        names,
        filters: args.choosing.filters()?,
    };
    let (session, _held) = other.connect(Request::List, &wanted)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let totals = sink::list(session, &mut |entry| {
        if written.is_ok() {
            written = match args.json {
                true => json(entry, &mut out),
                false => line(entry, &mut out),
            };
        }
    });
    let totals = totals.map_err(Failure::from)?;
    written?;
    if let Some(totals) = totals.filter(|_| !args.json) {
        let bytes = Unit::Bytes.show(totals.bytes as f64);
        writeln!(out, "{}, {bytes}", files(totals.files))?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

/// Size, when it was changed (UTC), name.
fn line(entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    let name = Escaped(entry.name.as_bytes());
    let (size, after) = match &entry.kind {
        Kind::File(Some(size)) => (Unit::Bytes.show(*size as f64), String::new()),
        Kind::File(None) => ("?".to_owned(), String::new()),
        Kind::Folder => (String::new(), "/".to_owned()),
        Kind::Link(target) => (String::new(), format!(" -> {}", Escaped(target.as_bytes()))),
        Kind::Again(_) => (String::new(), " (one more name of a file)".to_owned()),
    };
    let changed = entry.modified.and_then(moment).unwrap_or_default();
    writeln!(out, "{size:>9}  {changed:20}  {name}{after}")
}

/// `None` for what is before 1970 or farther ahead than nanoseconds are counted.
fn moment(moment: Moment) -> Option<String> {
    let seconds = u64::try_from(moment.seconds).ok()?;
    seconds.checked_mul(1_000_000_000).map(date)
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    file: File<'a>,
    kind: &'static str,
    size: Option<u64>,
    /// RFC 3339.
    modified: Option<String>,
    mode: Option<u32>,
}

fn json(entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    let (kind, size) = match entry.kind {
        Kind::File(size) => ("file", size),
        Kind::Folder => ("folder", None),
        Kind::Link(_) => ("link", None),
        Kind::Again(_) => ("file", None),
    };
    let line = Line {
        file: (&entry.name).into(),
        kind,
        size,
        modified: entry.modified.and_then(moment),
        mode: entry.mode,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use proto::filexfer::native::name::Name;

    use super::*;

    #[test]
    fn entries_in_both_forms() {
        let entry = |name: &[u8], kind, seconds| Entry {
            modified: Some(Moment { seconds, nanos: 5 }),
            mode: Some(0o644),
            ..Entry::new(Name::new(name).unwrap(), kind)
        };
        let table = [
            (
                entry(b"a.iso", Kind::File(Some(3_500_000)), 0),
                "   3.5 MB  1970-01-01T00:00:00Z  a.iso\n",
                r#"{"name":"a.iso","kind":"file","size":3500000,"modified":"1970-01-01T00:00:00Z","mode":420}"#,
            ),
            (
                entry(b"\xff", Kind::Folder, -1),
                "                                 \\xff/\n",
                "{\"name\":\"\u{fffd}\",\"name_hex\":\"ff\",\"kind\":\"folder\",\"size\":null,\"modified\":null,\"mode\":420}",
            ),
        ];
        for (entry, text, object) in table {
            let (mut words, mut bytes) = (Vec::new(), Vec::new());
            line(&entry, &mut words).unwrap();
            json(&entry, &mut bytes).unwrap();
            assert_eq!(String::from_utf8(words).unwrap(), text);
            assert_eq!(String::from_utf8(bytes).unwrap(), format!("{object}\n"));
        }
    }
}
