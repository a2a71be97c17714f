//! What a source owes: the files that it has named, those that were taken, those that it has sent and whose fate it does
//! not know yet.
//!
//! A sink that answers nothing that was asked breaks a rule ([`Violation`]). Whatever is offered, an [`Outbox`] holds no
//! more than some MiB.

use std::collections::VecDeque;

use thiserror::Error;

use super::blocks::{BLOCK, FileHash, StackError};
use super::known::{Known, KnownError, Shelf};
use super::message::{Basis, Entry, Finish, Kind, MAX_UNANSWERED, Take};

/// A rule that the sink broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// It answers an entry, and there is none.
    #[error("expected an answer to an entry, got one more")]
    NotNamed,
    /// It answers a file, and none is finished.
    #[error("expected an answer to a file that was finished, got one more")]
    NotFinished,
    /// It says to have a file that was not sent whole.
    #[error("expected nothing saved of a file that was not sent whole")]
    NotWhole,
    /// It takes a link, or a second name.
    #[error("expected only files to be taken")]
    NoFile,
    /// It has more of a file than there is, or no whole blocks.
    #[error("expected to begin at a whole block within the file, not at byte {0}")]
    From(u64),
    /// What it says of the blocks that it has makes no sense.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// It says what it has of a file that nobody can have, or in parts that are none.
    #[error("expected a basis only for a file of a known size, in parts of 16 KiB to 1 MiB")]
    Basis,
    /// What it says of a basis makes no sense.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// It is done, and something is not answered.
    #[error("expected answers to all that was named and sent")]
    NotDone,
}

/// A file that was taken.
#[derive(Debug)]
pub struct Job {
    /// What was named.
    pub entry: Entry,
    /// Where to begin, in bytes.
    pub from: u64,
    /// The hash of what is before; `None` of nothing.
    pub hash: Option<Box<FileHash>>,
    /// What the sink has that may be alike.
    pub basis: Option<Basis>,
}

/// A file that was sent to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// What was named.
    pub entry: Entry,
    /// Its size, as it was sent.
    pub size: u64,
    /// How it ended.
    pub finish: Finish,
}

/// What a source has named, and what became of it.
#[derive(Debug, Default)]
pub struct Outbox {
    unanswered: VecDeque<Entry>,
    taken: VecDeque<Job>,
    finished: VecDeque<Finished>,
    /// Bytes of the names in all of them.
    names: usize,
    /// What is known of the bases of those that are taken.
    shelf: Shelf,
}

impl Outbox {
    /// The most bytes of names that are held, but for the one that is too many.
    const MAX_NAMES: usize = 1 << 20;

    /// The most files that are finished and not answered.
    const MAX_FINISHED: usize = 1024;

    /// The most answers that a sink can owe.
    pub const MAX_ANSWERS: usize = MAX_UNANSWERED as usize + Self::MAX_FINISHED;

    /// One in which there is nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether one more may be named now. Files that are taken count too, so that a sink that takes at once has no more
    /// of them.
    pub fn may_name(&self) -> bool {
        let open = self.unanswered.len() + self.taken.len();
        open < MAX_UNANSWERED as usize && self.names < Self::MAX_NAMES
    }

    /// An entry was named. A folder is not answered.
    pub fn name(&mut self, entry: Entry) {
        if entry.kind != Kind::Folder {
            self.names += entry.name.as_bytes().len();
            self.unanswered.push_back(entry);
        }
    }

    /// The sink takes the oldest entry.
    ///
    /// # Errors
    /// A [`Violation`] where it may not.
    pub fn take(&mut self, take: Take) -> Result<(), Violation> {
        let entry = self.unanswered.front().ok_or(Violation::NotNamed)?;
        let block = BLOCK as u64;
        let is_within = match entry.kind {
            Kind::File(Some(size)) => take.from < size,
            Kind::File(None) => false,
            Kind::Folder | Kind::Link(_) | Kind::Again(_) => return Err(Violation::NoFile),
        };
        if !take.from.is_multiple_of(block) || take.from > 0 && !is_within {
            return Err(Violation::From(take.from));
        }
        let is_new = take.from == 0 && take.stack.is_empty();
        let hash = match is_new {
            true => None,
            false => Some(FileHash::resume(take.from / block, take.stack)?.into()),
        };
        let from = take.from;
        let known = match (take.basis, &entry.kind) {
            (None, _) => None,
            (Some(basis), Kind::File(Some(_))) => Known::new(basis, from),
            (Some(_), _) => return Err(Violation::Basis),
        };
        if take.basis.is_some() && known.is_none() {
            return Err(Violation::Basis);
        }
        self.shelf.take(known);
        let entry = self.unanswered.pop_front();
        let basis = take.basis;
        let job = |entry| Job {
            entry,
            from,
            hash,
            basis,
        };
        self.taken.extend(entry.map(job));
        Ok(())
    }

