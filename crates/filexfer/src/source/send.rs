//! The source's side of a transfer: what is named, what is answered, and in which order.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::{
    Course, Done, Entry, Finish, Kind, Leave, NotSaved, Pause, Reason, Skipped, SkippedPath, Totals,
};
use proto::filexfer::native::name::Name;
use proto::filexfer::native::outbox::{Finished, Outbox};
use proto::frame::Message;
use runtime::escape::Escaped;

use super::answers::{Answer, Answers, rules};
use super::entries::{Entries, Next, Why};
use super::outlet::Outlet;
use super::packer::Packer;
use super::roots::Roots;
use super::watching::Watching;
use super::{Manner, Offer, Wanted};
use crate::session::Session;
use crate::transfer::{Event, Left, Summary, TransferError, Watch};

/// A source at work.
pub(super) struct Source<'a> {
    peer: SocketAddr,
    pub(super) outlet: Outlet,
    answers: Answers,
    pub(super) outbox: Outbox,
    pub(super) roots: Roots<'a>,
    wanted: &'a Wanted,
    pub(super) packer: Packer,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) summary: Summary,
    course: Course,
    end: End,
    /// Whether a file that was named in this round was not sent, since it changed.
    pub(super) changed: bool,
}

/// How far both sides are with the last words of a round or of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
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
        })
    }

    /// Sends all that the sink takes.
    pub(super) fn send(mut self, offer: &'a Offer) -> Result<Summary, TransferError> {
        let sent = match self.course {
            Course::Once | Course::Preview => self.round().and_then(|()| self.last_words(&Done)),
            Course::Follow => self.follow(offer),
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
    fn round(&mut self) -> Result<(), TransferError> {
        if let Some(totals) = totals(&mut self.roots, self.wanted, &mut self.outlet)? {
            self.watch.tell(Event::Totals(totals));
            self.outlet.say(&totals)?;
        }
        let mut entries = Some(Entries::new(&self.roots, self.wanted));
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
    fn last_words(&mut self, words: &impl Message) -> Result<(), TransferError> {
        self.outlet.say(words)?;
        self.end = End::Said;
        while self.end == End::Said {
            self.wait()?;
        }
        Ok(())
    }

    /// Round after round, until one of the two ends it.
    fn follow(&mut self, offer: &'a Offer) -> Result<(), TransferError> {
        let mut watching = Watching::new(offer, self.answers.waker());
        loop {
            watching.begin();
            match self.follow_once(offer) {
                Err(TransferError::Interrupted) if self.end == End::BySink => return Ok(()),
                round => round?,
            }
            self.watch.tell(Event::Paused);
            if self.changed {
                watching.note_change();
            }
            watching.rest();
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
    fn follow_once(&mut self, offer: &'a Offer) -> Result<(), TransferError> {
        self.summary.begin_round();
        (self.end, self.changed) = (End::Open, false);
        match Roots::new(offer) {
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

    /// Names as much as may be named now.
    fn name(&mut self, entries: &mut Option<Entries>) -> Result<(), TransferError> {
        while let Some(left) = entries
            && self.outbox.may_name()
        {
            match left.next(&mut self.roots) {
                Some(Next::Entry(entry)) => {
                    self.outlet.say(&entry)?;
                    self.outbox.name(entry);
                }
                Some(Next::Skipped { path, why }) => {
                    self.skipped(&path, &why);
                    self.outlet.stay_alive()?;
                }
                None => *entries = None,
            }
        }
        Ok(())
    }

    fn skipped(&mut self, path: &[u8], why: &Why) {
        tracing::warn!("skipped {}: {why}", Escaped(path));
        if !why.is_failure() {
            return;
        }
        self.summary.failed += 1;
        if let Ok(name) = Name::new(path) {
            let reason = &why.to_string();
            let name = &name;
            self.watch.tell(Event::Failed { name, reason });
        }
    }

    /// Sends what there is, and waits for the next answer for as long as may be silent.
    fn wait(&mut self) -> Result<(), TransferError> {
        self.wait_for(Outlet::SILENCE)
    }

    /// The same, but no longer than this.
    fn wait_for(&mut self, longest: Duration) -> Result<(), TransferError> {
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
            Answer::Parts(rows) | Answer::Chunks(rows) => {
                let _ = (rows.bytes, rows.is_last);
                Err(rules(peer, "expected nothing of a basis"))
            }
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
    if let Some(totals) = totals(&mut roots, wanted, &mut outlet)? {
        outlet.say(&totals)?;
    }
    let mut entries = Entries::new(&roots, wanted);
    while let Some(next) = entries.next(&mut roots) {
        match next {
            Next::Entry(entry) => outlet.say(&entry)?,
            Next::Skipped { path, why } => tracing::warn!("skipped {}: {why}", Escaped(&path)),
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

/// Goes through all that is wanted once, to say how much it is; `None` where that cannot be known.
fn totals(
    roots: &mut Roots<'_>,
    wanted: &Wanted,
    outlet: &mut Outlet,
) -> Result<Option<Totals>, TransferError> {
    let mut totals = Totals::default();
    let mut entries = Entries::new(roots, wanted);
    while let Some(next) = entries.next(roots) {
        outlet.stay_alive()?;
        let Next::Entry(entry) = next else {
            continue;
        };
        match entry.kind {
            Kind::File(Some(size)) => {
                totals.files += 1;
                totals.bytes = totals.bytes.saturating_add(size);
            }
            Kind::File(None) => return Ok(None),
            Kind::Folder | Kind::Link(_) | Kind::Again(_) => {}
        }
    }
    Ok(Some(totals))
}
