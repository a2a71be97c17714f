//! Questions that wait for their answers, and answers that wait for their end.

use std::collections::BTreeMap;

use crate::relay::native::Name;
use crate::relay::native::frames::{Answer, Ask, Question, Reply};

/// The most entries of one list; what comes beyond is left out.
const LONGEST: usize = 100_000;

/// What was asked and not answered.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: BTreeMap<u32, Asked>,
    last: u32,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    whose: Whose,
    so_far: Option<Reply>,
}

/// Who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The client's caller.
    Caller,
    /// The client itself, for the keys of this name.
    Keys(Name),
}

impl Questions {
    /// Asks.
    pub(super) fn ask(&mut self, question: Question, whose: Whose) -> Ask {
        self.last = self.last.wrapping_add(1);
        let number = self.last;
        let so_far = None;
        self.asked.insert(
            number,
            Asked {
                question,
                whose,
                so_far,
            },
        );
        Ask { number, question }
    }

    /// A new session: what is to be asked again. Answers begin anew.
    pub(super) fn restart(&mut self) -> impl Iterator<Item = Ask> {
        self.asked.iter_mut().map(|(&number, asked)| {
            asked.so_far = None;
            let question = asked.question;
            Ask { number, question }
        })
    }

    /// Takes an answer, or a part of one; the whole, if this was the end of it.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<(Whose, Answer)> {
        let asked = self.asked.get_mut(&answer.number)?;
        let reply = match asked.so_far.take() {
            Some(so_far) => join(so_far, answer.reply),
            None => answer.reply,
        };
        if answer.more {
            asked.so_far = Some(reply);
            return None;
        }
        let whose = asked.whose;
        let number = answer.number;
        self.asked.remove(&number);
        let more = false;
        Some((
            whose,
            Answer {
                number,
                reply,
                more,
            },
        ))
    }
}

/// A list and what goes on with it; of anything else the latest holds.
fn join(so_far: Reply, next: Reply) -> Reply {
    match (so_far, next) {
        (Reply::Members(members), Reply::Members(more)) => Reply::Members(longer(members, more)),
        (Reply::Rooms(rooms), Reply::Rooms(more)) => Reply::Rooms(longer(rooms, more)),
        (Reply::Relays(relays), Reply::Relays(more)) => Reply::Relays(longer(relays, more)),
        (_, next) => next,
    }
}

fn longer<T>(mut list: Vec<T>, more: Vec<T>) -> Vec<T> {
    let room = LONGEST.saturating_sub(list.len());
    list.extend(more.into_iter().take(room));
    list
}
