//! A client's side of a session, from its first datagram on, through lost sessions and back.
//!
//! # What is kept, and what is lost with a session
//! Messages wait until their verdict has come, and are said again in order in each new session. Rooms are joined again,
//! from the last message on that was heard in them. Questions are asked again. That a message was [read](Client::read) is
//! said once, in this session or not at all.
//!
//! # The order of messages
//! Messages to one receiver keep their order. One that has to wait for its receiver's keys lets those to others pass.
//! Numbers on the wire grow, so it travels under a later number than the one that [`Client::send`] gave; its receipts call it
//! by that one.

mod aliases;
mod alike;
mod event;
mod heard_ids;
mod hearing;
mod inbox;
mod joining;
mod keys;
mod outbox;
mod questions;
mod random;
mod rooms;

use std::net::SocketAddr;
use std::time::Duration;

use super::frames::{Body, Bye, Ending, Join, Leave, Mark, Origin, Part, Question, Read, Send};
use super::frames::{Stage, To, Wants, Why};
use super::handshake::{Gone, Purpose, Refusal, Registered};
use super::identity::SigningKey;
use super::link::{Link, Received};
use super::sealed::MAX_SEALED_CONTENT;
use super::{Identity, KEEP_ALIVE, MAX_CONTENT, MessageId, Name, packet};
use crate::frame::{self, Message};
use aliases::Aliases;
use event::Events;
pub use event::{Arrived, Event, Incoming};
use heard_ids::HeardIds;
use inbox::Inbox;
pub use joining::Round;
use joining::{Heard, Joining};
use keys::{Held, Keys, Ready};
use outbox::Outbox;
use questions::{Questions, Whose};
use random::Random;
use rooms::Rooms;

/// How soon a silent relay is asked whether it is still there, and given up.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// After how long without a word it is asked.
    silent: Duration,
    /// How often it is asked from then on.
    asked: Duration,
    /// How long it has to answer.
    answered: Duration,
}

/// That of a relay that has no other beside it.
const ALONE: Watch = Watch {
    silent: KEEP_ALIVE,
    asked: Duration::from_secs(2),
    answered: Duration::from_secs(10),
};

/// That of one of several: it is left soon.
const OF_SEVERAL: Watch = Watch {
    silent: Duration::from_secs(3),
    asked: Duration::from_millis(500),
    answered: Duration::from_secs(2),
};

/// How long a client that is to [close](Client::close) waits for the relay to hear of it.
const CLOSED: Duration = Duration::from_secs(1);

/// The largest first number: twice the time in microseconds until the year 4000.
const MAX_FIRST: u64 = 1 << 57;

/// Who a client is and what it begins with.
#[derive(Debug)]
pub struct Settings {
    /// The name that it goes by, and what it belongs to; without one it is known by its address.
    pub name: Option<(Name, Identity)>,
    /// 32 bytes that nobody can guess, others at each start: all that has to be random follows from them.
    pub seed: [u8; 32],
    /// The number of its first message: the time in microseconds since 1970.
    pub first: MessageId,
}

/// A client. Datagrams go in by [`receive`](Self::receive) and out by [`transmit`](Self::transmit); what happens is told by
/// [`next_event`](Self::next_event), until there is no more of it, after each batch that was received.
#[derive(Debug)]
pub struct Client {
    name: Option<Name>,
    at: Option<SocketAddr>,
    epoch: Option<u64>,
    first: MessageId,
    next: MessageId,
    joining: Joining,
    session: Option<Session>,
    outbox: Outbox,
    inbox: Inbox,
    heard: alike::Heard,
    heard_ids: HeardIds,
    rooms: Rooms,
    questions: Questions,
    keys: Option<Keys>,
    aliases: Aliases,
    /// What was said before the first session: which numbers are free is not known by then.
    early: Vec<Early>,
    events: Events,
    closing: Closing,
    watch: Watch,
    /// When it was last told the time.
    now: Duration,
}

#[derive(Debug)]
struct Session {
    link: Link,
    heard: Duration,
    /// When to ask the relay whether it is still there.
    ask: Duration,
}

/// Whether the caller has said that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Asked,
    /// Goodbye is said; the relay may answer until then.
    Until(Duration),
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many wait for a verdict: go on when receipts have come.
    #[error("expected fewer messages without a verdict")]
    Full,
    /// The content is too long.
    #[error(
        "expected at most {MAX_CONTENT} bytes, or {MAX_SEALED_CONTENT} from a name to a name, got {0}"
    )]
    TooLong(usize),
}

/// A message that waits for the first session.
#[derive(Debug)]
struct Early {
    /// What the caller calls it by.
    id: MessageId,
    to: To,
    wants: Wants,
    content: Vec<u8>,
}

