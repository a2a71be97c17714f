//! What the sink answers, read by a thread of its own: neither side waits for the other to read.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proto::filexfer::native::message::{
    Alive, CHUNK_ROW, Chunks, Done, Leave, MAX_OPEN_ROWS, MAX_UNANSWERED, NotSaved, Parts, Pause,
    Refused, Removed, Saved, Take,
};
use proto::filexfer::native::outbox::Outbox;
use proto::frame::{FrameError, Message};

use crate::session::{Incoming, Receiving};
use crate::transfer::{TransferError, rules};

/// An answer of the sink.
#[derive(Debug)]
pub(super) enum Answer {
    Take(Take),
    /// Something of a basis, which [`Answers::rows`] has.
    Rows,
    Removed(Removed),
    Pause,
    Leave(Leave),
    Saved,
    NotSaved(NotSaved),
    Done,
    /// It is this side that has something to look at ([`Answers::waker`]).
    Woken,
}

/// What a sink tells of a basis: as many rows as came one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) of: RowsOf,
    pub(super) bytes: Vec<u8>,
    pub(super) is_last: bool,
}

const UNANSWERED: &str = "expected its answers before its end";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowsOf {
    Parts,
    Chunks,
}

/// Rows that came and were not looked at yet. They are beside the answers: a sink may say them in any number of frames.
#[derive(Debug, Default)]
struct Pile {
    rows: VecDeque<Rows>,
    bytes: usize,
}

impl Pile {
    /// All that a sink may have said of files that are not finished.
    const MOST: usize = MAX_OPEN_ROWS as usize * CHUNK_ROW;

    /// Adds some; `None` where there are too many, else whether that is to be told.
    fn add(&mut self, of: RowsOf, bytes: &[u8], is_last: bool) -> Option<Tell> {
        self.bytes += bytes.len();
        if self.bytes > Self::MOST {
            return None;
        }
        if let Some(rows) = self.rows.back_mut()
            && rows.of == of
            && !rows.is_last
        {
            rows.bytes.extend_from_slice(bytes);
            rows.is_last = is_last;
            return Some(Tell::Told);
        }
        let bytes = bytes.to_vec();
        self.rows.push_back(Rows { of, bytes, is_last });
        Some(Tell::New)
    }

    fn take(&mut self) -> Option<Rows> {
        let rows = self.rows.pop_front()?;
        self.bytes -= rows.bytes.len();
        Some(rows)
    }
}

/// Whether there is an answer already that leads to some rows.
#[derive(PartialEq, Eq)]
enum Tell {
    New,
    Told,
}

type SharedPile = Arc<Mutex<Pile>>;

type Came = Result<Answer, TransferError>;

/// The answers that have come.
pub(super) struct Answers {
    came: Receiver<Came>,
    sender: SyncSender<Came>,
    /// Whether a [`Answer::Woken`] is on its way.
    woken: Arc<AtomicBool>,
    pile: SharedPile,
    reading: JoinHandle<()>,
    peer: SocketAddr,
}

impl Answers {
    /// Room for all that a sink may answer at once: the end, an error and a waking included, and rows, which are told once
    /// for each basis of which the last came, and once for those that follow.
    const ROOM: usize = Outbox::MAX_ANSWERS + MAX_UNANSWERED as usize + 6;

    /// Begins to read.
    pub(super) fn new(receiving: Receiving, peer: SocketAddr) -> Result<Self, TransferError> {
        let (sender, came) = sync_channel(Self::ROOM);
        let pile = SharedPile::default();
        let reader = Reader {
            peer,
            sender: sender.clone(),
            pile: Arc::clone(&pile),
        };
        let reading = thread::Builder::new()
            .name("answers".into())
            .spawn(move || reader.read(receiving))
            .map_err(|reason| TransferError::Here {
                what: "cannot start a thread".into(),
                reason,
            })?;
        Ok(Self {
            came,
            sender,
            woken: Arc::default(),
            pile,
            reading,
            peer,
        })
    }

    /// What an [`Answer::Rows`] leads to.
    pub(super) fn rows(&self) -> Option<Rows> {
        lock(&self.pile).take()
    }

