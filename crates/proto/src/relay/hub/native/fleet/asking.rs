//! Questions of clients about rooms: other relays are asked, until all have answered or nobody waits any more.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::relay::fleet::{Asked, Listed};
use crate::relay::hub::elsewhere::{Errand, PATIENCE, ReplyTo, Ticket};
use crate::relay::hub::native::Native;
use crate::relay::hub::native::sessions::Key;
use crate::relay::hub::{Hub, Reach};
use crate::relay::native::Name;
use crate::relay::native::frames::{Member, Origin, Reply, RoomSize};

/// Who has asked, and the number of their question.
pub(super) type Asker = (Key, u32);

/// What others were asked.
#[derive(Debug)]
struct Question {
    ticket: u64,
    until: Duration,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Who is in a room; so many more are told.
    Members(Asker, Name, usize),
    /// How many are in which room, in all; whoever asks meanwhile waits with the others.
    Rooms(Vec<Asker>, BTreeMap<Name, u32>),
}

impl What {
    /// How many of the questions in it are this client's.
    fn of(&self, asker: Key) -> usize {
        match self {
            Self::Members((key, _), ..) => usize::from(*key == asker),
            Self::Rooms(askers, _) => askers.iter().filter(|(key, _)| *key == asker).count(),
        }
    }
}

/// All that others were asked, in the order in which that was.
#[derive(Debug, Default)]
pub(in crate::relay::hub::native) struct Questions {
    open: VecDeque<Question>,
    last: u64,
}

impl Questions {
    /// The most that are open at once, and how many of them may be one client's. Whoever asks beyond that is answered
    /// from what is known here.
    const MAX: usize = 1024;
    const MAX_OF_CLIENT: usize = 16;

    /// When the next one is given up.
    pub(in crate::relay::hub::native) fn deadline(&self) -> Option<Duration> {
        self.open.front().map(|question| question.until)
    }

    fn has_room_for(&self, asker: Key) -> bool {
        let of_client = self.open.iter().map(|open| open.what.of(asker));
        self.open.len() < Self::MAX && of_client.sum::<usize>() < Self::MAX_OF_CLIENT
    }

    fn add(&mut self, what: What, now: Duration) -> Ticket {
        self.last += 1;
        let (ticket, until) = (self.last, now + PATIENCE);
        self.open.push_back(Question {
            ticket,
            until,
            what,
        });
        Ticket(ticket)
    }

    fn place(&self, Ticket(ticket): Ticket) -> Option<usize> {
        let at = self.open.partition_point(|open| open.ticket < ticket);
        self.open.get(at).filter(|open| open.ticket == ticket)?;
        Some(at)
    }

    /// The one about rooms, if it is open.
    fn about_rooms(&mut self) -> Option<&mut Vec<Asker>> {
        self.open.iter_mut().find_map(|open| match &mut open.what {
            What::Rooms(askers, _) => Some(askers),
            _ => None,
        })
    }

    #[cfg(test)]
    pub(in crate::relay::hub::native) fn len(&self) -> usize {
        self.open.len()
    }
}

impl Native {
    /// Answers who is in a room: those here, then those elsewhere.
    pub(in crate::relay::hub::native) fn tell_members(
        &mut self,
        index: u32,
        number: u32,
        room: Name,
        now: Duration,
    ) {
        let members = self.members(&room);
        let asker = (self.sessions.key(index), number);
        let asks_on = self.reach == Reach::Fleet && self.questions.has_room_for(asker.0);
        self.list(asker, &members, Reply::Members, asks_on);
        if asks_on {
            let left = Self::MOST_LISTED - members.len();
            let ticket = self.questions.add(What::Members(asker, room, left), now);
            let asked = Asked::Who(room);
            self.errand(Errand::Gather { ticket, asked });
        }
    }

    /// Answers which rooms there are, with all who are in them here and elsewhere.
    pub(in crate::relay::hub::native) fn tell_rooms(
        &mut self,
        index: u32,
        number: u32,
        now: Duration,
    ) {
        let asker = (self.sessions.key(index), number);
        let rooms = self.room_sizes();
        if self.reach != Reach::Fleet || !self.questions.has_room_for(asker.0) {
            return self.list(asker, &rooms, Reply::Rooms, false);
        }
        match self.questions.about_rooms() {
            Some(askers) if askers.len() < Questions::MAX => return askers.push(asker),
            Some(_) => return self.list(asker, &rooms, Reply::Rooms, false),
            None => {}
        }
        let sums = rooms.iter().map(|size| (size.room, size.members));
        let what = What::Rooms(vec![asker], sums.collect());
        let ticket = self.questions.add(what, now);
        let asked = Asked::Rooms;
        self.errand(Errand::Gather { ticket, asked });
    }

