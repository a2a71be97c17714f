//! Who the server is and how packets get there, as the command line says it.

use std::net::SocketAddr;

use anyhow::{bail, ensure};
use proto::measure::Key;
use runtime::addr::Target;
use runtime::udp::{Fragments, Options, StampClock};

use crate::args::Reach;
use crate::key;

impl Reach {
    /// The addresses of a target that are of the family that was asked for.
    pub(crate) fn addrs(
        &self,
        target: &Target,
        default_port: u16,
    ) -> anyhow::Result<Vec<SocketAddr>> {
        let wanted = |addr: &SocketAddr| match (self.ipv4, self.ipv6) {
            (true, _) => addr.is_ipv4(),
            (_, true) => addr.is_ipv6(),
            _ => true,
        };
        let addrs = target.resolve(default_port)?.into_iter();
        let addrs: Vec<_> = addrs.filter(wanted).collect();
        ensure!(
            !addrs.is_empty(),
            "the target has no {} address; leave out -{}",
            if self.ipv4 { "IPv4" } else { "IPv6" },
            if self.ipv4 { 4 } else { 6 }
        );
        Ok(addrs)
    }

    /// How a socket to this server is to be.
    pub(crate) fn options(&self, server: SocketAddr, clock: StampClock) -> anyhow::Result<Options> {
        Ok(Options {
            source: self.source(server)?,
            service: self.dscp.map(|point| point << 2),
            ttl: self.ttl,
            fragments: match self.df {
                true => Fragments::Forbidden,
                false => Fragments::Allowed,
            },
            clock,
        })
    }

    fn source(&self, server: SocketAddr) -> anyhow::Result<Option<SocketAddr>> {
        let Some(bind) = self.source else {
            return Ok(None);
        };
        let mut addrs = bind.addrs(0).into_iter();
        match addrs.find(|addr| addr.is_ipv4() == server.is_ipv4()) {
            None => bail!(
                "expected a --source of the address family of {}",
                server.ip()
            ),
            source => Ok(source),
        }
    }

    /// The key that the server has, too.
    pub(crate) fn key(&self) -> anyhow::Result<Option<Key>> {
        self.key_file.as_deref().map(key::read).transpose()
    }
}
