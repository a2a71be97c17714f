//! The native wire: sessions, names and rooms.
//!
//! | file | what it has |
//! |---|---|
//! | `gate`, `limits`, `registering` | who may begin a session, and how one begins |
//! | `sessions`, `names`, `rooms`, `history` | who is there, and what was said |
//! | `messages`, `route`, `receipts` | a message on its way, and what its sender is told |
//! | `speaking` | what is said in rooms |
//! | `answers` | what clients ask |
//! | `wheel` | when a session is to be looked at again |

mod answers;
mod gate;
mod history;
mod limits;
mod messages;
mod names;
mod receipts;
mod registering;
mod rooms;
mod route;
mod sessions;
mod speaking;
mod wheel;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use gate::Gate;
use limits::Limits;
use names::Names;
use rooms::{Rooms, append};
use route::Route;
use sessions::{Session, Sessions};
use speaking::Bundle;
use wheel::{Slot, Wheel};

use super::{Burst, Hub, Outbox, Settings};
use crate::frame::{self, Message, Prefix};
use crate::relay::native::frames::{
    Ask, Body, Bye, Delivery, Ending, Join, Leave, Origin, Part, Read, Send, Wants,
};
use crate::relay::native::handshake::Gone;
use crate::relay::native::identity::SigningKey;
use crate::relay::native::link::Received;
use crate::relay::native::packet::Head;
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
    /// Deliveries of what was said in rooms.
    spread: u64,
    /// Those that passed slow members by.
    dropped: u64,
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
}

impl Native {
    /// The longest backlog that a session may have by what it asks for itself, before it is ended.
    const UNRULY: usize = 8 * 1024 * 1024;

    /// How soon a queue that others wait for is looked at again.
    const SOON: Duration = Duration::from_millis(100);

    /// How soon a session that was busy is asked whether it still is.
    const LATER: Duration = Duration::from_millis(1200);

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
            spread: 0,
            dropped: 0,
            dirty: Vec::new(),
            waiting: 0,
            stuck: 0,
            epoch: gate.number("the epoch of the relay", 0),
            started: now,
            scratch: Vec::new(),
            due: Vec::new(),
            gate,
        }
    }

    pub(super) fn remember(&mut self, name: Name, key: SigningKey) {
        if self.names.find(&name).is_none() {
            self.names.add(name, key);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let moments = [
            self.wheel.next(),
            self.sessions.expiry(),
            self.rooms.deadline(),
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
            .map(|session| std::mem::take(&mut session.rooms));
        for room in rooms.unwrap_or_default() {
            self.vacate(index, room, now);
        }
        self.transmit(index, now, out);
        self.route.forget();
        let Some(session) = self.sessions.remove(index) else {
            return;
        };
        self.waiting -= session.counted;
        self.stuck -= usize::from(session.is_stuck);
        if let Some(name) = session.name {
            self.names
                .get_mut(name)
                .session
                .take_if(|session| *session == index);
        }
    }

    /// Sends what a session has to be sent.
    fn transmit(&mut self, index: u32, now: Duration, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let (to, via) = (session.address, session.via);
        session.link.transmit(now, |packet| {
            out.push(to, via, packet.len(), |run| run.extend_from_slice(packet));
        });
        session.recount(&mut self.waiting);
    }

    /// Says to a session what it is to be told, sends that, and sees when to look after it again.
    fn flush(&mut self, index: u32, now: Duration, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        session.is_dirty = false;
        let busy = session.busy.as_mut();
        let mut receipts = busy.map_or(Vec::new(), |busy| std::mem::take(&mut busy.receipts));
        for receipt in receipts.drain(..) {
            self.scratch.clear();
            append(&receipt, &[], &mut self.scratch);
            session.link.push(&self.scratch);
        }
        if let Some(busy) = &mut session.busy {
            busy.receipts = receipts;
        }
        if session.link.backlog() > Self::UNRULY || session.link.is_lost(now) {
            return self.end(index, Some(Ending::Unruly), now, out);
        }
        self.transmit(index, now, out);
        self.schedule(index, now);
    }

    fn schedule(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let waits = session
            .busy
            .as_ref()
            .is_some_and(|busy| !busy.withheld.is_empty());
        let soon = waits.then(|| now + Self::SOON);
        let later = session.is_awake.then(|| now + Self::LATER);
        let moments = [session.link.deadline(), soon, later];
        if let Some(due) = moments.into_iter().flatten().min() {
            self.wheel.put(index, due, &mut session.slot);
        }
    }

    /// Gives back what only a busy session needs, if nothing goes on in it.
    fn rest(&mut self, index: u32, now: Duration) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        if session.link.backlog() > 0 || !session.is_silent(now) {
            return;
        }
        session.rest();
        if let Some(name) = session.name {
            self.names.get_mut(name).heard_all();
        }
    }

    /// Looks after those whose time has come.
    fn look_after_due(&mut self, now: Duration, out: &mut Outbox) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.take(now, &mut due);
        for (index, slot) in due.drain(..) {
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            if session.slot == Some(slot) {
                session.slot = None;
                self.settle(index, now);
                self.rest(index, now);
                self.flush(index, now, out);
            }
        }
        self.due = due;
    }
}

