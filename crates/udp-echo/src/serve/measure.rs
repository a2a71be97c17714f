//! The measurement echo (`proto::measure`), on both its wires.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::measure::native::{self, Ask, Incoming, Left, Probe, Unknown};
use proto::measure::{
    Arrived, Credentials, Gate, Grant, Offer, Reply, Request, Session, SessionId, Version, Welcome,
};
use runtime::limit::Network;
use runtime::log::Throttle;
use runtime::peers::{Changes, FairTable};
use runtime::timing;
use runtime::udp::{Datagram, Loss, Outbox, Seal, Service, Stamp, StampClock, Verdict};

use super::flood::Floods;
use super::measured::Measured;
use crate::args::WhoMayStop;

/// Sessions that are remembered at once, and for how long after their last packet: longer than the slowest measurement
/// pauses.
const SESSIONS: usize = 65_536;
const LIFETIME: Duration = Duration::from_mins(15);

/// How many old sessions are forgotten a second at the most, beside those whose place is needed: no packet waits long.
const FORGOTTEN_AT_ONCE: usize = 512;

/// A true time of sending that is further from the program's than this belongs to a clock that was set in between.
const LONGEST_WAY_OUT: u64 = 1_000_000_000;

/// One socket's.
#[derive(Debug)]
pub(crate) struct Measure {
    exit: WhoMayStop,
    refused: Throttle,
    gate: Gate,
    sessions: FairTable<Network, (SocketAddr, SessionId), Known>,
    measured: Arc<Measured>,
    /// What of the table's changes has been counted.
    counted: Changes,
    /// The address that the socket is bound to, and who floods it.
    listening: SocketAddr,
    floods: Floods,
}

/// A client whose token was true.
#[derive(Debug)]
struct Known {
    credentials: Arc<Credentials>,
    session: Session,
}

/// What goes with an echo until it has left.
#[derive(Clone, Debug)]
pub(crate) struct EchoSeal {
    peer: SocketAddr,
    probe: Probe,
    credentials: Arc<Credentials>,
    /// What the echo says of an earlier one.
    carried: Option<Left>,
    /// When the probe was handled, by both clocks.
    handled: (Instant, u64),
    /// When the echo was sent, as the emulated delay would have it: that is the path's, not the server's.
    sent: u64,
    /// How long the emulated delay took.
    held: u64,
}

impl Seal for EchoSeal {
    fn complete(&mut self, reply: &mut [u8], now: Instant, held: Duration) {
        // By the clock that cannot be set, from a time of the one that can: an echo may have waited for long.
        let waited = now.saturating_duration_since(self.handled.0);
        let own = waited.saturating_sub(held);
        self.sent = self.handled.1.saturating_add(own.as_nanos() as u64);
        self.held = held.as_nanos() as u64;
        native::stamp(reply, self.sent);
        self.credentials.seal(reply);
    }

    fn wants_stamp(&self) -> bool {
        self.probe.wants_left
    }
}

impl Measure {
    pub(crate) fn new(exit: WhoMayStop, gate: Gate, listening: SocketAddr, floods: Floods) -> Self {
        Self {
            exit,
            refused: Throttle::default(),
            gate,
            sessions: FairTable::new(SESSIONS, LIFETIME),
            measured: Arc::clone(floods.measured()),
            counted: Changes::default(),
            listening,
            floods,
        }
    }

    /// Counts the sessions that have ended since the last time.
    fn count_ended(&mut self) {
        let now = self.sessions.changes();
        self.measured.sessions.count_ended(self.counted, now);
        self.counted = now;
    }

    fn may_stop(&self, peer: SocketAddr) -> bool {
        // A key would be of no use if the classic wire, which has none, could stop the server.
        self.gate.key().is_none()
            && match self.exit {
                WhoMayStop::Loopback => peer.ip().is_loopback(),
                WhoMayStop::Any => true,
                WhoMayStop::Never => false,
            }
    }

