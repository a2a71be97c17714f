//! Packets of sessions, and the frames in them.

use std::time::Duration;

use super::Native;
use super::rooms::append;
use crate::frame::{self, Message, Prefix};
use crate::relay::hub::{Burst, Hub, Outbox};
use crate::relay::native::frames::{Ask, Bye, Ending, Join, Leave, Read, Send};
use crate::relay::native::handshake::Gone;
use crate::relay::native::link::Received;
use crate::relay::native::packet::Head;

impl Hub {
    /// A packet of a session came.
    pub(in crate::relay::hub) fn session(
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
                Join::KIND | Ask::KIND if self.native.is_greedy(index) => {
                    return Err(Ending::Unruly);
                }
                Join::KIND => self.native.join(index, &take(&mut frames)?.0, now),
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
