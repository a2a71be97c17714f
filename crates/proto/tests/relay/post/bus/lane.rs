//! What is on its way to one name, in order: letters that a relay is asked to take, or that the stream is to keep.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use proto::relay::fleet::Passed;
use proto::relay::hub::elsewhere::{News, Outcome, Ticket, Way};
use proto::relay::letter::{Letter, Place};
use proto::relay::native::Name;
use proto::relay::native::frames::{Origin, Why};

use super::agent::{Talk, What};
use super::broker::{Answer, Op, Payload, Subject};

/// For how long a letter waits for a bus that is away, if that has never had it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long another relay has to answer, and the stream.
const ASKED: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Lane {
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
enum Entry {
    Letter(Out),
    Fetch {
        round: u32,
        after: Place,
        request: Option<u64>,
    },
    Forget {
        until: Place,
        request: Option<u64>,
    },
}

#[derive(Debug)]
struct Out {
    ticket: Ticket,
    letter: Letter,
    content: Rc<[u8]>,
    way: Way,
    step: Step,
    since: Duration,
    /// Whether somebody may have it.
    is_in_doubt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    New,
    /// Whether anybody goes by the name is asked.
    Looking(u64),
    /// A relay is asked.
    Asked(u64),
    ToKeep,
    Keeping(u64),
}

impl Lane {
    pub(super) fn send(
        &mut self,
        ticket: Ticket,
        letter: Letter,
        content: Rc<[u8]>,
        way: Way,
        now: Duration,
    ) {
        self.entries.push_back(Entry::Letter(Out {
            ticket,
            letter,
            content,
            way,
            step: Step::New,
            since: now,
            is_in_doubt: false,
        }));
    }

    pub(super) fn fetch(&mut self, round: u32, after: Place) {
        let request = None;
        self.entries.push_back(Entry::Fetch {
            round,
            after,
            request,
        });
    }

    pub(super) fn forget(&mut self, until: Place) {
        let request = None;
        self.entries.push_back(Entry::Forget { until, request });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When a letter that the bus has never had is given up.
    pub(super) fn due(&self) -> Option<Duration> {
        let letters = self.letters().filter(|out| out.is_refusable());
        letters.map(|out| out.since + PATIENCE).min()
    }

    fn letters(&self) -> impl Iterator<Item = &Out> {
        self.entries.iter().filter_map(Entry::letter)
    }

    /// What was under way may have come or not.
    pub(super) fn disconnected(&mut self) {
        for entry in &mut self.entries {
            match entry {
                Entry::Letter(out) => out.disconnected(),
                Entry::Fetch { request, .. } | Entry::Forget { request, .. } => *request = None,
            }
        }
    }

    /// Goes on as far as it can.
    pub(super) fn step(&mut self, name: Name, talk: &mut Talk, now: Duration) {
        if !talk.is_connected {
            return self.refuse_old(talk, now);
        }
        self.refuse_nameless(talk);
        let mut keeps = self.letters().any(Out::is_kept);
        let mut is_asked_before = false;
        for at in 0..self.entries.len() {
            let is_first = at == 0;
            match &mut self.entries[at] {
                Entry::Letter(out) => {
                    out.go_on(name, &mut keeps, is_asked_before, talk, now);
                    is_asked_before |= matches!(out.step, Step::Asked(_) | Step::Looking(_));
                    if matches!(out.step, Step::Looking(_)) {
                        return;
                    }
                }
                Entry::Fetch { after, request, .. } if is_first && request.is_none() => {
                    let after = *after;
                    let ask = |id| Op::Fetch(id, name, after);
                    *request = Some(talk.request(What::Lane(name), now + ASKED, ask));
                    return;
                }
                Entry::Forget { until, request } if is_first && request.is_none() => {
                    let until = *until;
                    let ask = |id| Op::Purge(id, name, until);
                    *request = Some(talk.request(What::Lane(name), now + ASKED, ask));
                    return;
                }
                Entry::Fetch { .. } | Entry::Forget { .. } => return,
            }
        }
    }

    /// Nothing is kept from those without a name.
    fn refuse_nameless(&mut self, talk: &mut Talk) {
        self.entries.retain(|entry| {
            let is_it = |out: &&Out| out.is_nameless() && out.step == Step::ToKeep;
            let refused = entry.letter().filter(is_it);
            if let Some(out) = refused {
                talk.settled(out.ticket, Outcome::Refused(Why::Nameless));
            }
            refused.is_none()
        });
    }

    fn refuse_old(&mut self, talk: &mut Talk, now: Duration) {
        let is_old = |out: &Out| out.is_refusable() && out.since + PATIENCE <= now;
        self.entries.retain(|entry| {
            let old = entry.letter().filter(|out| is_old(out));
            if let Some(out) = old {
                talk.settled(out.ticket, Outcome::Refused(Why::CutOff));
            }
            old.is_none()
        });
    }

    /// Something was answered, or was not in time.
    pub(super) fn answered(
        &mut self,
        name: Name,
        request: u64,
        answer: Option<Answer>,
        talk: &mut Talk,
    ) {
        let Some(at) = self.entries.iter().position(|entry| entry.is(request)) else {
            return;
        };
        let is_over = match &mut self.entries[at] {
            Entry::Letter(out) => out.answered(answer, talk),
            Entry::Fetch { round, request, .. } => match answer {
                Some(Answer::Fetched(letters, is_all)) => {
                    let round = *round;
                    talk.news.push(News::Fetched {
                        name,
                        round,
                        letters,
                        is_all,
                    });
                    true
                }
                _ => {
                    *request = None;
                    false
                }
            },
            Entry::Forget { request, .. } => {
                *request = None;
                answer.is_some()
            }
        };
        if is_over {
            let entry = self.entries.remove(at);
            let was_kept = |out: &Out| matches!(out.step, Step::Keeping(_));
            let was_kept = entry.as_ref().and_then(Entry::letter).is_some_and(was_kept);
            if was_kept && !self.letters().any(Out::is_kept) {
                talk.wake(name);
            }
        }
    }
}

impl Entry {
    fn letter(&self) -> Option<&Out> {
        match self {
            Self::Letter(out) => Some(out),
            Self::Fetch { .. } | Self::Forget { .. } => None,
        }
    }

    fn is(&self, asked: u64) -> bool {
        match self {
            Self::Letter(out) => match out.step {
                Step::Looking(id) | Step::Asked(id) | Step::Keeping(id) => id == asked,
                Step::New | Step::ToKeep => false,
            },
            Self::Fetch { request, .. } | Self::Forget { request, .. } => *request == Some(asked),
        }
    }
}

impl Out {
    fn is_nameless(&self) -> bool {
        matches!(self.letter.from, Origin::Address(_))
    }

    fn is_kept(&self) -> bool {
        matches!(self.step, Step::ToKeep | Step::Keeping(_))
    }

    fn is_refusable(&self) -> bool {
        !self.is_in_doubt && matches!(self.step, Step::New | Step::ToKeep)
    }

    fn disconnected(&mut self) {
        match self.step {
            Step::New | Step::ToKeep => {}
            Step::Looking(_) => self.step = Step::New,
            Step::Asked(_) | Step::Keeping(_) => {
                self.is_in_doubt = true;
                self.step = Step::ToKeep;
            }
        }
    }

    fn go_on(
        &mut self,
        name: Name,
        keeps: &mut bool,
        is_asked_before: bool,
        talk: &mut Talk,
        now: Duration,
    ) {
        let what = What::Lane(name);
        if self.step == Step::New && self.way == Way::FindOut {
            let request = talk.request(what, now + ASKED, |id| Op::Get(id, name));
            self.step = Step::Looking(request);
        }
        let must_keep = *keeps && !self.is_nameless();
        if self.step == Step::New && (self.way == Way::Keep || must_keep) {
            (self.step, *keeps) = (Step::ToKeep, true);
        }
        let (letter, content) = (self.letter, self.content.clone());
        match self.step {
            Step::New => {
                let request = talk.request(what, now + ASKED, |id| {
                    Op::Request(id, Subject::To(name), Payload::Letter(letter, content))
                });
                self.step = Step::Asked(request);
            }
            Step::ToKeep if !is_asked_before => {
                let keep = |id| Op::Keep(id, letter, content);
                self.step = Step::Keeping(talk.request(what, now + ASKED, keep));
            }
            _ => {}
        }
    }

    /// Whether it is settled.
    fn answered(&mut self, answer: Option<Answer>, talk: &mut Talk) -> bool {
        match (self.step, answer) {
            (Step::Looking(_), Some(Answer::Keys(None))) => {
                talk.settled(self.ticket, Outcome::Refused(Why::Unknown));
                return true;
            }
            (Step::Looking(_), Some(Answer::Keys(Some(_)))) => {
                (self.way, self.step) = (Way::Find, Step::New);
            }
            (Step::Looking(_), _) => self.step = Step::New,
            (Step::Asked(_), Some(Answer::Passed(Passed::Taken))) => {
                talk.settled(self.ticket, Outcome::Taken);
                return true;
            }
            (Step::Keeping(_), Some(Answer::Stream(outcome))) => {
                talk.settled(self.ticket, outcome);
                return true;
            }
            (Step::Asked(_), Some(_)) => self.step = Step::ToKeep,
            (Step::Asked(_) | Step::Keeping(_), _) => {
                self.is_in_doubt = true;
                self.step = Step::ToKeep;
            }
            (Step::New | Step::ToKeep, _) => {}
        }
        false
    }
}