    fn classic(
        &mut self,
        request: &Datagram<'_>,
        now: Instant,
        reply: &mut Vec<u8>,
    ) -> Verdict<EchoSeal> {
        let Some(asked) = Request::decode(request.payload) else {
            return Verdict::Silent;
        };
        let peer = request.from;
        let (native, classic) = (&self.measured.native, &self.measured.classic);
        classic.requests.count();
        let (answer, verdict) = match asked {
            Request::Calibrate { size, offer } => {
                tracing::debug!(%peer, %size, "calibrated");
                let wire = if offer.is_some() { native } else { classic };
                wire.calibrations.count();
                let welcome = offer.map(|offer| self.welcome(request, &offer));
                (Reply::Calibrated(welcome), Verdict::Reply)
            }
            Request::Exit if self.may_stop(peer) => {
                tracing::info!(%peer, "stopping as it asked");
                (Reply::Stopping, Verdict::ReplyAndStop)
            }
            Request::Exit => {
                self.measured.exits_refused.count();
                if self.refused.admits(now) {
                    let unlogged = self.refused.unlogged();
                    tracing::warn!(%peer, unlogged, "exit refused; --exit decides who may stop the server, with a key no one");
                }
                (Reply::NotStopping, Verdict::Reply)
            }
            Request::Probe(_) if self.gate.key().is_some() => return Verdict::Silent,
            Request::Probe(_) => (Reply::Acknowledged, Verdict::Impaired),
        };
        answer.encode(reply);
        verdict
    }

    /// A session for whoever asks for one: a token is in no answer that is longer than its request.
    fn welcome(&self, request: &Datagram<'_>, offer: &Offer) -> Welcome {
        let room = request.payload.len() >= Reply::LONGEST;
        let grant = self.gate.grant(request.from, offer);
        let grant = grant.filter(|grant| room || *grant == Grant::KeyNeeded);
        if grant == Some(Grant::KeyNeeded) {
            tracing::debug!(peer = %request.from, "asked for a session without the right key");
        }
        Welcome {
            version: Version::OURS,
            grant,
        }
    }

    fn native(
        &mut self,
        request: &Datagram<'_>,
        now: Instant,
        reply: &mut Vec<u8>,
    ) -> Verdict<EchoSeal> {
        let Some(incoming) = Incoming::decode(request.payload) else {
            return Verdict::Silent;
        };
        self.measured.native.requests.count();
        // What is left of a flood that has ended: there may be much of it.
        if let Incoming::Flood(_) = incoming {
            return Verdict::Silent;
        }
        let (peer, id) = (request.from, incoming.session());
        let Self {
            sessions,
            gate,
            measured,
            ..
        } = self;
        let network = Network::of(peer);
        let Some(known) = sessions.find_or_admit(network, (peer, id), now, || {
            let credentials = gate.credentials(peer, id);
            credentials.accept(request.payload).then(|| {
                tracing::debug!(%peer, "a session begins");
                measured.sessions.begun.count();
                Known::new(credentials)
            })
        }) else {
            return self.unknown(incoming, peer, reply);
        };
        if !known.credentials.accept(request.payload) {
            self.measured.wrong_proofs.count();
            return Verdict::Silent;
        }
        match incoming {
            Incoming::Probe(probe) => known.echo(probe, request, reply),
            Incoming::Ask(Ask { session }) => known.sealed(reply, |known, reply| {
                known.session.report(session).encode(reply)
            }),
            Incoming::Order(order) => {
                let (floods, listening) = (&self.floods, self.listening);
                known.sealed(reply, |known, reply| {
                    let state = floods.order(request, &order, listening, &known.credentials);
                    state.encode(reply);
                })
            }
            Incoming::Flood(_) => Verdict::Silent,
        }
    }

    /// Says that there is no such session: the server was started anew, or the sender's address is forged.
    fn unknown(
        &self,
        incoming: Incoming,
        peer: SocketAddr,
        reply: &mut Vec<u8>,
    ) -> Verdict<EchoSeal> {
        tracing::debug!(%peer, "a packet of no session");
        self.measured.unknown.count();
        let number = match incoming {
            Incoming::Probe(probe) => probe.number,
            Incoming::Ask(_) | Incoming::Flood(_) | Incoming::Order(_) => 0,
        };
        let session = incoming.session();
        Unknown { session, number }.encode(self.gate.key(), reply);
        Verdict::Reply
    }
}

impl Known {
    fn new(credentials: Credentials) -> Self {
        Self {
            credentials: Arc::new(credentials),
            session: Session::default(),
        }
    }

    /// Sends at once what `write` appends, proved.
    fn sealed(
        &self,
        reply: &mut Vec<u8>,
        write: impl FnOnce(&Self, &mut Vec<u8>),
    ) -> Verdict<EchoSeal> {
        let start = reply.len();
        write(self, reply);
        self.credentials.seal(&mut reply[start..]);
        Verdict::Reply
    }

