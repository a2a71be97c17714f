//! Who is registered: a table of sessions by address, which forgets who was silent for too long.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use slab::Slab;

use super::mailbox::{MailDue, Mailbox};
use super::messages::Taking;
use super::names::NameId;
use super::pending::Pending;
use super::receipts::{Due, Withheld};
use super::rooms::RoomId;
use super::wheel::Slot;
use crate::relay::hub::Via;
use crate::relay::letter::Place;
use crate::relay::native::frames::Receipt;
use crate::relay::native::link::Link;
use crate::relay::native::{LIFETIME, MessageId, STUCK};

/// A session, and no other that is at its place later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) index: u32,
    serial: u32,
}

/// What a relay has of a client. Thousands of these are idle: what only a busy one needs is in [`Busy`].
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) address: SocketAddr,
    /// The last message that was taken, where there is no name to remember it.
    pub(super) last: MessageId,
    pub(super) name: Option<NameId>,
    pub(super) rooms: Joined,
    pub(super) busy: Option<Box<Busy>>,
    /// What is kept for it elsewhere, if something was or may be.
    pub(super) mailbox: Option<Box<Mailbox>>,
    serial: u32,
    /// When it was heard last, in seconds.
    heard: u32,
    /// Its neighbours in the order of hearing.
    older: u32,
    newer: u32,
    /// How many bytes of it are in [`Native::waiting`](super::Native::waiting).
    pub(super) counted: u32,
    pub(super) via: Via,
    pub(super) slot: Option<Slot>,
    pub(super) is_dirty: bool,
    pub(super) is_stuck: bool,
    /// Whether nothing is taken from it, since it writes to somebody who is far behind.
    pub(super) is_held: bool,
    /// Whether it may have something to give back.
    pub(super) is_awake: bool,
}

/// The rooms that a session is in: most are in none.
#[derive(Debug, Default)]
pub(super) struct Joined(Option<Box<List>>);

#[derive(Debug, Default)]
struct List(Vec<RoomId>);

impl Joined {
    pub(super) fn all(&self) -> &[RoomId] {
        self.0.as_ref().map_or(&[], |list| &list.0)
    }

    pub(super) fn add(&mut self, room: RoomId) {
        self.0.get_or_insert_default().0.push(room);
    }

    /// Takes a room out, and says whether it was in.
    pub(super) fn remove(&mut self, room: RoomId) -> bool {
        let before = self.all().len();
        if let Some(list) = &mut self.0 {
            list.0.retain(|other| *other != room);
        }
        let after = self.all().len();
        self.0.take_if(|list| list.0.is_empty());
        after < before
    }

    /// Takes all out.
    pub(super) fn take(&mut self) -> Vec<RoomId> {
        self.0.take().map_or_else(Vec::new, |list| list.0)
    }
}

/// What a session needs while something goes on.
#[derive(Debug, Default)]
pub(super) struct Busy {
    /// What is to be said to it at the next flush.
    pub(super) receipts: Vec<Receipt>,
    /// Its message of which not all parts are there.
    pub(super) taking: Option<Box<Taking>>,
    /// Room in its queue for parts that are still to come.
    pub(super) reserved: usize,
    /// Verdicts for others that wait until its queue is shorter.
    pub(super) withheld: Vec<Withheld>,
    /// Its own messages that have no verdict yet, if it goes by no name.
    pub(super) pending: Pending,
    /// Deliveries whose senders are to hear that they have come.
    pub(super) due: VecDeque<Due>,
    /// Letters that were kept, on their way to it.
    pub(super) mail: VecDeque<MailDue>,
    /// Up to where they have come, while nobody was told so.
    pub(super) forget: Option<Place>,
    /// How many rooms it has joined in this second.
    joins: (u64, u32),
}

impl Busy {
    /// How many rooms a client may join in a second: all that it is in, twice.
    const MAX_JOINS: u32 = 128;

    /// Whether it may join a room.
    pub(super) fn may_join(&mut self, now: Duration) -> bool {
        let (second, joins) = self.joins;
        let joins = if second == now.as_secs() { joins } else { 0 };
        self.joins = (now.as_secs(), joins + 1);
        joins < Self::MAX_JOINS
    }

    fn is_idle(&self) -> bool {
        let nothing_waits = self.withheld.is_empty() && self.due.is_empty();
        let no_mail = self.mail.is_empty() && self.forget.is_none() && self.pending.is_empty();
        nothing_waits
            && no_mail
            && self.receipts.is_empty()
            && self.taking.is_none()
            && self.reserved == 0
    }
}

impl Session {
    /// How much of a queue is fine.
    pub(super) const HIGH: usize = 1024 * 1024;

    /// How many packets are taken from it before those between them have come.
    pub(super) const WINDOW: u16 = 1024;

    /// The same while much waits in all queues.
    pub(super) const TIGHT: u16 = 16;

    /// From where on nothing more is taken from those who write to it.
    pub(super) const PRESSING: usize = 2 * 1024 * 1024;

    /// Where a queue has become short again.
    pub(super) const LOW: usize = 512 * 1024;

    /// How long a queue may be.
    pub(super) const MOST: usize = 4 * 1024 * 1024;

    /// Whether nothing was taken for so long that nobody waits any more.
    pub(super) fn stands_still(&self, now: Duration) -> bool {
        now.checked_sub(STUCK)
            .is_some_and(|since| !self.link.moved_since(since))
    }

