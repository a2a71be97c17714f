//! A datagram server: one blocking thread for each socket, and one that sends what an emulated delay holds back.
//!
//! Why threads that block: see "Engine" in `ARCHITECTURE.md`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::admission::{Admission, REST};
use super::stamp::{Outbox, Stamp};
use super::totals::{Totals, count};
use super::{Batch, Datagram, Socket};
use crate::cli;
use crate::host;
use crate::impair::{DelayLine, Impairment, Profile, Ticket};
use crate::limit::{RateLimit, Rates, Source};
use crate::log::Throttle;
use crate::shutdown::Shutdown;

/// The most that a server waits at its end for delayed replies to become due.
const GRACE: Duration = Duration::from_secs(1);

/// How long a server that is to stop goes on answering what comes without a pause.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often a service is told what time it is.
const TICK: Duration = Duration::from_secs(1);

/// What a server says to datagrams. Each socket has a service of its own.
pub trait Service {
    /// What goes with replies that want more than to be sent; `()` where none does.
    type Seal: Seal;

    /// Reads a request, appends the answer to `reply`, which is empty, and says what to do with it.
    fn answer(
        &mut self,
        request: &Datagram<'_>,
        now: Instant,
        reply: &mut Vec<u8>,
    ) -> Verdict<Self::Seal>;

    /// About a second has passed since the last call, with datagrams or without: what is remembered for a time can go.
    /// (With [`Policy::spin`], and where the system does not end a wait, this may be later.)
    fn tick(&mut self, _now: Instant) {}

    /// The reply that went with this seal truly left at `stamp`.
    fn left(&mut self, _seal: &Self::Seal, _stamp: Stamp) {}

    /// The reply that went with this seal is not sent.
    fn lost(&mut self, _seal: &Self::Seal, _loss: Loss) {}
}

/// What is done to a reply in the moment in which it is sent.
pub trait Seal: Clone + Send + 'static {
    /// Completes the reply, which the emulated impairment has held back for as long as `held`. It is called once for
    /// each copy.
    fn complete(&mut self, reply: &mut [u8], now: Instant, held: Duration);

    /// Whether [`Service::left`] is to be told when the reply truly left.
    fn wants_stamp(&self) -> bool;
}

impl Seal for () {
    fn complete(&mut self, _: &mut [u8], _: Instant, _: Duration) {}

    fn wants_stamp(&self) -> bool {
        false
    }
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<S = ()> {
    /// Nothing is sent.
    Silent,
    /// It is sent at once.
    Reply,
    /// It is sent as the emulated impairment decides.
    Impaired,
    /// The same, and its seal goes with it.
    Sealed(S),
    /// It is sent at once, and the server stops.
    ReplyAndStop,
}

/// Why a reply is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The emulated impairment decided so.
    Emulated,
    /// There was no room to delay it, or the system refused it.
    Dropped,
}

/// How a server treats its peers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// What to emulate on replies of [`Verdict::Impaired`].
    pub impairment: Profile,
    /// The seed of all that is random in it.
    pub seed: u64,
    /// How many datagrams a second each [`Source`] may send; more are dropped. `None` sets no fixed limit: a source is
    /// then held back only where others contend with it for a server that is behind (see [`RateLimit`]).
    pub rate_limit: Option<NonZeroU32>,
    /// Whether threads look for datagrams without a pause: answers are sooner by the time that waking up takes, and each
    /// socket keeps a core busy.
    pub spin: bool,
}

/// A socket, and the stamps that are waited for of what it sent.
struct Port<S> {
    socket: Arc<Socket>,
    outbox: Arc<Mutex<Outbox<S>>>,
}

impl<S> Clone for Port<S> {
    fn clone(&self) -> Self {
        Self {
            socket: Arc::clone(&self.socket),
            outbox: Arc::clone(&self.outbox),
        }
    }
}

/// A reply that waits.
struct Parcel<S> {
    port: Port<S>,
    to: SocketAddr,
    from: Option<IpAddr>,
    payload: Box<[u8]>,
    seal: Option<S>,
    /// Since when it waits.
    since: Instant,
}

type Delays<S> = DelayLine<(u16, SocketAddr), Parcel<S>>;

