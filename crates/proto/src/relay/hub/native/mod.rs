//! The native wire: sessions, names and rooms.
//!
//! | file | what it has |
//! |---|---|
//! | `gate`, `limits`, `registering` | who may begin a session, and how one begins |
//! | `sessions`, `names`, `rooms`, `history` | who is there, and what was said |
//! | `packets` | what comes in a session |
//! | `messages`, `passing`, `route`, `receipts` | a message on its way, and what its sender is told |
//! | `speaking` | what is said in rooms |
//! | `answers` | what clients ask |
//! | `custody`, `pending`, `letters`, `gathering` | messages that have no verdict before they are safe |
//! | `mailbox` | what waits for those who were away, and how it comes to them |
//! | `fleet` | what is said to other relays, and what they say |
//! | `upkeep`, `wheel` | what a session is to be sent, and when a session is to be looked at again |

mod answers;
mod custody;
mod fleet;
mod gate;
mod gathering;
mod history;
mod letters;
mod limits;
mod mailbox;
mod messages;
mod names;
mod packets;
mod passing;
mod pending;
mod receipts;
mod registering;
mod rooms;
mod route;
mod sessions;
mod speaking;
mod unheard;
mod upkeep;
mod wheel;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use custody::Custody;
use fleet::asking::Questions;
use fleet::claims::Claims;
use fleet::looks::Looks;
use gate::Gate;
use limits::Limits;
use names::Names;
use rooms::{Rooms, append};
use route::Route;
use sessions::{Key, Session, Sessions};
use speaking::Bundle;
use wheel::{Slot, Wheel};

use super::{Outbox, Settings};
use crate::frame::{Message, Prefix};
use crate::relay::hub::Reach;
use crate::relay::hub::elsewhere::{Errand, Ticket};
use crate::relay::native::frames::{Body, Bye, Delivery, Ending, Origin, Part, RelayState, Wants};
use crate::relay::native::identity::{PublicKeys, SigningKey};
use crate::relay::native::{MessageId, Name};

/// Sessions, names and rooms.
#[derive(Debug)]
pub(super) struct Native {
    gate: Gate,
    limits: Limits,
    sessions: Sessions,
    names: Names,
    rooms: Rooms,
    wheel: Wheel,
    route: Route,
    bundle: Bundle,
    custody: Custody,
    claims: Claims,
    questions: Questions,
    looks: Looks,
    /// What was said in rooms and is with other relays, where the queue of somebody here is long.
    slow: BTreeMap<Ticket, Key>,
    /// How the relays of the community are.
    relays: Vec<RelayState>,
    /// Whether this one cannot reach the others, nor what is kept.
    is_cut_off: bool,
    reach: Reach,
    /// Deliveries of what was said in rooms, and where mail is kept.
    spread: u64,
    /// Those that passed slow members by.
    dropped: u64,
    /// Packets that were sent again.
    resent: u64,
    /// Sessions to which something is to be sent, perhaps.
    dirty: Vec<u32>,
    /// Bytes in all queues, and of what came before its turn.
    waiting: usize,
    /// How many sessions' queues stand still.
    stuck: usize,
    /// Chosen at the start; clients know by it that the relay has forgotten everything.
    epoch: u64,
    /// When the relay started.
    started: Duration,
    scratch: Vec<u8>,
    due: Vec<(u32, Slot)>,
    /// What others are to do, in this order.
    pub(super) errands: Vec<Errand>,
    /// Messages that were taken and refused later.
    refused: u64,
    /// How often mail was asked for.
    round: u32,
}

/// Whether a session took a classic message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the queue of the session at this address.
    Queued,
    /// Its queue is full.
    Behind,
    /// There is no session at this address.
    NoSession,
}

/// What a relay has now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) sessions: usize,
    pub(super) names: usize,
    pub(super) rooms: usize,
    pub(super) waiting: usize,
    pub(super) stuck: usize,
    pub(super) uptime: Duration,
    /// Since it started: deliveries in rooms, and those that passed slow members by.
    pub(super) spread: u64,
    pub(super) dropped: u64,
    /// And packets that were sent again.
    pub(super) resent: u64,
    /// And messages that were taken and refused later.
    pub(super) refused: u64,
    /// Now: what is away, and its size in bytes.
    pub(super) away: (usize, usize),
    /// Now: messages without a verdict.
    pub(super) pending: usize,
}

impl Native {
    pub(super) fn new(settings: &Settings, now: Duration) -> Self {
        let gate = Gate::new(&settings.secret);
        let seed = |table| gate.number("the seed of a table", table);
        Self {
            limits: Limits::new(seed(0)),
            sessions: Sessions::new(seed(1)),
            names: Names::new(seed(2)),
            rooms: Rooms::new(settings.history, seed(3)),
            wheel: Wheel::new(now),
            route: Route::default(),
            bundle: Bundle::default(),
            custody: Custody::default(),
            claims: Claims::default(),
            questions: Questions::default(),
            looks: Looks::default(),
            slow: BTreeMap::new(),
            relays: Vec::new(),
            is_cut_off: false,
            reach: settings.reach,
            spread: 0,
            dropped: 0,
            resent: 0,
            dirty: Vec::new(),
            waiting: 0,
            stuck: 0,
            epoch: gate.number("the epoch of the relay", 0),
            started: now,
            scratch: Vec::new(),
            due: Vec::new(),
            errands: Vec::new(),
            refused: 0,
            round: 0,
            gate,
        }
    }

