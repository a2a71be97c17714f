//! What a sink is owed: the entries that it has not answered, the files that it took, and what may come next.
//!
//! A source that names too much, sends what nobody asked for or more than it said breaks a rule ([`Violation`]). Whatever
//! it does, an [`Inbox`] holds no more than a few MiB.

use std::collections::{BTreeSet, VecDeque};

use thiserror::Error;

use super::message::{
    AskChunks, Basis, Entry, Finish, FromBasis, Kind, MAX_NUMBERED, MAX_UNANSWERED, Totals,
};
use super::name::Name;

/// The most files that are taken and not finished.
const MAX_TAKEN: usize = 1024;

/// The most bytes of their names, but for the one that is too many.
const MAX_TAKEN_NAMES: usize = 1 << 20;

/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

/// A rule that the source broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// How much there is was said twice, or after the first entry.
    #[error("expected totals once, before the first entry")]
    Totals,
    /// It names files without waiting for answers.
    #[error("expected at most {MAX_UNANSWERED} entries that are not answered")]
    Unanswered,
    /// Nobody asked for it.
    #[error("expected what was asked for, got {0:?}")]
    NotAsked(Name),
    /// It was named a moment ago.
    #[error("expected each name once, got {0:?} again")]
    Twice(Name),
    /// Its time has more nanoseconds than a second.
    #[error("expected a time with less than {SECOND} ns")]
    Moment,
    /// No file is open.
    #[error("expected nothing of a file before one is taken")]
    NotTaken,
    /// Bytes that are none.
    #[error("expected data of at least a byte")]
    Empty,
    /// A file has more bytes than it was said to have.
    #[error("expected {size} bytes of {name:?}, got more")]
    TooLong {
        /// The file.
        name: Name,
        /// What was said.
        size: u64,
    },
    /// A file that is said to be whole has fewer bytes than it was said to have.
    #[error("expected {size} bytes of {name:?}, got {got}")]
    TooShort {
        /// The file.
        name: Name,
        /// What was said.
        size: u64,
        /// What came.
        got: u64,
    },
    /// A number that is too high, was said before, or was not said of any file.
    #[error("expected a number of a file with several names, not {0}")]
    Number(u32),
    /// What is to be in a basis is not there.
    #[error("expected bytes of a basis that there are, not {length} from {from} on")]
    Basis {
        /// The first.
        from: u64,
        /// How many.
        length: u64,
    },
    /// It asks for chunks where it may not, or too often.
    #[error("expected to be asked for chunks of a basis, of twice its size at most")]
    AskChunks,
    /// It is done with files that it has not finished.
    #[error("expected the end of all files that were taken")]
    NotDone,
}

/// A file that was taken. `T` is what the sink keeps with it.
#[derive(Debug)]
pub struct Taken<T> {
    /// What was named.
    pub entry: Entry,
    /// Where it was to begin, in bytes.
    pub from: u64,
    /// How many bytes of it are there, those before `from` included.
    pub got: u64,
    /// What it may be made of.
    pub basis: Option<Basis>,
    /// For the chunks of how many bytes of that the source has asked.
    asked: u64,
    /// The sink's.
    pub with: T,
}

/// What a source has named and a sink has not got yet.
#[derive(Debug)]
pub struct Inbox<T> {
    wanted: Vec<Name>,
    /// Whether how much there is may still be said.
    totals: Expected,
    unanswered: VecDeque<Entry>,
    taken: VecDeque<Taken<T>>,
    /// What tells the names of both apart: their hashes.
    names: BTreeSet<[u8; 32]>,
    /// Bytes of the names that are taken.
    taken_names: usize,
    /// The numbers of files with several names.
    numbers: BTreeSet<u32>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Yes,
    No,
}

impl<T> Inbox<T> {
    /// For what was asked for: these names, or all that there is where there are none.
    pub fn new(wanted: Vec<Name>) -> Self {
        Self {
            wanted,
            totals: Expected::Yes,
            unanswered: VecDeque::new(),
            taken: VecDeque::new(),
            names: BTreeSet::new(),
            taken_names: 0,
            numbers: BTreeSet::new(),
        }
    }

