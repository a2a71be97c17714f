//! The thread of a relay that talks to the bus: it carries out errands and tells news.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use proto::relay::fleet::{Here, MailWaits, RelayId, Said, Told};
use proto::relay::hub::elsewhere::{Claimed, Errand, News, Outcome, ReplyTo, Ticket};
use proto::relay::native::Name;

use super::broker::{Answer, Heard, Inbox, Op, Payload, Subject};
use super::lane::Lane;
use crate::network::Random;

/// How long answers of others are waited for.
const GATHERED: Duration = Duration::from_millis(300);

/// How long the bucket has to answer.
const ASKED: Duration = Duration::from_secs(2);

/// What a request was for.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Lane(Name),
    Claim(Name),
    Look(Name),
    Gather(Ticket),
    Wake(Name),
}

/// What is to be said to the bus and to the relay, and what is waited for.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) is_connected: bool,
    pub(super) news: Vec<News>,
    ops: Vec<Op>,
    next: u64,
    asked: BTreeMap<u64, (Duration, What)>,
    /// For whom something was kept, which the relay that has them may not know.
    wakes: BTreeSet<Name>,
}

#[derive(Debug)]
pub(super) struct Agent {
    relay: usize,
    id: RelayId,
    talk: Talk,
    lanes: BTreeMap<Name, Lane>,
    present: BTreeMap<Name, Duration>,
    rooms: BTreeSet<Name>,
    /// What was said and not heard back.
    says: VecDeque<(Ticket, Said, Rc<[u8]>)>,
    number: u64,
    heard: BTreeMap<RelayId, u64>,
    replies: BTreeMap<ReplyTo, Inbox>,
    next_reply: u64,
}

impl Talk {
    pub(super) fn request(
        &mut self,
        what: What,
        until: Duration,
        op: impl FnOnce(u64) -> Op,
    ) -> u64 {
        self.next += 1;
        self.asked.insert(self.next, (until, what));
        self.ops.push(op(self.next));
        self.next
    }

    pub(super) fn settled(&mut self, ticket: Ticket, outcome: Outcome) {
        self.news.push(News::Settled { ticket, outcome });
    }

    /// Something was kept: whoever has the name is told.
    pub(super) fn wake(&mut self, name: Name) {
        self.wakes.insert(name);
    }

    fn say(&mut self, op: Op) {
        if self.is_connected {
            self.ops.push(op);
        }
    }
}

