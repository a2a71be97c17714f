//! Addresses as people write them: `host`, `host:port`, `[v6]:port`, a bare `v6`, and for sockets of our own `:port`.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Why text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddrError {
    /// Nothing stands where a host is needed.
    #[error("expected a host such as 192.0.2.7, [2001:db8::7] or example.org, got '{0}'")]
    NoHost(String),
    /// What follows the last colon is no port.
    #[error("expected a port from 0 to 65535 after the colon, got '{0}'")]
    BadPort(String),
    /// A bracket without its partner, or without an IPv6 address in it.
    #[error("expected an IPv6 address in brackets such as [2001:db8::7]:8080, got '{0}'")]
    BadBrackets(String),
    /// A Unix socket without a path.
    #[error("expected a path after unix:, such as unix:/run/web.sock")]
    NoPath,
}

/// A name did not resolve.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The resolver's own words.
    #[error("cannot resolve '{host}': {reason}; check the spelling, or give an IP address")]
    Failed {
        /// What was looked up.
        host: String,
        /// What the resolver said.
        reason: io::Error,
    },
    /// The resolver knows the name and has no address for it.
    #[error("cannot resolve '{host}': it has no address; give an IP address")]
    NoAddress {
        /// What was looked up.
        host: String,
    },
}

/// The other side of a connection: a host and, if given, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: Option<u16>,
}

impl Target {
    /// The addresses of the host in the resolver's order, at least one, with its port or else `default_port`.
    ///
    /// # Errors
    /// [`ResolveError`] when the name does not resolve. This blocks for as long as the system's resolver does.
    pub fn resolve(&self, default_port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        let host = self.host.clone();
        let port = self.port.unwrap_or(default_port);
        match (self.host.as_str(), port).to_socket_addrs() {
            Err(reason) => Err(ResolveError::Failed { host, reason }),
            Ok(found) => match found.collect::<Vec<_>>() {
                none if none.is_empty() => Err(ResolveError::NoAddress { host }),
                found => Ok(found),
            },
        }
    }
}

impl Target {
    /// The same with this port, where none was given.
    pub fn or_port(&self, default_port: u16) -> Self {
        Self {
            host: self.host.clone(),
            port: self.port.or(Some(default_port)),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        let host = match addr {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            addr => addr.ip().to_string(),
        };
        Self {
            host,
            port: Some(addr.port()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_v6 = self.host.contains(':');
        match (is_v6, self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (_, None) => f.write_str(&self.host),
        }
    }
}

impl FromStr for Target {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (host, port) = split(text)?;
        let is_name = host
            .chars()
            .all(|c| c.is_alphanumeric() || "-._:%".contains(c));
        if host.is_empty() || !is_name {
            return Err(AddrError::NoHost(text.to_owned()));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Where to listen: an address and a port, either of which may be left open.
///
/// `192.0.2.7`, `192.0.2.7:8080`, `[::1]:8080`, `::1`, `:8080` and `8080` (every interface). Port 0 lets the system
/// choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Bind {
    /// The addresses to bind: one, or every interface over IPv6 and IPv4 where none was named.
    pub fn addrs(self, default_port: u16) -> Vec<SocketAddr> {
        let port = self.port.unwrap_or(default_port);
        let every = [
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::from(Ipv6Addr::UNSPECIFIED),
        ];
        let ips = self.ip.map_or_else(|| every.to_vec(), |ip| vec![ip]);
        ips.into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect()
    }

    /// Whether no address was named, so that a machine without one family is no reason to fail.
    pub fn is_every_interface(self) -> bool {
        self.ip.is_none()
    }
}

impl FromStr for Bind {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (host, port) = match text.parse::<u16>() {
            Ok(port) => ("", Some(port)),
            Err(_) => split(text)?,
        };
        let ip = match host {
            "" if port.is_some() => None,
            host => Some(
                host.parse()
                    .map_err(|_| AddrError::NoHost(text.to_owned()))?,
            ),
        };
        Ok(Self { ip, port })
    }
}

/// Where to listen: at a port, or at a path of this machine (`unix:/run/web.sock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A port.
    Inet(Bind),
    /// A Unix socket.
    Local(PathBuf),
}

impl FromStr for Place {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(AddrError::NoPath),
            Some(path) => Ok(Self::Local(path.into())),
            None => text.parse().map(Self::Inet),
        }
    }
}

