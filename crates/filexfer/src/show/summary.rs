//! A tally in words, when it is over.

use std::fmt::Write;
use std::time::{Duration, Instant};

use chart::Unit;
use chart::number::grouped;
use proto::filexfer::native::message::Course;
use runtime::escape::Escaped;

use super::counts::Counts;
use super::lines::bytes;
use super::tally::{Complete, NAMED, Tally};

/// Of fewer bytes a rate says nothing.
const WORTH_A_RATE: u64 = 100_000;

/// Which way the files went, for this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Received,
    Sent,
}

impl Way {
    fn done(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }

    fn would(self) -> &'static str {
        match self {
            Self::Received => "would receive",
            Self::Sent => "would send",
        }
    }
}

/// One line of figures, of all that was done.
pub(super) fn line(
    tally: &Tally,
    way: Way,
    course: Course,
    wire: Option<u64>,
    now: Instant,
) -> String {
    let counts = tally.all();
    if course == Course::Preview {
        return preview(&counts, way);
    }
    let mut line = match tally.rounds {
        0 => String::new(),
        1 => "followed for one round: ".to_owned(),
        rounds => format!("followed for {} rounds: ", grouped(rounds)),
    };
    let time = since(tally.began, now);
    line += &match tally.rounds {
        0 => figures(tally, &counts, way, took(counts.moved, time)),
        _ => figures(
            tally,
            &counts,
            way,
            format!(" in {:.2} s", time.as_secs_f64()),
        ),
    };
    line += &others(&counts);
    if let Some(wire) = wire.filter(|wire| *wire < counts.moved) {
        let _ = write!(line, "; {} on the wire", bytes(wire));
    }
    line
}

/// What a round came to.
pub(super) fn round(tally: &Tally, way: Way, now: Instant) -> String {
    let counts = &tally.counts;
    let took = took(counts.moved, since(tally.round_began, now));
    let figures = figures(tally, counts, way, took) + &others(counts);
    match counts.failed + counts.kept {
        0 => format!("up to date: {figures}"),
        _ => figures,
    }
}

/// Bytes alone.
pub(super) fn moved(tally: &Tally, way: Way, now: Instant) -> String {
    let moved = tally.counts.moved;
    let time = since(tally.began, now);
    format!("{} {}{}", way.done(), bytes(moved), took(moved, time))
}

fn preview(counts: &Counts, way: Way) -> String {
    let would = way.would();
    let (wanted, size) = (files(counts.wanted), bytes(counts.wanted_bytes));
    let mut line = format!("{would} {wanted}, {size}");
    if counts.removed > 0 {
        let _ = write!(line, "; would remove {}", grouped(counts.removed));
    }
    let counts = Counts {
        removed: 0,
        ..*counts
    };
    line + &others(&counts)
}

fn figures(tally: &Tally, counts: &Counts, way: Way, took: String) -> String {
    let (saved, moved) = (files(counts.saved), counts.moved);
    let all = tally.totals.map(|totals| totals.bytes);
    let of = all.filter(|all| *all > moved);
    let of = of.map_or(String::new(), |all| format!(" of {}", bytes(all)));
    format!("{} {saved}, {}{of}{took}", way.done(), bytes(moved))
}

fn took(moved: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let mut text = format!(" in {seconds:.2} s");
    if moved >= WORTH_A_RATE && seconds > 0.0 {
        let rate = Unit::Bytes.show(moved as f64 / seconds);
        let _ = write!(text, " ({rate}/s)");
    }
    text
}

/// What became of the rest.
fn others(counts: &Counts) -> String {
    let table = [
        (counts.same, "was there already", "were there already"),
        (counts.made, "link made", "links made"),
        (counts.removed, "removed", "removed"),
        (counts.left_out, "left out", "left out"),
        (counts.kept, "kept as it was", "kept as they were"),
        (counts.failed, "failed", "failed"),
    ];
    let said = table.iter().filter(|(count, ..)| *count > 0);
    let texts: Vec<_> = said
        .map(|(count, one, several)| match count {
            1 => format!("1 {one}"),
            count => format!("{} {several}", grouped(*count)),
        })
        .collect();
    match texts.is_empty() {
        true => String::new(),
        false => format!("; {}", texts.join(", ")),
    }
}

fn since(began: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(began)
}

/// The hashes of the files, where they are few.
pub(super) fn hashes(tally: &Tally) -> Vec<String> {
    if tally.counts.saved > NAMED as u64 || tally.rounds > 0 {
        return Vec::new();
    }
    let line = |file: &Complete| {
        let name = Escaped(file.name.as_bytes());
        format!("blake3 {}  {name}", hex(&file.hash))
    };
    tally.complete.iter().map(line).collect()
}

pub(crate) fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{} files", grouped(count)),
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

    use proto::filexfer::native::message::Totals;
    use proto::filexfer::native::name::Name;

    use super::*;
    use crate::transfer::{Event, Left};

    fn tally(events: &[Event<'_>], start: Instant) -> Tally {
        let mut tally = Tally::new(start);
        events.iter().for_each(|event| tally.take(event, start));
        tally
    }

    #[test]
    fn what_was_done_in_words() {
        let start = Instant::now();
        let later = start + Duration::from_millis(1500);
        let name = &Name::new(*b"a.iso").unwrap();
        let (size, hash) = (3_000_000, [0xab; 32]);
        let saved = Event::Saved { name, size, hash };
        let left = |why| Event::Left {
            name,
            size: Some(5),
            why,
        };
        let (files, bytes) = (3, 4_000_000);
        let totals = Event::Totals(Totals { files, bytes });
        let moved = Event::Moved(3_000_000);
        let table: [(&[Event<'_>], _, _); 3] = [
            (
                &[moved.clone(), saved.clone()],
                Some(3_000_100),
                "received 1 file, 3 MB in 1.50 s (2 MB/s)",
            ),
            (
                &[moved.clone(), saved.clone(), left(Left::Other)],
                Some(1_000_000),
                "received 1 file, 3 MB in 1.50 s (2 MB/s); 1 kept as it was; 1 MB on the wire",
            ),
            (
                &[
                    totals.clone(),
                    moved.clone(),
                    saved.clone(),
                    left(Left::Same),
                    left(Left::Same),
                    Event::Made { name },
                    Event::Removed { name },
                    Event::Paused,
                ],
                None,
                "followed for one round: received 1 file, 3 MB of 4 MB in 1.50 s; \
                 2 were there already, 1 link made, 1 removed",
            ),
        ];
        for (events, wire, expected) in table {
            let tally = tally(events, start);
            let found = line(&tally, Way::Received, Course::Once, wire, later);
            assert_eq!(found, expected);
        }
        let tally = tally(&[saved], start);
        let hash = format!("blake3 {}  a.iso", "ab".repeat(32));
        assert_eq!(hashes(&tally), [hash]);
    }

    #[test]
    fn what_would_be_done() {
        let start = Instant::now();
        let name = &Name::new(*b"a").unwrap();
        let wanted = Event::Wanted {
            name,
            size: Some(1_550_000),
        };
        let removed = Event::Removed { name };
        let tally = tally(&[wanted.clone(), wanted, removed], start);
        let found = line(&tally, Way::Sent, Course::Preview, Some(10), start);
        assert_eq!(found, "would send 2 files, 3.1 MB; would remove 1");
    }
}
