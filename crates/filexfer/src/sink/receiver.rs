//! What a sink does with each frame.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use proto::filexfer::native::blocks::FileHash;
use proto::filexfer::native::inbox::Inbox;
use proto::filexfer::native::message::{
    Alive, Data, Done, Entry, Finish, Kind, Leave, Reason, Refused, Take, Totals,
};
use proto::frame::{Frame, Message};

use super::journal::Boot;
use super::saving::{Care, Saving, Spot};
use super::settle::{Finished, How, STILL_THERE, Settling, say_alive};
use super::target::{Target, Verdict};
use super::unpack::Unpacker;
use super::{Manner, Place, UNDONE, unexpected};
use crate::session::{Incoming, Receiving, Sending, Session};
use crate::transfer::{Event, Left, Summary, TransferError, Watch};

/// The least size in bytes from which on a file is opened before it is taken: what then fails costs no bytes on the wire.
const OPEN_EARLY: u64 = 1 << 20;

/// The most files that are open and taken.
const MOST_OPEN: usize = 8;

/// A file that was taken.
struct Slot {
    /// Whether its begin was told.
    begun: bool,
    /// Whether it was open when it was taken.
    early: bool,
    state: State,
}

enum State {
    /// It is opened when its bytes come.
    Waiting(Spot),
    Open(Box<Saving>),
    /// It goes to standard output.
    Stream(Box<FileHash>),
    /// Its bytes are read and dropped, for this reason.
    Failed(String),
}

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

