//! Names, and the keys that they belong to for good.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use crate::relay::native::identity::{PublicKeys, SealingKey, Signature, SigningKey};
use crate::relay::native::{MessageId, Name};

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
    /// Its session, while it has one.
    pub(super) session: Option<u32>,
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
            session: None,
        });
        let (known, hasher) = (&self.known, &self.hasher);
        let hash = |place: &u32| hasher.hash_one(known[*place as usize].name.as_bytes());
        self.places.insert_unique(hash(&place), place, hash);
        Some(NameId(place))
    }
}

impl Known {
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
