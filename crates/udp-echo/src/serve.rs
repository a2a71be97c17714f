//! The two servers: upper-case echo and measurement echo.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::datagram;
use proto::echo::{self, Case, ReturnGuard};
use proto::measure::{self, Version};
use runtime::cli::Exit;
use runtime::impair::Profile;
use runtime::log::Throttle;
use runtime::peers::PeerTable;
use runtime::udp::{Datagram, Policy, Server, Service, Socket, Verdict};
use runtime::units::{Percent, TimeRange};

use crate::args::{Reply, Serve, WhoMayStop};

/// Peers whose returns are counted at once, and how long one is remembered.
const PEERS: usize = 65_536;
const PEER_LIFETIME: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &Serve) -> anyhow::Result<Exit> {
    let default_port = match args.reply {
        Reply::Upper => echo::DEFAULT_PORT,
        Reply::Ack => measure::DEFAULT_PORT,
    };
    let policy = policy(args);
    let server = Server::new(Socket::bind_all(&args.bind, default_port)?, policy);
    let note = note(&policy);
    match args.reply {
        Reply::Upper => {
            let case = if args.ascii {
                Case::Ascii
            } else {
                Case::Unicode
            };
            server.run_until_signal(&note, |_| Upper::new(case))?;
        }
        Reply::Ack => server.run_until_signal(&note, |_| Ack::new(args.exit))?,
    }
    Ok(Exit::Success)
}

/// What the measurement server emulates unless it is told otherwise: loss of one in ten, delays from 0.1 to 500 ms.
pub(crate) fn documented_impairment() -> Profile {
    Profile {
        loss: Percent::new(10.0).unwrap_or_default(),
        delay: TimeRange::new(Duration::from_micros(100), Duration::from_millis(500))
            .unwrap_or_default(),
        ..Profile::default()
    }
}

fn policy(args: &Serve) -> Policy {
    let default = match args.reply {
        Reply::Upper => Profile::default(),
        Reply::Ack => documented_impairment(),
    };
    Policy {
        impairment: Profile {
            loss: args.loss.unwrap_or(default.loss),
            delay: args.delay.unwrap_or(default.delay),
            duplicate: args.duplicate,
            reorder: args.reorder,
        },
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
        rate_limit: args.rate_limit,
    }
}

/// What a user is told of the emulated impairment; nothing where there is none.
fn note(policy: &Policy) -> String {
    let (emulated, seed) = (&policy.impairment, policy.seed);
    if emulated.is_none() {
        return String::new();
    }
    format!("emulating {emulated} (--seed {seed}); --loss 0 --delay 0 turns loss and delay off\n")
}

/// Upper-case echo (`proto::echo`).
#[derive(Debug)]
struct Upper {
    case: Case,
    peers: PeerTable<SocketAddr, ReturnGuard>,
    too_long: Throttle,
    ended: Throttle,
}

impl Upper {
    fn new(case: Case) -> Self {
        Self {
            case,
            peers: PeerTable::new(PEERS, PEER_LIFETIME),
            too_long: Throttle::default(),
            ended: Throttle::default(),
        }
    }
}

impl Service for Upper {
    fn answer(&mut self, request: &Datagram<'_>, now: Instant, reply: &mut Vec<u8>) -> Verdict {
        let peer = request.from;
        let limit = datagram::max_payload(peer);
        let asked = echo::Request::decode(request.payload);
        if let Err(error) = asked.reply(self.case, limit, reply) {
            if self.too_long.admits(now) {
                let unlogged = self.too_long.unlogged();
                tracing::warn!(%peer, %error, unlogged, "not answered");
            }
            return Verdict::Silent;
        }
        // Only a text that is its own upper case can go round: others cost no look-up.
        if request.payload == reply && !self.peers.get(peer, now).admits(reply) {
            tracing::debug!(%peer, "not answered: it returns whatever it is sent");
            return Verdict::Silent;
        }
        if asked.is_quit() && self.ended.admits(now) {
            let unlogged = self.ended.unlogged();
            tracing::info!(%peer, unlogged, "conversation ended");
        }
        Verdict::Impaired
    }
}