fn split(text: &str) -> Result<(&str, Option<u16>), AddrError> {
    if let Some(rest) = text.strip_prefix('[') {
        let bad = || AddrError::BadBrackets(text.to_owned());
        let (host, port) = rest.split_once(']').ok_or_else(bad)?;
        if !is_v6(host) {
            return Err(bad());
        }
        return match port.strip_prefix(':') {
            Some(digits) => Ok((host, Some(port_number(digits)?))),
            None if port.is_empty() => Ok((host, None)),
            None => Err(bad()),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, rest)) if rest.contains(':') => match is_v6(text) {
            true => Ok((text, None)),
            false => Err(AddrError::BadBrackets(text.to_owned())),
        },
        Some((host, digits)) => Ok((host, Some(port_number(digits)?))),
    }
}

/// Whether this is an IPv6 address, with or without the zone that a link-local one needs (RFC 4007, section 11).
fn is_v6(host: &str) -> bool {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn port_number(digits: &str) -> Result<u16, AddrError> {
    let bad = || AddrError::BadPort(digits.to_owned());
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    digits.parse().map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_target() {
        for text in ["192.0.2.7:80", "[2001:db8::1]:80"] {
            let addr: SocketAddr = text.parse().unwrap();
            let target = Target::from(addr);
            assert_eq!(target, text.parse().unwrap());
            assert_eq!(target.resolve(1).unwrap(), [addr]);
        }
    }

    #[test]
    fn targets_of_the_table() {
        let table = [
            ("example.org", "example.org", None),
            ("example.org:80", "example.org", Some(80)),
            ("192.0.2.7:0", "192.0.2.7", Some(0)),
            ("[2001:db8::7]:8080", "2001:db8::7", Some(8080)),
            ("[2001:db8::7]", "2001:db8::7", None),
            ("2001:db8::7", "2001:db8::7", None),
            ("::1", "::1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[fe80::1%2]:80", "fe80::1%2", Some(80)),
            ("bücher.example", "bücher.example", None),
        ];
        for (text, host, port) in table {
            let host = host.to_owned();
            assert_eq!(text.parse(), Ok(Target { host, port }), "{text}");
        }
    }

    #[test]
    fn places_of_the_table() {
        let table = [
            (":80", Some(Place::Inet(":80".parse().unwrap()))),
            ("unix:/run/s", Some(Place::Local("/run/s".into()))),
            ("unix:s:1", Some(Place::Local("s:1".into()))),
            ("unix:", None),
            ("unix", None),
        ];
        for (text, place) in table {
            assert_eq!(text.parse().ok(), place, "{text}");
        }
    }

    #[test]
    fn what_is_no_target() {
        for text in [
            "",
            ":80",
            "host:",
            "host:65536",
            "host:-1",
            "host:+1",
            "host:http",
            "[::1",
            "[::1]80",
            "[host]:80",
            "1:2:3",
            "a b",
            "host\n",
            "udp://host",
            "[::1]:",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text:?} was taken");
        }
        assert_eq!(
            "host:".parse::<Target>(),
            Err(AddrError::BadPort(String::new()))
        );
    }

    #[test]
    fn binds_of_the_table() {
        let table = [
            ("8091", "0.0.0.0:8091 [::]:8091"),
            (":8091", "0.0.0.0:8091 [::]:8091"),
            ("127.0.0.1", "127.0.0.1:7"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9", "[::1]:9"),
            ("::", "[::]:7"),
        ];
        for (text, expected) in table {
            let addrs = text.parse::<Bind>().unwrap().addrs(7);
            let shown: Vec<_> = addrs.iter().map(SocketAddr::to_string).collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
        for text in ["", "localhost", "70000", "1.2.3:5", ":"] {
            assert!(text.parse::<Bind>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_port_is_added_where_none_was_given() {
        let table = [
            ("example.org", "example.org:9"),
            ("::1", "[::1]:9"),
            ("a:1", "a:1"),
        ];
        for (text, expected) in table {
            assert_eq!(
                text.parse::<Target>().unwrap().or_port(9).to_string(),
                expected
            );
        }
    }

    #[test]
    fn a_target_is_shown_as_it_is_written() {
        for text in ["example.org", "example.org:80", "[::1]:80", "::1"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }
}
