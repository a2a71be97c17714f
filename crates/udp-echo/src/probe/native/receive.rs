//! The receiving side: it takes what comes, whenever that is, and knows nothing of when packets are sent.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::native::{Answer, Ask, Echo, Unknown};
use proto::measure::{Came, Credentials, Tally};
use runtime::shutdown::Shutdown;
use runtime::timing::Clocks;
use runtime::udp::{Batch, Datagram, MAX_PAYLOAD};

use super::super::count::{Counter, is_refusal};
use super::super::{Plan, calibrate};
use super::hello::{calibration, rejoin};
use super::{Session, explain};

/// How long an answer to a question is waited for before it is asked again, and how often that is done.
const ASK_AGAIN: Duration = Duration::from_millis(250);
const ASKS: u32 = 4;

/// How long a server is given to find out when its last answers left.
const LAST_STAMPS: Duration = Duration::from_millis(15);

/// How long the receiving side rests after an error.
const REST: Duration = Duration::from_millis(1);

/// How often a thread that spins looks for answers before it looks at the clock.
const SPINS: u64 = 64;

/// Where one answer at a time comes from.
pub(super) enum Inbox {
    /// With all that the system says of it.
    Full(Box<Batch>),
    /// As fast as can be.
    Lean(Vec<u8>),
}

impl Inbox {
    fn new(session: &Session, spin: bool) -> Self {
        if session.stamps {
            return Self::Full(Box::new(Batch::new()));
        }
        if let Err(error) = session.socket.set_polling(spin) {
            tracing::debug!(%error, "the socket goes on waiting");
        }
        Self::Lean(vec![0; MAX_PAYLOAD])
    }

    /// What came next, if anything came soon.
    fn receive(&mut self, receiver: &mut Receiver<'_>) -> Option<Glance> {
        let buffer = match self {
            Self::Full(batch) => return receiver.receive(batch).map(Glance::Counted),
            Self::Lean(buffer) => buffer,
        };
        let length = match receiver.session.socket.receive_on(buffer) {
            Ok(length) => length?,
            Err(error) => {
                receiver.survive(error);
                return None;
            }
        };
        let at = Instant::now();
        let payload = &buffer[..length];
        if let Some(Answer::Echo(echo)) = Answer::decode(payload)
            && echo.session == receiver.session.id
            && receiver.credentials.accept(payload)
        {
            let at = at.saturating_duration_since(receiver.counter.start);
            let came = Came { at, stamp: None };
            return Some(Glance::Here(Pending { echo, came }));
        }
        receiver.take_one(&Datagram::new(receiver.plan.server, payload), at);
        None
    }
}

/// An echo that is not counted yet: the next packet goes first.
pub(super) struct Pending {
    echo: Echo,
    came: Came,
}

/// What came.
enum Glance {
    /// An echo, still to be counted.
    Here(Pending),
    /// The echo of this number, which is counted.
    Counted(u64),
}