impl Client {
    /// A client that is to register.
    pub fn new(settings: Settings, now: Duration) -> Self {
        let Settings { name, seed, first } = settings;
        let first = first.clamp(MessageId(1), MessageId(MAX_FIRST));
        let drawn = Random::new(&seed, "plumbline relay 2026-11 tables").draw();
        let table_seed = u64::from_le_bytes(std::array::from_fn(|at| drawn[at]));
        let keys = name.clone().map(|me| Keys::new(me, &seed));
        Self {
            name: name.as_ref().map(|(name, _)| *name),
            at: None,
            epoch: None,
            first,
            next: first,
            joining: Joining::new(&seed, name, now),
            session: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            heard: alike::Heard::default(),
            heard_ids: HeardIds::new(table_seed),
            rooms: Rooms::new(table_seed),
            questions: Questions::default(),
            keys,
            aliases: Aliases::default(),
            early: Vec::new(),
            events: Events::default(),
            closing: Closing::No,
            watch: ALONE,
            now,
        }
    }

    /// What the next session is for; [`Purpose::Hear`] unless told otherwise.
    pub fn set_purpose(&mut self, purpose: Purpose) {
        self.joining.set_purpose(purpose);
    }

    /// There are other relays to [go on to](Self::elsewhere): one that says nothing is given up after 5 s rather than 30.
    pub fn expect_others(&mut self) {
        self.watch = OF_SEVERAL;
    }

    /// From now on another relay is spoken to, of the same community: the session, if there is one, is lost, and one is
    /// tried for there. In the [first round](Round::First) it is greeted at once, as far as greetings may be.
    pub fn elsewhere(&mut self, round: Round, now: Duration) {
        self.now = now;
        if self.session.is_some() {
            self.lose_session(now);
        }
        self.joining.elsewhere(round, now);
    }

    /// Whether it has a session.
    pub fn is_registered(&self) -> bool {
        self.session.is_some()
    }

    /// Why the relay does not let this client register at the moment; it is asked again in a while.
    pub fn put_off(&self) -> Option<Refusal> {
        self.joining.put_off()
    }

    /// Takes a datagram that came from the relay.
    pub fn receive(&mut self, datagram: &[u8], now: Duration) {
        self.now = now;
        match datagram.first() {
            Some(&packet::MARK) => self.receive_packet(datagram, now),
            _ => self.receive_other(datagram, now),
        }
    }