    /// The source said how much there is.
    ///
    /// # Errors
    /// [`Violation::Totals`].
    pub fn totals(&mut self, _totals: Totals) -> Result<(), Violation> {
        match std::mem::replace(&mut self.totals, Expected::No) {
            Expected::Yes => Ok(()),
            Expected::No => Err(Violation::Totals),
        }
    }

    /// The source named a file or a folder. A folder is given back: it is to be made, and is not answered.
    ///
    /// # Errors
    /// A [`Violation`] where it may not.
    pub fn entry(&mut self, entry: Entry) -> Result<Option<Entry>, Violation> {
        self.totals = Expected::No;
        if entry.modified.is_some_and(|moment| moment.nanos >= SECOND) {
            return Err(Violation::Moment);
        }
        if !self.is_wanted(&entry) {
            return Err(Violation::NotAsked(entry.name));
        }
        match (&entry.kind, entry.number) {
            (Kind::Folder, None) => return Ok(Some(entry)),
            (Kind::File(_), Some(number)) => {
                if number >= MAX_NUMBERED || !self.numbers.insert(number) {
                    return Err(Violation::Number(number));
                }
            }
            (Kind::Again(number), None) if !self.numbers.contains(number) => {
                return Err(Violation::Number(*number));
            }
            (_, None) => {}
            (_, Some(number)) => return Err(Violation::Number(number)),
        }
        if self.unanswered.len() >= MAX_UNANSWERED as usize {
            return Err(Violation::Unanswered);
        }
        if !self.names.insert(hash_of(&entry.name)) {
            return Err(Violation::Twice(entry.name));
        }
        self.unanswered.push_back(entry);
        Ok(None)
    }

    /// What was asked for, what is in it, and the folders that lead there.
    fn is_wanted(&self, entry: &Entry) -> bool {
        self.wanted.is_empty()
            || self.wanted.iter().any(|wanted| {
                entry.name.is_within(wanted)
                    || entry.kind == Kind::Folder && wanted.is_within(&entry.name)
            })
    }

    /// The file that is to be answered next; `None` too while so many are taken that it has to wait.
    pub fn next_to_answer(&self) -> Option<&Entry> {
        let room = self.taken.len() < MAX_TAKEN && self.taken_names < MAX_TAKEN_NAMES;
        self.unanswered.front().filter(|_| room)
    }

    /// That file is taken from this byte on, and may be made of this.
    pub fn take(&mut self, from: u64, basis: Option<Basis>, with: T) {
        if let Some(entry) = self.unanswered.pop_front() {
            self.taken_names += entry.name.as_bytes().len();
            self.taken.push_back(Taken {
                entry,
                from,
                got: from,
                basis,
                asked: 0,
                with,
            });
        }
    }

    /// That file is left.
    pub fn leave(&mut self) -> Option<Entry> {
        let entry = self.unanswered.pop_front()?;
        self.names.remove(&hash_of(&entry.name));
        Some(entry)
    }

    /// So many bytes came: of this file, which has them now.
    ///
    /// # Errors
    /// A [`Violation`] where they may not.
    pub fn data(&mut self, length: u64) -> Result<&mut Taken<T>, Violation> {
        let taken = self.taken.front_mut().ok_or(Violation::NotTaken)?;
        if length == 0 {
            return Err(Violation::Empty);
        }
        let size = taken.entry.size().unwrap_or(u64::MAX);
        match taken.got.checked_add(length) {
            Some(got) if got <= size => taken.got = got,
            _ => {
                let name = taken.entry.name.clone();
                return Err(Violation::TooLong { name, size });
            }
        }
        Ok(taken)
    }

    /// So many bytes come from the basis: of this file, which has them now.
    ///
    /// # Errors
    /// A [`Violation`] where they may not.
    pub fn from_basis(&mut self, piece: FromBasis) -> Result<&mut Taken<T>, Violation> {
        let FromBasis { from, length } = piece;
        let taken = self.taken.front().ok_or(Violation::NotTaken)?;
        let is_there = taken.basis.is_some_and(|basis| {
            let is_within = from
                .checked_add(length)
                .is_some_and(|end| end <= basis.size);
            is_within && (basis.moves || from == taken.got)
        });
        match is_there {
            true => self.data(length),
            false => Err(Violation::Basis { from, length }),
        }
    }

