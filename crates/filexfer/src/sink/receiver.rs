//! What a sink does with each frame.

use std::net::SocketAddr;

use proto::filexfer::native::inbox::Inbox;
use proto::filexfer::native::message::{
    Alive, AskChunks, Course, Data, Done, Entry, Finish, FromBasis, Hole, Kind, Pause, Refused,
    Skipped, Totals,
};
use proto::frame::{Frame, Message};

use super::bases::Bases;
use super::disk::Ways;
use super::extras::Extras;
use super::folders::Folders;
use super::journal::Boot;
use super::links::Links;
use super::saving::Care;
use super::settle::Settling;
use super::signing::Signing;
use super::slot::{Slot, State};
use super::target::Target;
use super::unpack::Unpacker;
use super::{Manner, Place, UNDONE, unexpected};
use crate::session::{Incoming, Receiving, Sending, Session};
use crate::transfer::{Event, Summary, TransferError, Watch, rules};

/// So many bytes of answers go out while more comes: the source must not run out of what it may send.
const WORTH: usize = 2048;

/// Whether more is to come.
#[derive(PartialEq, Eq)]
enum Flow {
    More,
    Done,
}

/// A sink at work.
pub(super) struct Receiver<'a> {
    receiving: Receiving,
    sink: Sink<'a>,
}

pub(super) struct Sink<'a> {
    pub(super) peer: SocketAddr,
    pub(super) sending: Sending,
    pub(super) target: Target,
    pub(super) manner: &'a Manner,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) inbox: Inbox<Slot>,
    /// How many that are taken are open.
    pub(super) open: usize,
    /// How many files were named in this round.
    named: u64,
    /// Whether a round of a transfer that is followed is over, and nothing came of another yet.
    rests: bool,
    pub(super) settling: Settling,
    pub(super) unpacker: Unpacker,
    pub(super) care: Care,
    pub(super) folders: Folders,
    pub(super) links: Links,
    pub(super) bases: Bases,
    pub(super) signing: Signing,
    pub(super) extras: Extras,
    /// Whether something was made or removed that is not a file, since the disk was told to take all.
    pub(super) changed: bool,
    pub(super) summary: Summary,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(
        session: Session,
        place: &Place,
        manner: &'a Manner,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, TransferError> {
        let target = Target::open(place, manner.course).map_err(|reason| here(place, reason))?;
        let care = Care {
            boot: Boot::now(),
            sync: manner.sync,
            patience: manner.patience,
            preserve: manner.preserve,
        };
        let ways = Ways {
            care,
            existing: manner.existing,
        };
        let bases = Bases::new(&target);
        Ok(Self {
            receiving: session.receiving,
            sink: Sink {
                peer: session.peer,
                sending: session.sending,
                target,
                manner,
                watch,
                inbox: Inbox::new(manner.wanted.clone()),
                open: 0,
                named: 0,
                rests: false,
                settling: Settling::new(ways),
                unpacker: Unpacker::default(),
                care,
                folders: Folders::default(),
                links: Links::default(),
                bases,
                signing: Signing::default(),
                extras: Extras::new(manner),
                changed: false,
                summary: Summary::default(),
            },
        })
    }

    /// Until all is done. What was not complete is kept.
    pub(super) fn run(mut self) -> Result<Summary, TransferError> {
        let begun = self.receiving.wire();
        match self.work() {
            Ok(()) => self.end(begun),
            Err(error) if self.sink.rests => {
                self.sink.take_leave();
                Err(error)
            }
            Err(error) => {
                self.sink.abandon();
                Err(error)
            }
        }
    }

    fn work(&mut self) -> Result<(), TransferError> {
        loop {
            // What the source waits for is made while nothing else comes.
            if self.sink.signing.has_work() && !self.receiving.is_ready() {
                self.sink.sign()?;
                continue;
            }
            if self.sink.settling.is_busy() && !self.receiving.is_ready() {
                self.sink.wait()?;
                self.sink.go_on(false)?;
                self.sink.sending.flush()?;
                continue;
            }
            let incoming = self.receiving.next()?;
            let incoming = incoming.ok_or_else(|| self.sink.broken(UNDONE))?;
            if self.sink.frame(&incoming)? == Flow::Done {
                return Ok(());
            }
            let has_more = self.receiving.is_ready();
            self.sink.go_on(has_more)?;
            if !has_more || self.sink.sending.waiting() >= WORTH {
                self.sink.sending.flush()?;
            }
        }
    }

    /// All is safe, whatever becomes of the connection now.
    fn end(mut self, begun: u64) -> Result<Summary, TransferError> {
        let Sink {
            mut sending,
            mut summary,
            ..
        } = self.sink;
        if sending.say(&Done).is_ok() && sending.end().is_ok() {
            // The final record.
            let _ = self.receiving.next();
        }
        summary.wire = self.receiving.wire() - begun;
        Ok(summary)
    }
}

