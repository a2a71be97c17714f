//! The book in which everything is noted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use harness::PATIENCE;
use proto::relay::native::frames::Why;
use proto::relay::native::{MAX_FRAGMENT, Name};

/// What a message says first: who sent it, and which of theirs it is.
pub(crate) type Label = (Name, u64);

/// What was said, answered and heard.
#[derive(Default)]
pub(crate) struct Tally {
    book: Mutex<Book>,
    changed: Condvar,
}

#[derive(Default)]
struct Book {
    said: BTreeMap<Label, Said>,
    /// How many messages that were queued were not heard, by receiver.
    unheard: BTreeMap<Name, u64>,
    /// Whether something was killed, or parted from the others.
    has_crashed: bool,
    /// The runs of programs that there were.
    runs: u64,
    count: Count,
    /// What is wrong with what was heard.
    wrong: Vec<String>,
}

struct Said {
    to: Name,
    length: usize,
    verdict: Verdict,
    /// By which runs of programs.
    heard: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    None,
    Queued,
    Refused(Why),
}

/// How many messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) said: u64,
    pub(crate) queued: u64,
    pub(crate) refused: u64,
    /// That were queued and heard.
    pub(crate) safe: u64,
    /// That were heard.
    pub(crate) heard: u64,
    /// That another run of the receiver's program heard again, with a crash between.
    pub(crate) again: u64,
    /// That were heard after they had waited.
    pub(crate) waited: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            said,
            queued,
            refused,
            safe,
            heard,
            again,
            waited,
        } = self;
        let lost = queued - safe;
        write!(
            f,
            "{said} said, {queued} queued, {refused} refused; {heard} heard, {waited} of them after they had waited; \
             {lost} lost, {again} heard again by a later run of a program after a crash"
        )
    }
}

impl Tally {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program was started.
    pub(super) fn run(&self) -> u64 {
        let mut book = self.book();
        book.runs += 1;
        book.runs
    }

    pub(super) fn say(&self, label: Label, to: Name, length: usize) {
        let mut book = self.book();
        book.count.said += 1;
        let said = Said {
            to,
            length,
            verdict: Verdict::None,
            heard: Vec::new(),
        };
        assert!(book.said.insert(label, said).is_none(), "{label:?} again");
    }

    /// A verdict came: `None` for queued.
    pub(super) fn judge(&self, label: Label, refused: Option<Why>) {
        let mut book = self.book();
        let Book {
            said,
            count,
            unheard,
            ..
        } = &mut *book;
        let said = said.get_mut(&label).unwrap();
        assert_eq!(said.verdict, Verdict::None, "{label:?} was judged before");
        said.verdict = refused.map_or(Verdict::Queued, Verdict::Refused);
        match refused {
            Some(_) => count.refused += 1,
            None => count.queued += 1,
        }
        let is_heard = !said.heard.is_empty();
        count.safe += u64::from(refused.is_none() && is_heard);
        *unheard.entry(said.to).or_default() += u64::from(refused.is_none() && !is_heard);
        drop(book);
        self.changed.notify_all();
    }

    /// A program heard a message of this length.
    pub(super) fn hear(&self, run: u64, label: Label, length: usize, waited: bool) {
        let mut book = self.book();
        let Book {
            said,
            has_crashed,
            count,
            wrong,
            unheard,
            ..
        } = &mut *book;
        let Some(said) = said.get_mut(&label) else {
            return wrong.push(format!("{label:?} was never said"));
        };
        if length != said.length {
            wrong.push(format!("{label:?} has {length} bytes, not {}", said.length));
        }
        if said.heard.contains(&run) {
            wrong.push(format!("{label:?} was heard twice by one program"));
        }
        match said.heard.last() {
            None => {
                count.heard += 1;
                count.waited += u64::from(waited);
                if said.verdict == Verdict::Queued {
                    count.safe += 1;
                    *unheard.entry(said.to).or_default() -= 1;
                }
            }
            // The relay did not come to note that it was heard, or its sender never heard so and says it again.
            Some(_) if *has_crashed => count.again += 1,
            Some(_) => wrong.push(format!(
                "{label:?} was heard again, and nothing had crashed"
            )),
        }
        said.heard.push(run);
        drop(book);
        self.changed.notify_all();
    }

    /// Something is wrong that cannot be counted.
    pub(super) fn complain(&self, what: String) {
        self.book().wrong.push(what);
    }

    /// Something is killed, or parted from the others.
    pub(crate) fn crash(&self) {
        self.book().has_crashed = true;
    }

    pub(crate) fn count(&self) -> Count {
        self.book().count
    }

    /// How many messages were refused for this.
    pub(crate) fn refused(&self, why: Why) -> usize {
        let is_it = |said: &&Said| said.verdict == Verdict::Refused(why);
        self.book().said.values().filter(is_it).count()
    }

    /// Whether all that was queued for somebody was heard.
    pub(crate) fn has_all(&self, to: Name) -> bool {
        self.book()
            .unheard
            .get(&to)
            .is_none_or(|unheard| *unheard == 0)
    }

    /// Why messages were refused, and of how many bytes they were.
    pub(crate) fn refusals(&self) -> BTreeMap<String, Vec<usize>> {
        let mut refusals: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for said in self.book().said.values() {
            if let Verdict::Refused(why) = said.verdict {
                refusals
                    .entry(format!("{why:?} {}", said.to))
                    .or_default()
                    .push(said.length);
            }
        }
        refusals
    }

    /// How many messages in parts were refused since their receiver went away in the middle.
    pub(crate) fn torn(&self) -> u64 {
        self.book()
            .said
            .values()
            .filter(|said| said.is_torn())
            .count() as u64
    }

    /// Waits until this is so.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&Count) -> bool) -> Count {
        let waiting = |book: &mut Book| !is_so(&book.count);
        let waited = self
            .changed
            .wait_timeout_while(self.book(), PATIENCE, waiting);
        let (book, over) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(
            !over.timed_out(),
            "{what}: {}\nmissing: {:?}\nwrong: {:?}",
            book.count,
            book.missing(),
            book.wrong
        );
        book.count
    }

    /// Waits until everything that was queued was heard, and checks that nothing was heard twice, changed, or in spite of
    /// a refusal; but for those in parts whose receiver went away in the middle.
    pub(crate) fn check(&self) -> Count {
        let count = self.wait("what was queued was heard", |count| {
            count.safe == count.queued
        });
        let book = self.book();
        let refused = book.said.iter().filter(|(_, said)| said.is_refused());
        let heard: Vec<_> = refused
            .filter(|(_, said)| !said.heard.is_empty() && !said.is_torn())
            .map(|(label, said)| (label, said.verdict))
            .take(10)
            .collect();
        assert!(heard.is_empty(), "refused, and heard: {heard:?}");
        let wrong: Vec<_> = book.wrong.iter().take(10).collect();
        assert!(wrong.is_empty(), "{count}: {wrong:?}");
        count
    }
}

impl Book {
    /// Some that were queued and not heard.
    fn missing(&self) -> Vec<&Label> {
        let is_missing = |said: &Said| said.verdict == Verdict::Queued && said.heard.is_empty();
        let missing = self.said.iter().filter(|(_, said)| is_missing(said));
        missing.map(|(label, _)| label).take(10).collect()
    }
}

impl Said {
    fn is_refused(&self) -> bool {
        matches!(self.verdict, Verdict::Refused(_))
    }

    /// Whether its receiver went away when they had a part of it, or all: the relay cannot know.
    fn is_torn(&self) -> bool {
        self.verdict == Verdict::Refused(Why::Away) && self.length > MAX_FRAGMENT / 2
    }
}