    /// Whether its queue is so long that its writers are to wait.
    #[inline]
    pub(super) fn is_slow(&self) -> bool {
        self.link.backlog() > Self::HIGH
    }

    /// Whether it takes a message of this many bytes in all.
    #[inline]
    pub(super) fn has_room(&self, bytes: usize, now: Duration) -> bool {
        let backlog = self.link.backlog();
        if backlog <= Self::HIGH && bytes <= Self::HIGH {
            return self.reserved() + backlog + bytes <= Self::MOST;
        }
        if backlog > Self::HIGH && self.stands_still(now) {
            return false;
        }
        self.reserved() + backlog + bytes <= Self::MOST
    }

    fn reserved(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.reserved)
    }

    /// Brings the sum of what waits in all sessions, both ways, up to date.
    #[inline]
    pub(super) fn recount(&mut self, waiting: &mut usize) {
        let bytes = self.link.backlog() + self.link.kept();
        *waiting = *waiting + bytes - self.counted as usize;
        self.counted = bytes as u32;
    }

    /// Notes that there may be something to send to it, and says whether that is new.
    #[inline]
    pub(super) fn touch(&mut self) -> bool {
        self.is_awake = true;
        !std::mem::replace(&mut self.is_dirty, true)
    }

    pub(super) fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// Whether nothing was heard of it for a second at least.
    pub(super) fn is_silent(&self, now: Duration) -> bool {
        u64::from(self.heard) + 2 <= now.as_secs()
    }

    /// Gives back what only a busy session needs, if this one is not.
    pub(super) fn rest(&mut self) {
        self.is_awake = false;
        self.busy.take_if(|busy| busy.is_idle());
    }
}

const NONE: u32 = u32::MAX;

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    slab: Slab<Session>,
    places: HashTable<u32>,
    hasher: FixedState,
    oldest: u32,
    newest: u32,
    serial: u32,
}

impl Sessions {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            slab: Slab::new(),
            places: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            oldest: NONE,
            newest: NONE,
            serial: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    #[inline]
    pub(super) fn find(&self, address: SocketAddr) -> Option<u32> {
        let is_it = |place: &u32| self.slab[*place as usize].address == address;
        let hash = self.hasher.hash_one(address);
        self.places.find(hash, is_it).copied()
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Session> {
        self.slab.get(index as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        self.slab.get_mut(index as usize)
    }

    pub(super) fn key(&self, index: u32) -> Key {
        let serial = self.get(index).map_or(0, |session| session.serial);
        Key { index, serial }
    }

    /// The session with this key, while there is one.
    pub(super) fn of(&mut self, key: Key) -> Option<&mut Session> {
        let session = self.slab.get_mut(key.index as usize)?;
        (session.serial == key.serial).then_some(session)
    }

    pub(super) fn indices(&self) -> Vec<u32> {
        self.slab.iter().map(|(index, _)| index as u32).collect()
    }

    /// Adds a session at an address that has none.
    pub(super) fn add(
        &mut self,
        address: SocketAddr,
        via: Via,
        link: Link,
        name: Option<NameId>,
        now: Duration,
    ) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        let index = self.slab.insert(Session {
            link,
            address,
            last: MessageId::default(),
            name,
            rooms: Joined::default(),
            busy: None,
            mailbox: None,
            serial: self.serial,
            heard: now.as_secs() as u32,
            older: NONE,
            newer: NONE,
            counted: 0,
            via,
            slot: None,
            is_dirty: false,
            is_stuck: false,
            is_held: false,
            is_awake: false,
        }) as u32;
        let (slab, hasher) = (&self.slab, &self.hasher);
        let hash = |place: &u32| hasher.hash_one(slab[*place as usize].address);
        self.places.insert_unique(hash(&index), index, hash);
        self.append(index);
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<Session> {
        let address = self.get(index)?.address;
        self.unchain(index);
        let hash = self.hasher.hash_one(address);
        if let Ok(entry) = self.places.find_entry(hash, |place| *place == index) {
            entry.remove();
        }
        self.slab.try_remove(index as usize)
    }

    /// It was heard of now.
    #[inline]
    pub(super) fn heard(&mut self, index: u32, now: Duration) {
        let second = now.as_secs() as u32;
        let Some(session) = self.get_mut(index) else {
            return;
        };
        if session.heard != second {
            session.heard = second;
            self.unchain(index);
            self.append(index);
        }
    }

    /// The one that was silent for longest, if it is to be forgotten.
    pub(super) fn expired(&self, now: Duration) -> Option<u32> {
        (self.expiry()? <= now).then_some(self.oldest)
    }

    /// When the next one is to be forgotten.
    pub(super) fn expiry(&self) -> Option<Duration> {
        let heard = self.get(self.oldest)?.heard;
        Some(Duration::from_secs(u64::from(heard) + 1) + LIFETIME)
    }

    fn append(&mut self, index: u32) {
        let before = std::mem::replace(&mut self.newest, index);
        if let Some(session) = self.get_mut(index) {
            (session.older, session.newer) = (before, NONE);
        }
        match self.get_mut(before) {
            Some(session) => session.newer = index,
            None => self.oldest = index,
        }
    }

    fn unchain(&mut self, index: u32) {
        let Some(session) = self.get(index) else {
            return;
        };
        let (older, newer) = (session.older, session.newer);
        match self.get_mut(older) {
            Some(session) => session.newer = newer,
            None => self.oldest = newer,
        }
        match self.get_mut(newer) {
            Some(session) => session.older = older,
            None => self.newest = older,
        }
    }
}