impl<S: Seal> Port<S> {
    /// Sends a reply, completed by its seal.
    fn send(
        &self,
        reply: &mut [u8],
        to: SocketAddr,
        from: Option<IpAddr>,
        seal: Option<S>,
        since: Option<Instant>,
    ) -> io::Result<()> {
        let Some(mut seal) = seal else {
            return self.socket.send(reply, to, from);
        };
        let held = |now: Instant| since.map_or(Duration::ZERO, |since| now - since);
        if !seal.wants_stamp() {
            let now = Instant::now();
            seal.complete(reply, now, held(now));
            return self.socket.send(reply, to, from);
        }
        // The lock keeps the system's count of such datagrams and ours the same.
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        seal.complete(reply, now, held(now));
        outbox.send(&self.socket, reply, Some(to), from, seal)
    }

    /// Hands out the stamps that have come, if that is worth while.
    fn collect(&self, now: Instant, mut left: impl FnMut(S, Stamp)) {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if !outbox.is_due(now) {
            return;
        }
        while let Some((seal, stamp)) = outbox.collect(&self.socket) {
            left(seal, stamp);
        }
    }
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    sockets: Vec<Arc<Socket>>,
    policy: Policy,
    totals: Arc<Totals>,
}

impl Server {
    /// A server on these sockets.
    pub fn new(sockets: Vec<Socket>, policy: Policy) -> Self {
        Self {
            sockets: sockets.into_iter().map(Arc::new).collect(),
            policy,
            totals: Arc::default(),
        }
    }

    /// The addresses that it listens on.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .map(|socket| socket.local_addr())
            .collect()
    }

    /// What it has done so far, also while it runs.
    pub fn totals(&self) -> Arc<Totals> {
        Arc::clone(&self.totals)
    }

    /// Serves until `shutdown` is triggered, by its owner or by a [`Verdict::ReplyAndStop`]; `service` makes the
    /// service of each socket. What has come by then is answered; replies that wait are sent if they are due within a
    /// second.
    ///
    /// # Errors
    /// When the system has no thread left. Faults of a socket are logged and survived.
    pub fn run<S: Service>(
        self,
        shutdown: &Shutdown,
        service: impl Fn(SocketAddr) -> S + Sync,
    ) -> io::Result<()> {
        let delays = self.start_delays()?;
        thread::scope(|scope| {
            for (number, socket) in self.sockets.iter().enumerate() {
                let woken = Arc::clone(socket);
                shutdown.on_trigger(move || woken.wake());
                let worker = Worker::new(&self, number, shutdown, delays.as_ref());
                let service = &service;
                let run = move || worker.run(service(socket.local_addr()));
                let started = thread::Builder::new()
                    .name(format!("udp {}", socket.local_addr()))
                    .spawn_scoped(scope, run);
                if let Err(error) = started {
                    shutdown.trigger();
                    return Err(error);
                }
            }
            Ok(())
        })?;
        if let Some(delays) = delays {
            delays.finish(Instant::now() + GRACE);
        }
        Ok(())
    }

    /// Serves as a program of its own: says where it listens, and `note` after that, serves until `shutdown` is
    /// triggered, and logs what it has done.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when standard output fails.
    pub fn run_until_signal<S: Service>(
        self,
        shutdown: &Shutdown,
        note: &str,
        service: impl Fn(SocketAddr) -> S + Sync,
    ) -> io::Result<()> {
        let listening = host::announcement("udp", &self.local_addrs());
        cli::announce(&(listening + note))?;
        let totals = self.totals();
        self.run(shutdown, service)?;
        tracing::info!("stopped: {totals}");
        Ok(())
    }

    fn start_delays<S: Seal>(&self) -> io::Result<Option<Delays<S>>> {
        if self.policy.impairment.longest_wait().is_zero() {
            return Ok(None);
        }
        let totals = self.totals();
        DelayLine::start(move |mut parcel: Parcel<S>| {
            let Parcel {
                to, from, since, ..
            } = parcel;
            let (payload, seal) = (&mut parcel.payload, parcel.seal);
            match parcel.port.send(payload, to, from, seal, Some(since)) {
                Ok(()) => totals.count_sent(payload.len()),
                Err(_) => count(&totals.failed),
            }
        })
        .map(Some)
    }
}

