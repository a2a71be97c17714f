//! Names whose keys are looked for, since a client wants to know them and nobody here has gone by them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::asking::Asker;
use crate::relay::hub::elsewhere::{Errand, PATIENCE};
use crate::relay::hub::native::Native;
use crate::relay::hub::{Hub, Reach};
use crate::relay::native::Name;
use crate::relay::native::frames::Reply;
use crate::relay::native::identity::PublicKeys;

/// A name that is looked for.
#[derive(Debug)]
struct Look {
    until: Duration,
    askers: Vec<Asker>,
}

/// All names that are looked for, and who has asked for them.
#[derive(Debug, Default)]
pub(in crate::relay::hub::native) struct Looks {
    names: BTreeMap<Name, Look>,
    /// When each is given up; some were found meanwhile.
    due: VecDeque<(Duration, Name)>,
    /// How many questions of whom are open.
    of: BTreeMap<u32, usize>,
    open: usize,
}

impl Looks {
    /// How many questions are open at once, and how many of them may be one client's. Whoever asks beyond that is
    /// answered from what is known here.
    const MAX: usize = 16_384;
    const MAX_OF_CLIENT: usize = 4096;

    /// When the next one is given up.
    pub(in crate::relay::hub::native) fn deadline(&self) -> Option<Duration> {
        self.due.front().map(|(due, _)| *due)
    }

    fn has_room_for(&self, (asker, _): Asker) -> bool {
        let of_client = self.of.get(&asker.index).copied().unwrap_or_default();
        self.open < Self::MAX && of_client < Self::MAX_OF_CLIENT
    }

    /// Notes who asks for a name, and says whether that is the first.
    fn add(&mut self, name: Name, asker: Asker, now: Duration) -> bool {
        self.open += 1;
        *self.of.entry(asker.0.index).or_default() += 1;
        if let Some(look) = self.names.get_mut(&name) {
            look.askers.push(asker);
            return false;
        }
        let until = now + PATIENCE;
        let askers = vec![asker];
        self.names.insert(name, Look { until, askers });
        self.due.push_back((until, name));
        true
    }

    /// Those who have asked for a name, which is looked for no more.
    fn take(&mut self, name: &Name) -> Vec<Asker> {
        let askers = self.names.remove(name).map(|look| look.askers);
        let askers = askers.unwrap_or_default();
        self.open -= askers.len();
        for (asker, _) in &askers {
            if let Some(open) = self.of.get_mut(&asker.index) {
                *open -= 1;
                if *open == 0 {
                    self.of.remove(&asker.index);
                }
            }
        }
        askers
    }

    /// The next name that was looked for in vain.
    fn expired(&mut self, now: Duration) -> Option<Name> {
        while let Some((_, name)) = self.due.pop_front_if(|(due, _)| *due <= now) {
            if self.names.get(&name).is_some_and(|look| look.until <= now) {
                return Some(name);
            }
        }
        None
    }

    #[cfg(test)]
    pub(in crate::relay::hub::native) fn len(&self) -> usize {
        self.open
    }
}

impl Native {
    /// Answers which keys a name has.
    pub(in crate::relay::hub::native) fn tell_keys(
        &mut self,
        index: u32,
        number: u32,
        name: Name,
        now: Duration,
    ) {
        let asker = (self.sessions.key(index), number);
        let keys = self.keys_of(&name);
        let is_here = keys.is_some() || self.reach != Reach::Fleet;
        if is_here || !self.looks.has_room_for(asker) {
            return self.reply(asker, Reply::Keys(keys), false);
        }
        if self.looks.add(name, asker, now) {
            self.errand(Errand::Look { name });
        }
    }

    fn keys_of(&self, name: &Name) -> Option<PublicKeys> {
        let known = self.names.find(name)?;
        self.names.get(known).keys()
    }

    /// Gives up what was looked for in vain.
    pub(in crate::relay::hub::native) fn give_up_looks(&mut self, now: Duration) {
        while let Some(name) = self.looks.expired(now) {
            let keys = self.keys_of(&name);
            self.tell_found(&name, keys);
        }
    }

    fn tell_found(&mut self, name: &Name, keys: Option<PublicKeys>) {
        for asker in self.looks.take(name) {
            self.reply(asker, Reply::Keys(keys), false);
        }
    }
}

impl Hub {
    /// What is known elsewhere of a name: whoever asked for it is answered.
    pub(in crate::relay::hub) fn found(&mut self, name: &Name, keys: Option<&PublicKeys>) {
        if let Some(keys) = keys {
            self.native.believe(*name, keys);
        }
        let known = self.native.keys_of(name).or(keys.copied());
        self.native.tell_found(name, known);
    }
}
