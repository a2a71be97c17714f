//! Whose keys are whose: what is sealed for a name and opened from it, and what waits until its key is known or trusted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::event::{Arrived, Event, Events};
use super::random::Random;
use crate::relay::native::frames::{Origin, Wants};
use crate::relay::native::identity::{PublicKeys, SealingKey, SigningKey};
use crate::relay::native::sealed::{Opener, Sealer};
use crate::relay::native::{Identity, MessageId, Name};

/// The most names whose keys are known. Who is met beyond that is not trusted.
const NAMES: usize = 65_536;

/// The most names whose handshake is remembered.
const OPENERS: usize = 1024;

/// The most messages, and bytes of them, that wait for their sender's key to be trusted.
const HELD: usize = 256;
const HELD_BYTES: usize = 4 * 1024 * 1024;

/// The keys of this client and of those it writes to or hears of.
#[derive(Debug)]
pub(super) struct Keys {
    me: (Name, Identity),
    random: Random,
    trusted: BTreeMap<Name, SigningKey>,
    /// The latest key of each name that the caller was told of as changed.
    changed: BTreeMap<Name, SigningKey>,
    to: BTreeMap<Name, Receiver>,
    from: BTreeMap<Name, (Opener, u64)>,
    turn: u64,
    untrusted: VecDeque<Untrusted>,
    untrusted_bytes: usize,
}

/// Somebody whom this client writes to.
#[derive(Debug, Default)]
struct Receiver {
    keys: Known,
    sealer: Option<Sealer>,
    held: VecDeque<Held>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Known {
    #[default]
    No,
    /// The relay was asked; what was known before that.
    Asked(Option<SealingKey>),
    Trusted(SealingKey),
    /// It was, at another relay.
    Doubted(SealingKey),
    /// Not until the caller trusts them.
    Changed(PublicKeys),
}

/// A message that waits for its receiver's key.
#[derive(Debug)]
pub(super) struct Held {
    /// What the caller calls it by.
    pub(super) id: MessageId,
    pub(super) content: Vec<u8>,
    pub(super) wants: Wants,
}

/// A message that waits for its sender's key to be trusted.
#[derive(Debug)]
struct Untrusted {
    key: SigningKey,
    head: Arrived<'static>,
    from: Name,
    content: Vec<u8>,
}

/// Whether a message can be sealed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// The relay is to be asked for the keys.
    Ask,
    /// It was asked, or the caller is.
    Wait,
}

enum Trust {
    Yes,
    No,
}

impl Receiver {
    /// The relay is asked for the keys.
    fn ask(&mut self) {
        self.keys = match self.keys {
            Known::Doubted(key) => Known::Asked(Some(key)),
            _ => Known::Asked(None),
        };
    }
}

impl Keys {
    pub(super) fn new(me: (Name, Identity), seed: &[u8; 32]) -> Self {
        Self {
            me,
            random: Random::new(seed, "plumbline relay 2026-11 ephemeral keys"),
            trusted: BTreeMap::new(),
            changed: BTreeMap::new(),
            to: BTreeMap::new(),
            from: BTreeMap::new(),
            turn: 0,
            untrusted: VecDeque::new(),
            untrusted_bytes: 0,
        }
    }

    /// The caller trusts this key: what came from it meanwhile is told, what came from another key of this name goes.
    pub(super) fn trust(&mut self, name: Name, key: SigningKey, events: &mut Events) {
        self.trusted.insert(name, key);
        self.changed.remove(&name);
        if let Some(receiver) = self.to.get_mut(&name)
            && let Known::Changed(keys) = receiver.keys
            && keys.signing == key
        {
            receiver.keys = Known::Trusted(keys.sealing);
        }
        for waiting in std::mem::take(&mut self.untrusted) {
            if waiting.from != name {
                self.untrusted.push_back(waiting);
                continue;
            }
            self.untrusted_bytes -= waiting.content.len();
            if waiting.key == key {
                events.message(waiting.head, &waiting.content);
            }
        }
    }

    /// Another relay, or one that began anew: it is asked again whose keys are whose. Where it cannot say, since it is cut
    /// off from what knows, those that were known hold.
    pub(super) fn doubt(&mut self) {
        for receiver in self.to.values_mut() {
            receiver.keys = match receiver.keys {
                Known::Trusted(key) => Known::Doubted(key),
                Known::Changed(_) => Known::No,
                known => known,
            };
        }
    }

    /// Names for whom something waits although nobody was asked for their keys.
    pub(super) fn unasked(&mut self) -> Vec<Name> {
        let without = self.to.iter_mut().filter(|(_, receiver)| {
            matches!(receiver.keys, Known::No | Known::Doubted(_)) && !receiver.held.is_empty()
        });
        without
            .map(|(name, receiver)| {
                receiver.ask();
                *name
            })
            .collect()
    }

    /// Whether a message to this name can be sealed, or what is to be done for it.
    pub(super) fn ready(&mut self, to: Name) -> Ready {
        let receiver = self.to.entry(to).or_default();
        match receiver.keys {
            Known::Trusted(_) => Ready::Yes,
            Known::Asked(_) | Known::Changed(_) => Ready::Wait,
            Known::No | Known::Doubted(_) => {
                receiver.ask();
                Ready::Ask
            }
        }
    }

