//! How a sink answers what the source names.

use std::rc::Rc;
use std::time::Instant;

use proto::filexfer::native::message::{Course, Entry, Kind, Leave, Reason, Take};

use runtime::folder::{self, FolderError};

use super::patching::Patching;
use super::receiver::Sink;
use super::saving::{Saving, Spot};
use super::settle::{STILL_THERE, Settling, Told, say_alive};
use super::slot::{Slot, State};
use super::target::Verdict;
use crate::session::Sending;
use crate::transfer::{Event, Left, TransferError};

/// The least size in bytes from which on a file is opened before it is taken: what then fails costs no bytes on the wire.
const OPEN_EARLY: u64 = 1 << 20;

/// The most files that are open and taken.
const MOST_OPEN: usize = 8;

impl Sink<'_> {
    /// Answers what can be answered, and ends what should not wait any more: `has_more` says whether something comes that
    /// it can wait for.
    pub(super) fn go_on(&mut self, has_more: bool) -> Result<(), TransferError> {
        let (settling, mut told) = self.settling();
        settling.answer(&mut told)?;
        let is_due = settling.is_full() || !has_more && !settling.is_busy();
        if is_due && !settling.is_empty() {
            // What the source waits for need not wait for the disk.
            told.sending.flush()?;
            settling.send_off(&mut told)?;
        }
        self.end_folders();
        while let Some(entry) = self.inbox.next_to_answer() {
            if self.open >= MOST_OPEN {
                break;
            }
            let entry = entry.clone();
            if self.has_to_wait(&entry)? {
                break;
            }
            let number = self.folders.answer();
            self.links.first(&entry, number);
            match &entry.kind {
                Kind::Link(target) => self.symbolic(&entry, target)?,
                Kind::Again(number) => self.again(&entry, *number)?,
                Kind::File(_) | Kind::Folder => self.answer(&entry)?,
            }
        }
        Ok(())
    }

    /// Waits until all that is finished is answered.
    pub(super) fn settle(&mut self) -> Result<(), TransferError> {
        let (settling, mut told) = self.settling();
        settling.settle(&mut told)
    }

    /// Waits until some of what is finished is answered.
    pub(super) fn wait(&mut self) -> Result<(), TransferError> {
        let (settling, mut told) = self.settling();
        settling.wait(&mut told)
    }

    fn settling(&mut self) -> (&mut Settling, Told<'_>) {
        let told = Told {
            sending: &mut self.sending,
            summary: &mut self.summary,
            watch: self.watch,
        };
        (&mut self.settling, told)
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), TransferError> {
        let mut verdict = self.target.judge(entry, self.manner);
        if let Err(FolderError::NoFile { found, .. }) = &verdict
            && *found == folder::Kind::Folder
            && let Ok(Some(spot)) = self.target.spot(&entry.name)
            && self.make_way(entry, &spot)?
        {
            verdict = match self.manner.course {
                Course::Preview => Ok(Verdict::Missing),
                Course::Once | Course::Follow => self.target.judge(entry, self.manner),
            };
        }
        let opened = match verdict {
            Ok(Verdict::Left(why)) => return self.leave(entry, why),
            Ok(_) if self.manner.course == Course::Preview => return self.would_take(entry),
            Ok(Verdict::Missing) => Err("its folder is missing".to_owned()),
            Ok(Verdict::Stream) => Ok(State::Stream(Box::default())),
            Ok(Verdict::Save(spot)) => self.open(spot, entry),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(state) => self.take(state),
            Err(reason) => self.cannot(entry, &reason),
        }
    }

    /// Leaves what cannot be here, for this reason.
    pub(super) fn cannot(&mut self, entry: &Entry, reason: &str) -> Result<(), TransferError> {
        self.inbox.leave();
        self.fail(entry, reason);
        self.sending.say(&Leave::Failed(Reason::new(reason)))
    }

    /// Leaves what would be taken if this were no preview.
    pub(super) fn would_take(&mut self, entry: &Entry) -> Result<(), TransferError> {
        self.inbox.leave();
        self.summary.wanted += 1;
        let (name, size) = (&entry.name, entry.size());
        self.watch.tell(Event::Wanted { name, size });
        self.sending.say(&Leave::Wanted)
    }

    pub(super) fn leave(&mut self, entry: &Entry, why: Left) -> Result<(), TransferError> {
        self.summary.count(why);
        self.inbox.leave();
        let name = &entry.name;
        let size = entry.size();
        self.watch.tell(Event::Left { name, size, why });
        self.sending.say(&match why {
            Left::Same => Leave::Same,
            Left::Other => Leave::Kept,
            Left::Unwanted => Leave::Unwanted,
        })
    }

    /// Opens what is large, or goes on where it stood, or may be made of what is here.
    fn open(&mut self, spot: Spot, entry: &Entry) -> Result<State, String> {
        let mut alive = alive(&mut self.sending);
        if let Some(base) = self.bases.find(&spot, entry, &mut alive) {
            let how = (self.care, self.manner.update);
            let patching = Patching::open(spot, entry, base, how, &mut alive);
            let patching = patching.map_err(|error| error.to_string())?;
            return Ok(State::Patching(Box::new(patching)));
        }
        let is_large =
            matches!(entry.kind, Kind::File(size) if size.is_none_or(|size| size >= OPEN_EARLY));
        if !is_large && !spot.is_begun() {
            return Ok(State::Waiting(spot));
        }
        let saving = Saving::resume(&spot, entry, self.care, &mut alive);
        let saving = saving.map_err(|error| error.to_string())?;
        Ok(State::Open(Box::new(saving)))
    }

    fn take(&mut self, state: State) -> Result<(), TransferError> {
        let mut take = Take::default();
        let mut base = None;
        match &state {
            State::Open(saving) => take = saving.take(),
            State::Patching(patching) => {
                take = patching.take();
                base = Some(Rc::clone(patching.base()));
            }
            State::Waiting(_) | State::Small(_) | State::Stream(_) | State::Failed(_) => {}
        }
        if let Some(base) = &base {
            self.signing.parts(base, take.from);
        }
        let early = matches!(state, State::Open(_) | State::Patching(_));
        self.open += usize::from(early);
        let slot = Slot {
            begun: false,
            early,
            base,
            state,
        };
        self.folders.take();
        self.inbox.take(take.from, take.basis, slot);
        self.sending.say(&take)
    }
}

/// Says now and then that this side is there.
pub(super) fn alive(sending: &mut Sending) -> impl FnMut() {
    let mut last = None;
    move || {
        let since = *last.get_or_insert_with(Instant::now);
        if since.elapsed() >= STILL_THERE {
            last = None;
            say_alive(sending);
        }
    }
}
