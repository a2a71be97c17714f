//! Rooms that span relays: what is said in one is said to all relays that have somebody in it.
//!
//! The bus loses what is under way when a connection breaks. What this relay said is therefore there only when the relay
//! has heard it itself: its own publications come back to it by the same way as to all others. What did not come back is
//! said again, and who has heard it knows it by its number.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::relay::fleet::{RelayId, Said};
use proto::relay::hub::elsewhere::{News, Outcome, Ticket};
use proto::relay::native::frames::{Happened, Origin};
use proto::relay::native::{MAX_CONTENT, MessageId, Name};

use super::line::{Line, Listener, encode};
use super::work::Work;

/// When something that did not come back is said again.
const AGAIN: Duration = Duration::from_secs(5);

/// How long a verdict waits for a bus that is away: all who can be reached have heard it then.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many bytes whose senders have their verdict are kept for when the bus is back.
const MOST_LATE: usize = 16 * 1024 * 1024;

/// How many relays are remembered in a room.
const MOST_RELAYS: usize = 256;

/// All rooms that somebody here is in.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: HashMap<Name, Room>,
    number: u64,
    /// How many bytes are said again though their senders have their verdict.
    late: usize,
}

#[derive(Debug)]
struct Room {
    _listener: Listener,
    is_heard: bool,
    /// Whether nobody here is in it any more.
    is_left: bool,
    sayings: VecDeque<Saying>,
    relays: HashMap<RelayId, Heard>,
}

/// Something that was said here and has not come back.
#[derive(Debug)]
struct Saying {
    /// Where its sender has no verdict.
    ticket: Option<Ticket>,
    since: Instant,
    said: Instant,
    parts: VecDeque<(u64, Bytes)>,
}

/// What was heard of another relay in a room.
#[derive(Debug, Default)]
struct Heard {
    last: u64,
    part: Option<(Origin, MessageId, Vec<u8>)>,
}

impl Rooms {
    /// Somebody is in a room from now on.
    pub(super) fn enter(&mut self, room: Name, line: &Line) {
        self.open(room, line).is_left = false;
    }

    /// Nobody is in it any more.
    pub(super) fn leave(&mut self, room: Name) {
        if let Some(found) = self.rooms.get_mut(&room) {
            found.is_left = true;
        }
        self.tidy(room);
    }

    fn open(&mut self, room: Name, line: &Line) -> &mut Room {
        self.rooms.entry(room).or_insert_with(|| {
            let heard = move |message| Work::FromRoom(room, message);
            let subject = line.subjects.room(room);
            Room {
                _listener: line.listen(subject, false, (Work::HearsRoom(room), None), heard),
                is_heard: false,
                is_left: true,
                sayings: VecDeque::new(),
                relays: HashMap::new(),
            }
        })
    }

    /// Says something to the other relays.
    pub(super) fn say(&mut self, ticket: Ticket, said: Said, content: &[u8], line: &mut Line) {
        let mut parts = VecDeque::new();
        let (total, most) = (content.len() as u32, line.most_content().min(Said::PART));
        let mut at = 0;
        loop {
            let end = content.len().min(at + most);
            self.number += 1;
            let part = Said {
                relay: line.relay,
                number: self.number,
                total,
                at: at as u32,
                ..said
            };
            parts.extend(encode(&part, &content[at..end]).map(|frame| (self.number, frame)));
            at = end;
            if at == content.len() {
                break;
            }
        }
        let (now, is_up) = (line.now(), line.weather.is_up);
        let room = self.open(said.room, line);
        let saying = Saying {
            ticket: Some(ticket),
            since: now,
            said: now,
            parts,
        };
        if room.is_heard && is_up {
            saying.publish(said.room, line);
        }
        room.sayings.push_back(saying);
    }

