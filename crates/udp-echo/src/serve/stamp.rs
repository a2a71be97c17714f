//! The reflector of STAMP and TWAMP Light (`proto::stamp`), beside either server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use proto::stamp::{self, Arrived, DEFAULT_PORT, ErrorEstimate, Incoming, Mode, NoRequest};
use proto::stamp::{Session, Timestamp};
use runtime::log::Throttle;
use runtime::peers::PeerTable;
use runtime::timing;
use runtime::udp::{BindError, Datagram, Policy, Seal, Server, Service, Socket, Totals, Verdict};

use super::companions::Companions;
use crate::args::Serve;
use crate::key;

/// Sessions whose replies are counted at once, and for how long after their last packet.
const SESSIONS: usize = 65_536;
const LIFETIME: Duration = Duration::from_mins(15);

/// A reflector that is ready to run.
pub(super) struct Reflecting {
    server: Server,
    mode: Arc<Mode>,
}

impl Reflecting {
    /// A line for each address that it listens on.
    pub(super) fn announcement(&self) -> String {
        let line = |addr| format!("listening on stamp://{addr}\n");
        self.server.local_addrs().iter().map(line).collect()
    }

    pub(super) fn totals(&self) -> Arc<Totals> {
        self.server.totals()
    }

    /// Reflects until the server ends, and logs what it has done.
    pub(super) fn start(self, companions: &mut Companions) -> io::Result<()> {
        let Self { server, mode } = self;
        companions.start("reflector", move |shutdown| {
            let totals = server.totals();
            server.run(shutdown, |_| Reflector::new(Arc::clone(&mode)))?;
            tracing::info!("reflector stopped: {totals}");
            Ok(())
        })
    }
}

/// Binds a reflector where the command line asks for one.
pub(super) fn bind(args: &Serve) -> anyhow::Result<Option<Reflecting>> {
    if args.stamp.is_empty() {
        return Ok(None);
    }
    let mode = Arc::new(key::mode(&args.stamp_key)?);
    let sockets = Socket::bind_all(&args.stamp, DEFAULT_PORT).map_err(explain)?;
    let told = |socket: Socket| socket.stamped_by_kernel()?.telling_ttl();
    let sockets = sockets.into_iter().map(told).collect::<io::Result<_>>()?;
    let policy = Policy {
        rate_limit: args.rate_limit,
        spin: args.spin,
        ..Policy::default()
    };
    let server = Server::new(sockets, policy);
    Ok(Some(Reflecting { server, mode }))
}

/// Names the option that is the cure here.
fn explain(error: BindError) -> anyhow::Error {
    match error {
        BindError::NotPermitted { addr, .. } => anyhow!(
            "cannot reflect on udp://{addr}: not permitted; ports below 1024 take the capability CAP_NET_BIND_SERVICE: run the server with it, or choose a port from 1024 up with --stamp, such as --stamp :8862, and give it to the senders"
        ),
        BindError::InUse { addr, .. } => anyhow!(
            "cannot reflect on udp://{addr}: the address is in use; stop the program that has it, or choose another port with --stamp"
        ),
        BindError::NotOurs { addr, .. } => anyhow!(
            "cannot reflect on udp://{addr}: this machine has no such address; choose one of its own with --stamp"
        ),
        failed => failed.into(),
    }
}

/// One socket's.
struct Reflector {
    mode: Arc<Mode>,
    sessions: PeerTable<(SocketAddr, u16), Session>,
    refused: Throttle,
}

/// What is left to be done to a reply when it is sent.
#[derive(Clone)]
struct ReplySeal(Arc<Mode>);

impl Seal for ReplySeal {
    fn complete(&mut self, reply: &mut [u8], _: Instant, _: Duration) {
        let now = Timestamp::of_unix(timing::unix_nanos(), ErrorEstimate::OURS.format());
        stamp::complete(reply, now, &self.0);
    }

