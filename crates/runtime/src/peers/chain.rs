//! Doubly linked lists through the entries of a slab, from the one that was silent longest to the one heard of last. An
//! entry can be in several: each list has a marker type of its own.

use slab::Slab;

/// Where an entry is in its slab.
pub(super) type Place = usize;

/// What an entry keeps of a list that it is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    older: Option<Next>,
    newer: Option<Next>,
}

/// The ends of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    oldest: Option<Next>,
    newest: Option<Next>,
}

/// A place as it is kept: in 32 bits, `None` included. It is one more than the place.
type Next = std::num::NonZeroU32;

/// What can be in the list of this marker.
pub(super) trait Linked<M> {
    fn links(&mut self) -> &mut Links;
}

impl Chain {
    pub(super) fn oldest(&self) -> Option<Place> {
        self.oldest.map(place)
    }
}

/// Puts an entry that is in no such list at the new end of this one.
pub(super) fn push<M, E: Linked<M>>(chain: &mut Chain, entries: &mut Slab<E>, at: Place) {
    *entries[at].links() = Links {
        older: chain.newest,
        newer: None,
    };
    let end = next(at);
    match chain.newest {
        Some(newest) => entries[place(newest)].links().newer = end,
        None => chain.oldest = end,
    }
    chain.newest = end;
}

/// Takes an entry out of its list.
pub(super) fn unlink<M, E: Linked<M>>(chain: &mut Chain, entries: &mut Slab<E>, at: Place) {
    let Links { older, newer } = std::mem::take(entries[at].links());
    match older {
        Some(older) => entries[place(older)].links().newer = newer,
        None => chain.oldest = newer,
    }
    match newer {
        Some(newer) => entries[place(newer)].links().older = older,
        None => chain.newest = older,
    }
}

/// Moves an entry of this list to its new end.
pub(super) fn renew<M, E: Linked<M>>(chain: &mut Chain, entries: &mut Slab<E>, at: Place) {
    if chain.newest != next(at) {
        unlink(chain, entries, at);
        push(chain, entries, at);
    }
}

fn place(next: Next) -> Place {
    next.get() as Place - 1
}

/// A slab of a table has at most 2³¹ entries.
fn next(place: Place) -> Option<Next> {
    u32::try_from(place + 1).ok().and_then(Next::new)
}

/// All places of a list, the oldest first.
#[cfg(test)]
pub(super) fn walk<M, E: Linked<M>>(chain: &Chain, entries: &mut Slab<E>) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut at, mut before) = (chain.oldest, None);
    while let Some(here) = at {
        let links = *entries[place(here)].links();
        assert_eq!(links.older, before);
        places.push(place(here));
        (at, before) = (links.newer, at);
    }
    assert_eq!(chain.newest, before);
    places
}