    /// What is said in a room is heard from now on.
    pub(super) fn hears(&mut self, name: Name, line: &mut Line) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.is_heard = true;
            room.say_again(name, line, |_| true);
        }
        self.tidy(name);
    }

    /// The bus is there again: all that has not come back is said again, in its order.
    pub(super) fn come_back(&mut self, line: &mut Line) {
        for (name, room) in &mut self.rooms {
            room.say_again(*name, line, |_| true);
        }
    }

    /// Looks after what has not come back.
    pub(super) fn tick(&mut self, line: &mut Line) {
        let now = line.now();
        for (name, room) in &mut self.rooms {
            if line.weather.is_up {
                room.say_again(*name, line, |saying| now >= saying.said + AGAIN);
            } else {
                self.late += room.settle_late(line);
            }
            while self.late > MOST_LATE && room.drop_late(&mut self.late) {}
        }
    }

    /// Something that this relay said came back.
    fn came_back(&mut self, room: Name, number: u64, line: &mut Line) {
        let Some(found) = self.rooms.get_mut(&room) else {
            return;
        };
        let sayings = &mut found.sayings;
        let Some(place) = sayings.iter().position(|saying| saying.has(number)) else {
            return;
        };
        let saying = &mut sayings[place];
        if saying.ticket.is_none() {
            self.late = self.late.saturating_sub(saying.bytes_of(number));
        }
        saying.parts.retain(|(part, _)| *part != number);
        if saying.parts.is_empty()
            && let Some(Saying {
                ticket: Some(ticket),
                ..
            }) = sayings.remove(place)
        {
            let outcome = Outcome::Taken;
            line.news.push(News::Settled { ticket, outcome });
        }
        self.tidy(room);
    }

    /// Hears what was said in a room.
    pub(super) fn hear(&mut self, room: Name, said: Said, content: &[u8], line: &mut Line) {
        if said.relay == line.relay {
            return self.came_back(room, said.number, line);
        }
        let Some(found) = self.rooms.get_mut(&room) else {
            return;
        };
        if said.room != room || found.is_left {
            return;
        }
        if found.relays.len() >= MOST_RELAYS && !found.relays.contains_key(&said.relay) {
            found.relays.clear();
        }
        let heard = found.relays.entry(said.relay).or_default();
        if let Some(content) = heard.take(&said, content) {
            line.figures.said.add(1);
            line.news.push(News::Said { said, content });
        }
    }

    /// Tells the other relays what happened in a room. The relay's number keeps it from hearing that itself.
    pub(super) fn tell(happened: &Happened, line: &mut Line) {
        if let Some(payload) = encode(happened, &[]) {
            let subject = line.subjects.room(happened.room);
            line.say(subject, Some(own(line)), payload);
        }
    }

    /// Hears what happened in a room.
    pub(super) fn happened(&self, room: Name, happened: Happened, line: &mut Line) {
        let is_here = self.rooms.get(&room).is_some_and(|room| !room.is_left);
        if is_here && happened.room == room {
            line.news.push(News::Happened(happened));
        }
    }

    /// Whether all that was said has come back.
    pub(super) fn is_done(&self) -> bool {
        self.rooms.values().all(|room| room.sayings.is_empty())
    }

    fn tidy(&mut self, name: Name) {
        let is_over = |room: &Room| room.is_left && room.sayings.is_empty();
        if self.rooms.get(&name).is_some_and(is_over) {
            self.rooms.remove(&name);
        }
    }
}

/// What stands for this relay where something has no other mark.
pub(super) fn own(line: &Line) -> async_nats::Subject {
    format!("{:x}", line.relay.0).into()
}

impl Room {
    fn say_again(&mut self, name: Name, line: &mut Line, which: impl Fn(&Saying) -> bool) {
        if !self.is_heard || !line.weather.is_up {
            return;
        }
        for saying in &mut self.sayings {
            if which(saying) {
                saying.said = line.now();
                saying.publish(name, line);
            }
        }
    }

