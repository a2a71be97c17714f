//! What is named, and how much that is: what was found while it was counted is kept as far as there is room, so that few
//! trees are gone through twice.

use std::collections::VecDeque;

use proto::filexfer::native::message::{Kind, Totals};

use super::Wanted;
use super::entries::{Entries, Next};
use super::outlet::Outlet;
use super::roots::Roots;
use crate::transfer::TransferError;

/// One after the other.
pub(super) enum Named {
    /// All of it.
    Kept(VecDeque<Next>),
    /// It is gone through again.
    Again(Box<Entries>),
}

/// The most bytes that are kept of what was found.
const ROOM: usize = 4 << 20;

impl Named {
    /// Goes through all that is wanted once, to say how much it is; `None` where that cannot be known.
    pub(super) fn count(
        roots: &mut Roots<'_>,
        wanted: &Wanted,
        outlet: &mut Outlet,
    ) -> Result<(Option<Totals>, Self), TransferError> {
        let mut totals = Some(Totals::default());
        let mut kept = Some(Kept::default());
        let mut entries = Entries::new(roots, wanted);
        while totals.is_some()
            && let Some(next) = entries.next(roots)
        {
            outlet.stay_alive()?;
            totals = totals.and_then(|totals| with(totals, &next));
            kept = kept.and_then(|kept| kept.with(next));
        }
        let kept = kept.filter(|_| totals.is_some());
        let again = || Self::Again(Box::new(Entries::new(roots, wanted)));
        Ok((
            totals,
            kept.map_or_else(again, |kept| Self::Kept(kept.found)),
        ))
    }

    /// The next one; `None` after the last.
    pub(super) fn next(&mut self, roots: &mut Roots<'_>) -> Option<Next> {
        match self {
            Self::Kept(found) => found.pop_front(),
            Self::Again(entries) => entries.next(roots),
        }
    }
}

fn with(mut totals: Totals, next: &Next) -> Option<Totals> {
    let Next::Entry(entry) = next else {
        return Some(totals);
    };
    match entry.kind {
        Kind::File(Some(size)) => {
            totals.files += 1;
            totals.bytes = totals.bytes.saturating_add(size);
        }
        Kind::File(None) => return None,
        Kind::Folder | Kind::Link(_) | Kind::Again(_) => {}
    }
    Some(totals)
}

/// What was found.
#[derive(Default)]
struct Kept {
    found: VecDeque<Next>,
    bytes: usize,
}

impl Kept {
    /// With this too, if there is room.
    fn with(mut self, next: Next) -> Option<Self> {
        self.bytes += size_of::<Next>();
        self.bytes += match &next {
            Next::Entry(entry) => {
                let target = match &entry.kind {
                    Kind::Link(target) => target.as_bytes().len(),
                    Kind::File(_) | Kind::Folder | Kind::Again(_) => 0,
                };
                entry.name.as_bytes().len() + target
            }
            Next::Skipped { path, .. } => path.len(),
            Next::LeftOut => return Some(self),
        };
        self.found.push_back(next);
        (self.bytes <= ROOM).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use proto::filexfer::native::message::Entry;
    use proto::filexfer::native::name::Name;

    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let name = Name::new(["x".repeat(250).as_str(); 4].join("/").as_bytes()).unwrap();
        let entry = || Next::Entry(Entry::new(name.clone(), Kind::File(Some(1))));
        let mut kept = Some(Kept::default());
        let mut count = 0;
        while let Some(before) = kept {
            assert_eq!(before.found.len(), count);
            count += 1;
            kept = before.with(entry());
        }
        assert!(count * 1003 <= ROOM + 1003 && count > 1000, "{count}");
    }
}