    /// The source wants to know chunks of a basis: that of this file.
    ///
    /// # Errors
    /// [`Violation::AskChunks`].
    pub fn ask_chunks(&mut self, ask: AskChunks) -> Result<&mut Taken<T>, Violation> {
        let AskChunks { from, length } = ask;
        let taken = self.taken.front_mut().ok_or(Violation::NotTaken)?;
        taken.asked = taken.asked.saturating_add(length);
        let asked = taken.asked;
        let may_ask = taken.basis.is_some_and(|basis| {
            let is_within = from
                .checked_add(length)
                .is_some_and(|end| end <= basis.size);
            basis.moves && length > 0 && is_within && asked <= basis.size.saturating_mul(2)
        });
        match may_ask {
            true => Ok(taken),
            false => Err(Violation::AskChunks),
        }
    }

    /// The file whose bytes come now, or whose end where it has none.
    pub fn current(&mut self) -> Option<&mut Taken<T>> {
        self.taken.front_mut()
    }

    /// This file is finished.
    ///
    /// # Errors
    /// A [`Violation`] where there is none, or it is not whole.
    pub fn finish(&mut self, finish: &Finish) -> Result<Taken<T>, Violation> {
        let taken = self.taken.front().ok_or(Violation::NotTaken)?;
        let (name, got) = (&taken.entry.name, taken.got);
        if let (Some(size), Finish::Whole(_)) = (taken.entry.size(), finish)
            && got < size
        {
            let name = name.clone();
            return Err(Violation::TooShort { name, size, got });
        }
        self.names.remove(&hash_of(name));
        self.taken_names -= name.as_bytes().len();
        self.taken.pop_front().ok_or(Violation::NotTaken)
    }

    /// How many files are taken and not finished.
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// The source says that it is done.
    ///
    /// # Errors
    /// [`Violation::NotDone`].
    pub fn done(&self) -> Result<(), Violation> {
        match self.unanswered.is_empty() && self.taken.is_empty() {
            true => Ok(()),
            false => Err(Violation::NotDone),
        }
    }

    /// The source says that it is done for this round.
    ///
    /// # Errors
    /// [`Violation::NotDone`].
    pub fn pause(&mut self) -> Result<(), Violation> {
        self.done()?;
        self.totals = Expected::Yes;
        self.numbers.clear();
        Ok(())
    }

    /// All that is taken and not finished: the connection is at its end.
    pub fn into_taken(self) -> impl Iterator<Item = Taken<T>> {
        self.taken.into_iter()
    }
}

