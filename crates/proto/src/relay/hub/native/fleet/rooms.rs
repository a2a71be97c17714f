//! Rooms that span relays: what is said and happens here is told to the others, what they tell is spread here.

use std::time::Duration;

use crate::relay::fleet::{RelayId, Said};
use crate::relay::hub::Hub;
use crate::relay::hub::elsewhere::{Errand, Ticket};
use crate::relay::hub::native::Native;
use crate::relay::hub::native::custody::{Teller, Waiting};
use crate::relay::hub::native::messages::Verdict;
use crate::relay::hub::native::rooms::RoomId;
use crate::relay::native::frames::{Happened, Happening, Send, Wants, Why};
use crate::relay::native::{MAX_CONTENT, MessageId};

/// The parts of a message of several, as they are gathered for the other relays.
#[derive(Debug)]
pub(in crate::relay::hub::native) struct Gathered {
    said: Said,
    content: Vec<u8>,
}

impl Native {
    /// What others are to hear of a message of so many bytes, if there is room for it.
    fn may_say_to_others(
        &mut self,
        from: u32,
        room: RoomId,
        send: &Send,
        total: usize,
    ) -> Result<Said, Why> {
        let sender = self.sessions.get(from).ok_or(Why::NotThere)?;
        let said = Said {
            relay: RelayId(0),
            number: 0,
            room: self.rooms.get(room).name,
            from: self.origin(sender),
            id: send.id,
            body: send.body,
            total: total as u32,
            at: 0,
        };
        self.may_entrust(self.waiting_of(from, &said))?;
        Ok(said)
    }

    fn waiting_of(&self, from: u32, said: &Said) -> Waiting {
        Waiting {
            teller: self.teller(from),
            id: said.id,
            wants: Wants::Nothing,
            to: None,
            bytes: said.total as usize,
        }
    }

    /// Says to the other relays what is said in a room here, if there is room for it. Its sender has the verdict when that
    /// was done.
    pub(in crate::relay::hub::native) fn say_to_others(
        &mut self,
        from: u32,
        room: RoomId,
        send: &Send,
        content: &[u8],
    ) -> Result<Ticket, Why> {
        let said = self.may_say_to_others(from, room, send, content.len())?;
        let content = content.to_vec();
        Ok(self.say_whole(from, Gathered { said, content }))
    }

    fn say_whole(&mut self, from: u32, Gathered { said, content }: Gathered) -> Ticket {
        let ticket = self.entrust_anyway(self.waiting_of(from, &said));
        self.errand(Errand::Say {
            ticket,
            said,
            content,
        });
        ticket
    }

    /// The first part of a message of several, which are said to the other relays together, if there is room for all.
    pub(in crate::relay::hub::native) fn gather_for_others(
        &mut self,
        from: u32,
        room: RoomId,
        send: &Send,
        first: &[u8],
        total: usize,
    ) -> Result<Gathered, Why> {
        let said = self.may_say_to_others(from, room, send, total)?;
        let content = Vec::new();
        let mut gathered = Gathered { said, content };
        self.gather_more(&mut gathered, first);
        Ok(gathered)
    }

    /// A further part of it.
    pub(in crate::relay::hub::native) fn gather_more(
        &mut self,
        gathered: &mut Gathered,
        content: &[u8],
    ) {
        self.waiting += content.len();
        gathered.content.extend_from_slice(content);
    }

    /// Says what was gathered to the other relays.
    pub(in crate::relay::hub::native) fn say_gathered(
        &mut self,
        from: u32,
        gathered: Gathered,
    ) -> Ticket {
        self.drop_for_others(&gathered);
        self.say_whole(from, gathered)
    }

    /// What was gathered is no longer here.
    pub(in crate::relay::hub::native) fn drop_for_others(&mut self, gathered: &Gathered) {
        self.waiting -= gathered.content.len();
    }

    /// The queue of somebody here who is to get this as well is long: its verdict waits for that too.
    pub(in crate::relay::hub::native) fn note_slow(&mut self, ticket: Ticket, verdict: Verdict) {
        if let Verdict::When(slow) = verdict {
            self.slow.insert(ticket, self.sessions.key(slow));
        }
    }

    /// The one whose queue is still long, of what was said with this ticket.
    pub(in crate::relay::hub::native) fn slow_one_of(&mut self, ticket: Ticket) -> Option<u32> {
        let key = self.slow.remove(&ticket)?;
        let session = self.sessions.of(key)?;
        session.is_slow().then_some(key.index)
    }

    /// The other relays have what was said; its sender waits for somebody here.
    pub(in crate::relay::hub::native) fn wait_for(
        &mut self,
        slow: u32,
        teller: Teller,
        id: MessageId,
    ) {
        self.have_verdict(teller, (id, id));
        let sender = match teller {
            Teller::Session(key) => Some(key),
            Teller::Name(name) => {
                let session = self.names.get(name).session;
                session.map(|index| self.sessions.key(index))
            }
            Teller::Relay(_) => None,
        };
        if let Some(sender) = sender {
            self.withhold(slow, sender, id);
        }
    }

    /// Tells the other relays what happened in a room here, if it is not too large for that.
    pub(in crate::relay::hub::native) fn tell_others(&mut self, id: RoomId, happened: Happened) {
        if self.is_told_who_comes(id) {
            self.fleet_errand(Errand::Happened(happened));
        }
    }
}

impl Hub {
    /// Something was said in a room at another relay: it gets a place here, and all here get it, but for its sender, who
    /// may have come here meanwhile.
    pub(in crate::relay::hub) fn said_elsewhere(
        &mut self,
        said: &Said,
        content: &[u8],
        now: Duration,
    ) {
        let found = self.native.rooms.find(&said.room);
        let is_here = |id: &RoomId| !self.native.rooms.get(*id).members.is_empty();
        let Some(room) = found.filter(is_here) else {
            return;
        };
        if content.len() <= MAX_CONTENT {
            self.native.spread_said(room, said, content, now);
        }
    }

    /// Something happened in a room at another relay. Who is in the room here as well has not left it.
    pub(in crate::relay::hub) fn happened_elsewhere(&mut self, happened: Happened) {
        let Happened { room, who, what } = happened;
        let found = self.native.rooms.find(&room);
        let is_about_here =
            !matches!(what, Happening::Slow(_)) && self.native.is_in_room(&who, &room);
        let is_told = |id: &RoomId| !is_about_here && self.native.is_told_who_comes(*id);
        if let Some(id) = found.filter(is_told) {
            let except = self.native.session_of(&who).unwrap_or(u32::MAX);
            self.native.tell_happened(id, happened, except);
        }
    }
}
