//! The rounds of a transfer that is followed: everything is named anew when something has changed.

use std::time::Instant;

use proto::filexfer::native::message::{Done, Pause, Reason, Skipped, SkippedPath};

use super::outlet::Outlet;
use super::send::{End, Source};
use super::watching::Watching;
use super::{Manner, Offer, Wanted};
use crate::transfer::{Event, TransferError};

impl<'a> Source<'a> {
    /// Round after round, until one of the two ends it.
    pub(super) fn follow(
        &mut self,
        offer: &'a Offer,
        manner: &Manner,
    ) -> Result<(), TransferError> {
        let mut watching = Watching::new(offer, self.answers.waker());
        loop {
            watching.begin();
            match self.follow_once(offer, manner) {
                Err(TransferError::Interrupted) if self.end == End::BySink => return Ok(()),
                round => round?,
            }
            self.watch.tell(Event::Paused);
            if self.changed {
                watching.note_change();
            }
            watching.rest(self.looking);
            match self.rest(&watching) {
                Ok(()) if self.end == End::BySink => return Ok(()),
                Ok(()) => {}
                Err(error) => {
                    // Where it is this side that was told to stop, the other side is to know that it may too.
                    let _ = self.outlet.say(&Done).and_then(|()| self.outlet.flush());
                    return Err(error);
                }
            }
        }
    }

    /// One round, of what is offered now.
    fn follow_once(&mut self, offer: &'a Offer, manner: &Manner) -> Result<(), TransferError> {
        self.summary.begin_round();
        (self.end, self.changed) = (End::Open, false);
        match super::roots(offer, self.wanted, manner) {
            Ok(roots) => {
                self.roots = roots;
                self.round()?;
            }
            // The sink is not to think that there is nothing.
            Err(error) => self.nothing_to_name(&error)?,
        }
        self.last_words(&Pause)
    }

    /// What is offered is not there.
    fn nothing_to_name(&mut self, error: &TransferError) -> Result<(), TransferError> {
        let reason = error.to_string();
        let names = self.roots.names(&Wanted::default());
        for name in names {
            self.summary.failed += 1;
            let path = name.as_bytes();
            self.watch.tell(Event::Skipped {
                path,
                reason: &reason,
                is_failure: true,
            });
            self.outlet.say(&Skipped {
                path: SkippedPath::new(path),
                reason: Reason::new(&reason),
                is_failure: true,
            })?;
        }
        Ok(())
    }

    /// Waits until something has changed, or the sink has ended.
    fn rest(&mut self, watching: &Watching) -> Result<(), TransferError> {
        loop {
            let now = Instant::now();
            let due = watching.due();
            if due.is_some_and(|due| due <= now) || self.end == End::BySink {
                return Ok(());
            }
            let until_due = due.map_or(Outlet::SILENCE, |due| due - now);
            self.wait_for(until_due)?;
        }
    }
}
