//! What senders are to be answered, in the order of their messages.

use std::net::SocketAddr;

use super::super::table::Standing;
use super::super::{Outbox, RunId, Via};
use super::route::Sender;
use crate::relay::{Reply, Status};

/// Answers that are to be given.
#[derive(Debug, Default)]
pub(super) struct Answers {
    list: Vec<Answer>,
}

/// The same answer to several messages in a row.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) to: SocketAddr,
    pub(super) count: u32,
    pub(super) verdict: Verdict,
    via: Via,
    standing: Standing,
    sender: u64,
}

/// What a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its own address.
    Address,
    /// What became of its message.
    Status(Status),
    /// Sent or not, as becomes of this run.
    Run(RunId),
}

/// How many messages the system took and did not take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    pub(super) sent: u64,
    pub(super) failed: u64,
}

impl Answers {
    /// How many answers room is kept for.
    const KEPT: usize = 4096;

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn list(&self) -> &[Answer] {
        &self.list
    }

    /// Notes an answer to this sender.
    #[inline]
    pub(super) fn note(&mut self, sender: &Sender, verdict: Verdict) {
        if let Some(last) = self.list.last_mut()
            && last.verdict == verdict
            && last.sender == sender.number
        {
            last.count += 1;
            return;
        }
        self.list.push(Answer {
            to: sender.addr,
            count: 1,
            verdict,
            via: sender.via,
            standing: sender.standing,
            sender: sender.number,
        });
    }

    /// Finds out what became of runs.
    pub(super) fn settle(&mut self, out: &Outbox) -> Settled {
        let mut settled = Settled::default();
        for answer in &mut self.list {
            if let Verdict::Run(run) = answer.verdict {
                let (status, count) = if out.has_failed(run) {
                    (Status::NotSent, &mut settled.failed)
                } else {
                    (Status::Sent, &mut settled.sent)
                };
                *count += u64::from(answer.count);
                answer.verdict = Verdict::Status(status);
            }
        }
        settled
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.list.shrink_to(Self::KEPT);
    }
}

impl Answer {
    /// Whether there is a limit to how many of it are given. An address is told to anyone who asks, so that having
    /// asked proves nothing.
    pub(super) fn is_limited(&self) -> bool {
        self.standing == Standing::Stranger || self.verdict == Verdict::Address
    }

    /// Puts it so many times into the outbox. It must be [settled](Answers::settle).
    pub(super) fn put(&self, times: u32, out: &mut Outbox) {
        match self.verdict {
            Verdict::Status(status) => self.repeat(status.as_str().as_bytes(), times, out),
            Verdict::Address => {
                let mut tuple = Vec::new();
                if Reply::Address(self.to).encode(&mut tuple).is_ok() {
                    self.repeat(&tuple, times, out);
                }
            }
            Verdict::Run(_) => {}
        }
    }

    fn repeat(&self, text: &[u8], times: u32, out: &mut Outbox) {
        for _ in 0..times {
            out.push(self.to, self.via, text.len(), |run| {
                run.extend_from_slice(text);
            });
        }
    }
}

/// Whether this status would be more than 1.8 times as long as what it answers, headers included.
///
/// What becomes of a run is told of a message that was read, which is long enough for any status. An address is told all
/// the same: there is no shorter way to ask for it, and to IPv4 it is not too long.
pub(super) fn is_too_long(to: SocketAddr, datagram: &[u8], status: Status) -> bool {
    let headers = if to.is_ipv4() { 28 } else { 48 };
    10 * (headers + status.as_str().len()) > 18 * (headers + datagram.len())
}