    /// The sink does not want the oldest entry.
    ///
    /// # Errors
    /// [`Violation::NotNamed`].
    pub fn leave(&mut self) -> Result<Entry, Violation> {
        let entry = self.unanswered.pop_front().ok_or(Violation::NotNamed)?;
        self.names -= entry.name.as_bytes().len();
        Ok(entry)
    }

    /// The next file to send; `None` too while too many wait for their answer.
    pub fn next_job(&mut self) -> Option<Job> {
        match self.finished.len() < Self::MAX_FINISHED {
            true => self.taken.pop_front(),
            false => None,
        }
    }

    /// What is known of the basis of the oldest file that was taken and is not sent to its end.
    pub fn known(&self) -> Option<&Known> {
        self.shelf.current()
    }

    /// The sink is asked for chunks of that basis, from this byte on; `false` where it has none, its parts may not move, or
    /// it has not said all that it was asked for before.
    pub fn ask_chunks(&mut self, from: u64) -> bool {
        self.shelf.ask_chunks(from)
    }

    /// The sink says parts of a basis ([`Parts`](super::message::Parts)), the last or not.
    ///
    /// # Errors
    /// [`Violation::Known`].
    pub fn parts(&mut self, rows: &[u8], is_last: bool) -> Result<(), Violation> {
        Ok(self.shelf.parts(rows, is_last)?)
    }

    /// The sink says chunks of a basis ([`Chunks`](super::message::Chunks)), the last or not.
    ///
    /// # Errors
    /// [`Violation::Known`].
    pub fn chunks(&mut self, rows: &[u8], is_last: bool) -> Result<(), Violation> {
        Ok(self.shelf.chunks(rows, is_last)?)
    }

    /// That file was sent to its end.
    pub fn finish(&mut self, finished: Finished) {
        self.shelf.finish();
        self.finished.push_back(finished);
    }

    /// The sink has the oldest file.
    ///
    /// # Errors
    /// [`Violation::NotFinished`], [`Violation::NotWhole`].
    pub fn saved(&mut self) -> Result<Finished, Violation> {
        let finished = self.not_saved()?;
        match finished.finish {
            Finish::Whole(_) => Ok(finished),
            Finish::Changed | Finish::Failed(_) => Err(Violation::NotWhole),
        }
    }

    /// The sink has not got the oldest file.
    ///
    /// # Errors
    /// [`Violation::NotFinished`].
    pub fn not_saved(&mut self) -> Result<Finished, Violation> {
        let finished = self.finished.pop_front().ok_or(Violation::NotFinished)?;
        self.shelf.answered()?;
        self.names -= finished.entry.name.as_bytes().len();
        Ok(finished)
    }

    /// Whether all that was named is answered, and all that was taken sent.
    pub fn is_sent(&self) -> bool {
        self.unanswered.is_empty() && self.taken.is_empty()
    }

