//! The receiving side: it takes what comes, whenever that is, and knows nothing of when packets are sent.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::{Came, EchoTimes, Tally};
use proto::stamp::{Ledger, Numbering, Reply, place};
use runtime::shutdown::Shutdown;
use runtime::timing::Clocks;
use runtime::udp::{Batch, Datagram};

use super::super::Plan;
use super::super::count::{Counter, is_refusal};
use super::super::native::explain;
use super::Session;

/// How long the receiving side rests after an error.
const REST: Duration = Duration::from_millis(1);

/// Takes replies for a [`Counter`].
pub(super) struct Receiver<'a> {
    plan: &'a Plan,
    session: &'a Session,
    counter: Counter,
    clocks: Clocks,
    ledger: Option<Ledger>,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(plan: &'a Plan, session: &'a Session, counter: Counter) -> Self {
        let counts = session.numbering == Numbering::Counts;
        Self {
            plan,
            session,
            clocks: Clocks::new(counter.start),
            counter,
            ledger: counts.then(|| Ledger::after(session.counted)),
        }
    }

    /// Counts until all is answered or given up, or until it is time to stop.
    pub(super) fn run(mut self, shutdown: &Shutdown) -> Tally {
        let (mut batch, mut at) = (Batch::new(), None);
        while !shutdown.is_triggered() && !self.counter.is_done() {
            self.receive(&mut batch);
            self.session.companion.follow(&mut at);
            self.counter.tick();
        }
        self.finish()
    }

    /// Nothing more is waited for.
    pub(super) fn finish(mut self) -> Tally {
        self.counter.tick();
        self.counter.finish()
    }

    /// Waits until the reply to this packet has come, or until its time-out has passed.
    pub(super) fn await_reply(&mut self, number: u64, sent: Duration, batch: &mut Batch) {
        let (start, timeout) = (self.counter.start, self.plan.timeout);
        let is_over = || start.elapsed().saturating_sub(sent) > timeout;
        while self.receive(batch) != Some(number) && !is_over() {}
        self.counter.tick();
    }

    /// Takes what comes next, if anything comes soon; the number of the last packet that was answered.
    fn receive(&mut self, batch: &mut Batch) -> Option<u64> {
        let socket = &self.session.socket;
        let received = if self.plan.spin {
            batch.poll(socket)
        } else {
            batch.receive(socket)
        };
        match received {
            Ok(0) => None,
            Ok(count) => self.take(batch, count),
            Err(error) => {
                self.survive(error);
                None
            }
        }
    }

    fn take(&mut self, batch: &Batch, count: usize) -> Option<u64> {
        let at = Instant::now();
        self.counter.hear();
        let mut last = None;
        for datagram in (0..count).filter_map(|place| batch.get(place)) {
            last = self.take_one(&datagram, at).or(last);
        }
        if let Some(dropped) = batch.dropped() {
            self.counter.tally.dropped_here(dropped);
        }
        last
    }

    fn take_one(&mut self, datagram: &Datagram<'_>, at: Instant) -> Option<u64> {
        let reply = Reply::decode(datagram.payload, &self.session.mode)?;
        if !self.session.sender.asked(&reply) {
            return None;
        }
        let sent = self.counter.sent();
        let number = place(reply.asked.sequence, self.session.first, sent)?;
        let stamp = datagram.came().filter(|_| self.session.stamps);
        let came = Came {
            at: at.saturating_duration_since(self.counter.start),
            stamp: stamp.map(|stamp| self.clocks.since_start(stamp.at, at)),
        };
        self.counter.reflected(number, times(&reply), came);
        self.place_losses(number, &reply);
        Some(number)
    }

    fn place_losses(&mut self, number: u64, reply: &Reply) {
        let ledger = self.ledger.as_mut();
        if let Some(gap) = ledger.and_then(|ledger| ledger.answered(number, reply.sequence)) {
            self.counter.tally.counted(gap.places, gap.received);
        }
    }

    /// A word of a host on the path about what was sent, or a fault that may pass.
    fn survive(&mut self, error: io::Error) {
        if is_refusal(&error) {
            self.counter.refused();
        } else {
            let error = explain(error, &self.session.socket, self.plan.size.bytes());
            self.counter.trouble(&error);
        }
        thread::sleep(REST);
    }
}

/// What a reflector says of its times: it says once and for all when its reply left.
fn times(reply: &Reply) -> EchoTimes {
    let format = reply.error.format();
    let [received, sent] = [reply.received, reply.sent].map(|time| time.unix_nanos(format));
    EchoTimes {
        received,
        received_by_kernel: true,
        sent,
        tells_left: false,
        left: Some(sent),
        service: None,
    }
}
