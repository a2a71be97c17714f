//! What clients ask, and what they are answered.

use std::time::Duration;

use super::Native;
use super::sessions::Key;
use crate::relay::hub::{Counts, Hub};
use crate::relay::native::frames::{Answer, Ask, LISTED, Question, Reply, RoomSize, Status};

impl Hub {
    /// Answers a question.
    pub(super) fn answer_question(&mut self, index: u32, ask: &Ask, now: Duration) {
        let number = ask.number;
        match ask.question {
            Question::Who(room) => self.native.tell_members(index, number, room, now),
            Question::Rooms => self.native.tell_rooms(index, number, now),
            Question::Keys(name) => self.native.tell_keys(index, number, name, now),
            Question::Status => {
                let reply = Reply::Status(status(&self.count(now)));
                let asker = (self.native.sessions.key(index), number);
                self.native.reply(asker, reply, false);
            }
            Question::Relays => self.tell_relays(index, number, now),
        }
    }
}

impl Native {
    /// The most entries of an answer, in all its frames.
    pub(super) const MOST_LISTED: usize = 2000;

    /// The rooms that somebody here is in.
    pub(super) fn room_sizes(&self) -> Vec<RoomSize> {
        let rooms = self.rooms.iter().filter(|room| !room.members.is_empty());
        let sizes = rooms.map(|room| RoomSize {
            room: room.name,
            members: room.members.len() as u32,
        });
        sizes.take(Self::MOST_LISTED).collect()
    }

    /// Answers a list in as many frames as it needs, one at least. `more` of it may follow.
    pub(super) fn list<T: Clone>(
        &mut self,
        asker: (Key, u32),
        all: &[T],
        reply: impl Fn(Vec<T>) -> Reply,
        more: bool,
    ) {
        if all.is_empty() {
            return self.reply(asker, reply(Vec::new()), more);
        }
        let mut rest = all;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(rest.len().min(LISTED));
            rest = others;
            self.reply(asker, reply(some.to_vec()), more || !rest.is_empty());
        }
    }

    /// Answers a question, if whoever asked it is still there.
    pub(super) fn reply(&mut self, (asker, number): (Key, u32), reply: Reply, more: bool) {
        let answer = Answer {
            number,
            reply,
            more,
        };
        if self.sessions.of(asker).is_some() {
            self.push(asker.index, &answer, &[]);
        }
    }
}

fn status(counts: &Counts) -> Status {
    Status {
        uptime: counts.uptime,
        classic: counts.classic_clients,
        sessions: counts.sessions,
        names: counts.names,
        rooms: counts.rooms,
        messages: counts.messages,
        deliveries: counts.deliveries,
        refused: counts.refused,
        dropped: counts.dropped,
        waiting: counts.waiting,
        stuck: counts.stuck,
    }
}
