//! A tally as lines that fit a terminal.

use std::time::{Duration, Instant};

use chart::Unit;
use chart::number::watch;
use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;

use super::tally::{Current, Tally};

/// The file that goes, and all of them where there are several.
pub(super) fn progress(tally: &Tally, now: Instant, width: usize) -> Vec<String> {
    let rate = tally.rate(now);
    let file = tally.current.as_ref();
    let file = file.map(|current| file_line(current, rate, width));
    let is_one = tally.totals.is_some_and(|totals| totals.files == 1);
    let total = (!is_one).then(|| total_line(tally, rate, width));
    file.into_iter().chain(total).collect()
}

fn file_line(current: &Current, rate: Option<f64>, width: usize) -> String {
    let figures = figures(current.at, current.size, rate);
    let room = width.saturating_sub(columns(&figures) + 3).max(8);
    format!("{}  {figures}", shortened(&current.name, room))
}

fn total_line(tally: &Tally, rate: Option<f64>, width: usize) -> String {
    let settled = tally.settled();
    let (files, size) = match tally.totals {
        Some(totals) => (
            format!("{settled} of {} files", totals.files),
            Some(totals.bytes),
        ),
        None => (format!("{settled} files"), None),
    };
    let figures = figures(tally.bytes_there, size, rate);
    cut(
        &format!("in all {files}  {figures}"),
        width.saturating_sub(1),
    )
}

fn figures(at: u64, size: Option<u64>, rate: Option<f64>) -> String {
    let mut parts = Vec::new();
    match size {
        Some(size) => {
            parts.push(format!("{:>3} %", percent(at, size)));
            parts.push(format!("{} of {}", bytes(at), bytes(size)));
        }
        None => parts.push(bytes(at)),
    }
    if let Some(rate) = rate {
        parts.push(format!("{}/s", Unit::Bytes.show(rate)));
        parts.extend(size.and_then(|size| time_left(size.saturating_sub(at), rate)));
    }
    parts.join("  ")
}

/// Rounded down: 100 % is all.
fn percent(at: u64, size: u64) -> u64 {
    match size {
        0 => 100,
        size => (u128::from(at.min(size)) * 100 / u128::from(size)) as u64,
    }
}

fn time_left(bytes: u64, rate: f64) -> Option<String> {
    let seconds = bytes as f64 / rate;
    let time = Duration::try_from_secs_f64(seconds.ceil()).ok()?;
    Some(format!("{} left", watch(time)))
}

pub(super) fn bytes(number: u64) -> String {
    Unit::Bytes.show(number as f64)
}

/// The name, escaped; where it is too long its beginning is left out, which says less than its end.
fn shortened(name: &Name, room: usize) -> String {
    let text = Escaped(name.as_bytes()).to_string();
    if columns(&text) <= room {
        return text;
    }
    let mut free = room.saturating_sub(1);
    let mut kept = text.len();
    for (at, character) in text.char_indices().rev() {
        let wide = columns_of(character);
        if wide > free {
            break;
        }
        (free, kept) = (free - wide, at);
    }
    format!("…{}", &text[kept..])
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// At most so many: letters from the East are two columns wide, marks that join others none.
fn columns_of(character: char) -> usize {
    if character < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use proto::filexfer::native::message::Totals;

    use super::*;
    use crate::transfer::Event;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn lines_of_a_transfer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut tally = Tally::new(start);
        let (files, bytes) = (3, 4_000_000_000);
        tally.take(&Event::Totals(Totals { files, bytes }), start);
        let (name, size) = (&name("photos/one.jpg"), Some(2_000_000_000));
        tally.take(
            &Event::Begun {
                name,
                size,
                from: 0,
            },
            start,
        );
        for second in 0..=4 {
            tally.take(&Event::Moved(100_000_000), at(second));
        }
        let lines = progress(&tally, at(4), 100);
        assert_eq!(
            lines,
            [
                "photos/one.jpg   25 %  500 MB of 2 GB  100 MB/s  0:15 left",
                "in all 0 of 3 files   12 %  500 MB of 4 GB  100 MB/s  0:35 left",
            ]
        );
        for line in progress(&tally, at(4), 40) {
            assert!(columns(&line) < 60, "{line}");
        }
    }

    #[test]
    fn a_stream_has_no_end_in_sight() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        tally.take(&Event::Totals(Totals { files: 1, bytes: 0 }), start);
        let (name, size) = (&name("stdin"), None);
        tally.take(
            &Event::Begun {
                name,
                size,
                from: 0,
            },
            start,
        );
        tally.take(&Event::Moved(1500), start);
        assert_eq!(progress(&tally, start, 80), ["stdin  1.5 kB"]);
    }

    #[test]
    fn names_are_shortened_at_their_beginning() {
        let table = [
            ("short", 10, "short"),
            ("0123456789abc", 10, "…456789abc"),
            ("漢字漢字漢字", 7, "…字漢字"),
            ("a\u{202e}b", 20, "a\\u{202e}b"),
        ];
        for (text, room, expected) in table {
            assert_eq!(shortened(&name(text), room), expected);
        }
    }
}