impl Agent {
    pub(super) fn new(relay: usize, random: &mut Random, now: Duration) -> Self {
        let talk = Talk {
            is_connected: false,
            news: Vec::new(),
            ops: Vec::new(),
            next: random.next() >> 1,
            asked: BTreeMap::new(),
            wakes: BTreeSet::new(),
        };
        Self {
            relay,
            id: RelayId(random.next()),
            talk,
            lanes: BTreeMap::new(),
            present: BTreeMap::new(),
            rooms: BTreeSet::new(),
            says: VecDeque::new(),
            number: now.as_micros() as u64,
            heard: BTreeMap::new(),
            replies: BTreeMap::new(),
            next_reply: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let is_said = self.says.is_empty() && self.talk.asked.is_empty();
        is_said && self.lanes.values().all(Lane::is_empty)
    }

    pub(super) fn take_ops(&mut self) -> Vec<Op> {
        std::mem::take(&mut self.talk.ops)
    }

    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.talk.news)
    }

    pub(super) fn due(&self) -> Option<Duration> {
        if !self.talk.news.is_empty() {
            return Some(Duration::ZERO);
        }
        let asked = self.talk.asked.values().map(|(until, _)| *until);
        let old = self.lanes.values().filter_map(Lane::due);
        let old = old.filter(|_| !self.talk.is_connected);
        asked.chain(old).min()
    }

    /// A connection is there: first what is to be heard, then who is here, then what was not heard back.
    pub(super) fn connected(&mut self, now: Duration) {
        self.talk.is_connected = true;
        self.talk.say(Op::Subscribe(Subject::All));
        for name in self.present.keys() {
            self.talk.say(Op::Subscribe(Subject::To(*name)));
        }
        for room in self.heard_rooms() {
            self.talk.say(Op::Subscribe(Subject::Room(room)));
        }
        self.say_here(self.present.keys().copied().collect(), now);
        for (_, said, content) in &self.says {
            let payload = Payload::Said(*said, content.clone());
            self.talk
                .say(Op::Publish(Subject::Room(said.room), payload));
        }
        // What others said meanwhile was not heard.
        let waits = |name: &Name| News::MailWaits { name: *name };
        self.talk.news.extend(self.present.keys().map(waits));
        self.step(now);
    }

    fn heard_rooms(&self) -> BTreeSet<Name> {
        let said = self.says.iter().map(|(_, said, _)| said.room);
        self.rooms.iter().copied().chain(said).collect()
    }

    fn say_here(&mut self, names: Vec<Name>, now: Duration) {
        let age = |name: &Name| (*name, (now - self.present[name]).as_millis() as u64);
        let names: Vec<_> = names.iter().map(age).collect();
        for names in names.chunks(Here::NAMES) {
            let (relay, names) = (self.id, names.to_vec());
            let here = Payload::Here(Here { relay, names });
            self.talk.say(Op::Publish(Subject::All, here));
        }
    }

    pub(super) fn disconnected(&mut self) {
        self.talk.is_connected = false;
        self.talk.ops.clear();
        self.lanes.values_mut().for_each(Lane::disconnected);
        for (_, what) in std::mem::take(&mut self.talk.asked).into_values() {
            match what {
                What::Lane(_) => {}
                What::Wake(name) => self.talk.wake(name),
                other => self.answered(other, 0, None),
            }
        }
    }

    /// Does what is due.
    pub(super) fn step(&mut self, now: Duration) {
        let late = self
            .talk
            .asked
            .iter()
            .filter(|(_, (until, _))| *until <= now);
        let late: Vec<_> = late.map(|(request, _)| *request).collect();
        for request in late {
            if let Some((_, what)) = self.talk.asked.remove(&request) {
                self.answered(what, request, None);
            }
        }
        for (name, lane) in &mut self.lanes {
            lane.step(*name, &mut self.talk, now);
        }
        self.lanes.retain(|_, lane| !lane.is_empty());
        self.wake_all(now);
    }

    fn wake_all(&mut self, now: Duration) {
        if !self.talk.is_connected {
            return;
        }
        for to in std::mem::take(&mut self.talk.wakes) {
            let waits = Payload::MailWaits(MailWaits { to });
            self.talk.say(Op::Publish(Subject::To(to), waits));
            self.talk.request(What::Wake(to), now + ASKED, Op::Ping);
        }
    }

    pub(super) fn errand(&mut self, errand: Errand, now: Duration) {
        match errand {
            Errand::Owner { .. } => {} // the bucket has it
            Errand::Send {
                ticket,
                letter,
                content,
                way,
            } => self
                .lane(letter.to)
                .send(ticket, letter, Rc::from(content), way, now),
            Errand::Fetch { name, round, after } => self.lane(name).fetch(round, after),
            Errand::Forget { name, until } => self.lane(name).forget(until),
            Errand::Claim { name, keys } => {
                self.ask(What::Claim(name), now, |id| Op::Create(id, name, keys))
            }
            Errand::Look { name } => self.ask(What::Look(name), now, |id| Op::Get(id, name)),
            Errand::Present { name } => {
                self.present.insert(name, now);
                self.talk.say(Op::Subscribe(Subject::To(name)));
                self.say_here(vec![name], now);
            }
            Errand::Absent { name } => {
                self.present.remove(&name);
                self.talk.say(Op::Unsubscribe(Subject::To(name)));
                // What told this relay alone of mail is said again to whoever has the name now.
                let waits = Payload::MailWaits(MailWaits { to: name });
                self.talk.say(Op::Publish(Subject::To(name), waits));
            }
            Errand::Tell { to, receipt } => {
                let told = Payload::Told(Told { to, receipt });
                self.talk.say(Op::Publish(Subject::To(to), told));
            }
            Errand::Passed { reply, passed } => {
                let inbox = self.replies.remove(&reply).expect("answered once");
                self.talk.say(Op::Reply(inbox, Answer::Passed(passed)));
            }
            other => self.errand_of_rooms(other, now),
        }
        self.step(now);
    }

    fn errand_of_rooms(&mut self, errand: Errand, now: Duration) {
        match errand {
            Errand::Enter { room } => {
                self.rooms.insert(room);
                self.talk.say(Op::Subscribe(Subject::Room(room)));
            }
            Errand::Leave { room } => {
                self.rooms.remove(&room);
                self.leave_heard(room);
            }
            Errand::Say {
                ticket,
                said,
                content,
            } => self.say(ticket, said, Rc::from(content)),
            Errand::Happened(happened) => {
                let payload = Payload::Happened(self.relay, happened);
                let room = Subject::Room(happened.room);
                self.talk.say(Op::Publish(room, payload));
            }
            Errand::Gather { ticket, asked } => {
                let question = Payload::Asked(asked);
                let ask = |id| Op::Request(id, Subject::All, question);
                self.talk.request(What::Gather(ticket), now + GATHERED, ask);
            }
            Errand::Answer { reply, listed } => {
                if let Some(inbox) = self.replies.get(&reply) {
                    self.talk.say(Op::Reply(*inbox, Answer::Listed(listed)));
                }
            }
            other => panic!("{other:?} is not for a bus"),
        }
    }

    fn lane(&mut self, name: Name) -> &mut Lane {
        self.lanes.entry(name).or_default()
    }

    fn ask(&mut self, what: What, now: Duration, op: impl FnOnce(u64) -> Op) {
        match self.talk.is_connected {
            true => {
                self.talk.request(what, now + ASKED, op);
            }
            false => self.answered(what, 0, None),
        }
    }

    fn say(&mut self, ticket: Ticket, said: Said, content: Rc<[u8]>) {
        self.number += 1;
        let said = Said {
            relay: self.id,
            number: self.number,
            ..said
        };
        let room = Subject::Room(said.room);
        if !self.rooms.contains(&said.room) {
            self.talk.say(Op::Subscribe(room));
        }
        let payload = Payload::Said(said, content.clone());
        self.talk.say(Op::Publish(room, payload));
        self.says.push_back((ticket, said, content));
    }

    /// Is a room not to be heard any more?
    fn leave_heard(&mut self, room: Name) {
        if !self.heard_rooms().contains(&room) {
            self.talk.say(Op::Unsubscribe(Subject::Room(room)));
        }
    }

    pub(super) fn hear(&mut self, heard: Heard, now: Duration) {
        match heard {
            Heard::Answer(request, answer) => {
                let Some((until, what)) = self.talk.asked.remove(&request) else {
                    return;
                };
                if let (What::Gather(_), Answer::Listed(_)) = (what, &answer) {
                    self.talk.asked.insert(request, (until, what));
                }
                self.answered(what, request, Some(answer));
            }
            Heard::Message(payload, inbox) => self.message(payload, inbox, now),
        }
        self.step(now);
    }

    fn answered(&mut self, what: What, request: u64, answer: Option<Answer>) {
        match (what, answer) {
            (What::Lane(name), answer) => {
                if let Some(lane) = self.lanes.get_mut(&name) {
                    lane.answered(name, request, answer, &mut self.talk);
                }
            }
            (What::Claim(name), answer) => {
                let claimed = match answer {
                    Some(Answer::Keys(Some(keys))) => Claimed::Belongs(keys),
                    _ => Claimed::CutOff,
                };
                self.talk.news.push(News::Claimed { name, claimed });
            }
            (What::Look(name), Some(Answer::Keys(keys))) => {
                self.talk.news.push(News::Found { name, keys });
            }
            (What::Look(name), _) => {
                let keys = None;
                self.talk.news.push(News::Found { name, keys });
            }
            (What::Gather(ticket), answer) => {
                let (listed, is_all) = match answer {
                    Some(Answer::Listed(listed)) => (Some(listed), false),
                    _ => (None, true),
                };
                self.talk.news.push(News::Gathered {
                    ticket,
                    listed,
                    is_all,
                });
            }
            (What::Wake(_), Some(_)) => {}
            (What::Wake(name), None) => self.talk.wake(name),
        }
    }

    fn message(&mut self, payload: Payload, inbox: Option<Inbox>, now: Duration) {
        match payload {
            Payload::Letter(letter, content) => {
                let Some(reply) = self.reply(inbox) else {
                    return;
                };
                let content = content.to_vec();
                self.talk.news.push(News::Letter {
                    reply,
                    letter,
                    content,
                });
            }
            Payload::Told(Told { to, receipt }) => {
                self.talk.news.push(News::Told { to, receipt });
            }
            Payload::MailWaits(MailWaits { to: name }) => {
                self.talk.news.push(News::MailWaits { name });
            }
            Payload::Said(said, content) => self.said(said, &content),
            Payload::Happened(relay, happened) => {
                if relay != self.relay {
                    self.talk.news.push(News::Happened(happened));
                }
            }
            Payload::Here(here) => self.here(&here, now),
            Payload::Asked(asked) => {
                let is_own = inbox.is_none_or(|inbox| inbox.relay == self.relay);
                if let Some(reply) = self.reply(inbox.filter(|_| !is_own)) {
                    self.talk.news.push(News::Asked { reply, asked });
                }
            }
        }
    }

    fn reply(&mut self, inbox: Option<Inbox>) -> Option<ReplyTo> {
        self.next_reply += 1;
        let reply = ReplyTo(self.next_reply);
        self.replies.insert(reply, inbox?);
        Some(reply)
    }

    /// One's own comes back, and so was said.
    fn said(&mut self, said: Said, content: &Rc<[u8]>) {
        if said.relay == self.id {
            if self
                .says
                .front()
                .is_some_and(|(_, front, _)| front.number == said.number)
                && let Some((ticket, said, _)) = self.says.pop_front()
            {
                self.talk.settled(ticket, Outcome::Taken);
                self.leave_heard(said.room);
            }
            return;
        }
        let last = self.heard.entry(said.relay).or_default();
        if said.number > *last {
            *last = said.number;
            let content = content.to_vec();
            self.talk.news.push(News::Said { said, content });
        }
    }

    fn here(&mut self, here: &Here, now: Duration) {
        if here.relay == self.id {
            return;
        }
        for (name, age) in &here.names {
            let theirs = now.saturating_sub(Duration::from_millis(*age));
            let Some(since) = self.present.get(name) else {
                continue;
            };
            if theirs > *since {
                self.talk.news.push(News::Superseded { name: *name });
            } else {
                self.say_here(vec![*name], now);
            }
        }
    }
}