    pub(super) fn remember(&mut self, name: Name, key: SigningKey) {
        if self.names.find(&name).is_none() {
            self.names.add(name, key);
        }
    }

    pub(super) fn remember_keys(&mut self, name: Name, keys: &PublicKeys) {
        self.remember(name, keys.signing);
        if let Some(id) = self.names.find(&name)
            && self.names.get(id).key == keys.signing
        {
            self.names.get_mut(id).bind(keys);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let moments = [
            self.wheel.next(),
            self.sessions.expiry(),
            self.rooms.deadline(),
            self.questions.deadline(),
            self.looks.deadline(),
        ];
        moments.into_iter().flatten().min()
    }

    /// A classic message for the session at this address.
    pub(super) fn deliver_text(
        &mut self,
        to: SocketAddr,
        from: SocketAddr,
        content: &[u8],
        now: Duration,
    ) -> Taken {
        let Some(index) = self.sessions.find(to) else {
            return Taken::NoSession;
        };
        if self.has_room(index, content.len(), now).is_err() {
            return Taken::Behind;
        }
        let delivery = Delivery {
            waited: 0,
            from: Origin::Address(from),
            room: None,
            id: MessageId::default(),
            part: Part::Whole,
            wants: Wants::Nothing,
            body: Body::Plain,
        };
        self.push(index, &delivery, content);
        Taken::Queued
    }

    pub(super) fn now(&self, now: Duration) -> Now {
        Now {
            sessions: self.sessions.len(),
            names: self.names.len(),
            rooms: self.rooms.len(),
            waiting: self.waiting,
            stuck: self.stuck,
            uptime: now.saturating_sub(self.started),
            spread: self.spread,
            dropped: self.dropped,
            resent: self.resent,
            refused: self.refused,
            away: self.custody.away(),
            pending: self.custody.pending(),
        }
    }

    /// Others are to do this.
    fn errand(&mut self, errand: Errand) {
        self.errands.push(errand);
    }

    /// The same, in a fleet; alone there is nothing to be done.
    #[inline]
    fn fleet_errand(&mut self, errand: Errand) {
        if self.reach == Reach::Fleet {
            self.errands.push(errand);
        }
    }

    /// Puts a frame in a session's queue, and says by which packet it goes.
    fn push<M: Message>(&mut self, index: u32, message: &M, bulk: &[u8]) -> u32 {
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        append(message, bulk, &mut frame);
        let packet = self.push_frame(index, &frame);
        self.scratch = frame;
        packet
    }

    /// The same with a frame that is encoded.
    #[inline]
    fn push_frame(&mut self, index: u32, frame: &[u8]) -> u32 {
        if !self.bundle.is_empty() {
            self.spread_bundle();
        }
        let Some(session) = self.sessions.get_mut(index) else {
            return 0;
        };
        let packet = session.link.push(frame);
        session.recount(&mut self.waiting);
        if session.touch() {
            self.dirty.push(index);
        }
        packet
    }

    /// Whether a session asks on with much unread, or while the relay has no room.
    fn is_greedy(&self, index: u32) -> bool {
        let session = self.sessions.get(index);
        let is_greedy = |session: &Session| session.link.backlog() > Session::MOST;
        self.waiting > Self::MOST_WAITING || session.is_some_and(is_greedy)
    }

    /// Puts several frames, one behind the other, in a session's queue.
    fn push_frames(&mut self, index: u32, mut frames: &[u8]) {
        while let Ok(Some(prefix)) = Prefix::decode(frames) {
            let length = (prefix.frame_length() as usize).min(frames.len());
            let (frame, rest) = frames.split_at(length);
            self.push_frame(index, frame);
            frames = rest;
        }
    }

    /// There may be something to send to this session.
    #[inline]
    fn touch(&mut self, index: u32) {
        if self.sessions.get_mut(index).is_some_and(Session::touch) {
            self.dirty.push(index);
        }
    }

    /// A session is over; the other side is told why, if that is said.
    fn end(&mut self, index: u32, why: Option<Ending>, now: Duration, out: &mut Outbox) {
        self.spread_bundle();
        if let Some(why) = why {
            self.push(index, &Bye { why }, &[]);
        }
        self.drop_unfinished(index);
        self.release_all(index);
        let rooms = self
            .sessions
            .get_mut(index)
            .map(|session| session.rooms.take());
        for room in rooms.unwrap_or_default() {
            self.vacate(index, room, now);
        }
        if self.keeps_mail() {
            self.give_back(index);
            self.keep_held(index);
            self.forget_mail(index);
        }
        self.transmit(index, now, out);
        self.route.forget();
        let Some(session) = self.sessions.remove(index) else {
            return;
        };
        self.waiting -= session.counted as usize;
        self.nobody_hears(&session);
        self.stuck -= usize::from(session.is_stuck);
        if let Some(name) = session.name {
            self.left(name, index);
        }
    }
}
