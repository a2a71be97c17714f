//! What becomes a letter: a message to a name that cannot be put in a queue here.

use std::time::Duration;

use super::Native;
use super::custody::{Teller, Waiting};
use super::messages::{Refusal, Verdict};
use super::names::NameId;
use super::receipts::Tells;
use crate::relay::fleet::Passed;
use crate::relay::hub::Reach;
use crate::relay::hub::elsewhere::{Errand, ReplyTo, Way};
use crate::relay::letter::Letter;
use crate::relay::native::Name;
use crate::relay::native::frames::{Delivery, Origin, Part, Send, Why};

/// A letter, and who is to hear what becomes of it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) teller: Teller,
    pub(super) letter: Letter,
    pub(super) content: Vec<u8>,
}

impl Parcel {
    /// About how many bytes it takes here.
    pub(super) fn size(&self) -> usize {
        self.content.len() + 64
    }
}

/// How a message gets to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// It goes into its queue.
    Open,
    /// It is to be a letter.
    Shut,
}

impl Native {
    /// Whether messages are kept for those who are away: no verdict is said before one is safe.
    #[inline]
    pub(super) fn keeps_mail(&self) -> bool {
        self.reach != Reach::Here
    }

    /// Puts a whole message in a session's queue, or makes it a letter.
    pub(super) fn hand_over(
        &mut self,
        from: u32,
        to: u32,
        send: &Send,
        content: &[u8],
        now: Duration,
    ) -> Result<Verdict, Refusal> {
        if self.door(from, to, content.len(), now)? == Door::Shut {
            return self.letter(from, send, content, now);
        }
        self.deliver(from, to, send, content);
        self.spread += 1;
        Ok(Verdict::Pending)
    }

    /// How a message of this many bytes gets to a session, if it can.
    #[inline]
    pub(super) fn door(
        &mut self,
        from: u32,
        to: u32,
        bytes: usize,
        now: Duration,
    ) -> Result<Door, Why> {
        if !self.keeps_mail() || !self.may_write(from, to) {
            self.has_room(to, bytes, now)?;
            return Ok(Door::Open);
        }
        self.door_of_mailbox(to, bytes, now)
    }

    fn door_of_mailbox(&mut self, to: u32, bytes: usize, now: Duration) -> Result<Door, Why> {
        if !self.is_open(to) {
            return Ok(Door::Shut);
        }
        match self.has_room(to, bytes, now) {
            Ok(()) => Ok(Door::Open),
            Err(Why::Behind) => Ok(Door::Shut),
            Err(why) => Err(why),
        }
    }

    /// Whether one session may write letters to the other: only between names. What somebody without one says overtakes
    /// none of their letters, since there are none.
    #[inline]
    fn may_write(&self, from: u32, to: u32) -> bool {
        let name = |index| self.sessions.get(index).and_then(|session| session.name);
        name(from).and(name(to)).is_some()
    }

    /// Whether nothing that was kept for a session comes before what is said to it now. While nothing can be fetched, what
    /// is said here does not wait for it.
    #[inline]
    fn is_open(&self, index: u32) -> bool {
        let session = self.sessions.get(index);
        let mailbox = session.and_then(|session| session.mailbox.as_ref());
        mailbox.is_none_or(|mailbox| mailbox.is_open() || self.is_cut_off && !mailbox.is_locked())
    }

    /// A session says a whole message that becomes a letter.
    pub(super) fn letter(
        &mut self,
        from: u32,
        send: &Send,
        content: &[u8],
        now: Duration,
    ) -> Result<Verdict, Refusal> {
        let to = self.name_of(&send.to).ok_or(Why::NotThere)?;
        self.write(from, to, send, content.to_vec(), now)?;
        Ok(Verdict::Pending)
    }

    /// A session writes a letter.
    pub(super) fn write(
        &mut self,
        from: u32,
        to: Name,
        send: &Send,
        content: Vec<u8>,
        now: Duration,
    ) -> Result<(), Why> {
        let origin = self.sessions.get(from).map(|sender| self.origin(sender));
        let letter = Letter {
            from: origin
                .filter(|origin| matches!(origin, Origin::Name(_)))
                .ok_or(Why::Nameless)?,
            to,
            id: send.id,
            wants: send.wants,
            body: send.body,
        };
        let parcel = Parcel {
            teller: self.teller(from),
            letter,
            content,
        };
        let known = self.names.find(&to);
        if let Some(index) = known.and_then(|id| self.names.get(id).session) {
            return self.post(index, parcel, now);
        }
        match (known, self.reach) {
            (Some(_), Reach::Fleet) => self.send_away(parcel, Way::Find),
            (Some(_), _) => self.send_away(parcel, Way::Keep),
            (None, Reach::Fleet) => self.send_away(parcel, Way::FindOut),
            (None, _) => Err(Why::Unknown),
        }
    }

