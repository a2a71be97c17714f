//! The bus itself: subjects that nobody has to hear, a bucket of names, a stream of mail. What it has not handed over when
//! a connection ends is lost; the bucket and the stream are not.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use proto::relay::fleet::{Asked, Here, Listed, MailWaits, Passed, Said, Told};
use proto::relay::hub::elsewhere::Outcome;
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::native::frames::{Happened, Origin};
use proto::relay::native::identity::PublicKeys;
use proto::relay::native::{MessageId, Name};

use crate::network::Random;
use crate::post::mail::Mail;

/// For how long the stream knows what it was given before.
const DEDUP: Duration = Duration::from_secs(120);

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// One of those that have the name hears it.
    To(Name),
    Room(Name),
    All,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inbox {
    pub(super) relay: usize,
    pub(super) request: u64,
}

/// What relays say to each other.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Letter(Letter, Rc<[u8]>),
    Told(Told),
    MailWaits(MailWaits),
    Said(Said, Rc<[u8]>),
    Happened(usize, Happened),
    Here(Here),
    Asked(Asked),
}

/// What a relay says to the bus. Those with a number are answered by it.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Subscribe(Subject),
    Unsubscribe(Subject),
    Publish(Subject, Payload),
    Request(u64, Subject, Payload),
    Reply(Inbox, Answer),
    Create(u64, Name, PublicKeys),
    Get(u64, Name),
    Keep(u64, Letter, Rc<[u8]>),
    Fetch(u64, Name, Place),
    Purge(u64, Name, Place),
    Ping(u64),
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    NoResponders,
    Passed(Passed),
    Keys(Option<PublicKeys>),
    Stream(Outcome),
    Fetched(Vec<Kept>, bool),
    Listed(Listed),
    Done,
}

/// What a relay hears.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    Message(Payload, Option<Inbox>),
    Answer(u64, Answer),
}

/// What is on its way in one direction of one connection: it arrives in order.
#[derive(Debug)]
pub(super) struct Pipe<T> {
    flying: VecDeque<(Duration, T)>,
}

impl<T> Default for Pipe<T> {
    fn default() -> Self {
        Self {
            flying: VecDeque::new(),
        }
    }
}

impl<T> Pipe<T> {
    pub(super) fn push(&mut self, item: T, due: Duration) {
        let last = self.flying.back().map_or(due, |(last, _)| *last);
        self.flying.push_back((due.max(last), item));
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.flying.front().map(|(due, _)| *due)
    }

    pub(super) fn take(&mut self, now: Duration) -> Option<T> {
        let (due, _) = self.flying.front()?;
        let is_due = *due <= now;
        is_due
            .then(|| self.flying.pop_front())
            .flatten()
            .map(|it| it.1)
    }

    pub(super) fn clear(&mut self) {
        self.flying.clear();
    }
}

#[derive(Debug)]
pub(super) struct Broker {
    subscribed: BTreeMap<Subject, Vec<usize>>,
    names: BTreeMap<Name, PublicKeys>,
    pub(super) mail: Mail,
    given: BTreeMap<(Name, Origin, MessageId), Duration>,
    quota: usize,
    budget: usize,
}

impl Broker {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            subscribed: BTreeMap::new(),
            names: BTreeMap::new(),
            mail: Mail::default(),
            given: BTreeMap::new(),
            quota: [20, 10_000][random.below(2) as usize],
            budget: [0, 4000, 256 * 1024][random.below(3) as usize],
        }
    }

    /// A connection ended.
    pub(super) fn forget(&mut self, relay: usize) {
        for relays in self.subscribed.values_mut() {
            relays.retain(|it| *it != relay);
        }
    }

    /// Does what a relay says, and hands out who is to hear what.
    pub(super) fn take(
        &mut self,
        relay: usize,
        op: Op,
        random: &mut Random,
        now: Duration,
    ) -> Vec<(usize, Heard)> {
        let answer = |request, answer| vec![(relay, Heard::Answer(request, answer))];
        match op {
            Op::Subscribe(subject) => {
                let relays = self.subscribed.entry(subject).or_default();
                relays.retain(|it| *it != relay);
                relays.push(relay);
                Vec::new()
            }
            Op::Unsubscribe(subject) => {
                let relays = self.subscribed.entry(subject).or_default();
                relays.retain(|it| *it != relay);
                Vec::new()
            }
            Op::Publish(subject, payload) => self.publish(subject, &payload, None, random),
            Op::Request(request, subject, payload) => {
                let inbox = Inbox { relay, request };
                let heard = self.publish(subject, &payload, Some(inbox), random);
                match heard.is_empty() {
                    true => answer(request, Answer::NoResponders),
                    false => heard,
                }
            }
            Op::Reply(to, said) => vec![(to.relay, Heard::Answer(to.request, said))],
            Op::Create(request, name, keys) => {
                let keys = *self.names.entry(name).or_insert(keys);
                answer(request, Answer::Keys(Some(keys)))
            }
            Op::Get(request, name) => answer(request, Answer::Keys(self.names.get(&name).copied())),
            Op::Keep(request, letter, content) => {
                let outcome = self.keep(&letter, &content, now);
                answer(request, Answer::Stream(outcome))
            }
            Op::Fetch(request, name, after) => {
                let (letters, is_all) = self.mail.after(&name, after, self.budget, now);
                answer(request, Answer::Fetched(letters, is_all))
            }
            Op::Purge(request, name, until) => {
                self.mail.forget(&name, until);
                answer(request, Answer::Done)
            }
            Op::Ping(request) => answer(request, Answer::Done),
        }
    }

    fn publish(
        &self,
        subject: Subject,
        payload: &Payload,
        inbox: Option<Inbox>,
        random: &mut Random,
    ) -> Vec<(usize, Heard)> {
        let relays = self.subscribed.get(&subject);
        let all: &[usize] = relays.map_or(&[], |relays| relays);
        let chosen = match subject {
            Subject::To(_) if !all.is_empty() => {
                let at = random.below(all.len() as u64) as usize;
                &all[at..=at]
            }
            _ => all,
        };
        let heard = |relay: &usize| (*relay, Heard::Message(payload.clone(), inbox));
        chosen.iter().map(heard).collect()
    }

    /// What was given within two minutes is not taken again, even if it was fetched meanwhile.
    fn keep(&mut self, letter: &Letter, content: &Rc<[u8]>, now: Duration) -> Outcome {
        let id = (letter.to, letter.from, letter.id);
        self.given.retain(|_, at| *at + DEDUP > now);
        if self.given.contains_key(&id) {
            return Outcome::Kept;
        }
        let outcome = self.mail.keep(letter, content, self.quota, now);
        if outcome == Outcome::Kept {
            self.given.insert(id, now);
        }
        outcome
    }
}
