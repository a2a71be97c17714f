//! What has come of a transfer so far, and how fast it goes.

use std::time::Instant;

use proto::filexfer::native::message::Totals;
use proto::filexfer::native::name::Name;

use super::counts::Counts;
use super::pace::{Pace, Point};
use crate::transfer::{Event, Left};

/// So many files are named with their hashes at the end.
pub(crate) const NAMED: usize = 5;

/// The file that goes now.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) name: Name,
    pub(crate) size: Option<u64>,
    /// The offset that was reached.
    pub(crate) at: u64,
}

/// A file that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Complete {
    pub(crate) name: Name,
    pub(crate) hash: [u8; 32],
}

/// Counts, from the events of a transfer and of those that went on with it when it was interrupted.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) began: Instant,
    /// When this round did, of a transfer that is followed.
    pub(crate) round_began: Instant,
    pub(crate) totals: Option<Totals>,
    pub(crate) current: Option<Current>,
    /// Files of which there is nothing more to do, and their bytes with those of parts that are there.
    pub(crate) files_there: u64,
    pub(crate) bytes_there: u64,
    /// Of this round.
    pub(crate) counts: Counts,
    /// Of those before.
    earlier: Counts,
    /// How many are over.
    pub(crate) rounds: u64,
    /// Whether the last one is, and nothing came of another.
    rests: bool,
    /// The first that are complete.
    pub(crate) complete: Vec<Complete>,
    /// What an interrupted transfer had saved and made: the one that goes on finds it there.
    done_before: u64,
    pace: Pace,
}