    /// Gives those their verdict who have waited for long, and says how many bytes wait without them.
    fn settle_late(&mut self, line: &mut Line) -> usize {
        let mut late = 0;
        for saying in &mut self.sayings {
            if line.now() < saying.since + PATIENCE {
                break;
            }
            if let Some(ticket) = saying.ticket.take() {
                let outcome = Outcome::Taken;
                line.news.push(News::Settled { ticket, outcome });
                late += saying.bytes();
            }
        }
        late
    }

    /// Gives up the oldest whose sender has a verdict.
    fn drop_late(&mut self, late: &mut usize) -> bool {
        let is_late = |saying: &Saying| saying.ticket.is_none();
        if !self.sayings.front().is_some_and(is_late) {
            return false;
        }
        if let Some(saying) = self.sayings.pop_front() {
            *late = late.saturating_sub(saying.bytes());
        }
        true
    }
}

impl Saying {
    fn publish(&self, room: Name, line: &mut Line) {
        for (_, frame) in &self.parts {
            line.publish(line.subjects.room(room), None, frame.clone());
        }
    }

    fn has(&self, number: u64) -> bool {
        self.parts.iter().any(|(part, _)| *part == number)
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, frame)| frame.len()).sum()
    }

    fn bytes_of(&self, number: u64) -> usize {
        let part = self.parts.iter().find(|(part, _)| *part == number);
        part.map_or(0, |(_, frame)| frame.len())
    }
}

impl Heard {
    /// Takes what was said, if it did not come before: all of its content when that is there.
    fn take(&mut self, said: &Said, content: &[u8]) -> Option<Vec<u8>> {
        if said.number <= self.last {
            return None;
        }
        self.last = said.number;
        let (total, at) = (said.total as usize, said.at as usize);
        if total > MAX_CONTENT || at + content.len() > total {
            return None;
        }
        let before = match at {
            0 => Some((said.from, said.id, Vec::new())),
            _ => self.part.take(),
        };
        let (from, id, mut all) = before?;
        if (from, id) != (said.from, said.id) || all.len() != at {
            return None;
        }
        all.extend_from_slice(content);
        if all.len() == total {
            return Some(all);
        }
        if !content.is_empty() {
            self.part = Some((from, id, all));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proto::relay::native::frames::Body;

    use super::*;

    fn said(number: u64, id: u64, total: u32, at: u32) -> Said {
        Said {
            relay: RelayId(1),
            number,
            room: "lobby".parse().unwrap(),
            from: Origin::Name("alice".parse().unwrap()),
            id: MessageId(id),
            body: Body::Plain,
            total,
            at,
        }
    }

    #[test]
    fn what_came_before_is_not_heard_again() {
        let mut heard = Heard::default();
        let one = said(5, 1, 2, 0);
        assert_eq!(heard.take(&one, b"hi"), Some(b"hi".to_vec()));
        assert_eq!(heard.take(&one, b"hi"), None);
        assert_eq!(heard.take(&said(4, 2, 2, 0), b"hi"), None);
        assert_eq!(heard.take(&said(6, 3, 0, 0), b""), Some(Vec::new()));
    }

    #[test]
    fn parts_are_put_together_whatever_is_missing() {
        let mut heard = Heard::default();
        assert_eq!(heard.take(&said(1, 1, 4, 0), b"ab"), None);
        assert_eq!(heard.take(&said(2, 1, 4, 2), b"cd"), Some(b"abcd".to_vec()));
        assert_eq!(heard.take(&said(3, 2, 4, 2), b"cd"), None);
        assert_eq!(heard.take(&said(4, 3, 4, 0), b"ab"), None);
        assert_eq!(heard.take(&said(5, 4, 4, 2), b"cd"), None);
        assert_eq!(heard.take(&said(6, 3, 4, 2), b"cd"), None);
        assert_eq!(heard.take(&said(7, 5, 1, 0), b"toolong"), None);
        assert_eq!(heard.take(&said(8, 5, u32::MAX, 0), b"x"), None);
    }
}
