//! Files with several names: told apart from others by numbers.

use std::collections::HashMap;

use proto::filexfer::native::message::MAX_NUMBERED;
use runtime::tree::{Facts, Moment, Shared};

/// The files with several names that were named, and of which not all names were.
#[derive(Default)]
pub(super) struct Numbers {
    known: HashMap<(u64, u64), Known>,
    next: u32,
}

/// A file with several names.
struct Known {
    number: u32,
    /// How many names it has that were not come to yet.
    left: u64,
    /// What tells it from another that took its place.
    size: u64,
    modified: Option<Moment>,
}

/// What a name is among those of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The only one, as far as is told.
    Only,
    /// The first of the file that gets this number.
    First(u32),
    /// One more of the file with this number.
    Again(u32),
}

impl Numbers {
    /// A file is named that has this name and others.
    pub(super) fn of(&mut self, facts: &Facts) -> Which {
        match facts.shared {
            Some(shared) => self.shared(facts, shared),
            None => Which::Only,
        }
    }

    fn shared(&mut self, facts: &Facts, shared: Shared) -> Which {
        let identity = shared.identity;
        let known = self.known.get_mut(&identity);
        let known =
            known.filter(|known| (known.size, known.modified) == (facts.size, facts.modified));
        let Some(known) = known else {
            return self.first(facts, shared);
        };
        let number = known.number;
        known.left = known.left.saturating_sub(1);
        if known.left == 0 {
            self.known.remove(&identity);
        }
        Which::Again(number)
    }

    fn first(&mut self, facts: &Facts, shared: Shared) -> Which {
        if self.next >= MAX_NUMBERED {
            if self.next == MAX_NUMBERED {
                self.next += 1;
                tracing::debug!(
                    "more than {MAX_NUMBERED} files with several names: the others travel as files of their own"
                );
            }
            return Which::Only;
        }
        let number = self.next;
        self.next += 1;
        let known = Known {
            number,
            left: shared.names - 1,
            size: facts.size,
            modified: facts.modified,
        };
        self.known.insert(shared.identity, known);
        Which::First(number)
    }
}
