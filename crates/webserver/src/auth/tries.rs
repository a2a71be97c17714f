//! How often one source may say a password that was not proven before.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use runtime::limit::Source;
use runtime::peers::PeerTable;
use runtime::tcp::Peer;

/// How many tries one may have at once.
const AT_ONCE: u32 = 10;

/// How long it takes until there is one more.
const EACH: Duration = Duration::from_secs(6);

/// How many sources are told apart.
const SOURCES: usize = 16_384;

/// Tries of each source: a token bucket, by the generic cell rate algorithm. A try that was right costs nothing.
#[derive(Debug)]
pub(super) struct Tries {
    sources: PeerTable<Option<Source>, Option<Instant>>,
}

impl Tries {
    pub(super) fn new() -> Self {
        let lifetime = EACH * AT_ONCE;
        Self {
            sources: PeerTable::new(SOURCES, lifetime),
        }
    }

    /// Takes a try; the error is how long it takes until there is one.
    pub(super) fn take(&mut self, peer: Peer, now: Instant) -> Result<(), Duration> {
        let due = self.sources.get(source(peer), now);
        let from = due.unwrap_or(now).max(now);
        let latest = now + EACH * (AT_ONCE - 1);
        if from > latest {
            return Err(from.duration_since(latest));
        }
        *due = Some(from + EACH);
        Ok(())
    }

    /// Gives one back that was right.
    pub(super) fn give_back(&mut self, peer: Peer, now: Instant) {
        if let Some(Some(due)) = self.sources.find(&source(peer), now) {
            *due = due.checked_sub(EACH).unwrap_or(*due);
        }
    }
}

/// An address or, of IPv6, a network, whatever the port; all of this machine's Unix sockets are one.
fn source(peer: Peer) -> Option<Source> {
    match peer {
        Peer::Inet(addr) => Some(Source::of(SocketAddr::new(addr.ip().to_canonical(), 0))),
        Peer::Local => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(addr: &str) -> Peer {
        Peer::Inet(addr.parse().unwrap())
    }

    #[test]
    fn who_guesses_waits_and_the_others_do_not() {
        let start = Instant::now();
        let mut tries = Tries::new();
        for port in 1..=10 {
            let guesser = peer(&format!("127.0.0.1:{port}"));
            assert_eq!(tries.take(guesser, start), Ok(()));
        }
        let guesser = peer("127.0.0.1:11");
        assert_eq!(tries.take(guesser, start), Err(EACH));
        let soon = start + Duration::from_secs(2);
        assert_eq!(tries.take(guesser, soon), Err(Duration::from_secs(4)));
        assert_eq!(
            tries.take(peer("[::ffff:127.0.0.1]:1"), soon),
            Err(Duration::from_secs(4))
        );
        assert_eq!(tries.take(peer("127.0.0.2:1"), soon), Ok(()));
        assert_eq!(tries.take(Peer::Local, soon), Ok(()));
        assert_eq!(tries.take(guesser, start + EACH), Ok(()));
        assert_eq!(tries.take(guesser, start + EACH), Err(EACH));
    }

    #[test]
    fn who_is_right_may_go_on() {
        let start = Instant::now();
        let mut tries = Tries::new();
        for _ in 0..100 {
            assert_eq!(tries.take(Peer::Local, start), Ok(()));
            tries.give_back(Peer::Local, start);
        }
        tries.give_back(peer("192.0.2.1:1"), start);
    }
}