    /// Another relay passes a letter on to a name. It is told when the letter was taken, or that it is to keep it.
    pub(super) fn letter_here(
        &mut self,
        to: NameId,
        letter: &Letter,
        content: &[u8],
        reply: ReplyTo,
        now: Duration,
    ) {
        let parcel = Parcel {
            teller: Teller::Relay(reply),
            letter: *letter,
            content: content.to_vec(),
        };
        let posted = match self.names.get(to).session {
            Some(index) => self.post(index, parcel, now),
            None => self.send_away(parcel, Way::Keep),
        };
        debug_assert!(posted.is_ok(), "another relay's is handed back");
    }

    /// Brings a whole letter to a session: into its queue, or it is kept until its turn comes.
    pub(super) fn post(&mut self, index: u32, parcel: Parcel, now: Duration) -> Result<(), Why> {
        if !self.is_open(index) {
            return self.post_later(index, parcel, now);
        }
        match self.has_room(index, parcel.content.len(), now) {
            Ok(()) => {
                self.post_now(index, &parcel);
                Ok(())
            }
            Err(_) => self.keep_for(index, parcel),
        }
    }

    /// Puts a letter in a session's queue.
    pub(super) fn post_now(&mut self, index: u32, parcel: &Parcel) {
        let Parcel { teller, letter, .. } = parcel;
        let packet = self.push_letter(index, 0, letter, &parcel.content);
        let tells = Tells::verdict(letter.wants);
        if let Some(session) = self.sessions.get_mut(index) {
            session.note_due(packet, *teller, letter.id, tells);
        }
        self.spread += 1;
    }

    /// A letter to a session is kept elsewhere until it is fetched: whatever comes after it is to wait for that.
    pub(super) fn keep_for(&mut self, index: u32, parcel: Parcel) -> Result<(), Why> {
        self.send_away(parcel, Way::Keep)?;
        self.mail_is_kept(index);
        Ok(())
    }

    /// Hands a letter to others. One that came from another relay goes back to it.
    fn send_away(&mut self, parcel: Parcel, way: Way) -> Result<(), Why> {
        let Parcel {
            teller,
            letter,
            content,
        } = parcel;
        let errand = match teller {
            Teller::Relay(reply) => Errand::Passed {
                reply,
                passed: Passed::Keep,
            },
            Teller::Session(_) => return Err(Why::Nameless),
            Teller::Name(_) => Errand::Send {
                ticket: self.entrust(Waiting {
                    teller,
                    id: letter.id,
                    wants: letter.wants,
                    to: self.names.find(&letter.to),
                    bytes: content.len(),
                })?,
                letter,
                content,
                way,
            },
        };
        self.errands.push(errand);
        Ok(())
    }

    /// Keeps a letter whose sender was not told anything so far; where that cannot be, it is refused.
    pub(super) fn keep_or_refuse(&mut self, parcel: Parcel) {
        let (teller, id) = (parcel.teller, parcel.letter.id);
        if let Err(why) = self.send_away(parcel, Way::Keep) {
            self.is_refused(teller, id, why);
        }
    }

    /// Brings a letter to a session whose sender was not told anything so far.
    pub(super) fn post_or_refuse(&mut self, index: u32, parcel: Parcel, now: Duration) {
        let (teller, id) = (parcel.teller, parcel.letter.id);
        if let Err(why) = self.post(index, parcel, now) {
            self.is_refused(teller, id, why);
        }
    }

    /// Puts a letter in a session's queue, in as many parts as it needs, and says by which packet the last of them goes.
    pub(super) fn push_letter(
        &mut self,
        index: u32,
        waited: u32,
        letter: &Letter,
        content: &[u8],
    ) -> u32 {
        let delivery = |part| Delivery {
            waited,
            from: letter.from,
            room: None,
            id: letter.id,
            part,
            wants: letter.wants,
            body: letter.body,
        };
        let mut packet = 0;
        for (part, piece) in Part::all_of(content) {
            packet = self.push(index, &delivery(part), piece);
        }
        packet
    }
}