    fn echo(
        &mut self,
        probe: Probe,
        request: &Datagram<'_>,
        reply: &mut Vec<u8>,
    ) -> Verdict<EchoSeal> {
        // Read together, this one first: an echo is never stamped later than it left.
        let handled = timing::unix_nanos();
        let handled_at = Instant::now();
        let came = request.came();
        let arrived = Arrived {
            at: came.map_or(handled, |came| came.at),
            by_kernel: came.is_some_and(|came| came.clock != StampClock::Program),
            service: request.service(),
        };
        let echo = self
            .session
            .probe(&probe, arrived, Outbox::<EchoSeal>::STAMPS);
        echo.encode(request.payload.len(), reply);
        Verdict::Sealed(EchoSeal {
            peer: request.from,
            probe,
            credentials: Arc::clone(&self.credentials),
            carried: echo.left,
            handled: (handled_at, handled),
            sent: 0,
            held: 0,
        })
    }
}

impl Service for Measure {
    type Seal = EchoSeal;

    fn answer(
        &mut self,
        request: &Datagram<'_>,
        now: Instant,
        reply: &mut Vec<u8>,
    ) -> Verdict<EchoSeal> {
        if native::is_native(request.payload) {
            self.native(request, now, reply)
        } else {
            self.classic(request, now, reply)
        }
    }

    fn tick(&mut self, now: Instant) {
        self.sessions.expire(now, FORGOTTEN_AT_ONCE);
        self.count_ended();
    }

    fn left(&mut self, seal: &EchoSeal, stamp: Stamp) {
        let sent = seal.sent.saturating_add(seal.held);
        let Some(after) = stamp.at.checked_sub(sent) else {
            return;
        };
        let key = (seal.peer, seal.probe.session);
        if after < LONGEST_WAY_OUT
            && let Some(known) = self.sessions.find(&key, Instant::now())
        {
            known.session.left(Left {
                number: seal.probe.number,
                after: after as u32,
            });
        }
    }

