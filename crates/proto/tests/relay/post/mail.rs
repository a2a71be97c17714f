//! Mail as the stream of a bus keeps it, in the plainest way.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use proto::relay::hub::elsewhere::Outcome;
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::frames::{Origin, Why};
use proto::relay::native::{MessageId, Name};

/// A letter as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) letter: Letter,
    pub(super) content: Rc<[u8]>,
    pub(super) at: Duration,
}

impl Stored {
    pub(super) fn new(letter: &Letter, content: &[u8], at: Duration) -> Self {
        Self {
            letter: *letter,
            content: Rc::from(content),
            at,
        }
    }

    pub(super) fn bytes(&self) -> u32 {
        self.content.len() as u32
    }

    /// As it is fetched.
    pub(super) fn kept(&self, place: Place, now: Duration) -> Kept {
        Kept {
            place,
            waited: (now - self.at).as_secs() as u32,
            letter: self.letter,
            content: self.content.to_vec(),
        }
    }
}

/// What waits for each name: as the disk has it, or as the stream of a bus.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    boxes: BTreeMap<Name, BTreeMap<Place, Stored>>,
    ids: BTreeSet<(Name, Origin, MessageId)>,
    last: Place,
}

impl Mail {
    /// Keeps a letter, if it is not kept already. At most `quota` of one sender for one receiver.
    pub(super) fn keep(
        &mut self,
        letter: &Letter,
        content: &[u8],
        quota: usize,
        at: Duration,
    ) -> Outcome {
        if self.has(letter) {
            return Outcome::Kept;
        }
        let inbox = self.boxes.entry(letter.to).or_default();
        let is_from = |stored: &&Stored| stored.letter.from == letter.from;
        if inbox.values().filter(is_from).count() >= quota {
            return Outcome::Refused(Why::Quota);
        }
        self.ids.insert((letter.to, letter.from, letter.id));
        self.last.0 += 1;
        inbox.insert(self.last, Stored::new(letter, content, at));
        Outcome::Kept
    }

    fn has(&self, letter: &Letter) -> bool {
        let Letter { to, from, id, .. } = *letter;
        self.ids.contains(&(to, from, id))
    }

    /// What comes after this place, at least one letter, at most about so many bytes; and whether that is all.
    pub(super) fn after(
        &self,
        name: &Name,
        after: Place,
        budget: usize,
        now: Duration,
    ) -> (Vec<Kept>, bool) {
        let (mut letters, mut bytes) = (Vec::new(), 0);
        let inbox = self.boxes.get(name).into_iter().flatten();
        for (place, stored) in inbox.filter(|(place, _)| **place > after) {
            if bytes > budget {
                return (letters, false);
            }
            bytes += stored.content.len();
            letters.push(stored.kept(*place, now));
        }
        (letters, true)
    }

    pub(super) fn forget(&mut self, name: &Name, until: Place) {
        let Some(inbox) = self.boxes.get_mut(name) else {
            return;
        };
        let rest = inbox.split_off(&Place(until.0 + 1));
        for stored in std::mem::replace(inbox, rest).into_values() {
            let Letter { to, from, id, .. } = stored.letter;
            self.ids.remove(&(to, from, id));
        }
    }

    /// All that waits.
    pub(super) fn all(&self) -> impl Iterator<Item = &Stored> {
        self.boxes.values().flat_map(BTreeMap::values)
    }
}