    /// The next answer, if it is there.
    pub(super) fn take(&self) -> Result<Option<Answer>, TransferError> {
        match self.came.try_recv() {
            Ok(came) => self.known(came).map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.ended()),
        }
    }

    /// The next answer, unless there is none for so long.
    pub(super) fn wait(&self, patience: Duration) -> Result<Option<Answer>, TransferError> {
        match self.came.recv_timeout(patience) {
            Ok(came) => self.known(came).map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// What ends a wait from another thread: one [`Answer::Woken`] comes, however often it is called before.
    pub(super) fn waker(&self) -> impl Fn() + Send + std::marker::Sync + 'static {
        let (sender, woken) = (self.sender.clone(), Arc::clone(&self.woken));
        move || {
            if !woken.swap(true, Ordering::AcqRel) {
                // There is room for one.
                let _ = sender.try_send(Ok(Answer::Woken));
            }
        }
    }

    fn known(&self, came: Came) -> Came {
        if matches!(came, Ok(Answer::Woken)) {
            self.woken.store(false, Ordering::Release);
        }
        came
    }

    /// Why the sink ended the connection, where it is known better than by not being able to write.
    pub(super) fn why(self, lost: TransferError) -> TransferError {
        if !matches!(lost, TransferError::Lost { .. }) {
            return lost;
        }
        let known = |came: Came| came.err().filter(|error| !is_lost(error));
        self.came.try_iter().find_map(known).unwrap_or(lost)
    }

    /// Waits until the sink has closed its side: what was sent last has come then.
    pub(super) fn join(self) {
        drop(self.came);
        let _ = self.reading.join();
    }

    fn ended(&self) -> TransferError {
        rules(self.peer, UNANSWERED)
    }
}

fn is_lost(error: &TransferError) -> bool {
    matches!(error, TransferError::Lost { .. })
}

fn lock(pile: &SharedPile) -> std::sync::MutexGuard<'_, Pile> {
    pile.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What reads the answers.
struct Reader {
    peer: SocketAddr,
    sender: SyncSender<Came>,
    pile: SharedPile,
}

impl Reader {
    /// Reads until the sink is done, and then its end, after which it has all that was sent to it.
    fn read(self, mut receiving: Receiving) {
        loop {
            let came = match receiving.next() {
                Ok(Some(incoming)) => self.answer(&incoming),
                Ok(None) => Err(rules(self.peer, UNANSWERED)),
                Err(error) => Err(error),
            };
            let is_done = matches!(came, Ok(Some(Answer::Done)));
            let is_lost = came.is_err();
            if let Some(came) = came.transpose()
                && self.sender.send(came).is_err()
            {
                return;
            }
            if is_done {
                let _ = receiving.next();
            }
            if is_done || is_lost {
                return;
            }
        }
    }

    /// What a frame says; `None` where it only says that the sink is there, or more of what was told already.
    fn answer(&self, incoming: &Incoming<'_>) -> Result<Option<Answer>, TransferError> {
        let peer = self.peer;
        let broken = |error: FrameError| rules(peer, error);
        let answer = match incoming.prefix.kind {
            Take::KIND => Answer::Take(decode(incoming).map_err(broken)?),
            Parts::KIND => {
                let frame = incoming.decode::<Parts>().map_err(broken)?;
                return self.pile(RowsOf::Parts, frame.bulk, frame.message.is_last);
            }
            Chunks::KIND => {
                let frame = incoming.decode::<Chunks>().map_err(broken)?;
                return self.pile(RowsOf::Chunks, frame.bulk, frame.message.is_last);
            }
            Removed::KIND => Answer::Removed(decode(incoming).map_err(broken)?),
            Pause::KIND => decode(incoming)
                .map(|Pause| Answer::Pause)
                .map_err(broken)?,
            Leave::KIND => Answer::Leave(decode(incoming).map_err(broken)?),
            Saved::KIND => decode(incoming)
                .map(|Saved| Answer::Saved)
                .map_err(broken)?,
            NotSaved::KIND => Answer::NotSaved(decode(incoming).map_err(broken)?),
            Done::KIND => decode(incoming).map(|Done| Answer::Done).map_err(broken)?,
            Alive::KIND => return decode(incoming).map(|Alive| None).map_err(broken),
            Refused::KIND => {
                let refused = decode(incoming).map_err(broken)?;
                return Err(TransferError::Refused(refused));
            }
            kind => return Err(rules(peer, format!("expected an answer, got kind {kind}"))),
        };
        Ok(Some(answer))
    }

    fn pile(
        &self,
        of: RowsOf,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<Option<Answer>, TransferError> {
        let told = lock(&self.pile).add(of, bytes, is_last);
        let told = told.ok_or_else(|| rules(self.peer, "expected fewer rows of bases at once"))?;
        Ok((told == Tell::New).then_some(Answer::Rows))
    }
}

fn decode<M: Message>(incoming: &Incoming<'_>) -> Result<M, FrameError> {
    incoming.decode::<M>().map(|frame| frame.message)
}
