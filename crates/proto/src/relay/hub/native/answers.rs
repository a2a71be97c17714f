//! What clients ask, and what they are answered.

use super::Native;
use crate::relay::hub::{Counts, Hub};
use crate::relay::native::Name;
use crate::relay::native::frames::{Answer, Ask, LISTED, Question, Reply, RoomSize, Status};
use std::time::Duration;

impl Hub {
    /// Answers a question.
    pub(super) fn answer_question(&mut self, index: u32, ask: &Ask, now: Duration) {
        let number = ask.number;
        match ask.question {
            Question::Who(room) => {
                let members = self.native.members(&room);
                self.native.list(index, number, &members, Reply::Members);
            }
            Question::Rooms => {
                let rooms = self.native.room_sizes();
                self.native.list(index, number, &rooms, Reply::Rooms);
            }
            Question::Keys(name) => self.native.tell_keys(index, number, &name),
            Question::Status => {
                let reply = Reply::Status(status(&self.count(now)));
                self.native.reply(index, number, reply, false);
            }
            Question::Relays => self.tell_relays(index, number, now),
        }
    }
}

impl Native {
    /// The most entries of an answer, in all its frames.
    pub(super) const MOST_LISTED: usize = 2000;

    fn room_sizes(&self) -> Vec<RoomSize> {
        let rooms = self.rooms.iter().filter(|room| !room.members.is_empty());
        let sizes = rooms.map(|room| RoomSize {
            room: room.name,
            members: room.members.len() as u32,
        });
        sizes.take(Self::MOST_LISTED).collect()
    }

    fn tell_keys(&mut self, index: u32, number: u32, name: &Name) {
        let known = self.names.find(name);
        let keys = known.and_then(|id| self.names.get(id).keys());
        self.reply(index, number, Reply::Keys(keys), false);
    }

    fn list<T: Clone>(
        &mut self,
        index: u32,
        number: u32,
        all: &[T],
        reply: impl Fn(Vec<T>) -> Reply,
    ) {
        if all.is_empty() {
            return self.reply(index, number, reply(Vec::new()), false);
        }
        let mut rest = all;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(rest.len().min(LISTED));
            rest = others;
            self.reply(index, number, reply(some.to_vec()), !rest.is_empty());
        }
    }

    fn reply(&mut self, index: u32, number: u32, reply: Reply, more: bool) {
        let answer = Answer {
            number,
            reply,
            more,
        };
        self.push(index, &answer, &[]);
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
