//! Who is let in to a server at all: not a system service, not ourselves, nobody more often than their rate.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::totals::{Totals, add};
use super::{Batch, Datagram};
use crate::limit::{Network, RateLimit, Source};

/// Ports below this belong to system services. A datagram from one is forged, or an answer: it is never answered.
const FIRST_USER_PORT: u16 = 1024;

/// A server is behind when a full batch has waited this long: a queue that many clients fill, each with one request, is
/// shorter.
const BEHIND: Duration = Duration::from_millis(5);

/// How long a thread rests after its socket failed, so that a lasting fault does not keep a core busy.
pub(super) const REST: Duration = Duration::from_millis(10);

/// What one socket lets in.
#[derive(Debug)]
pub(super) struct Admission {
    local: SocketAddr,
    sources: RateLimit<Source>,
    networks: Option<RateLimit<Network>>,
    /// What the socket has dropped so far, modulo 2³².
    dropped: u32,
}

impl Admission {
    /// For a socket that is bound here.
    pub(super) fn new(local: SocketAddr, sources: RateLimit<Source>) -> Self {
        Self {
            local,
            sources,
            networks: None,
            dropped: 0,
        }
    }

    /// The addresses of a network together are limited, too.
    pub(super) fn with_networks(self, networks: RateLimit<Network>) -> Self {
        Self {
            networks: Some(networks),
            ..self
        }
    }

    /// Whether the sender may be answered at all: not on behalf of many either.
    pub(super) fn admits(
        &mut self,
        datagram: &Datagram<'_>,
        now: Instant,
        totals: &Totals,
    ) -> bool {
        self.admitted(datagram, 1, now, totals) == 1
    }

    /// How many of so many datagrams that came together may be answered.
    pub(super) fn admitted(
        &mut self,
        first: &Datagram<'_>,
        wanted: usize,
        now: Instant,
        totals: &Totals,
    ) -> usize {
        if first.to_many || self.is_no_client(first.from, first.to) {
            add(&totals.never_answered, wanted as u64);
            return 0;
        }
        let mut allowed = self.sources.allowed(Source::of(first.from), wanted, now);
        if let Some(networks) = &mut self.networks {
            allowed = networks.allowed(Network::of(first.from), allowed, now);
        }
        if allowed < wanted {
            add(&totals.over_rate, (wanted - allowed) as u64);
        }
        allowed
    }

    fn is_no_client(&self, from: SocketAddr, to: Option<IpAddr>) -> bool {
        let ours = to.unwrap_or(self.local.ip());
        let ourselves = from == SocketAddr::new(ours, self.local.port());
        from.port() < FIRST_USER_PORT || ourselves
    }

    /// Takes note of what the socket had no room for.
    pub(super) fn note_dropped(&mut self, batch: &Batch, totals: &Totals) {
        if let Some(dropped) = batch.dropped() {
            let more = dropped.wrapping_sub(self.dropped);
            self.dropped = dropped;
            add(&totals.dropped, more.into());
        }
    }

    /// Takes note of whether the server keeps up, after a batch.
    pub(super) fn adapt(&mut self, batch: &Batch, now: Instant) {
        let late = || batch.waited().is_some_and(|waited| waited > BEHIND);
        let behind = batch.0.is_full() && late();
        self.sources.adapt(behind, now);
        if let Some(networks) = &mut self.networks {
            networks.adapt(behind, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::limit::Rates;

    const OURS: &str = "192.0.2.1:9000";

    fn admission(per_second: Option<u32>) -> Admission {
        let rates = Rates::of_sources(per_second.and_then(NonZeroU32::new));
        let networks = rates.times(NonZeroU32::new(2).unwrap());
        Admission::new("0.0.0.0:9000".parse().unwrap(), RateLimit::new(rates))
            .with_networks(RateLimit::new(networks))
    }

    fn datagram(from: &str, to_many: bool) -> Datagram<'static> {
        Datagram {
            to: Some(OURS.parse::<SocketAddr>().unwrap().ip()),
            to_many,
            ..Datagram::new(from.parse().unwrap(), b"hello")
        }
    }

    #[test]
    fn a_server_does_not_answer_itself_nor_a_system_service_nor_on_behalf_of_many() {
        let (mut admission, totals, now) = (admission(None), Totals::default(), Instant::now());
        let table = [
            ("192.0.2.7:5000", false, true),
            (OURS, false, false),
            ("192.0.2.7:53", false, false),
            ("192.0.2.7:5000", true, false),
        ];
        for (from, to_many, expected) in table {
            let datagram = datagram(from, to_many);
            assert_eq!(
                admission.admits(&datagram, now, &totals),
                expected,
                "{from}"
            );
        }
        assert_eq!(totals.counts().never_answered, 3);
    }

    #[test]
    fn a_source_has_its_rate_and_its_network_another() {
        let (mut admission, totals, now) =
            (admission(Some(100)), Totals::default(), Instant::now());
        let mut admitted = |from| admission.admitted(&datagram(from, false), 15, now, &totals);
        assert_eq!(admitted("192.0.2.7:5000"), 10, "a tenth of a second's");
        assert_eq!(admitted("192.0.2.7:5001"), 0);
        assert_eq!(admitted("192.0.2.8:5000"), 10);
        assert_eq!(admitted("192.0.2.9:5000"), 0, "the network had its share");
        assert_eq!(admitted("192.0.3.9:5000"), 10);
        assert_eq!(totals.over_rate(), 5 + 15 + 5 + 15 + 5);
    }
}
