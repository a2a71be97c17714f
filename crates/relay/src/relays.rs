//! Which relays are meant, as they are typed: one, or several that serve one community.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use proto::relay::DEFAULT_PORT;
use runtime::addr::{AddrError, ResolveError, Target};

/// Relays in the order in which they are tried: `a.example,b.example:9001`. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relays(Vec<Target>);

/// An address of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The place of the relay among all.
    pub(crate) relay: usize,
    pub(crate) addr: SocketAddr,
}

impl Relays {
    pub(crate) fn all(&self) -> &[Target] {
        &self.0
    }

    pub(crate) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// All addresses of all relays. Of several, those whose names do not resolve are left out.
    pub(crate) fn resolve(&self) -> Result<Vec<Way>, ResolveError> {
        let mut ways = Vec::new();
        let mut failed = None;
        for (relay, target) in self.0.iter().enumerate() {
            match target.resolve(DEFAULT_PORT) {
                Ok(addrs) => ways.extend(addrs.into_iter().map(|addr| Way { relay, addr })),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if ways.is_empty() => Err(error),
            Some(error) => {
                tracing::warn!("a relay is left out: {error}");
                Ok(ways)
            }
            None => Ok(ways),
        }
    }

    /// Each with its port: what keys are kept for.
    pub(crate) fn with_ports(&self) -> Vec<String> {
        let with_port = |target: &Target| target.or_port(DEFAULT_PORT).to_string();
        self.0.iter().map(with_port).collect()
    }
}

impl FromStr for Relays {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let relays = text.split(',').map(|relay| relay.trim().parse());
        relays.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, relay) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{relay}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_of_the_table() {
        let table = [
            ("a.example", "a.example", 1),
            ("a.example, b.example:9001", "a.example,b.example:9001", 2),
            ("[::1]:9001,127.0.0.1", "[::1]:9001,127.0.0.1", 2),
            ("::1,a", "::1,a", 2),
        ];
        for (text, shown, number) in table {
            let relays: Relays = text.parse().unwrap();
            assert_eq!(
                (relays.to_string().as_str(), relays.all().len()),
                (shown, number)
            );
        }
        for wrong in ["", ",", "a,", "a,,b", "a b", "a:x"] {
            assert!(wrong.parse::<Relays>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_way_knows_its_relay() {
        let relays: Relays = "127.0.0.1:1,[::1]".parse().unwrap();
        let ways = relays.resolve().unwrap();
        let shown: Vec<_> = ways
            .iter()
            .map(|way| (way.relay, way.addr.to_string()))
            .collect();
        assert_eq!(
            shown,
            [(0, "127.0.0.1:1".to_owned()), (1, "[::1]:9000".to_owned())]
        );
        assert_eq!(relays.with_ports(), ["127.0.0.1:1", "[::1]:9000"]);
    }
}