    fn wants_stamp(&self) -> bool {
        false
    }
}

impl Reflector {
    fn new(mode: Arc<Mode>) -> Self {
        Self {
            mode,
            sessions: PeerTable::new(SESSIONS, LIFETIME),
            refused: Throttle::default(),
        }
    }

    fn refuse(&mut self, peer: SocketAddr, error: &NoRequest, now: Instant) {
        if *error == NoRequest::Answer {
            tracing::debug!(%peer, "not reflected: it is an answer");
        } else if self.refused.admits(now) {
            let unlogged = self.refused.unlogged();
            tracing::warn!(%peer, %error, unlogged, "not reflected");
        }
    }
}

impl Service for Reflector {
    type Seal = ReplySeal;

    fn answer(
        &mut self,
        request: &Datagram<'_>,
        now: Instant,
        reply: &mut Vec<u8>,
    ) -> Verdict<ReplySeal> {
        let (peer, packet) = (request.from, request.payload);
        let incoming = match Incoming::decode(packet, &self.mode) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.refuse(peer, &error, now);
                return Verdict::Silent;
            }
        };
        let arrived = Arrived {
            at: (request.came()).map_or_else(timing::unix_nanos, |came| came.at),
            ttl: request.ttl(),
        };
        let session = self.sessions.get((peer, incoming.request.ssid), now);
        let Some(said) = session.reflect(&incoming, arrived) else {
            self.refuse(peer, &NoRequest::Answer, now);
            return Verdict::Silent;
        };
        said.encode(packet, &self.mode, reply);
        Verdict::Sealed(ReplySeal(Arc::clone(&self.mode)))
    }
}

#[cfg(test)]
mod tests {
    use proto::stamp::{Reply, Sender};

    use super::*;

    fn said(reflector: &mut Reflector, from: &str, packet: &[u8]) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        let request = Datagram::new(from.parse().unwrap(), packet);
        match reflector.answer(&request, Instant::now(), &mut reply) {
            Verdict::Sealed(mut seal) => {
                seal.complete(&mut reply, Instant::now(), Duration::ZERO);
                Some(reply)
            }
            _ => None,
        }
    }

    fn packet(ssid: u16, number: u32) -> Vec<u8> {
        let mut packet = Vec::new();
        let request = Sender::new(ssid).request(number, timing::unix_nanos());
        request.encode(0, &Mode::Open, &mut packet);
        packet
    }

    #[test]
    fn each_session_is_counted_on_its_own() {
        let mut reflector = Reflector::new(Arc::new(Mode::Open));
        let (one, other) = ("192.0.2.7:5000", "192.0.2.7:5001");
        let table = [
            (one, 1, 7, 0),
            (one, 1, 9, 1),
            (one, 2, 9, 0),
            (other, 1, 9, 0),
            (one, 1, 11, 2),
        ];
        for (from, ssid, number, count) in table {
            let answer = said(&mut reflector, from, &packet(ssid, number)).unwrap();
            let reply = Reply::decode(&answer, &Mode::Open).unwrap();
            assert_eq!((reply.asked.ssid, reply.asked.sequence), (ssid, number));
            assert_eq!((reply.sequence, reply.ttl), (count, 255), "{from} {ssid}");
            let format = reply.error.format();
            let [received, sent] = [reply.received, reply.sent].map(|time| time.unix_nanos(format));
            assert!(reply.asked.sent.unix_nanos(format) <= received && received <= sent);
        }
    }

    #[test]
    fn what_is_no_request_gets_nothing() {
        let mut reflector = Reflector::new(Arc::new(Mode::Open));
        let from = "192.0.2.7:5000";
        let answer = said(&mut reflector, from, &packet(1, 0)).unwrap();
        let text = b"Buffer Size Calibrated at Server. plumbline/1";
        for packet in [&answer[..], text, b"", &packet(1, 0)[..40]] {
            assert_eq!(said(&mut reflector, from, packet), None);
        }
    }
}
