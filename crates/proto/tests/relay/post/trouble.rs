//! What went wrong, where and when: what is promised for quiet times is not held against these.

use std::time::Duration;

/// Where something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// A client: it moved, could not be reached, or its program ended.
    Peer(usize),
    /// A relay was killed.
    Relay(usize),
    /// The store of a relay could not write.
    Store,
    /// The bus was killed.
    Bus,
    /// A relay was cut off from the bus.
    Link(usize),
}

/// All that went wrong.
#[derive(Debug, Default)]
pub(super) struct Troubles(Vec<(Where, Duration, Option<Duration>)>);

impl Troubles {
    /// It began then, and goes on.
    pub(super) fn begin(&mut self, at: Where, since: Duration) {
        self.0.push((at, since, None));
    }

    /// All of it there is over.
    pub(super) fn end(&mut self, at: Where, now: Duration) {
        for (_, _, until) in self.0.iter_mut().filter(|(it, _, _)| *it == at) {
            until.get_or_insert(now);
        }
    }

    pub(super) fn add(&mut self, at: Where, since: Duration, until: Duration) {
        self.0.push((at, since, Some(until)));
    }

    /// Whether some of it there is not over.
    pub(super) fn is_on(&self, at: Where) -> bool {
        let mut all = self.0.iter();
        all.any(|(it, _, until)| *it == at && until.is_none())
    }

    /// Whether nothing was wrong at any of these between the two moments.
    pub(super) fn was_calm(
        &self,
        is_meant: impl Fn(Where) -> bool,
        from: Duration,
        until: Duration,
    ) -> bool {
        let is_wrong = |(at, since, end): &&(Where, Duration, Option<Duration>)| {
            is_meant(*at) && *since <= until && end.is_none_or(|end| end >= from)
        };
        !self.0.iter().any(|trouble| is_wrong(&trouble))
    }
}