    /// Holds a message until this name's keys are known and trusted.
    pub(super) fn hold(&mut self, to: Name, held: Held) {
        self.to.entry(to).or_default().held.push_back(held);
    }

    /// The next message to this name that can go now.
    pub(super) fn next_held(&mut self, to: Name) -> Option<Held> {
        let receiver = self.to.get_mut(&to)?;
        match receiver.keys {
            Known::Trusted(_) => receiver.held.pop_front(),
            _ => None,
        }
    }

    /// Seals; `None` where it cannot be done.
    pub(super) fn seal(
        &mut self,
        to: Name,
        id: MessageId,
        content: &[u8],
        now: Duration,
    ) -> Option<Vec<u8>> {
        let receiver = self.to.get_mut(&to)?;
        let Known::Trusted(key) = receiver.keys else {
            return None;
        };
        if receiver
            .sealer
            .as_ref()
            .is_none_or(|sealer| sealer.is_worn(now))
        {
            let me = (self.me.0, &self.me.1);
            receiver.sealer = Sealer::new(me, (to, key), self.random.draw(), now);
        }
        receiver.sealer.as_mut()?.seal(id, content)
    }

    /// The relay says which keys this name has. Messages that will never go are handed back: nobody has this name, or the
    /// keys are not what they should be.
    pub(super) fn answered(
        &mut self,
        name: Name,
        keys: Option<PublicKeys>,
        events: &mut Events,
    ) -> VecDeque<Held> {
        let keys = keys.filter(PublicKeys::is_bound);
        let trust = keys.map(|keys| self.judge(name, keys.signing, events));
        let Some(receiver) = self.to.get_mut(&name) else {
            return VecDeque::new();
        };
        let (Some(keys), Some(trust)) = (keys, trust) else {
            if let Known::Asked(Some(was)) = receiver.keys {
                receiver.keys = Known::Trusted(was);
                return VecDeque::new();
            }
            receiver.keys = Known::No;
            return std::mem::take(&mut receiver.held);
        };
        receiver.sealer = None;
        receiver.keys = match trust {
            Trust::Yes => Known::Trusted(keys.sealing),
            Trust::No => Known::Changed(keys),
        };
        VecDeque::new()
    }

    /// A sealed message came: it is told, held or given up.
    pub(super) fn open(&mut self, head: Arrived<'static>, sealed: &[u8], events: &mut Events) {
        let opened = match head.from {
            Origin::Name(from) => self.opened(from, head.id, sealed),
            Origin::Address(_) => None,
        };
        let Some((from, key, content)) = opened else {
            let (from, id) = (head.from, head.id);
            return events.push(Event::Unreadable { from, id });
        };
        match self.judge(from, key, events) {
            Trust::Yes => events.message(head, &content),
            Trust::No => self.hold_back(
                Untrusted {
                    key,
                    head,
                    from,
                    content,
                },
                events,
            ),
        }
    }

    fn opened(
        &mut self,
        from: Name,
        id: MessageId,
        sealed: &[u8],
    ) -> Option<(Name, SigningKey, Vec<u8>)> {
        self.turn += 1;
        if !self
            .from
            .get(&from)
            .is_some_and(|(opener, _)| opener.fits(sealed))
        {
            let opener = Opener::new(from, (self.me.0, &self.me.1), sealed)?;
            self.remember(from, opener);
        }
        let (opener, turn) = self.from.get_mut(&from)?;
        *turn = self.turn;
        Some((from, opener.keys().signing, opener.open(id, sealed)?))
    }

    fn remember(&mut self, from: Name, opener: Opener) {
        if self.from.len() >= OPENERS && !self.from.contains_key(&from) {
            let oldest = self.from.iter().min_by_key(|(_, (_, turn))| *turn);
            if let Some(oldest) = oldest.map(|(name, _)| *name) {
                self.from.remove(&oldest);
            }
        }
        self.from.insert(from, (opener, self.turn));
    }

    /// Whether this is the key that the name is known to have. A name without one is trusted; the caller is told.
    fn judge(&mut self, name: Name, key: SigningKey, events: &mut Events) -> Trust {
        match self.trusted.get(&name) {
            Some(trusted) if *trusted == key => Trust::Yes,
            Some(&was) => {
                let is_news = self.changed.get(&name) != Some(&key);
                if is_news && self.changed.len() < NAMES {
                    self.changed.insert(name, key);
                    events.push(Event::KeyChanged { name, was, is: key });
                }
                Trust::No
            }
            None if self.trusted.len() < NAMES => {
                self.trusted.insert(name, key);
                events.push(Event::KeyMet { name, key });
                Trust::Yes
            }
            None => Trust::No,
        }
    }

    fn hold_back(&mut self, waiting: Untrusted, events: &mut Events) {
        let bytes = self.untrusted_bytes + waiting.content.len();
        if self.untrusted.len() >= HELD || bytes > HELD_BYTES {
            let (from, id) = (waiting.head.from, waiting.head.id);
            return events.push(Event::Unreadable { from, id });
        }
        self.untrusted_bytes = bytes;
        self.untrusted.push_back(waiting);
    }
}
