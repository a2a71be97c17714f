//! What has come of a transfer so far, and how fast it goes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::Totals;
use proto::filexfer::native::name::Name;

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
    pub(crate) totals: Option<Totals>,
    pub(crate) current: Option<Current>,
    /// Of files that are complete, and of parts that need not be sent again.
    pub(crate) bytes_there: u64,
    /// Bytes of files that came or went.
    pub(crate) moved: u64,
    pub(crate) saved: u64,
    pub(crate) same: u64,
    pub(crate) kept: u64,
    pub(crate) failed: u64,
    /// Links that were made; what was removed, or would be.
    pub(crate) made: u64,
    pub(crate) removed: u64,
    /// What would be transferred, in a preview: files, their bytes.
    pub(crate) wanted: u64,
    pub(crate) wanted_bytes: u64,
    /// Bytes of files that had not to be moved.
    pub(crate) reused: u64,
    /// The first that are complete.
    pub(crate) complete: Vec<Complete>,
    /// Files that an interrupted transfer had saved: the one that goes on finds them there.
    saved_before: u64,
    pace: Pace,
}

impl Tally {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            totals: None,
            current: None,
            bytes_there: 0,
            moved: 0,
            saved: 0,
            same: 0,
            kept: 0,
            failed: 0,
            made: 0,
            removed: 0,
            wanted: 0,
            wanted_bytes: 0,
            reused: 0,
            complete: Vec::new(),
            saved_before: 0,
            pace: Pace::default(),
        }
    }

    /// The transfer begins anew after an interruption: what was left alone will be left again.
    pub(crate) fn begin_again(&mut self) {
        (self.same, self.kept, self.failed) = (0, 0, 0);
        self.bytes_there = 0;
        self.saved_before = self.saved;
        (self.totals, self.current) = (None, None);
    }

    pub(crate) fn take(&mut self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Totals(totals) => self.totals = Some(*totals),
            Event::Begun { name, size, from } => {
                self.bytes_there += from;
                self.current = Some(Current {
                    name: (*name).clone(),
                    size: *size,
                    at: *from,
                });
            }
            Event::Moved(bytes) => self.count(*bytes, now),
            Event::Saved { name, hash, .. } => {
                self.saved += 1;
                if self.complete.len() < NAMED {
                    let name = (*name).clone();
                    self.complete.push(Complete { name, hash: *hash });
                }
            }
            Event::Left { why, .. } => self.leave(*why),
            Event::Failed { .. } => self.failed += 1,
            Event::Reused(bytes) => self.reuse(*bytes),
            Event::Made { .. } => self.made += 1,
            Event::Removed { .. } => self.removed += 1,
            Event::Wanted { size, .. } => {
                self.wanted += 1;
                self.wanted_bytes += size.unwrap_or(0);
            }
            Event::Skipped { is_failure, .. } => self.failed += u64::from(*is_failure),
            Event::Paused => {}
        }
    }

    /// Bytes that are there without having been moved.
    fn reuse(&mut self, bytes: u64) {
        self.reused += bytes;
        self.bytes_there += bytes;
        if let Some(current) = &mut self.current {
            current.at += bytes;
        }
    }

    fn count(&mut self, bytes: u64, now: Instant) {
        self.moved += bytes;
        self.bytes_there += bytes;
        if let Some(current) = &mut self.current {
            current.at += bytes;
        }
        self.pace.note(self.moved, now);
    }

    fn leave(&mut self, why: Left) {
        match why {
            // It is what was saved before the interruption.
            Left::Same if self.saved_before > 0 => self.saved_before -= 1,
            Left::Same => self.same += 1,
            Left::Other => self.kept += 1,
            Left::Unwanted => {}
        }
    }

    /// Files of which there is nothing more to do.
    pub(crate) fn settled(&self) -> u64 {
        self.saved + self.same + self.kept + self.failed
    }

    /// Bytes a second, lately.
    pub(crate) fn rate(&self, now: Instant) -> Option<f64> {
        self.pace.rate(self.moved, now)
    }
}

/// Remembers the last seconds.
#[derive(Debug, Default)]
struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    const STEP: Duration = Duration::from_millis(250);
    const STEPS: usize = 16;

    fn note(&mut self, moved: u64, now: Instant) {
        let is_due = self
            .0
            .back()
            .is_none_or(|(last, _)| now.saturating_duration_since(*last) >= Self::STEP);
        if is_due {
            if self.0.len() == Self::STEPS {
                self.0.pop_front();
            }
            self.0.push_back((now, moved));
        }
    }

    fn rate(&self, moved: u64, now: Instant) -> Option<f64> {
        let (since, before) = self.0.front()?;
        let time = now.saturating_duration_since(*since);
        (time >= Self::STEP).then(|| (moved - before) as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_transfer_is_counted() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        let (one, two) = (name("one"), name("two"));
        let at = |millis| start + Duration::from_millis(millis);
        let begun = |name, from| Event::Begun {
            name,
            size: Some(4000),
            from,
        };
        tally.take(&begun(&one, 1000), at(0));
        for step in 0..=30 {
            tally.take(&Event::Moved(100), at(step * 100));
        }
        assert_eq!((tally.bytes_there, tally.moved), (4100, 3100));
        let rate = tally.rate(at(3000)).unwrap();
        assert!((999.0..=1001.0).contains(&rate), "{rate}");
        tally.take(
            &Event::Saved {
                name: &one,
                size: 4000,
                hash: [7; 32],
            },
            at(3000),
        );
        tally.take(
            &Event::Left {
                name: &two,
                size: None,
                why: Left::Other,
            },
            at(3000),
        );
        assert_eq!((tally.saved, tally.kept, tally.settled()), (1, 1, 2));
    }

    #[test]
    fn what_was_saved_before_an_interruption_is_not_told_twice() {
        let mut tally = Tally::new(Instant::now());
        let (one, now) = (name("one"), Instant::now());
        let saved = Event::Saved {
            name: &one,
            size: 1,
            hash: [0; 32],
        };
        let left = |why| Event::Left {
            name: &one,
            size: None,
            why,
        };
        tally.take(&left(Left::Same), now);
        tally.take(&saved, now);
        tally.begin_again();
        for _ in 0..2 {
            tally.take(&left(Left::Same), now);
        }
        tally.take(&saved, now);
        assert_eq!((tally.saved, tally.same), (2, 1));
    }
}
