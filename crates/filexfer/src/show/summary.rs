//! A tally in words, when it is over.

use std::fmt::Write;
use std::time::Instant;

use chart::Unit;
use runtime::escape::Escaped;

use super::lines::bytes;
use super::tally::{NAMED, Tally};

/// Which way the files went, for this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Received,
    Sent,
}

/// One line of figures.
pub(super) fn line(tally: &Tally, way: Way, wire: Option<u64>, now: Instant) -> String {
    let mut line = figures(tally, way, Some(tally.saved), now);
    if let Some(wire) = wire.filter(|wire| *wire < tally.moved) {
        let _ = write!(line, ", compressed to {} on the wire", bytes(wire));
    }
    let others = [
        (tally.same, "there already"),
        (tally.kept, "kept as they were"),
        (tally.failed, "failed"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(line, "; {} {what}", files(count));
    }
    line
}

/// Bytes alone.
pub(super) fn moved(tally: &Tally, way: Way, now: Instant) -> String {
    figures(tally, way, None, now)
}

fn figures(tally: &Tally, way: Way, saved: Option<u64>, now: Instant) -> String {
    let seconds = now.saturating_duration_since(tally.began).as_secs_f64();
    let way = match way {
        Way::Received => "received",
        Way::Sent => "sent",
    };
    let saved = saved.map_or(String::new(), |saved| files(saved) + ", ");
    let mut line = format!("{way} {saved}{} in {seconds:.2} s", bytes(tally.moved));
    if tally.moved > 0 && seconds > 0.0 {
        let rate = Unit::Bytes.show(tally.moved as f64 / seconds);
        let _ = write!(line, " ({rate}/s)");
    }
    line
}

/// The hashes of the files, where they are few.
pub(super) fn hashes(tally: &Tally) -> Vec<String> {
    if tally.saved > NAMED as u64 {
        return Vec::new();
    }
    let line = |file: &super::tally::Complete| {
        let name = Escaped(file.name.as_bytes());
        format!("blake3 {}  {name}", hex(&file.hash))
    };
    tally.complete.iter().map(line).collect()
}

fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::filexfer::native::name::Name;

    use super::*;
    use crate::transfer::{Event, Left};

    #[test]
    fn what_was_done_in_words() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        let name = &Name::new(*b"a.iso").unwrap();
        tally.take(&Event::Moved(3_000_000), start);
        let (size, hash) = (3_000_000, [0xab; 32]);
        tally.take(&Event::Saved { name, size, hash }, start);
        let later = start + Duration::from_millis(1500);
        let received = |tally: &Tally, wire| line(tally, Way::Received, wire, later);
        assert_eq!(
            received(&tally, Some(3_000_100)),
            "received 1 file, 3 MB in 1.50 s (2 MB/s)"
        );
        let why = Left::Other;
        tally.take(
            &Event::Left {
                name,
                size: None,
                why,
            },
            start,
        );
        assert_eq!(
            received(&tally, Some(1_000_000)),
            "received 1 file, 3 MB in 1.50 s (2 MB/s), compressed to 1 MB on the wire; \
             1 file kept as they were"
        );
        assert_eq!(
            hashes(&tally),
            [format!("blake3 {}  a.iso", "ab".repeat(32))]
        );
    }
}