    /// Hands out the datagrams that are to be sent now; call it after everything else that was called, and at the
    /// [`deadline`](Self::deadline).
    pub fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        self.now = now;
        self.joining.transmit(now, &mut send);
        self.look_after(now);
        self.pump();
        if let Some(session) = &mut self.session {
            session.link.transmit(now, send);
        }
        self.go_on_closing(now);
    }

    /// When to call [`transmit`](Self::transmit) next, if nothing comes until then.
    pub fn deadline(&self) -> Option<Duration> {
        let session = self.session.as_ref();
        let closing = match self.closing {
            Closing::Until(end) => Some(end),
            Closing::No | Closing::Asked => None,
        };
        [
            self.joining.deadline(),
            session.and_then(|session| session.link.deadline()),
            session.map(|session| session.ask),
            closing,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What has happened next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.next()
    }

    /// What has happened next, if it is a message, its content where it lies: for those who take very many. Where this is
    /// `None`, [`next_event`](Self::next_event) is next.
    #[inline]
    pub fn next_message(&mut self) -> Option<Arrived<'_>> {
        self.events.next_message()
    }

    /// Says a message, and says by which number its receipts will call it. Between names it is sealed; without a session
    /// it waits for one.
    ///
    /// # Errors
    /// [`SendError`]; nothing is sent then.
    pub fn send(
        &mut self,
        to: To,
        content: &[u8],
        wants: Wants,
        now: Duration,
    ) -> Result<MessageId, SendError> {
        self.now = now;
        if let (To::Name(name), Some(_)) = (to, &self.keys) {
            return self.send_sealed(name, content, wants);
        }
        self.outbox.admit(content.len(), MAX_CONTENT)?;
        let id = self.next_id();
        if self.epoch.is_some() {
            self.say(id, to, wants, Body::Plain, content);
            return Ok(id);
        }
        self.outbox.hold(content.len());
        self.aliases.wait(id);
        let content = content.to_vec();
        self.early.push(Early {
            id,
            to,
            wants,
            content,
        });
        Ok(id)
    }

    /// How many messages are without a verdict.
    pub fn unanswered(&self) -> usize {
        self.outbox.unanswered()
    }

    /// Joins a room; `after` is what was heard last there, if anything was. It is joined again in every new session.
    pub fn join(&mut self, room: Name, after: Option<Mark>) {
        self.rooms.join(room, after);
        self.say_once(&Join { room, after });
    }

    /// What was heard last in a room that this client is in.
    pub fn mark(&self, room: Name) -> Option<Mark> {
        self.rooms.mark(room)
    }

    /// Leaves a room.
    pub fn leave(&mut self, room: Name) {
        self.rooms.leave(room);
        self.inbox.leave(room);
        self.say_once(&Leave { room });
    }

    /// Asks, and says by which number the answer will call it.
    pub fn ask(&mut self, question: Question) -> u32 {
        self.ask_for(question, Whose::Caller)
    }

    /// Says that a message was read; without a session nothing is said.
    pub fn read(&mut self, from: Origin, id: MessageId) {
        self.say_once(&Read { from, id });
    }

    /// Trusts that this name belongs to this key: what was held back because it changed goes on.
    pub fn trust(&mut self, name: Name, key: SigningKey) {
        if let Some(keys) = &mut self.keys {
            keys.trust(name, key, &mut self.events);
            self.release(name);
        }
    }

    /// Ends the session when all that was said is on its way; [`transmit`](Self::transmit) says so to the relay. No other
    /// one is tried for.
    pub fn close(&mut self) {
        if self.session.is_none() {
            self.joining.give_up();
        } else if self.closing == Closing::No {
            self.closing = Closing::Asked;
            self.outbox.say_once(&Bye { why: Ending::Done });
        }
    }

    /// Whether there is nothing left to say: no message without a verdict, nothing that the relay has not acknowledged.
    pub fn is_done(&self) -> bool {
        let is_acknowledged = match &self.session {
            Some(session) => session.link.backlog() == 0 && self.outbox.is_said(),
            None => true,
        };
        self.outbox.unanswered() == 0 && is_acknowledged
    }

    fn receive_packet(&mut self, datagram: &[u8], now: Duration) {
        let Some(session) = &mut self.session else {
            return;
        };
        let received = session.link.receive(datagram, now);
        if received == Received::Foreign {
            return;
        }
        (session.heard, session.ask) = (now, now + self.watch.silent);
        if let Received::Next(frames) = received {
            self.hear(frames, now);
            while let Some(frames) = self.next_waiting() {
                self.hear(&frames, now);
            }
        }
    }

    fn next_waiting(&mut self) -> Option<Vec<u8>> {
        self.session.as_mut()?.link.next_waiting()
    }

    fn receive_other(&mut self, datagram: &[u8], now: Duration) {
        if let Ok((gone, _)) = frame::decode_datagram::<Gone>(datagram) {
            let is_ours = |session: &Session| session.link.token() == gone.token;
            if self.session.as_ref().is_some_and(is_ours) {
                self.lose_session(now);
            }
            return;
        }
        match self.joining.receive(datagram, now) {
            Heard::Nothing => {}
            Heard::Registered(registered) => self.begin_session(registered, now),
            Heard::Refused(why) => self.events.push(Event::Refused(why)),
            Heard::Classic => self.events.push(Event::Classic),
        }
    }

    /// A session has begun: first come the rooms, since messages may be for them, then what was asked.
    fn begin_session(&mut self, registered: Registered, now: Duration) {
        let Registered {
            token,
            at,
            epoch,
            last,
            ..
        } = registered;
        self.next = self.next.max(MessageId(last.0.saturating_add(1)));
        let mut link = Link::new(token);
        self.at = Some(at);
        let is_another = self.epoch.replace(epoch).is_some_and(|was| was != epoch);
        if let Some(keys) = self.keys.as_mut().filter(|_| is_another) {
            keys.doubt();
        }
        self.rooms.joins().for_each(|join| push(&mut link, &join));
        self.questions
            .restart()
            .for_each(|ask| push(&mut link, &ask));
        self.session = Some(Session {
            link,
            heard: now,
            ask: now + self.watch.silent,
        });
        self.outbox.restart();
        self.ask_for_keys();
        self.events.push(Event::Registered { at, epoch });
        for early in std::mem::take(&mut self.early) {
            self.outbox.release(early.content.len());
            let wire = self.next_id();
            self.aliases.travels(early.id, wire);
            self.say(wire, early.to, early.wants, Body::Plain, &early.content);
        }
    }

    fn end_session(&mut self) {
        self.session = None;
        self.outbox.restart();
        self.inbox.restart();
    }

    fn lose_session(&mut self, now: Duration) {
        self.end_session();
        match self.closing {
            Closing::No => {
                self.events.push(Event::Lost);
                self.joining.again(now);
            }
            Closing::Asked | Closing::Until(_) => self.joining.give_up(),
        }
    }

    /// Asks a relay that is silent whether it is still there, and gives up one that does not answer.
    fn look_after(&mut self, now: Duration) {
        let Some(session) = &mut self.session else {
            return;
        };
        let Watch {
            silent,
            asked,
            answered,
        } = self.watch;
        let is_silent = now.saturating_sub(session.heard) >= silent + answered;
        if is_silent || session.link.is_lost(now) {
            self.lose_session(now);
        } else if now >= session.ask {
            session.ask = now + asked;
            session.link.ask();
        }
    }

    fn go_on_closing(&mut self, now: Duration) {
        match self.closing {
            Closing::No => {}
            Closing::Asked if self.outbox.is_said() => {
                self.closing = Closing::Until(now + CLOSED);
                // What comes now is not taken: the relay would not hear of it any more, and say it again some day.
                if let Some(session) = &mut self.session {
                    session.link.set_window(0);
                }
            }
            Closing::Asked => {}
            Closing::Until(end) => {
                let is_heard = |session: &Session| session.link.backlog() == 0;
                if now >= end || self.session.as_ref().is_none_or(is_heard) {
                    self.end_session();
                    self.joining.give_up();
                    self.closing = Closing::No;
                }
            }
        }
    }

    fn next_id(&mut self) -> MessageId {
        let id = self.next;
        self.next = MessageId(id.0 + 1);
        id
    }

    fn say(&mut self, id: MessageId, to: To, wants: Wants, body: Body, content: &[u8]) {
        let head = Send {
            id,
            to,
            part: Part::Whole,
            wants,
            body,
        };
        self.outbox.message(head, content);
        self.pump();
    }

    /// Says what is no message, if there is a session.
    fn say_once<M: Message>(&mut self, message: &M) {
        if self.session.is_some() {
            self.outbox.say_once(message);
            self.pump();
        }
    }

    fn pump(&mut self) {
        if let Some(session) = &mut self.session {
            self.outbox.pump(&mut session.link);
        }
    }

    fn ask_for(&mut self, question: Question, whose: Whose) -> u32 {
        let ask = self.questions.ask(question, whose);
        self.say_once(&ask);
        ask.number
    }

    fn ask_for_keys(&mut self) {
        let names = self.keys.as_mut().map(Keys::unasked).unwrap_or_default();
        for name in names {
            self.ask_for(Question::Keys(name), Whose::Keys(name));
        }
    }

    fn send_sealed(
        &mut self,
        to: Name,
        content: &[u8],
        wants: Wants,
    ) -> Result<MessageId, SendError> {
        self.outbox.admit(content.len(), MAX_SEALED_CONTENT)?;
        let id = self.next_id();
        let ready = self.keys.as_mut().map(|keys| keys.ready(to));
        if ready == Some(Ready::Yes) {
            self.seal(id, id, to, content, wants);
            return Ok(id);
        }
        self.outbox.hold(content.len());
        self.aliases.wait(id);
        if let Some(keys) = &mut self.keys {
            let content = content.to_vec();
            keys.hold(to, Held { id, content, wants });
        }
        if ready == Some(Ready::Ask) {
            self.ask_for(Question::Keys(to), Whose::Keys(to));
        }
        Ok(id)
    }

    /// Says the message that the caller knows by `id`, to a name whose keys are known.
    fn seal(&mut self, id: MessageId, wire: MessageId, to: Name, content: &[u8], wants: Wants) {
        let (keys, now) = (self.keys.as_mut(), self.now);
        match keys.and_then(|keys| keys.seal(to, wire, content, now)) {
            Some(sealed) => self.say(wire, To::Name(to), wants, Body::Sealed, &sealed),
            None => self.tell_refused(id), // a key that Noise does not take is nobody's
        }
    }

    /// Says what waited for this name's keys, if they are known now.
    fn release(&mut self, name: Name) {
        while let Some(held) = self.keys.as_mut().and_then(|keys| keys.next_held(name)) {
            self.outbox.release(held.content.len());
            let wire = self.next_id();
            self.aliases.travels(held.id, wire);
            self.seal(held.id, wire, name, &held.content, held.wants);
        }
    }

    /// Nobody goes by the name that this message is for.
    fn refuse_held(&mut self, held: &Held) {
        self.outbox.release(held.content.len());
        self.tell_refused(held.id);
    }

    fn tell_refused(&mut self, id: MessageId) {
        self.events.push(Event::Receipt {
            first: id,
            last: id,
            stage: Stage::Refused(Why::Unknown),
        });
    }
}

/// Everything that is said here is within its limits.
fn push<M: Message>(link: &mut Link, message: &M) {
    let mut wire = Vec::new();
    if frame::encode(message, &[], &mut wire).is_ok() {
        link.push(&wire);
    }
}

#[cfg(test)]
mod tests;