struct Sink<'a> {
    peer: SocketAddr,
    sending: Sending,
    target: Target,
    manner: &'a Manner,
    watch: &'a mut dyn Watch,
    inbox: Inbox<Slot>,
    /// How many that are taken are open.
    open: usize,
    /// How many files were named.
    named: u64,
    settling: Settling,
    unpacker: Unpacker,
    care: Care,
    summary: Summary,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(
        session: Session,
        place: &Place,
        manner: &'a Manner,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, TransferError> {
        let target = Target::open(place).map_err(|reason| here(place, reason))?;
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
                settling: Settling::default(),
                unpacker: Unpacker::default(),
                care: Care {
                    boot: Boot::now(),
                    sync: manner.sync,
                    patience: manner.patience,
                },
                summary: Summary::default(),
            },
        })
    }

    /// Until all is done. What was not complete is kept.
    pub(super) fn run(mut self) -> Result<Summary, TransferError> {
        let begun = self.receiving.wire();
        match self.work() {
            Ok(()) => self.end(begun),
            Err(error) => {
                self.sink.abandon();
                Err(error)
            }
        }
    }

    fn work(&mut self) -> Result<(), TransferError> {
        loop {
            let incoming = self.receiving.next()?;
            let incoming = incoming.ok_or_else(|| self.sink.broken(UNDONE))?;
            if self.sink.frame(&incoming)? == Flow::Done {
                return Ok(());
            }
            self.sink.go_on()?;
            if !self.receiving.has_more() {
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
        match incoming.prefix.kind {
            Data::KIND => self.data(self.decoded(incoming)?)?,
            Entry::KIND => self.entry(self.decoded(incoming)?.message)?,
            Finish::KIND => self.finish(&self.decoded(incoming)?.message)?,
            Totals::KIND => self.totals(self.decoded(incoming)?.message)?,
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

    fn broken(&self, what: impl ToString) -> TransferError {
        TransferError::Rules {
            peer: self.peer,
            what: what.to_string(),
        }
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
        let folder = self.inbox.entry(entry);
        if let Some(folder) = folder.map_err(|violation| self.broken(violation))?
            && let Err(error) = self.target.make(&folder)
        {
            self.fail(&folder, &error.to_string());
        }
        Ok(())
    }

    fn fail(&mut self, entry: &Entry, reason: &str) {
        self.summary.failed += 1;
        let name = &entry.name;
        self.watch.tell(Event::Failed { name, reason });
    }

    /// Answers what can be answered, and ends what should not wait any more.
    fn go_on(&mut self) -> Result<(), TransferError> {
        let is_due = self.inbox.taken() == 0 || self.settling.is_full();
        if is_due && !self.settling.is_empty() {
            // What the source waits for need not wait for the disk.
            self.sending.flush()?;
            self.settle()?;
        }
        while let Some(entry) = self.inbox.next_to_answer() {
            if self.open >= MOST_OPEN {
                break;
            }
            let entry = entry.clone();
            self.answer(&entry)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), TransferError> {
        let Self {
            manner,
            sending,
            summary,
            watch,
            ..
        } = self;
        self.settling.settle(manner, sending, summary, *watch)
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), TransferError> {
        let verdict = self.target.judge(entry, self.manner.existing);
        let opened = match verdict {
            Ok(Verdict::Left(why)) => return self.leave(entry, why),
            Ok(Verdict::Stream) => Ok(State::Stream(Box::default())),
            Ok(Verdict::Save(spot)) => self.open(spot, entry),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(state) => self.take(state),
            Err(reason) => {
                self.inbox.leave();
                self.fail(entry, &reason);
                self.sending.say(&Leave::Failed(Reason::new(&reason)))
            }
        }
    }

    fn leave(&mut self, entry: &Entry, why: Left) -> Result<(), TransferError> {
        self.summary.count(why);
        self.inbox.leave();
        let name = &entry.name;
        self.watch.tell(Event::Left { name, why });
        self.sending.say(&match why {
            Left::Same => Leave::Same,
            Left::Other => Leave::Kept,
        })
    }

    /// Opens what is large, or goes on where it stood.
    fn open(&mut self, spot: Spot, entry: &Entry) -> Result<State, String> {
        let is_large =
            matches!(entry.kind, Kind::File(size) if size.is_none_or(|size| size >= OPEN_EARLY));
        if !is_large && !spot.is_begun() {
            return Ok(State::Waiting(spot));
        }
        let mut alive = alive(&mut self.sending);
        let saving = Saving::resume(&spot, entry, self.care, &mut alive);
        let saving = saving.map_err(|error| error.to_string())?;
        Ok(State::Open(Box::new(saving)))
    }

    fn take(&mut self, state: State) -> Result<(), TransferError> {
        let mut take = Take {
            from: 0,
            stack: Vec::new(),
        };
        if let State::Open(saving) = &state {
            self.open += 1;
            take = saving.take();
        }
        let slot = Slot {
            begun: false,
            early: matches!(state, State::Open(_)),
            state,
        };
        self.inbox.take(take.from, slot);
        self.sending.say(&take)
    }

    fn data(&mut self, frame: Frame<'_, Data>) -> Result<(), TransferError> {
        let peer = self.peer;
        let broken = |what: String| TransferError::Rules { peer, what };
        let bytes = match frame.message.unpacked {
            None => frame.bulk,
            Some(length) => self.unpacker.unpack(frame.bulk, length).map_err(broken)?,
        };
        let taken = self.inbox.data(bytes.len() as u64);
        let taken = taken.map_err(|violation| broken(violation.to_string()))?;
        let mut alive = alive(&mut self.sending);
        let slot = &mut taken.with;
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.open(&taken.entry, self.care, &mut alive);
        slot.write(bytes, &self.target, &mut alive)?;
        self.summary.bytes += bytes.len() as u64;
        self.watch.tell(Event::Moved(bytes.len() as u64));
        Ok(())
    }

    fn finish(&mut self, finish: &Finish) -> Result<(), TransferError> {
        let taken = self.inbox.finish(finish);
        let mut taken = taken.map_err(|violation| self.broken(violation))?;
        let slot = &mut taken.with;
        self.open -= usize::from(slot.early);
        let mut alive = alive(&mut self.sending);
        slot.tell(&taken.entry, taken.from, self.watch);
        slot.open(&taken.entry, self.care, &mut alive);
        let how = taken.with.finish(&taken.entry, finish, &mut alive);
        self.settling.push(Finished {
            name: taken.entry.name,
            size: taken.got,
            how,
        });
        Ok(())
    }

    fn done(&mut self) -> Result<Flow, TransferError> {
        let done = self.inbox.done();
        done.map_err(|violation| self.broken(violation))?;
        self.settle()?;
        Ok(Flow::Done)
    }

    /// The connection is at its end before all was done: what is complete gets its name, what is not is kept.
    fn abandon(mut self) {
        let _ = self.settle();
        for taken in self.inbox.into_taken() {
            if let State::Open(saving) = taken.with.state {
                saving.keep();
            }
        }
    }
}

impl Slot {
    /// Says that it begins, once.
    fn tell(&mut self, entry: &Entry, from: u64, watch: &mut dyn Watch) {
        if !std::mem::replace(&mut self.begun, true) {
            let (name, size) = (&entry.name, size_of(entry));
            watch.tell(Event::Begun { name, size, from });
        }
    }

    /// Opens it if it is not yet.
    fn open(&mut self, entry: &Entry, care: Care, alive: &mut dyn FnMut()) {
        if let State::Waiting(spot) = &self.state {
            self.state = match Saving::begin(spot, entry, care, alive) {
                Ok(saving) => State::Open(Box::new(saving)),
                Err(error) => State::Failed(error.to_string()),
            };
        }
    }

    fn write(
        &mut self,
        bytes: &[u8],
        target: &Target,
        alive: &mut dyn FnMut(),
    ) -> Result<(), TransferError> {
        match &mut self.state {
            State::Open(saving) => {
                if let Err(error) = saving.write(bytes, alive) {
                    let state = State::Failed(error.to_string());
                    if let State::Open(saving) = std::mem::replace(&mut self.state, state) {
                        saving.keep();
                    }
                }
            }
            State::Stream(hash) => {
                hash.update(bytes, |_| ());
                if let Target::Stdout(stdout) = target {
                    stream(stdout, bytes)?;
                }
            }
            State::Waiting(_) | State::Failed(_) => {}
        }
        Ok(())
    }

    fn finish(self, entry: &Entry, finish: &Finish, alive: &mut dyn FnMut()) -> How {
        let failed = match finish {
            Finish::Whole(hash) => return self.whole(entry, *hash, alive),
            Finish::Changed => "it changed while it was read".to_owned(),
            Finish::Failed(reason) => reason.as_str().to_owned(),
        };
        if let State::Open(saving) = self.state {
            saving.discard();
        }
        How::Failed(failed)
    }

    fn whole(self, entry: &Entry, expected: [u8; 32], alive: &mut dyn FnMut()) -> How {
        match self.state {
            State::Open(saving) => match saving.complete(entry, expected, alive) {
                Ok(complete) => How::Complete(complete, expected),
                Err(error) => How::Failed(error.to_string()),
            },
            State::Stream(hash) if hash.clone().finish() == expected => How::Streamed(expected),
            State::Stream(_) => How::Failed("expected the hash that the source has".into()),
            State::Waiting(_) => How::Failed("expected it to be open".into()),
            State::Failed(reason) => How::Failed(reason),
        }
    }
}

/// Says now and then that this side is there.
fn alive(sending: &mut Sending) -> impl FnMut() {
    let mut last = Instant::now();
    move || {
        if last.elapsed() >= STILL_THERE {
            last = Instant::now();
            say_alive(sending);
        }
    }
}

fn stream(mut stdout: &File, bytes: &[u8]) -> Result<(), TransferError> {
    let written = stdout.write_all(bytes);
    written.map_err(|reason| TransferError::Here {
        what: "cannot write to standard output".into(),
        reason,
    })
}

fn size_of(entry: &Entry) -> Option<u64> {
    match entry.kind {
        Kind::File(size) => size,
        Kind::Folder => None,
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