/// The thread of one socket.
struct Worker<'a, S: Service> {
    port: Port<S::Seal>,
    totals: &'a Totals,
    shutdown: &'a Shutdown,
    delays: Option<&'a Delays<S::Seal>>,
    impairment: Impairment,
    admission: Admission,
    faults: Throttle,
    spin: bool,
}

impl<'a, S: Service> Worker<'a, S> {
    fn new(
        server: &'a Server,
        number: usize,
        shutdown: &'a Shutdown,
        delays: Option<&'a Delays<S::Seal>>,
    ) -> Self {
        let policy = &server.policy;
        let seed = policy.seed.wrapping_add(number as u64);
        let limit = RateLimit::new(Rates::of_sources(policy.rate_limit));
        let local = server.sockets[number].local_addr();
        Self {
            port: Port {
                socket: Arc::clone(&server.sockets[number]),
                outbox: Arc::default(),
            },
            totals: &server.totals,
            shutdown,
            delays,
            impairment: Impairment::new(policy.impairment, seed),
            admission: Admission::new(local, limit),
            faults: Throttle::default(),
            spin: policy.spin,
        }
    }

    /// Serves until it is time to stop, and then what has come by then.
    fn run(mut self, mut service: S) {
        let mut batch = Batch::new();
        let mut reply = Vec::new();
        let mut ends = None;
        let mut next_tick = Instant::now() + TICK;
        loop {
            let received = match self.spin {
                true => batch.poll(&self.port.socket),
                false => batch.receive(&self.port.socket),
            };
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                service.tick(now);
            }
            let handled = match received {
                Ok(received) => self.serve(&batch, received, now, &mut service, &mut reply),
                Err(error) => {
                    self.report("cannot receive", &error);
                    thread::sleep(REST);
                    0
                }
            };
            if self.shutdown.is_triggered() {
                let now = Instant::now();
                if handled == 0 || now > *ends.get_or_insert(now + LAST_WORDS) {
                    return;
                }
            }
        }
    }

    /// Answers what was received, and says how many datagrams that were.
    fn serve(
        &mut self,
        batch: &Batch,
        received: usize,
        now: Instant,
        service: &mut S,
        reply: &mut Vec<u8>,
    ) -> usize {
        if received == 0 {
            return 0;
        }
        self.admission.note_dropped(batch, self.totals);
        self.port
            .collect(now, |seal, stamp| service.left(&seal, stamp));
        let mut handled = 0;
        for datagram in (0..received).filter_map(|place| batch.get(place)) {
            handled += 1;
            self.totals.count_received(datagram.payload.len());
            if self.admission.admits(&datagram, now, self.totals) {
                reply.clear();
                let verdict = service.answer(&datagram, now, reply);
                self.carry_out(verdict, &datagram, service, reply);
            }
        }
        self.admission.adapt(batch, now);
        handled
    }

    fn carry_out(
        &mut self,
        verdict: Verdict<S::Seal>,
        request: &Datagram<'_>,
        service: &mut S,
        reply: &mut [u8],
    ) {
        match verdict {
            Verdict::Silent => count(&self.totals.unanswered),
            Verdict::Reply => drop(self.send(request, reply, None)),
            Verdict::Impaired => drop(self.impair(request, reply, None)),
            Verdict::Sealed(seal) => {
                if let Some(loss) = self.impair(request, reply, Some(&seal)) {
                    service.lost(&seal, loss);
                }
            }
            Verdict::ReplyAndStop => {
                self.send(request, reply, None);
                self.shutdown.trigger();
            }
        }
    }

    /// Sends a reply; what came of it if it was not sent.
    fn send(
        &mut self,
        request: &Datagram<'_>,
        reply: &mut [u8],
        seal: Option<&S::Seal>,
    ) -> Option<Loss> {
        let sent = self
            .port
            .send(reply, request.from, request.to, seal.cloned(), None);
        let Err(error) = sent else {
            self.totals.count_sent(reply.len());
            return None;
        };
        count(&self.totals.failed);
        self.report("cannot send", &error);
        Some(Loss::Dropped)
    }

    fn impair(
        &mut self,
        request: &Datagram<'_>,
        reply: &mut [u8],
        seal: Option<&S::Seal>,
    ) -> Option<Loss> {
        let fate = self.impairment.decide();
        let loss = match fate.sent {
            None => {
                count(&self.totals.lost);
                Some(Loss::Emulated)
            }
            Some(delay) => self.send_after(delay, fate.held, request, reply, seal),
        };
        if let Some(delay) = fate.copy {
            self.send_after(delay, false, request, reply, seal);
        }
        loss
    }

    fn send_after(
        &mut self,
        delay: Duration,
        held: bool,
        request: &Datagram<'_>,
        reply: &mut [u8],
        seal: Option<&S::Seal>,
    ) -> Option<Loss> {
        let Some(delays) = self.delays else {
            return self.send(request, reply, seal);
        };
        let parcel = Parcel {
            port: self.port.clone(),
            to: request.from,
            from: request.to,
            payload: (&*reply).into(),
            seal: seal.cloned(),
            since: Instant::now(),
        };
        let ticket = Ticket {
            peer: (self.port.socket.local_addr().port(), request.from),
            source: Source::of(request.from),
            bytes: reply.len(),
            due: Instant::now() + delay,
            held,
        };
        if delays.push(ticket, parcel) {
            return None;
        }
        count(&self.totals.no_room);
        Some(Loss::Dropped)
    }

    fn report(&mut self, what: &str, error: &io::Error) {
        if self.faults.admits(Instant::now()) {
            let (socket, unlogged) = (self.port.socket.local_addr(), self.faults.unlogged());
            tracing::warn!(%socket, %error, unlogged, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::units::{Percent, TimeRange};

    /// Answers with what it is sent; `stop` stops it.
    struct Parrot;

    impl Service for Parrot {
        type Seal = ();

        fn answer(&mut self, request: &Datagram<'_>, _: Instant, reply: &mut Vec<u8>) -> Verdict {
            reply.extend_from_slice(request.payload);
            match request.payload {
                b"stop" => Verdict::ReplyAndStop,
                b"quiet" => Verdict::Silent,
                b"now" => Verdict::Reply,
                _ => Verdict::Impaired,
            }
        }
    }

    struct Running {
        server: thread::JoinHandle<io::Result<()>>,
        shutdown: Shutdown,
        totals: Arc<Totals>,
        client: UdpSocket,
    }

    impl Running {
        fn start(policy: Policy) -> Self {
            let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.connect(socket.local_addr()).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            let server = Server::new(vec![socket], policy);
            let shutdown = Shutdown::new();
            let (totals, stop) = (server.totals(), shutdown.clone());
            Self {
                server: thread::spawn(move || server.run(&stop, |_| Parrot)),
                shutdown,
                totals,
                client,
            }
        }

        fn say(&self, text: &str) {
            self.client.send(text.as_bytes()).unwrap();
        }

        fn hear(&self) -> String {
            let mut buffer = [0; 100];
            let length = self.client.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        }

        fn stop(self) -> Arc<Totals> {
            self.shutdown.trigger();
            self.server.join().unwrap().unwrap();
            self.totals
        }
    }

    fn impaired(impairment: Profile) -> Policy {
        Policy {
            impairment,
            seed: 1,
            ..Policy::default()
        }
    }

    #[test]
    fn it_answers_until_it_is_told_to_stop() {
        let running = Running::start(Policy::default());
        for text in ["quiet", "one", "now"] {
            running.say(text);
        }
        assert_eq!(
            (running.hear(), running.hear()),
            ("one".into(), "now".into())
        );
        let totals = running.stop();
        assert_eq!(totals.to_string(), "3 received, 2 sent, 1 given no answer");
        let counts = totals.counts();
        assert_eq!((counts.received_bytes, counts.sent_bytes), (11, 6));
    }

    #[test]
    fn what_has_come_is_answered_before_it_stops() {
        let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(socket.local_addr()).unwrap();
        for _ in 0..100 {
            client.send(b"now").unwrap();
        }
        let (server, shutdown) = (
            Server::new(vec![socket], Policy::default()),
            Shutdown::new(),
        );
        let totals = server.totals();
        shutdown.trigger();
        server.run(&shutdown, |_| Parrot).unwrap();
        assert_eq!(totals.to_string(), "100 received, 100 sent");
    }

    #[test]
    fn a_request_can_stop_it_and_is_answered_first() {
        let running = Running::start(Policy::default());
        running.say("stop");
        assert_eq!(running.hear(), "stop");
        running.server.join().unwrap().unwrap();
        assert!(running.shutdown.is_triggered());
    }

    #[test]
    fn a_delayed_reply_holds_up_no_other_and_is_not_lost_at_the_end() {
        let delay = TimeRange::new(Duration::from_millis(100), Duration::from_millis(100));
        let running = Running::start(impaired(Profile {
            delay: delay.unwrap(),
            ..Profile::default()
        }));
        running.say("slow");
        running.say("now");
        assert_eq!(running.hear(), "now");
        let client = running.client.try_clone().unwrap();
        running.stop();
        let mut buffer = [0; 100];
        assert_eq!(client.recv(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"slow");
    }

    #[test]
    fn loss_duplication_and_reordering_without_a_delay() {
        let all = Percent::new(100.0).unwrap();
        let lost = Running::start(impaired(Profile {
            loss: all,
            ..Profile::default()
        }));
        lost.say("one");
        lost.say("now");
        assert_eq!(lost.hear(), "now");
        lost.stop();
        let twice = Running::start(impaired(Profile {
            duplicate: all,
            ..Profile::default()
        }));
        twice.say("one");
        assert_eq!((twice.hear(), twice.hear()), ("one".into(), "one".into()));
        twice.stop();
        let reordered = Running::start(impaired(Profile {
            reorder: all,
            ..Profile::default()
        }));
        reordered.say("one");
        reordered.say("two");
        assert_eq!(
            (reordered.hear(), reordered.hear()),
            ("two".into(), "one".into())
        );
        reordered.stop();
    }

    #[test]
    fn a_source_over_its_rate_is_dropped_and_counted() {
        let running = Running::start(Policy {
            rate_limit: NonZeroU32::new(30),
            ..Policy::default()
        });
        for _ in 0..10 {
            running.say("now");
        }
        for _ in 0..3 {
            running.hear();
        }
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other
            .send_to(b"stop", running.client.peer_addr().unwrap())
            .unwrap();
        running.server.join().unwrap().unwrap();
        assert_eq!(running.totals.over_rate(), 7);
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn what_finds_no_room_is_counted() {
        const LARGE: u64 = 1000;
        let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(socket.local_addr()).unwrap();
        let large = vec![b'x'; 60_000];
        for _ in 0..LARGE {
            client.send(&large).unwrap();
        }
        let server = Server::new(vec![socket], Policy::default());
        let (totals, shutdown) = (server.totals(), Shutdown::new());
        let stop = shutdown.clone();
        // The first datagram that comes when there is room again tells of the others.
        let server = thread::spawn(move || server.run(&stop, |_| Silence));
        let mut sent = LARGE;
        while totals.counts().dropped == 0 {
            client.send(b"quiet").unwrap();
            sent += 1;
            thread::yield_now();
        }
        shutdown.trigger();
        server.join().unwrap().unwrap();
        let counts = totals.counts();
        assert!(counts.received > 0 && counts.received + counts.dropped <= sent);
        assert!(counts.received_bytes >= 60_000);
        assert_eq!((counts.sent, counts.sent_bytes), (0, 0));
    }

    /// Says nothing.
    #[cfg(all(target_os = "linux", not(portable)))]
    struct Silence;

    #[cfg(all(target_os = "linux", not(portable)))]
    impl Service for Silence {
        type Seal = ();

        fn answer(&mut self, _: &Datagram<'_>, _: Instant, _: &mut Vec<u8>) -> Verdict {
            Verdict::Silent
        }
    }

    /// Stops the server at the first tick.
    struct Clock(Shutdown);

    impl Service for Clock {
        type Seal = ();

        fn answer(&mut self, _: &Datagram<'_>, _: Instant, _: &mut Vec<u8>) -> Verdict {
            Verdict::Silent
        }

        fn tick(&mut self, _: Instant) {
            self.0.trigger();
        }
    }

    #[test]
    fn a_service_is_told_of_the_time_though_nothing_comes() {
        let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = Server::new(vec![socket], Policy::default());
        let shutdown = Shutdown::new();
        server.run(&shutdown, |_| Clock(shutdown.clone())).unwrap();
        assert!(shutdown.is_triggered());
    }
}