    fn lost(&mut self, seal: &EchoSeal, loss: Loss) {
        let key = (seal.peer, seal.probe.session);
        if let Some(known) = self.sessions.find(&key, Instant::now()) {
            match loss {
                Loss::Emulated => known.session.emulated_loss(seal.carried),
                Loss::Dropped => known.session.dropped(seal.carried),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::measure::native::Answer;
    use proto::measure::{Key, PacketSize, Secret, join, offer};
    use runtime::shutdown::Shutdown;

    use super::*;
    use crate::args::FloodTo;

    const ID: SessionId = SessionId(4711);

    fn measure(exit: WhoMayStop, gate: Gate) -> Measure {
        let floods = Floods::new(FloodTo::Private, None, &Shutdown::new(), &Arc::default());
        Measure::new(exit, gate, "127.0.0.1:8080".parse().unwrap(), floods)
    }

    fn server(exit: WhoMayStop, key: Option<Key>) -> Measure {
        measure(exit, Gate::new(Secret::new([7; 32]), key))
    }

    fn said(server: &mut Measure, from: &str, payload: &[u8]) -> (Verdict<()>, Vec<u8>) {
        let request = Datagram::new(from.parse().unwrap(), payload);
        let mut reply = Vec::new();
        let verdict = match server.answer(&request, Instant::now(), &mut reply) {
            Verdict::Sealed(mut seal) => {
                seal.complete(&mut reply, Instant::now(), Duration::ZERO);
                Verdict::Impaired
            }
            Verdict::Silent => Verdict::Silent,
            Verdict::Reply => Verdict::Reply,
            Verdict::Impaired => Verdict::Impaired,
            Verdict::ReplyAndStop => Verdict::ReplyAndStop,
        };
        (verdict, reply)
    }

    fn calibration(key: Option<&Key>) -> Vec<u8> {
        let (size, offer) = (PacketSize::new(64).unwrap(), Some(offer(ID, key)));
        let mut request = Vec::new();
        Request::Calibrate { size, offer }.encode(&mut request);
        request
    }

    fn credentials(server: &mut Measure, from: &str, key: Option<&Key>) -> Credentials {
        let (_, answer) = said(server, from, &calibration(key));
        match Reply::decode(&answer) {
            Some(Reply::Calibrated(Some(Welcome {
                grant: Some(grant), ..
            }))) => join(ID, key, &grant).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn probe(credentials: &Credentials, number: u64, size: usize) -> Vec<u8> {
        let probe = Probe {
            session: ID,
            number,
            sent: 1,
            wants_left: true,
        };
        let mut packet = Vec::new();
        probe.encode(size, &mut packet);
        credentials.seal(&mut packet);
        packet
    }

    #[test]
    fn a_session_in_both_ways() {
        for key in [None, Some(Key::new(b"0123456789abcdef").unwrap())] {
            let mut server = server(WhoMayStop::Never, key.clone());
            let peer = "192.0.2.7:5000";
            let credentials = credentials(&mut server, peer, key.as_ref());
            let packet = probe(&credentials, 0, 100);
            let (verdict, reply) = said(&mut server, peer, &packet);
            assert_eq!((verdict, reply.len()), (Verdict::Impaired, 100));
            assert!(credentials.accept(&reply));
            let Some(Answer::Echo(echo)) = Answer::decode(&reply) else {
                panic!("no echo");
            };
            assert!(echo.sent >= echo.received && echo.received > 0);
            assert_eq!((echo.number, echo.count), (0, 1));
        }
    }

    #[test]
    fn a_token_opens_nothing_from_another_address_or_after_a_restart() {
        let mut first = server(WhoMayStop::Never, None);
        let credentials = credentials(&mut first, "192.0.2.7:5000", None);
        let packet = probe(&credentials, 7, 1000);
        let mut restarted = measure(WhoMayStop::Never, Gate::new(Secret::new([8; 32]), None));
        let asked = [
            (false, "192.0.2.8:5000"),
            (false, "192.0.2.7:5001"),
            (true, "192.0.2.7:5000"),
        ];
        for (after_restart, from) in asked {
            let server = if after_restart {
                &mut restarted
            } else {
                &mut first
            };
            let (verdict, reply) = said(server, from, &packet);
            assert_eq!(verdict, Verdict::Reply);
            assert!(reply.len() < 64 && server.sessions.is_empty());
            assert!(matches!(Answer::decode(&reply), Some(Answer::Unknown(_))));
        }
    }

    #[test]
    fn a_server_with_a_key_serves_no_one_without_it() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let mut server = server(WhoMayStop::Any, Some(key));
        let peer = "127.0.0.1:5000";
        let (_, answer) = said(&mut server, peer, &calibration(None));
        let refused = Welcome {
            version: Version::OURS,
            grant: Some(Grant::KeyNeeded),
        };
        assert_eq!(
            Reply::decode(&answer),
            Some(Reply::Calibrated(Some(refused)))
        );
        assert_eq!(said(&mut server, peer, b"hello").0, Verdict::Silent);
        assert_eq!(said(&mut server, peer, b"exit").0, Verdict::Reply);
    }

    #[test]
    fn sessions_of_one_client_keep_to_their_own_sizes_and_counts() {
        let mut server = server(WhoMayStop::Never, None);
        let peer = "192.0.2.7:5000";
        let ids = [
            (SessionId(1), 64),
            (SessionId(2), 1400),
            (SessionId(3), 200),
        ];
        let secret = Secret::new([7; 32]);
        for number in 0..3 {
            for (session, size) in ids {
                let probe = Probe {
                    session,
                    number,
                    sent: 1,
                    wants_left: false,
                };
                let mut packet = Vec::new();
                probe.encode(size, &mut packet);
                let token = secret.token(peer.parse().unwrap(), session);
                Credentials::Token(token).seal(&mut packet);
                let (_, reply) = said(&mut server, peer, &packet);
                let Some(Answer::Echo(echo)) = Answer::decode(&reply) else {
                    panic!("no echo");
                };
                assert_eq!((reply.len(), echo.session), (size, session));
                assert_eq!(u64::from(echo.count), number + 1);
            }
        }
        assert_eq!(server.measured.sessions.now(), 3);
    }

    #[test]
    fn sessions_are_forgotten_in_time_and_counted() {
        let mut server = server(WhoMayStop::Never, None);
        let mut packets = Vec::new();
        for port in 5000..6000 {
            let peer = format!("192.0.2.7:{port}");
            let credentials = credentials(&mut server, &peer, None);
            packets.push((peer, probe(&credentials, 0, 64)));
        }
        for (peer, packet) in &packets {
            said(&mut server, peer, packet);
        }
        assert_eq!(server.measured.sessions.now(), 1000);
        assert_eq!(server.measured.native.calibrations.get(), 1000);
        let later = Instant::now() + LIFETIME + Duration::from_secs(60);
        server.tick(later);
        assert_eq!(
            server.measured.sessions.now(),
            1000 - FORGOTTEN_AT_ONCE as u64
        );
        server.tick(later);
        assert!(server.sessions.is_empty());
        assert_eq!(server.measured.sessions.expired.get(), 1000);
    }

    #[test]
    fn a_network_without_end_of_sessions_takes_none_of_another() {
        let mut server = server(WhoMayStop::Never, None);
        let (victim, attacker) = ("192.0.2.7:5000", "198.51.100.7:5000");
        let credentials = credentials(&mut server, victim, None);
        said(&mut server, victim, &probe(&credentials, 0, 64));
        let secret = Secret::new([7; 32]);
        for id in 0..SESSIONS as u64 + 1000 {
            let session = SessionId(id);
            let token = secret.token(attacker.parse().unwrap(), session);
            let mut packet = Vec::new();
            Ask { session }.encode(&mut packet);
            Credentials::Token(token).seal(&mut packet);
            said(&mut server, attacker, &packet);
        }
        assert_eq!(server.sessions.len(), SESSIONS);
        let (_, reply) = said(&mut server, victim, &probe(&credentials, 1, 64));
        let Some(Answer::Echo(echo)) = Answer::decode(&reply) else {
            panic!("no echo");
        };
        assert_eq!(echo.count, 2, "its session is the same");
    }

    #[test]
    fn what_is_wrong_is_counted() {
        let key = Key::new(b"0123456789abcdef");
        let key = key.unwrap();
        let mut server = server(WhoMayStop::Never, Some(key.clone()));
        let peer = "192.0.2.7:5000";
        let credentials = credentials(&mut server, peer, Some(&key));
        let mut packet = probe(&credentials, 0, 64);
        said(&mut server, "192.0.2.8:5000", &packet);
        said(&mut server, peer, &packet);
        packet[12] ^= 1;
        assert_eq!(said(&mut server, peer, &packet).0, Verdict::Silent);
        said(&mut server, peer, b"exit");
        let measured = &server.measured;
        let counts = [
            measured.unknown.get(),
            measured.wrong_proofs.get(),
            measured.exits_refused.get(),
            measured.native.requests.get(),
            measured.classic.requests.get(),
        ];
        assert_eq!(counts, [1, 1, 1, 3, 2]);
    }

    #[test]
    fn nothing_without_a_token_is_answered_with_more() {
        let mut server = server(WhoMayStop::Never, None);
        let short = b"C 64 plumbline/1 session=0123456789abcdef";
        let asks = [calibration(None), short.to_vec()];
        let (_, answer) = said(&mut server, "192.0.2.7:5000", &asks[0]);
        assert!(answer.len() <= asks[0].len());
        let (_, answer) = said(&mut server, "192.0.2.7:5000", &asks[1]);
        assert_eq!(answer, b"Buffer Size Calibrated at Server. plumbline/1");
    }

    #[test]
    fn the_measurement_server_of_the_table() {
        let (loopback, outside) = ("127.0.0.1:5000", "192.0.2.7:5000");
        let calibrated = &b"Buffer Size Calibrated at Server."[..];
        let ours = &b"Buffer Size Calibrated at Server. plumbline/1"[..];
        let stopping = &b"Stopping the Server."[..];
        let refused = &b"Not Stopping the Server."[..];
        let table = [
            (
                WhoMayStop::Loopback,
                loopback,
                "C 64",
                Verdict::Reply,
                calibrated,
            ),
            (
                WhoMayStop::Loopback,
                loopback,
                "C 64 plumbline/9",
                Verdict::Reply,
                ours,
            ),
            (
                WhoMayStop::Loopback,
                loopback,
                "hello",
                Verdict::Impaired,
                b"Packet Acknowledged",
            ),
            (
                WhoMayStop::Loopback,
                loopback,
                "exit",
                Verdict::ReplyAndStop,
                stopping,
            ),
            (
                WhoMayStop::Loopback,
                outside,
                "exit",
                Verdict::Reply,
                refused,
            ),
            (
                WhoMayStop::Any,
                outside,
                "exit",
                Verdict::ReplyAndStop,
                stopping,
            ),
            (WhoMayStop::Never, loopback, "exit", Verdict::Reply, refused),
            (
                WhoMayStop::Loopback,
                loopback,
                "PACKET ACKNOWLEDGED",
                Verdict::Silent,
                b"",
            ),
            (WhoMayStop::Loopback, loopback, "400", Verdict::Silent, b""),
        ];
        for (exit, from, request, verdict, answer) in table {
            let got = said(&mut server(exit, None), from, request.as_bytes());
            assert_eq!(got, (verdict, answer.to_vec()), "{request}");
        }
    }

    #[test]
    fn no_reply_is_much_larger_than_its_request() {
        // With 28 bytes of IPv4 and UDP header on each, as an attacker counts it.
        for request in ["", "C 1", "C 1 plumbline/1", "exit", "x"] {
            let mut server = server(WhoMayStop::Never, None);
            let (_, answer) = said(&mut server, "192.0.2.7:5000", request.as_bytes());
            let ratio = (28 + answer.len()) as f64 / (28 + request.len()) as f64;
            assert!(ratio < 2.0, "{request:?}: {ratio}");
        }
    }
}
