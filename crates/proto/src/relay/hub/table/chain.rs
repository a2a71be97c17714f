//! Doubly linked lists through the entries of a table. An entry is in one of them at a time.

use super::Entry;

/// What an entry keeps of the list that it is in: one more than the place, 0 for none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    older: u32,
    newer: u32,
}

/// The ends of a list.
#[derive(Debug, Default)]
pub(super) struct Chain {
    oldest: u32,
    newest: u32,
}

#[cfg(test)]
impl Links {
    pub(super) fn newer(self) -> Option<u32> {
        self.newer.checked_sub(1)
    }
}

impl Chain {
    pub(super) fn oldest(&self) -> Option<u32> {
        self.oldest.checked_sub(1)
    }

    /// Puts an entry that is in no list at the new end.
    pub(super) fn push(&mut self, entries: &mut [Entry], place: u32) {
        entries[place as usize].links = Links {
            older: self.newest,
            newer: 0,
        };
        *newer(entries, self.newest).unwrap_or(&mut self.oldest) = place + 1;
        self.newest = place + 1;
    }

    /// Takes an entry of this list out.
    pub(super) fn unlink(&mut self, entries: &mut [Entry], place: u32) {
        let Links { older, newer: next } = entries[place as usize].links;
        *newer(entries, older).unwrap_or(&mut self.oldest) = next;
        match next.checked_sub(1) {
            Some(next) => entries[next as usize].links.older = older,
            None => self.newest = older,
        }
    }
}

fn newer(entries: &mut [Entry], link: u32) -> Option<&mut u32> {
    let place = link.checked_sub(1)?;
    Some(&mut entries[place as usize].links.newer)
}
