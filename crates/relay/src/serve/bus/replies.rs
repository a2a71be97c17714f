//! What this relay has asked over the bus and waits for, and what it was asked and has not answered.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use async_nats::Subject;
use proto::relay::hub::elsewhere::{ReplyTo, Ticket};
use proto::relay::native::Name;

use super::lanes::Serial;

/// How long an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the other relays have to answer a question to all of them.
pub(super) const GATHERING: Duration = Duration::from_millis(300);

/// How long an answer of the hub is waited for: whoever asked has given up by then.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A letter that a relay is to take.
    Asked(Name, Serial),
    /// A letter that the stream is to keep.
    Stored(Name, Serial),
    /// A question to all relays.
    Gathered(Ticket),
}

/// All that is waited for.
#[derive(Debug)]
pub(super) struct Replies {
    /// What the subjects of answers begin with.
    inbox: String,
    next: u64,
    waiting: HashMap<u64, About>,
    /// Until when, those of a kind in the order of their times.
    due: VecDeque<(Instant, u64)>,
    gathering: VecDeque<(Instant, u64)>,
}

impl Replies {
    /// For answers that come to this inbox.
    pub(super) fn new(inbox: &str) -> Self {
        Self {
            inbox: format!("{inbox}."),
            next: 0,
            waiting: HashMap::new(),
            due: VecDeque::new(),
            gathering: VecDeque::new(),
        }
    }

    /// All subjects of answers.
    pub(super) fn all(&self) -> String {
        format!("{}*", self.inbox)
    }

    /// Whether this is the subject of an answer to this relay.
    pub(super) fn is_own(&self, subject: &str) -> bool {
        subject.starts_with(&self.inbox)
    }

    /// The subject that an answer is to be sent to.
    pub(super) fn expect(&mut self, about: About, now: Instant) -> Subject {
        self.next += 1;
        self.waiting.insert(self.next, about);
        match about {
            About::Gathered(_) => self.gathering.push_back((now + GATHERING, self.next)),
            _ => self.due.push_back((now + PATIENCE, self.next)),
        }
        format!("{}{}", self.inbox, self.next).into()
    }

    /// What the answer with this subject is about. All but a question to all relays have one answer.
    pub(super) fn take(&mut self, subject: &str) -> Option<About> {
        let number = subject.strip_prefix(&self.inbox)?.parse().ok()?;
        match self.waiting.get(&number)? {
            about @ About::Gathered(_) => Some(*about),
            _ => self.waiting.remove(&number),
        }
    }

    /// Something that was not answered in time.
    pub(super) fn silent(&mut self, now: Instant) -> Option<About> {
        let Self {
            due,
            gathering,
            waiting,
            ..
        } = self;
        for queue in [due, gathering] {
            while queue.front().is_some_and(|(until, _)| *until <= now) {
                let about = queue
                    .pop_front()
                    .and_then(|(_, number)| waiting.remove(&number));
                if about.is_some() {
                    return about;
                }
            }
        }
        None
    }
}

/// What the hub is to answer.
#[derive(Debug, Default)]
pub(super) struct Questions {
    next: u64,
    waiting: HashMap<u64, Subject>,
    due: VecDeque<(Instant, u64)>,
}

impl Questions {
    /// Takes note of where an answer is to be sent.
    pub(super) fn take(&mut self, reply: Subject, now: Instant) -> ReplyTo {
        while self.due.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, number)) = self.due.pop_front() {
                self.waiting.remove(&number);
            }
        }
        self.next += 1;
        self.waiting.insert(self.next, reply);
        self.due.push_back((now + FORGOTTEN, self.next));
        ReplyTo(self.next)
    }

    /// Where the one answer is to be sent.
    pub(super) fn answer(&mut self, reply: ReplyTo) -> Option<Subject> {
        self.waiting.remove(&reply.0)
    }

    /// Where one of several answers is to be sent.
    pub(super) fn answer_on(&self, reply: ReplyTo) -> Option<Subject> {
        self.waiting.get(&reply.0).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_taken_once_and_silence_is_noticed() {
        let (mut replies, now) = (Replies::new("in"), Instant::now());
        let name = "a".parse().unwrap();
        let about = |number| About::Asked(name, Serial(number));
        let first = replies.expect(about(1), now);
        let second = replies.expect(about(2), now + Duration::from_secs(1));
        assert_eq!(replies.take(&first), Some(about(1)));
        assert_eq!(replies.take(&first), None);
        assert_eq!(replies.take("in.x"), None);
        assert_eq!(replies.silent(now + PATIENCE), None);
        let later = now + PATIENCE + Duration::from_secs(1);
        assert_eq!(replies.silent(later), Some(about(2)));
        assert_eq!(replies.take(&second), None);
    }

    #[test]
    fn a_question_to_all_has_many_answers() {
        let (mut replies, now) = (Replies::new("in"), Instant::now());
        let about = About::Gathered(Ticket(7));
        let subject = replies.expect(about, now);
        assert_eq!(replies.take(&subject), Some(about));
        assert_eq!(replies.take(&subject), Some(about));
        assert_eq!(replies.silent(now + GATHERING), Some(about));
        assert_eq!(replies.take(&subject), None);
    }
}
