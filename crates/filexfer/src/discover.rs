//! Finding each other on the local network: DNS service discovery (RFC 6763) over multicast DNS (RFC 6762).
//!
//! Nothing secret is said there, nor what is offered: only that somebody offers something, under the machine's name. What
//! the network says is taken for a hint: whoever answers must prove the key.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent, ServiceInfo};
use runtime::addr::Target;
use runtime::escape::Escaped;
use runtime::host;

const SERVICE: &str = "_filexfer._tcp.local.";

/// How long to look for servers.
const LOOKING: Duration = Duration::from_secs(3);

/// As many servers are told apart; on a network with more one has to be named.
const MOST: usize = 64;

/// Offers this server until it is dropped.
pub(crate) struct Announced(ServiceDaemon);

impl Drop for Announced {
    fn drop(&mut self) {
        // The others are told that it is gone, if there is still a way to.
        if let Ok(ended) = self.0.shutdown() {
            let _ = ended.recv_timeout(Duration::from_secs(1));
        }
    }
}

/// Offers a server that listens there.
pub(crate) fn announce(listening: &[SocketAddr]) -> anyhow::Result<Announced> {
    let addrs = host::reachable(listening);
    let Some(port) = addrs.first().map(SocketAddr::port) else {
        bail!("nothing listens");
    };
    let ips: Vec<_> = addrs.iter().map(SocketAddr::ip).collect();
    let machine = machine(&host::name());
    // Two servers of one machine have a name each: they need not find out that they have the same.
    let name = format!("{machine}:{port}");
    let daemon = daemon()?;
    let host = format!("{}.local.", label(&machine));
    let info = ServiceInfo::new(SERVICE, &name, &host, &ips[..], port, None);
    daemon
        .register(info.context("cannot describe this server for mDNS")?)
        .context("cannot announce this server by mDNS; leave --announce out")?;
    restrict(&daemon, listening, &ips)?;
    Ok(Announced(daemon))
}

/// Where single addresses are listened on nobody else is told of it.
fn restrict(
    daemon: &ServiceDaemon,
    listening: &[SocketAddr],
    ips: &[IpAddr],
) -> anyhow::Result<()> {
    if listening.iter().any(|addr| addr.ip().is_unspecified()) {
        return Ok(());
    }
    daemon.disable_interface(IfKind::All)?;
    for ip in ips {
        daemon.enable_interface(IfKind::Addr(*ip))?;
    }
    Ok(())
}

fn daemon() -> anyhow::Result<ServiceDaemon> {
    ServiceDaemon::new().context("cannot use mDNS on this machine; give an address")
}

/// The machine's name without what has a meaning of its own between labels.
fn machine(name: &str) -> String {
    let name = name.split('.').next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    if name.is_empty() {
        "filexfer".to_owned()
    } else {
        name
    }
}

/// A name as host names have it.
fn label(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.chars().map(plain).collect()
}

/// The one server on the local network that offers itself.
pub(crate) fn find() -> anyhow::Result<Target> {
    let daemon = daemon()?;
    let events = daemon
        .browse(SERVICE)
        .context("cannot look for servers by mDNS; give an address")?;
    let found = look(&events, Instant::now() + LOOKING);
    // It has its own thread, which need not be waited for.
    let _ = daemon.shutdown();
    choose(&found)
}

/// All that answer in this time, by their names.
fn look(events: &Receiver<ServiceEvent>, deadline: Instant) -> Found {
    let mut found = Found::new();
    while let Ok(event) = events.recv_deadline(deadline) {
        if let ServiceEvent::ServiceResolved(info) = event
            && found.len() < MOST
        {
            let addrs = info.get_addresses().iter();
            let addrs = addrs.filter(|ip| !is_link_local(ip));
            let addrs = addrs.map(|ip| SocketAddr::new(*ip, info.get_port()));
            found
                .entry(info.get_fullname().to_owned())
                .or_default()
                .extend(addrs.take(MOST));
        }
    }
    found
}

type Found = BTreeMap<String, std::collections::BTreeSet<SocketAddr>>;

/// An IPv6 address that needs the name of a network card, which is not told.
fn is_link_local(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

fn choose(found: &Found) -> anyhow::Result<Target> {
    let mut servers = found.iter().filter_map(|(name, addrs)| {
        let first = addrs.iter().next()?;
        Some((shown(name), *first))
    });
    let Some((name, addr)) = servers.next() else {
        bail!(
            "expected a server on the local network that offers itself (filexfer serve --announce), found none within {} s; give an address",
            LOOKING.as_secs()
        );
    };
    let others: Vec<_> = servers.collect();
    if others.is_empty() {
        tracing::info!("found {name} at {addr}");
        return Ok(addr.to_string().parse()?);
    }
    let all = [(name, addr)].into_iter().chain(others);
    let all = all.map(|(name, addr)| format!("{addr} ({name})"));
    bail!(
        "expected one server on the local network that offers itself, found several; give one of their addresses: {}",
        all.collect::<Vec<_>>().join(", ")
    )
}

fn shown(name: &str) -> String {
    let name = name.strip_suffix(SERVICE).unwrap_or(name);
    Escaped(name.trim_end_matches('.').as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(servers: Servers<'_>) -> Found {
        let servers = servers.iter().map(|(name, addrs)| {
            let addrs = addrs.iter().map(|addr| addr.parse().unwrap());
            (format!("{name}.{SERVICE}"), addrs.collect())
        });
        servers.collect()
    }

    /// Names, and the addresses of each.
    type Servers<'a> = &'a [(&'a str, &'a [&'a str])];

    #[test]
    fn only_a_server_that_is_alone_is_taken() {
        let one = found(&[("plum", &["[2001:db8::7]:9090", "192.0.2.7:9090"])]);
        assert_eq!(choose(&one).unwrap().to_string(), "192.0.2.7:9090");
        let table: &[(Servers<'_>, &str)] = &[
            (&[], "found none"),
            (&[("mute", &[])], "found none"),
            (
                &[("a", &["192.0.2.7:1"]), ("b\x1b[2J", &["192.0.2.8:2"])],
                "192.0.2.7:1 (a), 192.0.2.8:2 (b\\u{1b}[2J)",
            ),
        ];
        for (servers, words) in table {
            let error = choose(&found(servers)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn names_of_machines() {
        let table = [
            ("plum.example.org", "plum", "plum"),
            ("Küche", "Küche", "K-che"),
            ("", "filexfer", "filexfer"),
        ];
        for (host, name, host_name) in table {
            assert_eq!(machine(host), name);
            assert_eq!(label(name), host_name);
        }
    }
}
