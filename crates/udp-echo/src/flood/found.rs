//! What was found.

use std::time::Duration;

use proto::measure::Histogram;
use proto::measure::flood::{Offload, Passed, Verdict, Way};
use runtime::cli::Exit;
use runtime::timing::unix_nanos;

use super::leg::Leg;
use super::plan::Plan;

/// A flood that has ended.
pub(super) struct Found {
    pub(super) plan: Plan,
    pub(super) began: u64,
    pub(super) ways: Vec<OneWay>,
    pub(super) search: Option<Searched>,
    pub(super) interrupted: bool,
}

/// One way, on all flows.
pub(super) struct OneWay {
    pub(super) way: Way,
    pub(super) legs: Vec<Leg>,
}

/// A search that has ended.
pub(super) struct Searched {
    pub(super) max_loss: f64,
    pub(super) found: Option<Passed>,
    pub(super) trials: Vec<Tried>,
}

/// A trial of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    /// Packets a second: as asked for, as sent, and as they came through.
    pub(super) wanted: Option<f64>,
    pub(super) sent: f64,
    pub(super) delivered: f64,
    /// The share that was lost, 0 to 1.
    pub(super) loss: f64,
    pub(super) verdict: Verdict,
}

impl Found {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            began: unix_nanos(),
            ways: Vec::new(),
            search: None,
            interrupted: false,
        }
    }

    /// A path on which nothing arrived was not measured.
    pub(super) fn exit(&self) -> Exit {
        let searched = self
            .search
            .as_ref()
            .is_some_and(|search| search.found.is_some());
        let arrived = self.ways.iter().all(|way| way.received() > 0) && !self.ways.is_empty();
        if searched || arrived {
            Exit::Success
        } else {
            Exit::Failure
        }
    }

    /// Whether the packets never leave this machine, so that offload is never undone.
    pub(super) fn on_loopback(&self) -> bool {
        self.plan.server.ip().to_canonical().is_loopback()
    }
}

impl OneWay {
    fn sum(&self, of: impl Fn(&Leg) -> u64) -> u64 {
        self.legs.iter().map(of).sum()
    }

    pub(super) fn sent(&self) -> u64 {
        self.sum(|leg| leg.sent)
    }

    pub(super) fn missed(&self) -> u64 {
        self.sum(|leg| leg.missed)
    }

    pub(super) fn received(&self) -> u64 {
        self.sum(|leg| leg.counts.received)
    }

    pub(super) fn lost(&self) -> u64 {
        self.sent().saturating_sub(self.received())
    }

    /// Of the lost ones of an echo, those that did not reach the server.
    pub(super) fn lost_there(&self) -> Option<u64> {
        let at_server = self.sum(|leg| leg.state.counts.received);
        (self.way == Way::Echo).then(|| self.sent().saturating_sub(at_server))
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.sum(|leg| leg.counts.duplicates)
    }

    pub(super) fn reordered(&self) -> u64 {
        self.sum(|leg| leg.counts.reordered)
    }

    pub(super) fn overflows(&self) -> u64 {
        self.sum(|leg| leg.counts.overflows)
    }

    pub(super) fn over_rate(&self) -> u64 {
        self.sum(|leg| leg.state.counts.over_rate)
    }

    /// The share that was lost, 0 to 1.
    pub(super) fn loss(&self) -> f64 {
        ratio(self.lost() as f64, self.sent() as f64)
    }

    /// How long was sent.
    pub(super) fn sending(&self) -> Duration {
        let times = self.legs.iter().map(|leg| leg.sending);
        times.max().unwrap_or_default()
    }

    /// From the first packet that arrived on any flow to the last; a single one has no time of its own.
    pub(super) fn receiving(&self) -> Duration {
        let counts = || self.legs.iter().map(|leg| leg.counts);
        let arrived = || counts().filter(|counts| counts.received > 0);
        let first = arrived().map(|counts| counts.first).min().unwrap_or(0);
        let last = arrived().map(|counts| counts.last).max().unwrap_or(0);
        let time = Duration::from_nanos(last.saturating_sub(first));
        if time.is_zero() { self.sending() } else { time }
    }

    pub(super) fn sent_per_second(&self) -> f64 {
        ratio(self.sent() as f64, self.sending().as_secs_f64())
    }

    /// Packets that arrived, by the time in which they did.
    pub(super) fn per_second(&self) -> f64 {
        ratio(self.received() as f64, self.receiving().as_secs_f64())
    }

    /// Bits of UDP payload that arrived a second.
    pub(super) fn bits_per_second(&self) -> f64 {
        let bits = 8.0 * self.sum(|leg| leg.counts.bytes) as f64;
        ratio(bits, self.receiving().as_secs_f64())
    }

    /// Processor time of the client's threads and of the server's.
    pub(super) fn processors(&self) -> (Option<Duration>, Option<Duration>) {
        let here = self.legs.iter().map(|leg| leg.processor).sum();
        let there = self.sum(|leg| leg.state.counts.processor);
        let there = (there > 0).then(|| Duration::from_nanos(there));
        (here, there)
    }

    /// The processor time of whoever sent, and of whoever received.
    pub(super) fn sender_and_receiver(&self) -> (Option<Duration>, Option<Duration>) {
        let (client, server) = self.processors();
        match self.way {
            Way::There | Way::Echo => (client, server),
            Way::Back => (server, client),
        }
    }

    /// Which offload was in use in the direction that is measured.
    pub(super) fn offload(&self) -> Offload {
        let leg = self.legs.first();
        let Some(leg) = leg else {
            return Offload::default();
        };
        let server = leg.state.offload;
        match self.way {
            Way::There => Offload {
                send: leg.offload_here,
                receive: server.receive,
            },
            Way::Back => Offload {
                send: server.send,
                receive: leg.receives_offloaded,
            },
            Way::Echo => Offload {
                send: leg.offload_here && server.send,
                receive: leg.receives_offloaded && server.receive,
            },
        }
    }

    /// Round-trip times: of every packet that returned, or of the orders that were placed meanwhile.
    pub(super) fn round_trips(&self) -> Histogram {
        let mut all = Histogram::new();
        for leg in &self.legs {
            all.merge(if self.way == Way::Echo {
                &leg.rtts
            } else {
                &leg.looks
            });
        }
        all
    }
}

pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