    /// The sink says that it is done.
    ///
    /// # Errors
    /// [`Violation::NotDone`].
    pub fn done(&self) -> Result<(), Violation> {
        match self.is_sent() && self.finished.is_empty() {
            true => Ok(()),
            false => Err(Violation::NotDone),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::Reason;
    use super::super::name::Name;
    use super::*;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry::new(Name::new(name.as_bytes()).unwrap(), kind)
    }

    fn file(name: &str, size: u64) -> Entry {
        entry(name, Kind::File(Some(size)))
    }

    fn from(blocks: u64, hashes: usize) -> Take {
        Take {
            from: blocks * BLOCK as u64,
            stack: vec![[0; 32]; hashes],
            basis: None,
        }
    }

    fn finished(job: Job, finish: Finish) -> Finished {
        Finished {
            entry: job.entry,
            size: 0,
            finish,
        }
    }

    const WHOLE: Finish = Finish::Whole([0; 32]);

    #[test]
    fn files_are_sent_in_the_order_in_which_they_are_taken() {
        let mut outbox = Outbox::new();
        outbox.name(entry("d", Kind::Folder));
        for name in ["a", "b", "c"] {
            outbox.name(file(name, 1));
        }
        assert_eq!(outbox.done(), Err(Violation::NotDone));
        outbox.take(from(0, 0)).unwrap();
        assert_eq!(outbox.leave().unwrap(), file("b", 1));
        outbox.take(from(0, 0)).unwrap();
        let (first, second) = (outbox.next_job().unwrap(), outbox.next_job().unwrap());
        assert_eq!(
            (&first.entry, &second.entry),
            (&file("a", 1), &file("c", 1))
        );
        outbox.finish(finished(first, WHOLE));
        outbox.finish(finished(second, Finish::Changed));
        assert!(outbox.is_sent() && outbox.done().is_err());
        assert_eq!(outbox.saved().unwrap().entry, file("a", 1));
        assert_eq!(outbox.not_saved().unwrap().entry, file("c", 1));
        assert_eq!((outbox.done(), outbox.names), (Ok(()), 0));
    }

    #[test]
    fn where_a_file_may_begin() {
        let block = BLOCK as u64;
        let table = [
            (Some(3 * block), from(0, 0), Ok(())),
            (Some(3 * block), from(2, 2), Ok(())),
            (Some(3 * block), from(3, 2), Err(Violation::From(3 * block))),
            (Some(3 * block + 1), from(3, 2), Ok(())),
            (Some(0), from(0, 0), Ok(())),
            (Some(1), from(1, 1), Err(Violation::From(block))),
            (None, from(0, 0), Ok(())),
            (None, from(1, 1), Err(Violation::From(block))),
        ];
        for (size, take, expected) in table {
            let mut outbox = Outbox::new();
            outbox.name(entry("a", Kind::File(size)));
            assert_eq!(outbox.take(take.clone()), expected, "{size:?} {take:?}");
        }
        let mut outbox = Outbox::new();
        outbox.name(file("a", u64::MAX));
        let within = Take {
            from: block + 1,
            stack: vec![],
            basis: None,
        };
        assert_eq!(outbox.take(within), Err(Violation::From(block + 1)));
        for take in [from(0, 1), from(3, 1), from(2, 44)] {
            assert!(matches!(outbox.take(take), Err(Violation::Stack(_))));
        }
    }

    #[test]
    fn answers_to_nothing() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.take(from(0, 0)), Err(Violation::NotNamed));
        assert_eq!(outbox.leave(), Err(Violation::NotNamed));
        assert_eq!(outbox.saved(), Err(Violation::NotFinished));
        assert_eq!(outbox.not_saved(), Err(Violation::NotFinished));
        outbox.name(file("a", 1));
        outbox.take(from(0, 0)).unwrap();
        assert_eq!(outbox.saved(), Err(Violation::NotFinished));
        let job = outbox.next_job().unwrap();
        outbox.finish(finished(job, Finish::Failed(Reason::new("no"))));
        assert_eq!(outbox.saved(), Err(Violation::NotWhole));
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut outbox = Outbox::new();
        let mut named = 0;
        for _ in 0..5000 {
            if outbox.may_name() {
                outbox.name(file("a", 1));
                named += 1;
            }
            let _ = outbox.take(from(0, 0));
        }
        assert_eq!(named, MAX_UNANSWERED);
        while let Some(job) = outbox.next_job() {
            outbox.finish(finished(job, WHOLE));
            outbox.name(file("a", 1));
            outbox.take(from(0, 0)).unwrap();
        }
        assert_eq!(outbox.finished.len(), Outbox::MAX_FINISHED);

        let mut outbox = Outbox::new();
        let long = ["x".repeat(250).as_str(); 16].join("/");
        while outbox.may_name() {
            outbox.name(file(&long, 1));
        }
        assert!(outbox.names < Outbox::MAX_NAMES + 4096);
    }

    proptest! {
        #[test]
        fn any_answers_are_taken(steps in prop::collection::vec((0..7u8, any::<u64>(), 0..50usize), 0..200)) {
            let mut outbox = Outbox::new();
            for (step, value, hashes) in steps {
                match step {
                    0 => outbox.name(file("a", value)),
                    1 => drop(outbox.take(Take { from: value, stack: vec![[0; 32]; hashes], basis: None })),
                    2 => drop(outbox.take(from(value % 8, hashes))),
                    3 => drop(outbox.leave()),
                    4 => drop(outbox.saved()),
                    5 => drop(outbox.not_saved()),
                    _ => {
                        if let Some(job) = outbox.next_job() {
                            outbox.finish(finished(job, WHOLE));
                        }
                    }
                }
                let _ = outbox.done();
            }
        }
    }
}