/// Measurement echo (`proto::measure`).
#[derive(Debug)]
pub(crate) struct Ack {
    exit: WhoMayStop,
    refused: Throttle,
}

impl Ack {
    pub(crate) fn new(exit: WhoMayStop) -> Self {
        Self {
            exit,
            refused: Throttle::default(),
        }
    }

    fn may_stop(&self, peer: SocketAddr) -> bool {
        match self.exit {
            WhoMayStop::Loopback => peer.ip().is_loopback(),
            WhoMayStop::Any => true,
            WhoMayStop::Never => false,
        }
    }
}

impl Service for Ack {
    fn answer(&mut self, request: &Datagram<'_>, now: Instant, reply: &mut Vec<u8>) -> Verdict {
        let Some(asked) = measure::Request::decode(request.payload) else {
            return Verdict::Silent;
        };
        let peer = request.from;
        let (answer, verdict) = match asked {
            measure::Request::Calibrate { size, offer } => {
                tracing::debug!(%peer, %size, "calibrated");
                let ours = offer.map(|_| Version::OURS);
                (measure::Reply::Calibrated(ours), Verdict::Reply)
            }
            measure::Request::Exit if self.may_stop(peer) => {
                tracing::info!(%peer, "stopping as it asked");
                (measure::Reply::Stopping, Verdict::ReplyAndStop)
            }
            measure::Request::Exit => {
                if self.refused.admits(now) {
                    let unlogged = self.refused.unlogged();
                    tracing::warn!(%peer, unlogged, "exit refused; --exit decides who may stop the server");
                }
                (measure::Reply::NotStopping, Verdict::Reply)
            }
            measure::Request::Probe(_) => (measure::Reply::Acknowledged, Verdict::Impaired),
        };
        answer.encode(reply);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'a>(
        service: &mut impl Service,
        from: &str,
        payload: &[u8],
        reply: &'a mut Vec<u8>,
    ) -> (Verdict, &'a [u8]) {
        reply.clear();
        let request = Datagram {
            from: from.parse().unwrap(),
            to: None,
            to_many: false,
            payload,
        };
        let verdict = service.answer(&request, Instant::now(), reply);
        (verdict, reply)
    }

    #[test]
    fn the_measurement_server_of_the_table() {
        let (loopback, outside) = ("127.0.0.1:5000", "192.0.2.7:5000");
        let calibrated = &b"Buffer Size Calibrated at Server."[..];
        let ours = &b"Buffer Size Calibrated at Server. plumbline/0"[..];
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
            let mut reply = Vec::new();
            let got = said(&mut Ack::new(exit), from, request.as_bytes(), &mut reply);
            assert_eq!(got, (verdict, answer), "{request}");
        }
    }

    #[test]
    fn no_reply_is_much_larger_than_its_request() {
        // With 28 bytes of IPv4 and UDP header on each, as an attacker counts it.
        for request in ["", "C 1", "C 1 plumbline/0", "exit", "x"] {
            let mut reply = Vec::new();
            let mut server = Ack::new(WhoMayStop::Never);
            let (_, answer) = said(
                &mut server,
                "192.0.2.7:5000",
                request.as_bytes(),
                &mut reply,
            );
            let ratio = (28 + answer.len()) as f64 / (28 + request.len()) as f64;
            assert!(ratio < 2.0, "{request:?}: {ratio}");
        }
    }

    #[test]
    fn a_reply_too_long_is_not_sent() {
        let mut server = Upper::new(Case::Unicode);
        let mut reply = Vec::new();
        let grows = "\u{390}".repeat(30_000);
        let (verdict, _) = said(&mut server, "192.0.2.7:5000", grows.as_bytes(), &mut reply);
        assert_eq!(verdict, Verdict::Silent);
    }

    #[test]
    fn an_echo_service_is_not_answered_for_ever() {
        let mut server = Upper::new(Case::Unicode);
        let mut reply = Vec::new();
        let exchanges = (0..10_000).take_while(|_| {
            said(&mut server, "192.0.2.7:7777", b"SPOOFED", &mut reply).0 != Verdict::Silent
        });
        assert!(exchanges.count() < 300);
    }
}
