//! Whom a message is for, as it is typed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use proto::relay::native::Name;
use proto::relay::native::frames::To;
use thiserror::Error;

/// Somebody, or a room: `NAME`, `#ROOM`, `IP/PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipient(pub(crate) To);

/// Text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a name, a #room, or an address such as 192.0.2.7/50123 or [2001:db8::7]/50123")]
pub(crate) struct Nobody;

impl FromStr for Recipient {
    type Err = Nobody;

    fn from_str(text: &str) -> Result<Self, Nobody> {
        let to = match text.strip_prefix('#') {
            Some(room) => To::Room(room.parse().map_err(|_| Nobody)?),
            None if text.contains(['/', ':']) => To::Address(address(text).ok_or(Nobody)?),
            None if text.parse::<IpAddr>().is_ok() => return Err(Nobody), // the port is missing
            None => To::Name(text.parse().map_err(|_| Nobody)?),
        };
        Ok(Self(to))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            To::Name(name) => write!(f, "{name}"),
            To::Room(room) => write!(f, "#{room}"),
            To::Address(addr) => write!(f, "{}", Address(addr)),
        }
    }
}

/// An address as the classic wire writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.ip() {
            IpAddr::V4(ip) => write!(f, "{ip}/{}", self.0.port()),
            IpAddr::V6(ip) => write!(f, "[{ip}]/{}", self.0.port()),
        }
    }
}

/// A room, with or without its `#`.
pub(crate) fn room(text: &str) -> Result<Name, String> {
    let name = text.strip_prefix('#').unwrap_or(text);
    name.parse().map_err(|error| format!("{error}"))
}

fn address(text: &str) -> Option<SocketAddr> {
    let Some((ip, port)) = text.rsplit_once('/') else {
        return text.parse().ok();
    };
    let (ip, port) = (ip.trim(), port.trim());
    let inside = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    let ip = inside.unwrap_or(ip).parse().ok()?;
    Some(SocketAddr::new(
        ip,
        port.parse().ok().filter(|port| *port != 0)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_of_the_table() {
        let table = [
            ("alice", "alice"),
            ("Alice", "alice"),
            ("#Lobby", "#lobby"),
            ("192.0.2.7/50123", "192.0.2.7/50123"),
            ("192.0.2.7:50123", "192.0.2.7/50123"),
            ("[2001:db8::7]/5000", "[2001:db8::7]/5000"),
            ("2001:db8::7/5000", "[2001:db8::7]/5000"),
            ("[2001:db8::7]:5000", "[2001:db8::7]/5000"),
        ];
        for (text, expected) in table {
            let recipient: Recipient = text.parse().unwrap();
            assert_eq!(recipient.to_string(), expected, "{text}");
        }
        for wrong in [
            "",
            "#",
            "a b",
            "192.0.2.7/0",
            "192.0.2.7/x",
            "host/5",
            "-a",
            "a\n",
            "192.0.2.7",
        ] {
            assert_eq!(wrong.parse::<Recipient>(), Err(Nobody), "{wrong}");
        }
    }

    #[test]
    fn a_room_may_have_its_sign() {
        assert_eq!(room("#lobby"), room("Lobby"));
        assert!(room("##lobby").is_err());
    }
}