fn hash_of(name: &Name) -> [u8; 32] {
    blake3::hash(name.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::{Moment, Reason};
    use super::*;

    fn name(name: &str) -> Name {
        Name::new(name.as_bytes()).unwrap()
    }

    fn entry(text: &str, kind: Kind) -> Entry {
        Entry::new(name(text), kind)
    }

    fn file(name: &str, size: u64) -> Entry {
        entry(name, Kind::File(Some(size)))
    }

    fn inbox(wanted: &[&str]) -> Inbox<()> {
        Inbox::new(wanted.iter().map(|text| name(text)).collect())
    }

    const WHOLE: Finish = Finish::Whole([0; 32]);

    #[test]
    fn files_are_answered_and_finished_in_their_order() {
        let mut inbox = inbox(&[]);
        assert_eq!(inbox.totals(Totals::default()), Ok(()));
        for (name, size) in [("a", 3), ("b", 5), ("c", 0)] {
            assert_eq!(inbox.entry(file(name, size)), Ok(None));
        }
        assert_eq!(inbox.next_to_answer().unwrap().name, name("a"));
        inbox.take(0, None, ());
        assert_eq!(inbox.leave().unwrap().name, name("b"));
        inbox.take(0, None, ());
        assert_eq!(inbox.taken(), 2);
        assert_eq!(inbox.data(2).unwrap().got, 2);
        assert_eq!(inbox.done(), Err(Violation::NotDone));
        assert_eq!(inbox.data(1).unwrap().got, 3);
        assert_eq!(inbox.finish(&WHOLE).unwrap().entry.name, name("a"));
        assert_eq!(inbox.current().unwrap().entry.name, name("c"));
        assert_eq!(inbox.finish(&WHOLE).unwrap().entry.name, name("c"));
        assert_eq!(inbox.done(), Ok(()));
    }

    #[test]
    fn a_file_goes_on_where_it_stood() {
        let mut inbox = inbox(&[]);
        inbox.entry(file("a", 10)).unwrap();
        inbox.take(8, None, ());
        assert!(matches!(
            inbox.data(3),
            Err(Violation::TooLong { size: 10, .. })
        ));
        inbox.data(2).unwrap();
        assert!(inbox.finish(&WHOLE).is_ok());
    }

    #[test]
    fn a_file_without_a_size_ends_anywhere() {
        let mut inbox = inbox(&[]);
        inbox.entry(entry("a", Kind::File(None))).unwrap();
        inbox.take(0, None, ());
        inbox.data(u64::MAX).unwrap();
        assert!(matches!(inbox.data(1), Err(Violation::TooLong { .. })));
        assert!(inbox.finish(&WHOLE).is_ok());
    }

    #[test]
    fn violations() {
        let mut inbox = inbox(&[]);
        assert_eq!(inbox.data(1).map(|_| ()), Err(Violation::NotTaken));
        assert_eq!(inbox.finish(&WHOLE).map(|_| ()), Err(Violation::NotTaken));
        inbox.entry(file("a", 1)).unwrap();
        assert_eq!(inbox.totals(Totals::default()), Err(Violation::Totals));
        assert_eq!(inbox.entry(file("a", 1)), Err(Violation::Twice(name("a"))));
        assert_eq!(inbox.data(1).map(|_| ()), Err(Violation::NotTaken));
        inbox.take(0, None, ());
        assert_eq!(inbox.entry(file("a", 1)), Err(Violation::Twice(name("a"))));
        assert_eq!(inbox.data(0).map(|_| ()), Err(Violation::Empty));
        let short = inbox.finish(&WHOLE).map(|_| ()).unwrap_err();
        let text = "expected 1 bytes of \"a\", got 0";
        assert_eq!(short.to_string(), text);
        let late = Entry {
            modified: Some(Moment {
                seconds: 0,
                nanos: SECOND,
            }),
            ..file("b", 1)
        };
        assert_eq!(inbox.entry(late), Err(Violation::Moment));
    }

    #[test]
    fn what_the_source_could_not_send_need_not_be_whole() {
        for finish in [Finish::Changed, Finish::Failed(Reason::new("no"))] {
            let mut inbox = inbox(&[]);
            inbox.entry(file("a", 1)).unwrap();
            inbox.take(0, None, ());
            assert!(inbox.finish(&finish).is_ok());
        }
    }

    #[test]
    fn nothing_comes_that_was_not_asked_for() {
        let table = [
            (&[][..], "a", Kind::File(None), true),
            (&["a"], "a", Kind::File(None), true),
            (&["a"], "a/b", Kind::File(None), true),
            (&["a"], "ab", Kind::File(None), false),
            (&["a/b"], "a", Kind::File(None), false),
            (&["a/b"], "a", Kind::Folder, true),
            (&["a/b"], "a/c", Kind::Folder, false),
            (&["a/b", "c"], "c/d/e", Kind::Folder, true),
        ];
        for (wanted, named, kind, expected) in table {
            let named = entry(named, kind);
            let result = inbox(wanted).entry(named.clone());
            assert_eq!(result.is_ok(), expected, "{wanted:?} {named:?}");
        }
    }

    #[test]
    fn files_with_several_names() {
        let numbered = |text, number| Entry {
            number: Some(number),
            ..file(text, 1)
        };
        let again = |text, number| entry(text, Kind::Again(number));
        let mut inbox = inbox(&[]);
        assert_eq!(inbox.entry(again("b", 0)), Err(Violation::Number(0)));
        assert_eq!(inbox.entry(numbered("a", 0)), Ok(None));
        assert_eq!(inbox.entry(numbered("b", 0)), Err(Violation::Number(0)));
        let beyond = Violation::Number(MAX_NUMBERED);
        assert_eq!(inbox.entry(numbered("b", MAX_NUMBERED)), Err(beyond));
        assert_eq!(inbox.entry(numbered("b", MAX_NUMBERED - 1)), Ok(None));
        assert_eq!(inbox.entry(again("c", 0)), Ok(None));
        assert_eq!(inbox.entry(again("c", 0)), Err(Violation::Twice(name("c"))));
        for kind in [Kind::Folder, Kind::Again(0)] {
            let wrong = Entry {
                number: Some(1),
                ..entry("d", kind)
            };
            assert_eq!(inbox.entry(wrong), Err(Violation::Number(1)));
        }
        // Numbers hold for a round.
        assert_eq!(inbox.pause(), Err(Violation::NotDone));
        while inbox.leave().is_some() {}
        assert_eq!(inbox.entry(again("d", 0)), Ok(None));
        inbox.leave();
        inbox.pause().unwrap();
        assert_eq!(inbox.totals(Totals::default()), Ok(()));
        assert_eq!(inbox.entry(again("d", 0)), Err(Violation::Number(0)));
    }

    #[test]
    fn links_are_answered_in_their_turn_and_have_no_bytes() {
        let link = |text| entry(text, Kind::Link(b"../x".to_vec().try_into().unwrap()));
        let mut inbox = inbox(&["a"]);
        assert_eq!(inbox.entry(file("a/f", 1)), Ok(None));
        assert_eq!(inbox.entry(link("a/l")), Ok(None));
        assert_eq!(inbox.entry(link("b")), Err(Violation::NotAsked(name("b"))));
        inbox.take(0, None, ());
        assert_eq!(inbox.leave(), Some(link("a/l")));
        assert_eq!(inbox.entry(link("a/l")), Ok(None));
        assert_eq!(inbox.data(1).map(|_| ()), Ok(()));
        inbox.finish(&WHOLE).unwrap();
        assert_eq!(inbox.data(1).map(|_| ()), Err(Violation::NotTaken));
    }

    #[test]
    fn a_source_that_does_not_wait_for_answers() {
        let mut inbox = inbox(&[]);
        for number in 0..MAX_UNANSWERED {
            inbox.entry(file(&number.to_string(), 1)).unwrap();
        }
        assert_eq!(inbox.entry(file("more", 1)), Err(Violation::Unanswered));
        let folder = inbox.entry(entry("folder", Kind::Folder)).unwrap();
        assert_eq!(folder.unwrap().name, name("folder"));
    }

    #[test]
    fn a_sink_takes_no_more_than_it_can_hold() {
        for parts in [0, 19] {
            let mut inbox = inbox(&[]);
            let (mut held, length) = (0, 5 + 200 * parts);
            let rest = format!("/{}", "x".repeat(199)).repeat(parts);
            for number in 0.. {
                let named = format!("{number:05}{rest}");
                inbox.entry(file(&named, 1)).unwrap();
                if inbox.next_to_answer().is_none() {
                    break;
                }
                inbox.take(0, None, ());
                held += length;
            }
            assert!(inbox.taken() <= MAX_TAKEN);
            assert!(held <= MAX_TAKEN_NAMES + length);
            inbox.finish(&Finish::Changed).unwrap();
            assert!(inbox.next_to_answer().is_some());
        }
    }

    proptest! {
        #[test]
        fn any_order_of_steps_is_taken(steps in prop::collection::vec((0..10u8, any::<u8>()), 0..200)) {
            let mut inbox = inbox(&["1", "2", "3"]);
            for (step, value) in steps {
                let _ = match step {
                    0 => inbox.entry(file(&value.to_string(), u64::from(value))).map(|_| ()),
                    1 => inbox.data(u64::from(value)).map(|_| ()),
                    2 => inbox.finish(&WHOLE).map(|_| ()),
                    3 => inbox.finish(&Finish::Changed).map(|_| ()),
                    4 => { inbox.take(u64::from(value), None, ()); Ok(()) }
                    5 => { inbox.leave(); Ok(()) }
                    6 => {
                        let number = Some(u32::from(value) % 4);
                        inbox.entry(Entry { number, ..file("3", 1) }).map(|_| ())
                    }
                    7 => inbox.entry(entry("3", Kind::Again(value.into()))).map(|_| ()),
                    8 => inbox.pause(),
                    _ => inbox.done(),
                };
            }
        }
    }
}
