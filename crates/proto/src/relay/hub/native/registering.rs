//! How a session begins: a cookie for whoever asks, a session for whoever shows it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Native;
use super::custody::Teller;
use super::names::NameId;
use super::receipts::Tells;
use super::rooms::append;
use crate::frame::{self, Message, Prefix};
use crate::relay::hub::elsewhere::Errand;
use crate::relay::hub::{Burst, Hub, Outbox, Reach};
use crate::relay::native::frames::{Delivery, Ending, Part, Receipt, Wants};
use crate::relay::native::handshake::{
    Challenge, HELLO_PADDING, Hello, Nonce, Purpose, Refusal, Refused, Register, Registered,
    VERSION,
};
use crate::relay::native::identity::{Claim, PublicKeys};
use crate::relay::native::link::Link;
use crate::relay::native::{MessageId, Token};

/// Why a registration does not begin a session now.
enum Pause {
    Refused(Refusal),
    /// It is not known yet whose the name is; the answer follows.
    Claimed,
}

impl From<Refusal> for Pause {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl Hub {
    /// A datagram of the handshake came.
    pub(in crate::relay::hub) fn handshake(
        &mut self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) {
        let known = match Prefix::decode(datagram) {
            Ok(Some(Prefix { kind, .. })) if kind == Hello::KIND => {
                self.challenge(burst, datagram, now, out)
            }
            Ok(Some(Prefix { kind, .. })) if kind == Register::KIND => {
                self.register(burst, datagram, now, out)
            }
            _ => None,
        };
        self.counts.native_malformed += u64::from(known.is_none());
    }

