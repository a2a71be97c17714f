//! What a thread sends: the runs of its outbox, each by the socket that it goes out by.

use std::time::Instant;

use proto::relay::hub::{Outbox, Run, RunId};
use runtime::log::Throttle;
use runtime::udp::{self, Dispatch, Failure};

use super::relay::Relay;
use super::ways::Way;

/// The sending side of one thread.
#[derive(Default)]
pub(super) struct Post {
    out: Outbox,
    dispatch: Dispatch,
    /// The ways as far as they are known here.
    ways: Vec<Way>,
    /// The places of the runs that go out by one socket.
    places: Vec<u32>,
    failed: Vec<RunId>,
    faults: Throttle,
}

impl Post {
    /// What is to be sent.
    pub(super) fn out(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// Sends all there is.
    pub(super) fn send(&mut self, relay: &Relay) {
        self.send_and_keep(relay);
        self.out.clear();
    }

    /// The same; the outbox keeps it, and has been told what failed.
    pub(super) fn send_and_keep(&mut self, relay: &Relay) {
        if self.out.runs().len() == 0 {
            return;
        }
        relay.ways().copy(&mut self.ways);
        for socket in 0..relay.sockets().len() {
            self.send_by(socket, relay);
        }
        for run in self.failed.drain(..) {
            self.out.fail(run);
        }
    }

    /// Sends what goes out by this socket.
    fn send_by(&mut self, socket: usize, relay: &Relay) {
        let ways = &self.ways;
        let way = |run: &Run<'_>| {
            ways.get(usize::from(run.via.0))
                .filter(|way| way.socket == socket)
        };
        self.places.clear();
        let places = self.out.runs().enumerate();
        let places = places.filter(|(_, run)| way(run).is_some());
        self.places.extend(places.map(|(place, _)| place as u32));
        if self.places.is_empty() {
            return;
        }
        let runs = self.out.runs().filter_map(|run| {
            way(&run).map(|way| udp::Run {
                to: run.to,
                from: way.from,
                size: run.size,
                datagrams: run.datagrams,
            })
        });
        let (places, failed, faults) = (&self.places, &mut self.failed, &mut self.faults);
        let note = |failure: Failure| {
            failed.extend(places.get(failure.run).map(|place| RunId(*place)));
            if faults.admits(Instant::now()) {
                let (error, unlogged) = (failure.error, faults.unlogged());
                tracing::debug!(%error, unlogged, "cannot send");
            }
        };
        self.dispatch
            .send(&relay.sockets()[socket], runs, relay.totals(), note);
    }
}