impl Hub {
    /// A packet of a session came.
    pub(super) fn session(
        &mut self,
        burst: &Burst<'_>,
        datagram: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) {
        let Some(index) = self.native.sessions.find(burst.from) else {
            return self.foreign(burst, datagram, out);
        };
        let Some(session) = self.native.sessions.get_mut(index) else {
            return;
        };
        let frames = match session.link.receive(datagram, now) {
            Received::Foreign => return self.foreign(burst, datagram, out),
            Received::Nothing => None,
            Received::Next(frames) => Some(frames),
        };
        session.via = burst.via;
        session.recount(&mut self.native.waiting);
        session.set_window(self.native.waiting > Native::MOST_WAITING / 2);
        self.native.sessions.heard(index, now);
        self.native.settle(index, now);
        self.native.touch(index);
        let Some(frames) = frames else {
            return;
        };
        let mut result = self.frames(index, frames, now, out);
        while let (Ok(()), Some(session)) = (&result, self.native.sessions.get_mut(index)) {
            let Some(waiting) = session.link.next_waiting() else {
                return;
            };
            result = self.frames(index, &waiting, now, out);
        }
        if let Err(over) = result {
            let why = (over == Ending::Unruly).then_some(over);
            self.counts.native_malformed += u64::from(why.is_some());
            self.native.end(index, why, now, out);
        }
    }

    /// A packet that belongs to no session: who sent it is told so, in fewer bytes.
    fn foreign(&mut self, burst: &Burst<'_>, datagram: &[u8], out: &mut Outbox) {
        let Some((Head { token, .. }, _)) = Head::decode(datagram) else {
            self.counts.native_malformed += 1;
            return;
        };
        let mut gone = Vec::with_capacity(18);
        append(&Gone { token }, &[], &mut gone);
        out.push(burst.from, burst.via, gone.len(), |run| {
            run.extend_from_slice(&gone);
        });
    }

    /// Does what the frames of a packet say.
    fn frames(
        &mut self,
        index: u32,
        mut frames: &[u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Result<(), Ending> {
        while !frames.is_empty() {
            let Ok(Some(Prefix { kind, .. })) = Prefix::decode(frames) else {
                return Err(Ending::Unruly);
            };
            match kind {
                Send::KIND => frames = self.take_send(index, frames, now, out)?,
                Join::KIND => self.native.join(index, &take(&mut frames)?.0),
                Leave::KIND => {
                    let (Leave { room }, _) = take(&mut frames)?;
                    self.native.leave(index, &room, now);
                }
                Ask::KIND => self.answer_question(index, &take(&mut frames)?.0, now),
                Read::KIND => self.native.was_read(&take(&mut frames)?.0),
                Bye::KIND => return Err(Ending::Done),
                _ => return Err(Ending::Unruly),
            }
        }
        Ok(())
    }

    /// Takes the message at the start of these frames, and hands back the others.
    #[inline]
    fn take_send<'a>(
        &mut self,
        index: u32,
        frames: &'a [u8],
        now: Duration,
        out: &mut Outbox,
    ) -> Result<&'a [u8], Ending> {
        if let Some((send, content, length)) = self.native.route.read(index, frames) {
            self.take_message(index, &send, content, now, out);
            return Ok(&frames[length..]);
        }
        let mut rest = frames;
        let (send, content) = take::<Send>(&mut rest)?;
        self.take_message(index, &send, content, now, out);
        self.native.route.was_read(index, &send, frames);
        Ok(rest)
    }

    pub(super) fn flush_sessions(&mut self, now: Duration, out: &mut Outbox) {
        self.native.spread_bundle();
        self.native.look_after_due(now, out);
        while let Some(silent) = self.native.sessions.expired(now) {
            self.native.end(silent, None, now, out);
        }
        self.native.rooms.sweep(now);
        let mut at = 0;
        while let Some(index) = self.native.dirty.get(at) {
            self.native.flush(*index, now, out);
            at += 1;
        }
        self.native.dirty.clear();
    }

    pub(super) fn close_sessions(&mut self, now: Duration, out: &mut Outbox) {
        for index in self.native.sessions.indices() {
            self.native.end(index, Some(Ending::Stopping), now, out);
        }
    }
}

/// The frame at the start, and takes it off. One that is cut off is as wrong as any: packets hold whole frames.
#[inline]
fn take<'a, M: Message>(frames: &mut &'a [u8]) -> Result<(M, &'a [u8]), Ending> {
    let Ok(Some(frame)) = frame::decode::<M>(frames) else {
        return Err(Ending::Unruly);
    };
    *frames = &frames[frame.length..];
    Ok((frame.message, frame.bulk))
}