impl Tally {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            round_began: now,
            totals: None,
            current: None,
            files_there: 0,
            bytes_there: 0,
            counts: Counts::default(),
            earlier: Counts::default(),
            rounds: 0,
            rests: false,
            complete: Vec::new(),
            done_before: 0,
            pace: Pace::default(),
        }
    }

    /// The transfer begins anew after an interruption: what was left alone will be left again.
    pub(crate) fn begin_again(&mut self) {
        self.counts.begin_again();
        self.done_before = self.counts.saved + self.counts.made;
        self.begin_anew();
    }

    /// Everything is named from the beginning.
    fn begin_anew(&mut self) {
        (self.files_there, self.bytes_there) = (0, 0);
        (self.totals, self.current) = (None, None);
        self.rests = false;
    }

    fn begin_round(&mut self, now: Instant) {
        self.earlier.add(&self.counts);
        self.counts = Counts::default();
        self.done_before = 0;
        self.round_began = now;
        self.begin_anew();
    }

    /// Of all rounds; what was left or failed, of the last one.
    pub(crate) fn all(&self) -> Counts {
        let mut all = self.earlier;
        all.add(&self.counts);
        all
    }

    /// Whether a round is over and the next one has not begun.
    pub(crate) fn rests(&self) -> bool {
        self.rests
    }

    pub(crate) fn take(&mut self, event: &Event<'_>, now: Instant) {
        if self.rests {
            self.begin_round(now);
        }
        match event {
            Event::Totals(totals) => self.totals = Some(*totals),
            Event::Begun { name, size, from } => {
                self.bytes_there = self.bytes_there.saturating_add(*from);
                self.current = Some(Current {
                    name: (*name).clone(),
                    size: *size,
                    at: *from,
                });
            }
            Event::Moved(bytes) => {
                self.counts.moved += bytes;
                self.advance(*bytes);
            }
            Event::Reused(bytes) => {
                self.counts.reused += bytes;
                self.advance(*bytes);
            }
            Event::Saved { name, hash, .. } => self.saved(name, *hash),
            Event::Left { size, why, .. } => self.leave(*size, *why),
            Event::Failed { .. } => {
                self.counts.failed += 1;
                self.files_there += 1;
            }
            Event::Made { .. } => self.counts.made += 1,
            Event::Removed { .. } => self.counts.removed += 1,
            Event::Wanted { size, .. } => {
                self.counts.wanted += 1;
                let bytes = &mut self.counts.wanted_bytes;
                *bytes = bytes.saturating_add(size.unwrap_or(0));
                self.pass_by(*size);
            }
            Event::Skipped { is_failure, .. } => match is_failure {
                true => self.counts.failed += 1,
                false => self.counts.left_out += 1,
            },
            Event::Paused => {
                self.rounds += 1;
                (self.rests, self.current) = (true, None);
            }
        }
        self.pace.note(self.point(), now);
    }

    /// More of the file that goes is there.
    fn advance(&mut self, bytes: u64) {
        self.bytes_there = self.bytes_there.saturating_add(bytes);
        if let Some(current) = &mut self.current {
            current.at = current.at.saturating_add(bytes);
        }
    }

    fn saved(&mut self, name: &Name, hash: [u8; 32]) {
        self.counts.saved += 1;
        self.files_there += 1;
        if self.complete.len() < NAMED {
            let name = name.clone();
            self.complete.push(Complete { name, hash });
        }
    }

    /// A file, or a link that has no size, of which nothing comes.
    fn pass_by(&mut self, size: Option<u64>) {
        if let Some(size) = size {
            self.files_there += 1;
            self.bytes_there = self.bytes_there.saturating_add(size);
        }
    }

    fn leave(&mut self, size: Option<u64>, why: Left) {
        self.pass_by(size);
        match why {
            // It is what was saved before the interruption.
            Left::Same if self.done_before > 0 => self.done_before -= 1,
            Left::Same => self.counts.same += 1,
            Left::Other => self.counts.kept += 1,
            Left::Unwanted => self.counts.left_out += 1,
        }
    }

    fn point(&self) -> Point {
        Point {
            moved: self.earlier.moved + self.counts.moved,
            bytes: self.bytes_there,
            files: self.files_there,
        }
    }

    /// Bytes that come or go in a second, lately.
    pub(crate) fn rate(&self, now: Instant) -> Option<f64> {
        let rates = self.pace.rates(self.point(), now)?;
        Some(rates.moved)
    }

    /// How many seconds are left, at the pace at which all of it came to be there lately, what need not be sent included.
    pub(crate) fn seconds_left(&self, now: Instant) -> Option<f64> {
        let (totals, rates) = (self.totals?, self.pace.rates(self.point(), now)?);
        let bytes = totals.bytes.saturating_sub(self.bytes_there) as f64 / rates.bytes;
        let files = totals.files.saturating_sub(self.files_there) as f64 / rates.files;
        // Of large files none may have been complete lately.
        let slower = match files.is_finite() {
            true => bytes.max(files),
            false => bytes,
        };
        slower.is_finite().then_some(slower)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    fn saved(name: &Name) -> Event<'_> {
        let (size, hash) = (4000, [7; 32]);
        Event::Saved { name, size, hash }
    }

    fn left(name: &Name, why: Left) -> Event<'_> {
        let size = Some(500);
        Event::Left { name, size, why }
    }

    #[test]
    fn a_transfer_is_counted() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        let (one, two) = (name("one"), name("two"));
        let at = |millis| start + Duration::from_millis(millis);
        let (files, bytes) = (3, 6100);
        tally.take(&Event::Totals(Totals { files, bytes }), start);
        let (size, from) = (Some(4600), 1000);
        let name = &one;
        tally.take(&Event::Begun { name, size, from }, start);
        for step in 0..=30 {
            tally.take(&Event::Moved(100), at(step * 100));
        }
        tally.take(&Event::Reused(500), at(3000));
        assert_eq!((tally.bytes_there, tally.counts.moved), (4600, 3100));
        let rate = tally.rate(at(3000)).unwrap();
        assert!((1033.0..=1034.0).contains(&rate), "{rate}");
        tally.take(&saved(&one), at(3000));
        tally.take(&left(&two, Left::Other), at(3000));
        let counts = tally.counts;
        assert_eq!((counts.saved, counts.kept), (1, 1));
        assert_eq!((tally.files_there, tally.bytes_there), (2, 5100));
        let left = tally.seconds_left(at(3000)).unwrap();
        assert!((0.7..=1.5).contains(&left), "{left}");
    }

    #[test]
    fn what_was_saved_before_an_interruption_is_not_told_twice() {
        let (one, now) = (name("one"), Instant::now());
        let mut tally = Tally::new(now);
        tally.take(&left(&one, Left::Same), now);
        tally.take(&saved(&one), now);
        tally.begin_again();
        for _ in 0..2 {
            tally.take(&left(&one, Left::Same), now);
        }
        tally.take(&saved(&one), now);
        assert_eq!((tally.counts.saved, tally.counts.same), (2, 1));
    }

    #[test]
    fn rounds_are_told_apart() {
        let (one, now) = (name("one"), Instant::now());
        let mut tally = Tally::new(now);
        tally.take(&saved(&one), now);
        tally.take(&left(&one, Left::Other), now);
        tally.take(&Event::Moved(10), now);
        tally.take(&Event::Paused, now);
        assert!(tally.rests());
        assert_eq!((tally.counts.saved, tally.counts.kept), (1, 1));
        tally.take(&Event::Totals(Totals::default()), now);
        assert!(!tally.rests());
        assert_eq!(tally.counts, Counts::default());
        tally.take(&Event::Moved(10), now);
        tally.take(&saved(&one), now);
        tally.take(&Event::Paused, now);
        let all = tally.all();
        assert_eq!(
            (all.saved, all.moved, all.kept, tally.rounds),
            (2, 20, 0, 2)
        );
    }
}
