//! The source's side of a transfer: what is named, what is answered, and in which order.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::{
    Course, Done, Entry, Finish, Leave, NotSaved, Reason, Skipped, SkippedPath,
};
use proto::filexfer::native::name::Name;
use proto::filexfer::native::outbox::{Finished, Outbox, Violation};
use proto::frame::Message;
use runtime::escape::Escaped;

use super::answers::{Answer, Answers, RowsOf};
use super::entries::{Next, Why};
use super::named::Named;
use super::outlet::Outlet;
use super::packer::Packer;
use super::roots::Roots;
use super::{Manner, Offer, Wanted};
use crate::session::Session;
use crate::transfer::{Event, Left, Summary, TransferError, Watch, rules};

/// A source at work.
pub(super) struct Source<'a> {
    peer: SocketAddr,
    pub(super) outlet: Outlet,
    pub(super) answers: Answers,
    pub(super) outbox: Outbox,
    pub(super) roots: Roots<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) packer: Packer,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) summary: Summary,
    course: Course,
    pub(super) end: End,
    /// Whether a file that was named in this round was not sent, since it changed.
    pub(super) changed: bool,
    /// How long it took to go through all that is offered.
    pub(super) looking: Duration,
}

/// How far both sides are with the last words of a round or of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Open,
    Said,
    Answered,
    /// The sink has ended the transfer between two rounds.
    BySink,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        session: Session,
        roots: Roots<'a>,
        wanted: &'a Wanted,
        manner: &Manner,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, TransferError> {
        let peer = session.peer;
        Ok(Self {
            peer,
            outlet: Outlet::new(session.sending, manner.limit),
            answers: Answers::new(session.receiving, peer)?,
            outbox: Outbox::new(),
            roots,
            wanted,
            packer: Packer::new(manner.compression),
            watch,
            summary: Summary::default(),
            course: manner.course,
            end: End::Open,
            changed: false,
            looking: Duration::ZERO,
        })
    }

    /// Sends all that the sink takes.
    pub(super) fn send(
        mut self,
        offer: &'a Offer,
        manner: &Manner,
    ) -> Result<Summary, TransferError> {
        let sent = match self.course {
            Course::Once | Course::Preview => self.round().and_then(|()| self.last_words(&Done)),
            Course::Follow => self.follow(offer, manner),
        };
        self.summary.wire = self.outlet.wire();
        let sending = self.outlet.into_inner();
        let sent = match sent {
            // It may have closed its side already.
            Ok(()) if self.end == End::BySink => sending.end().or(Ok(())),
            Ok(()) => sending.end(),
            Err(error) => {
                sending.cut();
                Err(error)
            }
        };
        match sent {
            Ok(()) => {
                self.answers.join();
                Ok(self.summary)
            }
            Err(error) => Err(self.answers.why(error)),
        }
    }

    /// Names everything, and sends what is taken.
    pub(super) fn round(&mut self) -> Result<(), TransferError> {
        let start = Instant::now();
        let counted = Named::count(&mut self.roots, self.wanted, &mut self.outlet)?;
        self.looking = start.elapsed();
        let (totals, entries) = counted;
        if let Some(totals) = totals {
            self.watch.tell(Event::Totals(totals));
            self.outlet.say(&totals)?;
        }
        let mut entries = Some(entries);
        while entries.is_some() || !self.outbox.is_sent() {
            self.take_answers()?;
            self.name(&mut entries)?;
            match self.outbox.next_job() {
                Some(job) => self.send_file(job)?,
                None if entries.is_some() || !self.outbox.is_sent() => self.wait()?,
                None => {}
            }
        }
        Ok(())
    }

    /// Says that this was all, until the sink has said so too.
    pub(super) fn last_words(&mut self, words: &impl Message) -> Result<(), TransferError> {
        self.outlet.say(words)?;
        self.end = End::Said;
        while self.end == End::Said {
            self.wait()?;
        }
        Ok(())
    }

    /// Names as much as may be named now.
    fn name(&mut self, entries: &mut Option<Named>) -> Result<(), TransferError> {
        while let Some(left) = entries
            && self.outbox.may_name()
        {
            match left.next(&mut self.roots) {
                Some(Next::Entry(entry)) => {
                    self.outlet.say(&entry)?;
                    self.outbox.name(entry);
                }
                Some(Next::Skipped { path, why }) => self.skipped(&path, &why)?,
                Some(Next::LeftOut) => self.outlet.stay_alive()?,
                None => *entries = None,
            }
        }
        Ok(())
    }

    fn skipped(&mut self, path: &[u8], why: &Why) -> Result<(), TransferError> {
        let (reason, is_failure) = (why.to_string(), why.is_failure());
        tracing::debug!("skipped {}: {reason}", Escaped(path));
        self.summary.failed += u64::from(is_failure);
        self.watch.tell(Event::Skipped {
            path,
            reason: &reason,
            is_failure,
        });
        self.outlet.say(&Skipped {
            path: SkippedPath::new(path),
            reason: Reason::new(&reason),
            is_failure,
        })
    }

    /// Sends what there is, and waits for the next answer for as long as may be silent.
    pub(super) fn wait(&mut self) -> Result<(), TransferError> {
        self.wait_for(Outlet::SILENCE)
    }

    /// The same, but no longer than this.
    pub(super) fn wait_for(&mut self, longest: Duration) -> Result<(), TransferError> {
        self.outlet.flush()?;
        let patience = Outlet::SILENCE.saturating_sub(self.outlet.silent());
        let patience = patience.min(longest);
        match self.answers.wait(patience.max(Duration::from_millis(1)))? {
            Some(answer) => self.answered(answer)?,
            None => self.outlet.stay_alive()?,
        }
        self.packer.resume(&self.outlet);
        Ok(())
    }

    /// Takes note of all answers that have come.
    pub(super) fn take_answers(&mut self) -> Result<(), TransferError> {
        while let Some(answer) = self.answers.take()? {
            self.answered(answer)?;
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer) -> Result<(), TransferError> {
        let peer = self.peer;
        match answer {
            Answer::Take(take) => self.outbox.take(take).map_err(|broken| rules(peer, broken)),
            Answer::Leave(leave) => {
                let entry = self.outbox.leave().map_err(|broken| rules(peer, broken))?;
                self.left(&entry, &leave);
                Ok(())
            }
            Answer::Saved => {
                let file = self.outbox.saved().map_err(|broken| rules(peer, broken))?;
                self.saved(&file);
                Ok(())
            }
            Answer::NotSaved(why) => {
                let file = self.outbox.not_saved();
                self.not_saved(&file.map_err(|broken| rules(peer, broken))?, &why);
                Ok(())
            }
            Answer::Rows => self.rows().map_err(|broken| rules(peer, broken)),
            Answer::Removed(removed) => {
                self.summary.removed += 1;
                let name = &removed.name;
                self.watch.tell(Event::Removed { name });
                Ok(())
            }
            Answer::Pause => self.paused(),
            Answer::Done => self.done(),
            Answer::Woken => Ok(()),
        }
    }

    /// The sink said more of a basis.
    fn rows(&mut self) -> Result<(), Violation> {
        let Some(rows) = self.answers.rows() else {
            return Ok(());
        };
        match rows.of {
            RowsOf::Parts => self.outbox.parts(&rows.bytes, rows.is_last),
            RowsOf::Chunks => self.outbox.chunks(&rows.bytes, rows.is_last),
        }
    }

    fn left(&mut self, entry: &Entry, leave: &Leave) {
        let (name, size) = (&entry.name, entry.size());
        let why = match leave {
            Leave::Same => Left::Same,
            Leave::Kept => Left::Other,
            Leave::Unwanted => Left::Unwanted,
            Leave::Failed(reason) => return self.failed(name, reason.as_str()),
            Leave::Made => {
                self.summary.made += 1;
                return self.watch.tell(Event::Made { name });
            }
            Leave::Wanted => {
                self.summary.wanted += 1;
                return self.watch.tell(Event::Wanted { name, size });
            }
        };
        self.summary.count(why);
        self.watch.tell(Event::Left { name, size, why });
    }

    fn saved(&mut self, file: &Finished) {
        if let Finish::Whole(hash) = file.finish {
            self.summary.saved += 1;
            self.watch.tell(Event::Saved {
                name: &file.entry.name,
                size: file.size,
                hash,
            });
        }
    }

    /// What failed here was told when it did.
    fn not_saved(&mut self, file: &Finished, why: &NotSaved) {
        if let Finish::Whole(_) = file.finish {
            self.failed(&file.entry.name, why.reason.as_str());
        }
    }

    pub(super) fn failed(&mut self, name: &Name, reason: &str) {
        self.summary.failed += 1;
        self.watch.tell(Event::Failed { name, reason });
    }

    /// So many bytes of a file were sent.
    pub(super) fn moved(&mut self, bytes: usize) -> Result<(), TransferError> {
        self.summary.bytes += bytes as u64;
        self.watch.tell(Event::Moved(bytes as u64));
        self.take_answers()
    }

    /// So many bytes of a file need not be sent.
    pub(super) fn reused(&mut self, bytes: u64) -> Result<(), TransferError> {
        self.summary.reused += bytes;
        self.watch.tell(Event::Reused(bytes));
        self.take_answers()
    }

    fn done(&mut self) -> Result<(), TransferError> {
        self.end = match (self.course, self.end) {
            (Course::Once | Course::Preview, End::Said) => End::Answered,
            (Course::Follow, End::Answered) => End::BySink,
            // A round has begun meanwhile, of which the sink did not know.
            (Course::Follow, End::Open | End::Said) => {
                self.end = End::BySink;
                return Err(TransferError::Interrupted);
            }
            _ => return Err(rules(self.peer, "expected its end after that of this side")),
        };
        self.all_answered()
    }

    fn paused(&mut self) -> Result<(), TransferError> {
        if self.course != Course::Follow || self.end != End::Said {
            return Err(rules(self.peer, "expected no pause"));
        }
        self.end = End::Answered;
        self.all_answered()
    }

    fn all_answered(&self) -> Result<(), TransferError> {
        let peer = self.peer;
        self.outbox.done().map_err(|broken| rules(peer, broken))
    }
}

/// Names everything, and is told nothing.
pub(super) fn list(
    session: Session,
    mut roots: Roots<'_>,
    wanted: &Wanted,
) -> Result<(), TransferError> {
    let mut outlet = Outlet::new(session.sending, None);
    let (totals, mut entries) = Named::count(&mut roots, wanted, &mut outlet)?;
    if let Some(totals) = totals {
        outlet.say(&totals)?;
    }
    while let Some(next) = entries.next(&mut roots) {
        match next {
            Next::Entry(entry) => outlet.say(&entry)?,
            Next::Skipped { path, why } => tracing::warn!("skipped {}: {why}", Escaped(&path)),
            Next::LeftOut => {}
        }
        outlet.stay_alive()?;
    }
    outlet.say(&Done)?;
    outlet.into_inner().end()?;
    // When the sink has closed its side it has all of it. It may say that it is there and that it is done before.
    let mut receiving = session.receiving;
    let mut last = 0..100;
    while last.next().is_some() && matches!(receiving.next(), Ok(Some(_))) {}
    Ok(())
}
