//! Whom the classic wire may write to: a relay for strangers is no reflector and no way into a network.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Settings;

/// Whom the classic wire may write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Addresses that have registered with this relay in the last 300 s.
    #[default]
    Registered,
    /// Any that the sender could have written to itself, as far as a relay can know: no unspecified, multicast, broadcast
    /// or reserved address, none of the relay's own, and loopback, link-local and private ones only for senders from
    /// such.
    Any,
}

/// From how far an address is reached: those of a scope write to their own and to wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Loopback,
    Link,
    Private,
    Global,
}

/// Whether a free relay writes to this address for this sender.
pub(super) fn may_write(settings: &Settings, from: SocketAddr, to: SocketAddr) -> bool {
    let from = from.ip().to_canonical();
    let Some(reached) = reached(to.ip()).filter(is_host) else {
        return false;
    };
    let is_ours = is_own(settings, to.ip()) || is_own(settings, reached);
    if is_ours && !(from.is_loopback() || is_own(settings, from)) {
        return false;
    }
    to.port() != 0 && !is_relay(settings, reached, to.port()) && scope(from) <= scope(reached)
}

/// Whether somebody can be at this address: it is one of a host, and not the relay itself.
pub(super) fn may_register(settings: &Settings, addr: SocketAddr) -> bool {
    let ip = addr.ip().to_canonical();
    addr.port() != 0 && is_host(&ip) && !is_relay(settings, ip, addr.port())
}

fn is_relay(settings: &Settings, ip: IpAddr, port: u16) -> bool {
    settings.ports.contains(&port) && (ip.is_loopback() || is_own(settings, ip))
}

fn is_own(settings: &Settings, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    settings.own.iter().any(|own| own.to_canonical() == ip)
}

/// Where a datagram to this address ends: an IPv4 address where the IPv6 one only carries it. `None` is an address of a
/// transition to IPv6 that is over, by which a packet could end anywhere: RFC 4291 section 2.5.5.1 (compatible), RFC 2765
/// (translated), RFC 4380 (Teredo), RFC 5214 (ISATAP), RFC 8215 (whose prefix each network divides in its own way).
fn reached(ip: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = ip.to_canonical() else {
        return Some(ip.to_canonical());
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(IpAddr::V6(v6)),
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => None,
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(carried(high, low)) // NAT64 (RFC 6052) and 6to4 (RFC 3056)
        }
        [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [.., 0 | 0x200, 0x5efe, _, _] => None,
        _ => Some(IpAddr::V6(v6)),
    }
}

fn carried(high: u16, low: u16) -> IpAddr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into()
}

/// Not unspecified, multicast, broadcast or reserved.
fn is_host(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => (1..224).contains(&ip.octets()[0]),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_v4(ip),
        IpAddr::V6(ip) => scope_v6(ip),
    }
}

/// Private: RFC 1918, RFC 6598 (behind a carrier's NAT), RFC 6890 (192.0.0.0/24), RFC 2544 (benchmarks).
fn scope_v4(ip: Ipv4Addr) -> Scope {
    match ip.octets() {
        [127, ..] => Scope::Loopback,
        [169, 254, ..] => Scope::Link,
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0, _]
        | [198, 18..=19, ..] => Scope::Private,
        _ => Scope::Global,
    }
}

/// Private: RFC 4193, and the site-local addresses before it.
fn scope_v6(ip: Ipv6Addr) -> Scope {
    match ip.segments()[0] {
        _ if ip.is_loopback() => Scope::Loopback,
        0xfe80..=0xfebf => Scope::Link,
        0xfc00..=0xfdff | 0xfec0..=0xfeff => Scope::Private,
        _ => Scope::Global,
    }
}
