//! The upper-case echo (`proto::echo`).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::datagram;
use proto::echo::{self, Case, ReturnGuard};
use runtime::log::Throttle;
use runtime::peers::PeerTable;
use runtime::udp::{Datagram, Service, Verdict};

/// Peers whose returns are counted at once, and how long one is remembered.
const PEERS: usize = 65_536;
const PEER_LIFETIME: Duration = Duration::from_secs(60);

/// One socket's.
#[derive(Debug)]
pub(super) struct Upper {
    case: Case,
    peers: PeerTable<SocketAddr, ReturnGuard>,
    too_long: Throttle,
    ended: Throttle,
}

impl Upper {
    pub(super) fn new(case: Case) -> Self {
        Self {
            case,
            peers: PeerTable::new(PEERS, PEER_LIFETIME),
            too_long: Throttle::default(),
            ended: Throttle::default(),
        }
    }
}

impl Service for Upper {
    type Seal = ();

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

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(service: &mut Upper, payload: &[u8], reply: &mut Vec<u8>) -> Verdict {
        reply.clear();
        let request = Datagram::new("192.0.2.7:7777".parse().unwrap(), payload);
        service.answer(&request, Instant::now(), reply)
    }

    #[test]
    fn a_reply_too_long_is_not_sent() {
        let mut server = Upper::new(Case::Unicode);
        let mut reply = Vec::new();
        let grows = "\u{390}".repeat(30_000);
        assert_eq!(
            verdict(&mut server, grows.as_bytes(), &mut reply),
            Verdict::Silent
        );
    }

    #[test]
    fn an_echo_service_is_not_answered_for_ever() {
        let mut server = Upper::new(Case::Unicode);
        let mut reply = Vec::new();
        let exchanges = (0..10_000)
            .take_while(|_| verdict(&mut server, b"SPOOFED", &mut reply) != Verdict::Silent);
        assert!(exchanges.count() < 300);
    }
}