    /// Gives up the questions that others have not answered in time.
    pub(in crate::relay::hub::native) fn give_up_questions(&mut self, now: Duration) {
        let is_due = |question: &mut Question| question.until <= now;
        while let Some(question) = self.questions.open.pop_front_if(is_due) {
            self.end_of(question.what);
        }
    }

    /// Nobody is waited for any more: a question has its answer.
    fn end_of(&mut self, what: What) {
        match what {
            What::Members(asker, ..) => self.reply(asker, Reply::Members(Vec::new()), false),
            What::Rooms(askers, sums) => {
                let sizes = sums.into_iter();
                let sizes = sizes.map(|(room, members)| RoomSize { room, members });
                let sizes: Vec<_> = sizes.take(Self::MOST_LISTED).collect();
                for asker in askers {
                    self.list(asker, &sizes, Reply::Rooms, false);
                }
            }
        }
    }

    /// Tells a client who else is in a room.
    fn tell_more_members(&mut self, at: usize, members: Vec<Member>) {
        let question = self.questions.open.get(at);
        let Some(What::Members(asker, room, left)) = question.map(|question| &question.what) else {
            return;
        };
        let (asker, room, left) = (*asker, *room, *left);
        let elsewhere = |member: &Member| !self.is_in_room(&member.who, &room);
        let members: Vec<_> = members.into_iter().filter(elsewhere).take(left).collect();
        if members.is_empty() {
            return;
        }
        self.list(asker, &members, Reply::Members, true);
        if let Some(question) = self.questions.open.get_mut(at) {
            question.what = What::Members(asker, room, left - members.len());
        }
    }

    /// Adds what another relay has of each room.
    fn sum_rooms(&mut self, at: usize, sizes: Vec<RoomSize>) {
        let question = self.questions.open.get_mut(at);
        let Some(What::Rooms(_, sums)) = question.map(|question| &mut question.what) else {
            return;
        };
        for RoomSize { room, members } in sizes {
            if sums.len() < Self::MOST_LISTED || sums.contains_key(&room) {
                let sum = sums.entry(room).or_default();
                *sum = sum.saturating_add(members);
            }
        }
    }

    /// Whether somebody has a session here that is in this room.
    pub(in crate::relay::hub::native) fn is_in_room(&self, who: &Origin, room: &Name) -> bool {
        let session = self.session_of(who);
        let session = session.and_then(|index| self.sessions.get(index));
        let room = self.rooms.find(room);
        let here = session.zip(room);
        here.is_some_and(|(session, room)| session.rooms.all().contains(&room))
    }
}

impl Hub {
    /// Other relays have answered.
    pub(in crate::relay::hub) fn gathered(
        &mut self,
        ticket: Ticket,
        listed: Option<Listed>,
        is_all: bool,
    ) {
        let Some(at) = self.native.questions.place(ticket) else {
            return;
        };
        match listed {
            Some(Listed::Members(members)) => self.native.tell_more_members(at, members),
            Some(Listed::Rooms(sizes)) => self.native.sum_rooms(at, sizes),
            None => {}
        }
        if is_all && let Some(question) = self.native.questions.open.remove(at) {
            self.native.end_of(question.what);
        }
    }

    /// Another relay asks.
    pub(in crate::relay::hub) fn asked_elsewhere(&mut self, reply: ReplyTo, asked: &Asked) {
        let lists: Vec<_> = match asked {
            Asked::Who(room) => {
                let members = self.native.members(room);
                let lists = members.chunks(Listed::MOST);
                lists.map(|list| Listed::Members(list.to_vec())).collect()
            }
            Asked::Rooms => {
                let sizes = self.native.room_sizes();
                let lists = sizes.chunks(Listed::MOST);
                lists.map(|list| Listed::Rooms(list.to_vec())).collect()
            }
        };
        for listed in lists {
            self.native.errand(Errand::Answer { reply, listed });
        }
    }
}
