//! The names that have sessions with this relay: what is for them is heard, and the other relays know of it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use proto::relay::fleet::{Here, RelayId};
use proto::relay::hub::elsewhere::News;
use proto::relay::native::Name;

use super::lanes::Carrier as _;
use super::line::{Line, Listener, encode};
use super::work::Work;

/// Sessions that began within this time of each other count as of one age: what is said of them takes a while.
const AT_ONCE: Duration = Duration::from_millis(250);

/// How many names are said again with each beat, so that what was missed comes to be known.
const SAID_AGAIN: usize = 4 * Here::NAMES;

/// The age of a session that has ended.
const GONE: u64 = u64::MAX;

/// A name that is here.
#[derive(Debug)]
struct Present {
    since: Instant,
    is_heard: bool,
    _listener: Listener,
}

/// All names that are here.
#[derive(Debug, Default)]
pub(super) struct Presence {
    names: BTreeMap<Name, Present>,
    /// The last that was said again.
    said: Option<Name>,
}

impl Presence {
    pub(super) fn has(&self, name: &Name) -> bool {
        self.names.contains_key(name)
    }

    /// Whether what is for a name is heard.
    pub(super) fn is_heard(&self, name: &Name) -> bool {
        self.names.get(name).is_some_and(|present| present.is_heard)
    }

    /// A name has a session from now on.
    pub(super) fn begin(&mut self, name: Name, line: &mut Line) {
        if let Some(present) = self.names.get_mut(&name) {
            present.since = line.now();
            if present.is_heard {
                self.say(&[name], line);
            }
            return;
        }
        let heard = move |message| Work::ForName(name, message);
        let subject = line.subjects.to(name);
        let told = (Work::HearsName(name), Some(Work::Left(name)));
        let present = Present {
            since: line.now(),
            is_heard: false,
            _listener: line.listen(subject, true, told, heard),
        };
        self.names.insert(name, present);
    }

    /// What is for a name is heard from now on: the other relays are told that it is here.
    pub(super) fn hears(&mut self, name: Name, line: &mut Line) {
        if let Some(present) = self.names.get_mut(&name) {
            present.is_heard = true;
            self.say(&[name], line);
        }
    }

    /// A name has no session any more.
    pub(super) fn end(&mut self, name: Name) {
        self.names.remove(&name);
    }

    /// What is for a name is heard no more. What was on its way here is lost: those who have sent it are told, and so is
    /// whoever has the name now that there may be mail.
    pub(super) fn left(&self, name: Name, line: &mut Line) {
        let here = Here {
            relay: line.relay,
            names: vec![(name, GONE)],
        };
        if let Some(payload) = encode(&here, &[]) {
            line.say(line.subjects.here(), None, payload);
        }
        if line.weather.is_up {
            line.tell_of_mail(name);
        }
    }

    /// Tells the other relays of all names.
    pub(super) fn say_all(&mut self, line: &mut Line) {
        let names: Vec<_> = self.names.keys().copied().collect();
        self.say(&names, line);
    }

    /// Tells the other relays of some names, others each time.
    pub(super) fn say_some(&mut self, line: &mut Line) {
        let after = self.said.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.names.range((after, Bound::Unbounded));
        let names: Vec<_> = next.take(SAID_AGAIN).map(|(name, _)| *name).collect();
        self.said = names.last().copied();
        self.say(&names, line);
    }

    fn say(&self, names: &[Name], line: &mut Line) {
        for names in names.chunks(Here::NAMES) {
            let age = |name: &Name| {
                let since = self.names.get(name)?.since;
                Some((*name, millis(line.now().saturating_duration_since(since))))
            };
            let here = Here {
                relay: line.relay,
                names: names.iter().filter_map(age).collect(),
            };
            if let Some(payload) = encode(&here, &[]) {
                line.say(line.subjects.here(), None, payload);
            }
        }
    }

    /// Another relay says which names it has: of two sessions of one name the younger stays.
    pub(super) fn hear(&mut self, here: &Here, line: &mut Line) {
        if here.relay == line.relay {
            return;
        }
        for (name, age) in here.names.iter().filter(|(_, age)| *age != GONE) {
            let Some(present) = self.names.get(name) else {
                continue;
            };
            let own = line.now().saturating_duration_since(present.since);
            match stays(own, line.relay, Duration::from_millis(*age), here.relay) {
                true => self.say(&[*name], line),
                false => line.news.push(News::Superseded { name: *name }),
            }
        }
    }
}

/// The names whose sessions have ended at the relay that says so.
pub(super) fn gone(here: &Here) -> impl Iterator<Item = Name> {
    let names = here.names.iter();
    names.filter_map(|(name, age)| (*age == GONE).then_some(*name))
}

/// Whether a session of this age stays when another relay has one of the same name.
fn stays(own: Duration, relay: RelayId, other: Duration, other_relay: RelayId) -> bool {
    match own.abs_diff(other) < AT_ONCE {
        true => relay > other_relay,
        false => own < other,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_sessions_exactly_one_stays() {
        let relays = (RelayId(1), RelayId(2));
        for (one, other) in [(0, 0), (0, 100), (300, 20), (5000, 4990), (1, 3_600_000)] {
            let ages = (Duration::from_millis(one), Duration::from_millis(other));
            let first = stays(ages.0, relays.0, ages.1, relays.1);
            let second = stays(ages.1, relays.1, ages.0, relays.0);
            assert_ne!(first, second, "{one} {other}");
        }
        assert!(stays(
            Duration::from_secs(1),
            RelayId(1),
            Duration::from_secs(9),
            RelayId(2)
        ));
    }
}
