//! What is to be seen of a running server from outside.

use std::sync::Arc;
use std::time::Instant;

use runtime::udp::{Counts, Totals};

use super::measured::Measured;

/// Where the figures of a server are counted. Reading them holds up nobody.
#[derive(Debug)]
pub(super) struct Watched {
    /// When it was started.
    pub(super) began: Instant,
    /// The totals of each of its services, by name.
    pub(super) services: Vec<(&'static str, Arc<Totals>)>,
    /// What is counted of sessions, where there are any.
    pub(super) measured: Option<Arc<Measured>>,
}

impl Watched {
    /// Of one service; push others to [`services`](Self::services).
    pub(super) fn new(
        name: &'static str,
        totals: &Arc<Totals>,
        measured: Option<Arc<Measured>>,
    ) -> Self {
        Self {
            began: Instant::now(),
            services: vec![(name, Arc::clone(totals))],
            measured,
        }
    }

    /// The counts of each service.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, Counts)> {
        let counts = |(name, totals): &(&'static str, Arc<Totals>)| (*name, totals.counts());
        self.services.iter().map(counts)
    }

    /// The counts of all services together, and of floods.
    pub(super) fn sum(&self) -> Counts {
        let floods = self.measured.as_ref().map(|measured| Counts {
            received: measured.floods.received.get(),
            received_bytes: measured.floods.received_bytes.get(),
            sent: measured.floods.sent.get(),
            sent_bytes: measured.floods.sent_bytes.get(),
            ..Counts::default()
        });
        let counts = self.counts().map(|(_, counts)| counts).chain(floods);
        counts.fold(Counts::default(), |sum, counts| sum.plus(&counts))
    }
}