impl Sink<'_> {
    fn frame(&mut self, incoming: &Incoming<'_>) -> Result<Flow, TransferError> {
        if self.rests {
            self.begin_round(incoming.prefix.kind)?;
        }
        match incoming.prefix.kind {
            Data::KIND => self.data(self.decoded(incoming)?)?,
            Entry::KIND => self.entry(self.decoded(incoming)?.message)?,
            Finish::KIND => self.finish(&self.decoded(incoming)?.message)?,
            FromBasis::KIND => self.reuse(self.decoded(incoming)?.message)?,
            Hole::KIND => self.hole(self.decoded(incoming)?.message)?,
            AskChunks::KIND => self.ask_chunks(self.decoded(incoming)?.message)?,
            Totals::KIND => self.totals(self.decoded(incoming)?.message)?,
            Skipped::KIND => self.skipped(&self.decoded(incoming)?.message),
            Pause::KIND => self.pause()?,
            Alive::KIND => {}
            Done::KIND => return self.done(),
            Refused::KIND => {
                let refused: Frame<'_, Refused> = self.decoded(incoming)?;
                return Err(TransferError::Refused(refused.message));
            }
            kind => return Err(self.broken(unexpected(kind))),
        }
        Ok(Flow::More)
    }

    fn decoded<'b, M: Message>(
        &self,
        incoming: &Incoming<'b>,
    ) -> Result<Frame<'b, M>, TransferError> {
        let decoded = incoming.decode::<M>();
        decoded.map_err(|error| self.broken(error))
    }

    pub(super) fn broken(&self, what: impl ToString) -> TransferError {
        rules(self.peer, what)
    }

    fn totals(&mut self, totals: Totals) -> Result<(), TransferError> {
        let said = self.inbox.totals(totals);
        said.map_err(|violation| self.broken(violation))?;
        self.watch.tell(Event::Totals(totals));
        Ok(())
    }

    fn entry(&mut self, entry: Entry) -> Result<(), TransferError> {
        self.named += u64::from(entry.kind != Kind::Folder);
        if matches!(self.target, Target::File(_)) && (self.named > 1 || entry.kind == Kind::Folder)
        {
            return Err(not_one_file());
        }
        self.extras.named(&entry);
        self.come_to(Some(&entry.name));
        let folder = self.inbox.entry(entry);
        let folder = folder.map_err(|violation| self.broken(violation))?;
        match folder {
            Some(folder) => self.make_folder(&folder),
            None => {
                self.folders.name();
            }
        }
        Ok(())
    }

    fn skipped(&mut self, skipped: &Skipped) {
        if skipped.is_failure {
            self.extras.keep();
            self.summary.failed += 1;
        }
        self.watch.tell(Event::Skipped {
            path: skipped.path.as_bytes(),
            reason: skipped.reason.as_str(),
            is_failure: skipped.is_failure,
        });
    }

    pub(super) fn fail(&mut self, entry: &Entry, reason: &str) {
        self.summary.failed += 1;
        let name = &entry.name;
        self.watch.tell(Event::Failed { name, reason });
    }

    fn done(&mut self) -> Result<Flow, TransferError> {
        let done = self.inbox.done();
        done.map_err(|violation| self.broken(violation))?;
        if !self.rests {
            self.end_round()?;
        }
        Ok(Flow::Done)
    }

    /// Something comes between two rounds, or begins one.
    fn begin_round(&mut self, kind: u8) -> Result<(), TransferError> {
        match kind {
            // It is to know that this side is there too.
            Alive::KIND => self.sending.say(&Alive),
            Done::KIND => Ok(()),
            _ => {
                self.rests = false;
                self.named = 0;
                self.summary.begin_round();
                Ok(())
            }
        }
    }

    /// Between two rounds nothing can be lost: where it is this side that was told to stop, the other side is to know
    /// that it may too.
    fn take_leave(mut self) {
        let _ = self.sending.say(&Done).and_then(|()| self.sending.end());
    }

    fn pause(&mut self) -> Result<(), TransferError> {
        if self.manner.course != Course::Follow {
            return Err(self.broken(unexpected(Pause::KIND)));
        }
        let paused = self.inbox.pause();
        paused.map_err(|violation| self.broken(violation))?;
        self.end_round()?;
        self.target.forget();
        self.links = Links::default();
        self.bases = Bases::new(&self.target);
        self.extras = Extras::new(self.manner);
        self.sending.say(&Pause)?;
        self.sending.flush()?;
        self.watch.tell(Event::Paused);
        self.rests = true;
        Ok(())
    }

    /// All that was named is answered: what is superfluous goes, and folders get their times.
    fn end_round(&mut self) -> Result<(), TransferError> {
        self.settle()?;
        self.come_to(None);
        self.end_folders();
        self.remove_extras()?;
        let synced = self.sync_changes();
        synced.map_err(|error| TransferError::Here {
            what: "cannot write links and folders to the disk".into(),
            reason: std::io::Error::other(error),
        })
    }

    /// The connection is at its end before all was done: what is complete gets its name, what is not is kept.
    fn abandon(mut self) {
        let _ = self.settle();
        self.end_folders();
        for taken in self.inbox.into_taken() {
            match taken.with.state {
                State::Open(saving) => saving.keep(),
                State::Patching(patching) => patching.keep(),
                _ => {}
            }
        }
    }
}

fn here(place: &Place, reason: std::io::Error) -> TransferError {
    let what = match place {
        Place::Folder(path) | Place::File(path) => format!("cannot save to {}", path.display()),
        Place::Stdout => "cannot write to standard output".into(),
    };
    TransferError::Here { what, reason }
}

fn not_one_file() -> TransferError {
    TransferError::Here {
        what: "cannot save what is offered".into(),
        reason: std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "expected one file to save under this name; name a folder for more",
        ),
    }
}