/// Takes answers for a [`Counter`].
pub(super) struct Receiver<'a> {
    plan: &'a Plan,
    session: &'a Session,
    pub(super) counter: Counter,
    clocks: Clocks,
    credentials: Arc<Credentials>,
    /// When a new session was asked for last, of a server that does not know the old one.
    asked_anew: Option<Instant>,
    is_reported: bool,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(plan: &'a Plan, session: &'a Session, counter: Counter) -> Self {
        Self {
            plan,
            session,
            clocks: Clocks::new(counter.start),
            counter,
            credentials: session.shared.get(),
            asked_anew: None,
            is_reported: false,
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
        self.conclude(&mut batch)
    }

    /// Asks for the server's totals, and counts up.
    pub(super) fn conclude(mut self, batch: &mut Batch) -> Tally {
        let mut was_answered = false;
        for _ in 0..ASKS {
            was_answered |= self.ask_for_totals(batch);
            self.counter.hear();
            if was_answered && !self.counter.tally.is_unsettled() {
                break;
            }
            // The server takes its time to look when its last answers left.
            thread::sleep(LAST_STAMPS);
        }
        if !was_answered {
            let silent = "the server does not give its totals: where packets were lost is known as far as its answers said it";
            self.counter.note(silent.to_owned());
        }
        self.counter.tick();
        self.counter.finish()
    }

    /// Asks once, and says whether an answer came.
    fn ask_for_totals(&mut self, batch: &mut Batch) -> bool {
        self.is_reported = false;
        self.ask();
        let deadline = Instant::now() + ASK_AGAIN;
        while !self.is_reported && Instant::now() < deadline {
            self.receive(batch);
        }
        self.is_reported
    }

    fn ask(&mut self) {
        let mut packet = Vec::new();
        let session = self.session.id;
        Ask { session }.encode(&mut packet);
        self.credentials.seal(&mut packet);
        self.send(&packet);
    }

    fn send(&mut self, packet: &[u8]) {
        match self.session.socket.send_on(packet) {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => self.counter.refused(),
            Err(error) => self.counter.trouble(&error),
        }
    }

    /// Takes what comes next, if anything comes soon; the number of the last echo.
    fn receive(&mut self, batch: &mut Batch) -> Option<u64> {
        let received = if self.plan.spin {
            batch.poll(&self.session.socket)
        } else {
            batch.receive(&self.session.socket)
        };
        self.take(batch, received)
    }

    /// Where [`await_echo`](Self::await_echo) receives.
    pub(super) fn inbox(&self) -> Inbox {
        Inbox::new(self.session, self.plan.spin)
    }

    /// Waits until the echo of this packet has come, which is left to [`account`](Self::account), or until its time-out
    /// has passed.
    pub(super) fn await_echo(
        &mut self,
        number: u64,
        sent: Duration,
        inbox: &mut Inbox,
    ) -> Option<Pending> {
        for looks in 1u64.. {
            match inbox.receive(self) {
                Some(Glance::Here(pending)) if pending.echo.number == number => {
                    return Some(pending);
                }
                Some(Glance::Here(pending)) => self.account(&pending),
                Some(Glance::Counted(last)) if last == number => return None,
                Some(Glance::Counted(_)) | None => {}
            }
            if (!self.plan.spin || looks % SPINS == 0) && self.is_over(sent) {
                return None;
            }
        }
        None
    }

    /// Counts an echo.
    pub(super) fn account(&mut self, pending: &Pending) {
        self.counter.echoed(&pending.echo, pending.came);
    }

    fn is_over(&mut self, sent: Duration) -> bool {
        let waited = self.counter.start.elapsed().saturating_sub(sent);
        let is_over = waited > self.plan.timeout;
        if is_over {
            self.counter.tick();
        }
        is_over
    }

    /// Takes what was received; the number of the last echo.
    fn take(&mut self, batch: &Batch, received: io::Result<usize>) -> Option<u64> {
        let count = match received {
            Ok(0) => return None,
            Ok(count) => count,
            Err(error) => {
                self.survive(error);
                return None;
            }
        };
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

    fn take_one(&mut self, datagram: &Datagram<'_>, at: Instant) -> Option<u64> {
        let payload = datagram.payload;
        match Answer::decode(payload) {
            Some(answer) if answer.session() != self.session.id => {}
            Some(Answer::Echo(echo)) if self.credentials.accept(payload) => {
                self.echo(&echo, datagram, at);
                return Some(echo.number);
            }
            Some(Answer::Report(report)) if self.credentials.accept(payload) => {
                self.counter.tally.report(&report);
                self.is_reported = true;
            }
            Some(Answer::Unknown(_)) if Unknown::is_from(payload, self.session.key.as_ref()) => {
                self.ask_anew(at);
            }
            Some(_) => {}
            None => self.rejoin(payload),
        }
        None
    }

    fn echo(&mut self, echo: &Echo, datagram: &Datagram<'_>, at: Instant) {
        let stamp = datagram.came().filter(|_| self.session.stamps);
        let came = Came {
            at: at.saturating_duration_since(self.counter.start),
            stamp: stamp.map(|stamp| self.clocks.since_start(stamp.at, at)),
        };
        self.counter.echoed(echo, came);
    }

    /// The server does not know the session: it was started anew, and so is the session.
    fn ask_anew(&mut self, now: Instant) {
        let is_recent = |asked: Instant| now - asked < calibrate::RETRY_AFTER;
        if self.asked_anew.is_some_and(is_recent) {
            return;
        }
        self.asked_anew = Some(now);
        let key = self.session.key.as_ref();
        let request = calibration(self.plan.size, self.session.id, key);
        self.send(&request);
    }

    fn rejoin(&mut self, answer: &[u8]) {
        let asked = self.asked_anew.is_some();
        let key = self.session.key.as_ref();
        match rejoin(answer, self.session.id, key).filter(|_| asked) {
            // Packets that were under way with the old token had it asked for twice.
            Some(Ok(credentials)) if credentials == *self.credentials => self.asked_anew = None,
            Some(Ok(credentials)) => {
                self.asked_anew = None;
                self.session.shared.set(credentials);
                self.credentials = self.session.shared.get();
                self.counter.tally.server_restarted();
                let anew = "the server was started anew: the measurement goes on in a new session";
                self.counter.note(anew.to_owned());
            }
            Some(Err(error)) => self
                .counter
                .note(format!("the server was started anew: {error}")),
            None => {}
        }
    }
}
