//! A tally as lines that fit a terminal.

use std::time::{Duration, Instant};

use chart::Unit;
use chart::number::{grouped, watch};
use proto::filexfer::native::name::Name;
use runtime::escape::Escaped;

use super::tally::{Current, Tally};

/// Smaller files come and go faster than one can read: their folder is named.
const LARGE: u64 = 8 << 20;

/// Until it is known how much there is.
pub(super) const LOOKING: &str = "looking at what there is";

/// Between two rounds.
pub(super) const RESTING: &str = "waiting for changes";

/// The file that goes, and all of them where there are several.
pub(super) fn progress(tally: &Tally, now: Instant, width: usize) -> Vec<String> {
    if tally.rests() {
        return vec![RESTING.to_owned()];
    }
    if tally.totals.is_none() && tally.current.is_none() {
        return vec![LOOKING.to_owned()];
    }
    let rate = tally.rate(now);
    let is_one = tally.totals.is_some_and(|totals| totals.files == 1);
    let file = tally.current.as_ref();
    let file = file.map(|current| match current.size {
        Some(size) if size < LARGE && !is_one => folder_line(&current.name, width),
        _ => file_line(current, rate, width),
    });
    let total = (!is_one).then(|| total_line(tally, rate, now, width));
    file.into_iter().chain(total).collect()
}

fn file_line(current: &Current, rate: Option<f64>, width: usize) -> String {
    let at = current.at;
    let left = current.size.zip(rate);
    let left = left.map(|(size, rate)| size.saturating_sub(at) as f64 / rate);
    let figures = figures(at, current.size, rate, left);
    let room = width.saturating_sub(columns(&figures) + 3).max(8);
    let name = shortened(current.name.as_bytes(), room);
    format!("{name}  {figures}")
}

/// Where files come and go.
fn folder_line(name: &Name, width: usize) -> String {
    let name = name.as_bytes();
    let end = name.iter().rposition(|byte| *byte == b'/');
    let folder = end.map_or(name, |end| &name[..=end]);
    shortened(folder, width.saturating_sub(1))
}

fn total_line(tally: &Tally, rate: Option<f64>, now: Instant, width: usize) -> String {
    let there = tally.files_there;
    let (files, size) = match tally.totals {
        Some(totals) => {
            let of = grouped(totals.files);
            let there = grouped(there.min(totals.files));
            (format!("{there} of {of} files"), Some(totals.bytes))
        }
        None => (format!("{} files", grouped(there)), None),
    };
    let figures = figures(tally.bytes_there, size, rate, tally.seconds_left(now));
    cut(&format!("{files}  {figures}"), width.saturating_sub(1))
}

fn figures(at: u64, size: Option<u64>, rate: Option<f64>, left: Option<f64>) -> String {
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
        parts.extend(left.and_then(time_left));
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

fn time_left(seconds: f64) -> Option<String> {
    let time = Duration::try_from_secs_f64(seconds.ceil()).ok()?;
    Some(format!("{} left", watch(time)))
}

pub(super) fn bytes(number: u64) -> String {
    Unit::Bytes.show(number as f64)
}

/// The name, escaped; where it is too long its beginning is left out, which says less than its end.
fn shortened(name: &[u8], room: usize) -> String {
    let text = Escaped(name).to_string();
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
    use crate::transfer::{Event, Left};

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
                "photos/one.jpg   25 %  500 MB of 2 GB  125 MB/s  0:12 left",
                "0 of 3 files   12 %  500 MB of 4 GB  125 MB/s  0:28 left",
            ]
        );
        for line in progress(&tally, at(4), 40) {
            assert!(columns(&line) < 60, "{line}");
        }
    }

    #[test]
    fn many_small_files() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        assert_eq!(progress(&tally, start, 80), [LOOKING]);
        let (files, bytes) = (20_000, 80_000_000);
        tally.take(&Event::Totals(Totals { files, bytes }), start);
        let (size, why) = (Some(4000), Left::Same);
        for number in 0..1233 {
            let name = &name(&format!("a/b/{number}"));
            tally.take(&Event::Left { name, size, why }, start);
        }
        let (name, from) = (&name("a/b/c"), 0);
        tally.take(&Event::Begun { name, size, from }, start);
        let lines = progress(&tally, start, 80);
        let total = "1,233 of 20,000 files    6 %  4.932 MB of 80 MB";
        assert_eq!(lines, ["a/b/", total]);
        tally.take(&Event::Paused, start);
        assert_eq!(progress(&tally, start, 80), [RESTING]);
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
            assert_eq!(shortened(text.as_bytes(), room), expected);
        }
    }
}
