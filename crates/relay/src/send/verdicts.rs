//! Which messages wait for what.

use std::collections::BTreeMap;

use proto::relay::native::frames::{Stage, To, Why};
use proto::relay::native::{MAX_UNANSWERED, MessageId};

use super::Until;
use crate::words;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Refused(Why),
    Unknown,
}

impl Verdict {
    /// Why it did not arrive; `None` where it did.
    pub(super) fn words(self, to: To) -> Option<String> {
        match self {
            Self::Fine => None,
            Self::Refused(why) => Some(words::why(why, to)),
            Self::Unknown => Some("the relay did not answer; it may have arrived".to_owned()),
        }
    }
}

/// The messages without what is waited for, each with the number of its line.
#[derive(Debug)]
pub(super) struct Verdicts {
    until: Until,
    waiting: BTreeMap<MessageId, u64>,
    furthest: Option<&'static str>,
    pub(super) done: u64,
    pub(super) failed: u64,
}

impl Verdicts {
    pub(super) fn new(until: Until) -> Self {
        Self {
            until,
            waiting: BTreeMap::new(),
            furthest: None,
            done: 0,
            failed: 0,
        }
    }

    pub(super) fn expect(&mut self, id: MessageId, line: u64) {
        self.waiting.insert(id, line);
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_UNANSWERED
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How far a message came, the last that was heard of.
    pub(super) fn furthest(&self) -> Option<&'static str> {
        self.furthest
    }

    /// Takes a receipt; gives those that were waited for no longer.
    pub(super) fn hear(
        &mut self,
        first: MessageId,
        last: MessageId,
        stage: Stage,
    ) -> Vec<(u64, Verdict)> {
        if first > last {
            return Vec::new();
        }
        let verdict = match stage {
            Stage::Refused(why) => Verdict::Refused(why),
            _ if reached(stage) >= Some(self.until) => Verdict::Fine,
            _ => {
                self.furthest = Some(words::stage(stage));
                return Vec::new();
            }
        };
        let ids: Vec<_> = self
            .waiting
            .range(first..=last)
            .map(|(id, _)| *id)
            .collect();
        let lines = ids.iter().filter_map(|id| self.waiting.remove(id));
        let judged: Vec<_> = lines.map(|line| (line, verdict)).collect();
        if verdict == Verdict::Fine {
            self.done += judged.len() as u64;
        }
        judged
    }

    /// No answer came to this one.
    pub(super) fn no_answer(&mut self, id: MessageId) -> Vec<(u64, Verdict)> {
        let line = self.waiting.remove(&id);
        line.map(|line| (line, Verdict::Unknown))
            .into_iter()
            .collect()
    }
}

fn reached(stage: Stage) -> Option<Until> {
    match stage {
        Stage::Queued => Some(Until::Queued),
        Stage::Delivered => Some(Until::Delivered),
        Stage::Read => Some(Until::Read),
        Stage::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(until: Until) -> Verdicts {
        let mut verdicts = Verdicts::new(until);
        for id in 1..=5 {
            verdicts.expect(MessageId(id * 10), id);
        }
        verdicts
    }

    #[test]
    fn a_receipt_is_for_all_between() {
        let mut verdicts = waiting(Until::Queued);
        let judged = verdicts.hear(MessageId(15), MessageId(30), Stage::Queued);
        assert_eq!(judged, [(2, Verdict::Fine), (3, Verdict::Fine)]);
        let refused = Verdict::Refused(Why::Away);
        let judged = verdicts.hear(MessageId(0), MessageId(10), Stage::Refused(Why::Away));
        assert_eq!(judged, [(1, refused)]);
        assert_eq!(
            verdicts.hear(MessageId(99), MessageId(1), Stage::Queued),
            []
        );
        assert_eq!(verdicts.no_answer(MessageId(50)), [(5, Verdict::Unknown)]);
        assert_eq!((verdicts.done, verdicts.waiting()), (2, 1));
    }

    #[test]
    fn an_earlier_stage_is_not_enough_and_a_later_one_is() {
        let mut verdicts = waiting(Until::Delivered);
        let all = (MessageId(0), MessageId(99));
        assert_eq!(verdicts.hear(all.0, all.1, Stage::Queued), []);
        assert_eq!(verdicts.furthest(), Some("queued"));
        assert_eq!(verdicts.hear(all.0, all.1, Stage::Read).len(), 5);
        assert!(verdicts.is_empty());
    }
}
