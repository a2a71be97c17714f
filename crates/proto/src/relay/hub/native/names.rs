//! Names, and the keys that they belong to for good.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::pending::Pending;
use crate::relay::native::frames::Why;
use crate::relay::native::identity::{PublicKeys, SealingKey, Signature, SigningKey};
use crate::relay::native::{MessageId, Name, Token};

fn part(Token([a, b, c, d, ..]): Token) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

/// A name's place among the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameId(u32);

/// What is known of a name.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Name,
    pub(super) key: SigningKey,
    /// What messages are sealed for; unknown until its owner has registered since the relay started.
    sealing: Option<(SealingKey, Signature)>,
    /// The last message that was taken from it.
    pub(super) last: MessageId,
    /// Messages that were refused, as long as it may not have heard so.
    refused: Option<Box<Refused>>,
    /// Messages that were taken from it and have no verdict yet.
    pending: Option<Box<Pending>>,
    /// Its session, while it has one.
    pub(super) session: Option<u32>,
    /// A part of the token of the session that another one took the place of: it does not begin again.
    left: u32,
}

/// Messages that were refused, in runs of those that follow each other.
#[derive(Debug, Default)]
struct Refused {
    runs: Vec<(MessageId, MessageId, Why)>,
    /// The greatest number of those that are remembered no more.
    forgotten: Option<MessageId>,
    /// Whether none of them is said again: in the same session, it has said a later one.
    is_over: bool,
}

impl Refused {
    /// The most runs that are remembered.
    const MAX: usize = 256;

    fn note(&mut self, id: MessageId, why: Why) {
        if let Some((_, last, same)) = self.runs.last_mut()
            && *same == why
            && last.0.checked_add(1) == Some(id.0)
        {
            *last = id;
            return;
        }
        if self.runs.len() >= Self::MAX {
            let (_, last, _) = self.runs.remove(0);
            self.forgotten = self.forgotten.max(Some(last));
        }
        self.runs.push((id, id, why));
    }

    /// Why this message was refused. One that is as old as others of which nothing is known any more is refused too,
    /// rather than said to be safe.
    fn why(&self, id: MessageId) -> Option<Why> {
        let mut runs = self.runs.iter();
        let run = runs.find(|(first, last, _)| (*first..=*last).contains(&id));
        let forgotten = self.forgotten.filter(|forgotten| id <= *forgotten);
        run.map(|(_, _, why)| *why).or(forgotten.map(|_| Why::Full))
    }

    /// Forgets those that begin with this one or a later one, and where others reach it, from there on.
    fn only_before(&mut self, id: MessageId) {
        self.runs.retain(|(first, ..)| *first < id);
        let before = MessageId(id.0.saturating_sub(1));
        self.runs
            .iter_mut()
            .for_each(|(_, last, _)| *last = (*last).min(before));
    }
}

/// All names.
#[derive(Debug)]
pub(super) struct Names {
    known: Vec<Known>,
    places: HashTable<u32>,
    hasher: FixedState,
}

impl Names {
    /// How many are remembered.
    pub(super) const MAX: usize = 1_000_000;

    pub(super) fn new(seed: u64) -> Self {
        Self {
            known: Vec::new(),
            places: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    #[inline]
    pub(super) fn find(&self, name: &Name) -> Option<NameId> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let is_it = |place: &u32| self.known[*place as usize].name == *name;
        self.places.find(hash, is_it).copied().map(NameId)
    }

    #[inline]
    pub(super) fn get(&self, id: NameId) -> &Known {
        &self.known[id.0 as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: NameId) -> &mut Known {
        &mut self.known[id.0 as usize]
    }

    /// A name that is new; `None` where there is no room.
    pub(super) fn add(&mut self, name: Name, key: SigningKey) -> Option<NameId> {
        if self.known.len() >= Self::MAX {
            return None;
        }
        let place = self.known.len() as u32;
        self.known.push(Known {
            name,
            key,
            sealing: None,
            last: MessageId::default(),
            refused: None,
            pending: None,
            session: None,
            left: 0,
        });
        let (known, hasher) = (&self.known, &self.hasher);
        let hash = |place: &u32| hasher.hash_one(known[*place as usize].name.as_bytes());
        self.places.insert_unique(hash(&place), place, hash);
        Some(NameId(place))
    }
}

impl Known {
    /// Another session takes the place of the one with this token.
    pub(super) fn left(&mut self, token: Token) {
        self.left = part(token);
    }

    /// Whether it was the session with this token that another one took the place of last.
    pub(super) fn has_left(&self, token: Token) -> bool {
        self.left != 0 && self.left == part(token)
    }

    /// A message was refused: it is to be refused again if it is said again.
    pub(super) fn note_refused(&mut self, id: MessageId, why: Why) {
        self.refused.get_or_insert_default().note(id, why);
    }

    /// Why this message was refused before, if it was.
    pub(super) fn was_refused(&self, id: MessageId) -> Option<Why> {
        self.refused.as_ref()?.why(id)
    }

    /// A message was taken.
    #[inline]
    pub(super) fn took(&mut self, id: MessageId) {
        self.last = id;
        if let Some(refused) = &mut self.refused {
            refused.only_before(id);
            refused.is_over = true;
        }
    }

    /// A session of its own begins: it may say again what it has not heard of.
    pub(super) fn begins(&mut self) {
        if let Some(refused) = &mut self.refused {
            refused.is_over = false;
        }
    }

    /// It has heard everything that was said to it.
    pub(super) fn heard_all(&mut self) {
        self.refused.take_if(|refused| refused.is_over);
        self.pending.take_if(|pending| pending.is_empty());
    }

    /// Gives back what only somebody needs of whom something is under way, if they are not here.
    pub(super) fn needs_less(&mut self) {
        if self.session.is_none() {
            self.pending.take_if(|pending| pending.is_empty());
        }
    }

    /// What is under way of it, if anything is.
    pub(super) fn under_way(&self) -> Option<&Pending> {
        self.pending.as_deref()
    }

    /// How many letters are under way to it.
    pub(super) fn expected(&self) -> u32 {
        self.pending.as_ref().map_or(0, |pending| pending.expected)
    }

    /// The same, to be changed.
    pub(super) fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    pub(super) fn keys(&self) -> Option<PublicKeys> {
        let (sealing, binding) = self.sealing?;
        Some(PublicKeys {
            signing: self.key,
            sealing,
            binding,
        })
    }

    pub(super) fn bind(&mut self, keys: &PublicKeys) {
        self.sealing = Some((keys.sealing, keys.binding));
    }
}