    /// Somebody would like to register: what they get is shorter than what they sent, and nothing is remembered.
    fn challenge(
        &self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Option<()> {
        let (Hello { nonce, .. }, padding) = frame::decode_datagram(datagram).ok()?;
        if padding.len() != HELLO_PADDING {
            return None;
        }
        let cookie = self.native.gate.cookie(burst.from, nonce, now);
        send(&Challenge { nonce, cookie }, burst, out);
        Some(())
    }

    fn register(
        &mut self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Option<()> {
        let (register, _) = frame::decode_datagram::<Register>(datagram).ok()?;
        let (nonce, cookie) = (register.nonce, register.cookie);
        if !self.native.gate.is_good(cookie, burst.from, nonce, now) {
            return None;
        }
        match self.admit(burst, &register, now, out) {
            Ok(last) => self.answer_registration(burst, nonce, Ok(last), out),
            Err(Pause::Refused(why)) => self.answer_registration(burst, nonce, Err(why), out),
            Err(Pause::Claimed) => {}
        }
        Some(())
    }

    /// Tells a client whether it is registered, and which message was taken last from it.
    pub(super) fn answer_registration(
        &mut self,
        burst: &Burst<'_>,
        nonce: Nonce,
        admitted: Result<MessageId, Refusal>,
        out: &mut Outbox,
    ) {
        match admitted {
            Ok(last) => {
                let registered = Registered {
                    nonce,
                    token: self.native.gate.token(burst.from, nonce),
                    at: burst.from,
                    epoch: self.native.epoch,
                    last,
                };
                send(&registered, burst, out);
            }
            Err(why) => {
                self.counts.registrations_refused += 1;
                send(&Refused { nonce, why }, burst, out);
            }
        }
    }

    /// Begins a session, unless this registration has begun it already, and says which message was taken last from this
    /// client.
    fn admit(
        &mut self,
        burst: &Burst<'_>,
        register: &Register,
        now: Duration,
        out: &mut Outbox,
    ) -> Result<MessageId, Pause> {
        if register.version != VERSION {
            return Err(Refusal::Version.into());
        }
        let token = self.native.gate.token(burst.from, register.nonce);
        let before = self.native.sessions.find(burst.from);
        let session = before.and_then(|index| self.native.sessions.get(index));
        if session.is_some_and(|session| session.link.token() == token) {
            return Ok(before.map_or(MessageId::default(), |index| self.native.last(index)));
        }
        if self.waits_for_name(burst, register, now) {
            return Err(Pause::Claimed);
        }
        if !self.native.limits.registrations.take(burst.from, now) {
            return Err(Refusal::TooFast.into());
        }
        self.has_room_for(burst.from)?;
        let name = match &register.claim {
            Some(claim) => Some(self.claim(claim, burst, register, now)?),
            None => None,
        };
        Ok(self.begin_session(burst, (token, register.purpose), name, now, out)?)
    }

    /// Whether there is room for a session at this address.
    pub(super) fn has_room_for(&self, from: SocketAddr) -> Result<(), Refusal> {
        let sessions = &self.native.sessions;
        let is_room = sessions.len() < self.settings.clients || sessions.find(from).is_some();
        is_room.then_some(()).ok_or(Refusal::Full)
    }

    /// Begins a session in the place of those that the address and the name have had.
    pub(super) fn begin_session(
        &mut self,
        burst: &Burst<'_>,
        (token, purpose): (Token, Purpose),
        name: Option<NameId>,
        now: Duration,
        out: &mut Outbox,
    ) -> Result<MessageId, Refusal> {
        if name.is_some_and(|name| self.native.names.get(name).has_left(token)) {
            return Err(Refusal::TooFast); // an old registration that went astray: its session has ended
        }
        self.native.claims.forget(burst.from);
        let unheard = self.native.unheard_by(name);
        if let Some(before) = self.native.sessions.find(burst.from) {
            self.native.end(before, None, now, out);
        }
        self.native.replace(name, now, out);
        let link = Link::new(token);
        let index = self
            .native
            .sessions
            .add(burst.from, burst.via, link, name, now);
        if let Some(name) = name {
            self.native.came(name, index, purpose);
        }
        self.native.tell_again(index, &unheard);
        self.native.route.forget();
        self.counts.registered += 1;
        Ok(self.native.last(index))
    }

    /// The name, if the claim to it is true.
    fn claim(
        &mut self,
        claim: &Claim,
        burst: &Burst<'_>,
        register: &Register,
        now: Duration,
    ) -> Result<NameId, Pause> {
        let names = &self.native.names;
        let found = names.find(&claim.name);
        let known = found.map(|id| names.get(id));
        if known.is_some_and(|known| known.key != claim.keys.signing) {
            self.doubt(&claim.name);
            return Err(Refusal::NameTaken.into());
        }
        let is_bound = known.and_then(|known| known.keys()) == Some(claim.keys);
        if !claim.is_proven(register.nonce, register.cookie) || !(is_bound || claim.keys.is_bound())
        {
            return Err(Refusal::NotProven.into());
        }
        match found.filter(|id| self.native.is_settled(*id)) {
            Some(id) => {
                self.native.bind(id, &claim.keys);
                Ok(id)
            }
            None => self.take_name(claim, burst, register, now),
        }
    }

    /// A name that nobody had belongs to this key from now on, unless others have to be asked.
    fn take_name(
        &mut self,
        claim: &Claim,
        burst: &Burst<'_>,
        register: &Register,
        now: Duration,
    ) -> Result<NameId, Pause> {
        let (name, keys) = (claim.name, claim.keys);
        if !self.native.limits.names.take(burst.from, now) {
            return Err(Refusal::TooFast.into());
        }
        if self.native.reach == Reach::Fleet {
            self.claim_from_all(burst, register, claim, now);
            return Err(Pause::Claimed);
        }
        let id = self
            .native
            .names
            .add(name, keys.signing)
            .ok_or(Refusal::Full)?;
        self.native.names.get_mut(id).bind(&keys);
        self.native.errand(Errand::Owner { name, keys });
        Ok(id)
    }
}

impl Native {
    /// What messages to a known name are sealed for: where others keep that, and it was not known, they are told.
    fn bind(&mut self, id: NameId, keys: &PublicKeys) {
        let known = self.names.get_mut(id);
        let is_news = known.keys().is_none();
        known.bind(keys);
        let (name, keys) = (known.name, *keys);
        if is_news && self.keeps_mail() {
            self.errands.push(Errand::Owner { name, keys });
        }
    }

    /// A session of a name begins: this is the one place where one does.
    fn came(&mut self, name: NameId, index: u32, purpose: Purpose) {
        let known = self.names.get_mut(name);
        known.session = Some(index);
        known.begins();
        let name = known.name;
        // Where another session of the name has just made way for this one, it was never away.
        self.errands.pop_if(|it| *it == Errand::Absent { name });
        self.fleet_errand(Errand::Present { name });
        match purpose {
            Purpose::Hear => self.open_mailbox(index),
            Purpose::Speak => self.lock_mailbox(index),
        }
    }

    /// The session of a name is over: this is the one place where one ends. Another one of the same name may begin at
    /// once.
    pub(super) fn left(&mut self, name: NameId, index: u32) {
        let known = self.names.get_mut(name);
        if known.session.take_if(|session| *session == index).is_some() {
            let name = known.name;
            self.fleet_errand(Errand::Absent { name });
        }
    }

    /// The frames that the name's session has not acknowledged.
    fn unheard_by(&mut self, name: Option<NameId>) -> Vec<u8> {
        let before = name.and_then(|name| self.names.get(name).session);
        let session = before.and_then(|before| self.sessions.get_mut(before));
        let mut unheard = Vec::new();
        if let Some(session) = session {
            session
                .link
                .unacknowledged(|frames| unheard.extend_from_slice(frames));
        }
        unheard
    }

    /// Says in a new session what waited in the one before it: messages and receipts. What was said in rooms comes with
    /// their history; where mail is kept, messages come with it. A message whose first part was heard in that session is
    /// given up, and not told as delivered.
    fn tell_again(&mut self, index: u32, mut unheard: &[u8]) {
        let mut begun = BTreeMap::new();
        while let Ok(Some(prefix)) = Prefix::decode(unheard) {
            let length = (prefix.frame_length() as usize).min(unheard.len());
            let (one, rest) = unheard.split_at(length);
            unheard = rest;
            match (prefix.kind, frame::decode::<Delivery>(one)) {
                (Receipt::KIND, _) => {
                    self.push_frame(index, one);
                }
                (Delivery::KIND, Ok(Some(frame)))
                    if !self.keeps_mail() && frame.message.room.is_none() =>
                {
                    let Delivery { from, id, part, .. } = frame.message;
                    match part {
                        Part::Whole => {}
                        Part::First(_) => drop(begun.insert(from, id)),
                        Part::Next | Part::Last if begun.get(&from) == Some(&id) => {}
                        Part::Next | Part::Last => continue,
                    }
                    let packet = self.push_frame(index, one);
                    self.note_due(index, packet, &frame.message);
                }
                _ => {}
            }
        }
    }

    /// Notes that the sender of a delivery is to hear when it has come.
    fn note_due(&mut self, index: u32, packet: u32, delivery: &Delivery) {
        let is_end = matches!(delivery.part, Part::Whole | Part::Last);
        if !is_end || delivery.wants == Wants::Nothing {
            return;
        }
        let sender = self
            .session_of(&delivery.from)
            .map(|sender| self.sessions.key(sender));
        if let Some((sender, session)) = sender.zip(self.sessions.get_mut(index)) {
            session.note_due(
                packet,
                Teller::Session(sender),
                delivery.id,
                Tells::Delivered,
            );
        }
    }

    /// The session that the name has had ends.
    fn replace(&mut self, name: Option<NameId>, now: Duration, out: &mut Outbox) {
        let before = name.and_then(|name| self.names.get(name).session);
        let token = before
            .and_then(|before| self.sessions.get(before))
            .map(|session| session.link.token());
        if let (Some(name), Some(token)) = (name, token) {
            self.names.get_mut(name).left(token);
        }
        if let Some(before) = before {
            self.end(before, Some(Ending::Elsewhere), now, out);
        }
    }
}

fn send<M: Message>(message: &M, burst: &Burst<'_>, out: &mut Outbox) {
    let mut datagram = Vec::with_capacity(96);
    append(message, &[], &mut datagram);
    out.push(burst.from, burst.via, datagram.len(), |run| {
        run.extend_from_slice(&datagram);
    });
}
