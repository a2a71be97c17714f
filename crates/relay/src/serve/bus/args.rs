//! The options of the bus, as they are typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use proto::relay::native::Name;

/// How other relays are reached.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// NATS server that joins this relay with others to one community, such as nats://192.0.2.7:4222 or
    /// tls://user:password@nats.example.net (repeatable: any of one cluster will do)
    /// [default: this relay is alone]
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        conflicts_with = "store"
    )]
    pub(crate) nats: Vec<Url>,
    /// File with the credentials that NATS wants (.creds)
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub(crate) nats_creds: Option<PathBuf>,
    /// Copies of mail and names that NATS keeps, on as many of its servers
    #[arg(long, value_name = "N", default_value = "1", requires = "nats")]
    pub(crate) nats_replicas: NonZeroUsize,
    /// Name of the community: relays with another one on the same NATS have nothing to do with this one
    #[arg(
        long,
        value_name = "NAME",
        default_value = "plumbline",
        requires = "nats"
    )]
    pub(crate) community: Name,
    /// What this relay is called in `relay status` [default: this machine's name and the port]
    #[arg(long, value_name = "TEXT", requires = "nats")]
    pub(crate) label: Option<String>,
}

/// The address of a NATS server. What it says of users and passwords is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// The address without them.
    pub(super) addr: async_nats::ServerAddr,
    /// Who asks.
    pub(super) login: Option<Login>,
}

/// Who asks a NATS server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// Whoever has this token.
    Token(String),
    /// This user, with this password.
    User(String, String),
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.addr.host();
        let (open, close) = if host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        let (scheme, port) = (self.addr.scheme(), self.addr.port());
        write!(f, "{scheme}://{open}{host}{close}:{port}")
    }
}

/// Text that is no address of a NATS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the address of a NATS server, such as nats://192.0.2.7:4222 or tls://nats.example.net"
)]
pub(crate) struct NotAUrl;

impl std::str::FromStr for Url {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if !["nats", "tls"].contains(&scheme) || host.is_empty() || !["", "/"].contains(&path) {
            return Err(NotAUrl);
        }
        let login = user.map(login).transpose()?;
        let addr: async_nats::ServerAddr =
            format!("{scheme}://{host}").parse().map_err(|_| NotAUrl)?;
        match addr.host() {
            "" => Err(NotAUrl),
            _ => Ok(Self { addr, login }),
        }
    }
}

fn login(text: &str) -> Result<Login, NotAUrl> {
    Ok(match text.split_once(':') {
        None => Login::Token(plain(text)?),
        Some((user, password)) => Login::User(plain(user)?, plain(password)?),
    })
}

/// Text in which bytes may be written as `%` and two hexadecimal digits (RFC 3986, 2.1).
fn plain(text: &str) -> Result<String, NotAUrl> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [one, other, after @ ..] = after else {
            return Err(NotAUrl);
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(NotAUrl);
        bytes.push((digit(*one)? << 4 | digit(*other)?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| NotAUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let user = |name: &str, password: &str| Some(Login::User(name.into(), password.into()));
        let table = [
            ("192.0.2.7", "nats://192.0.2.7:4222", None),
            ("nats://[::1]:4333/", "nats://[::1]:4333", None),
            ("tls://n.example", "tls://n.example:4222", None),
            ("nats://u:p%40:w@h:1", "nats://h:1", user("u", "p@:w")),
            (
                "nats://s3cret@h",
                "nats://h:4222",
                Some(Login::Token("s3cret".into())),
            ),
        ];
        for (text, shown, login) in table {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(format!("{url:?}"), shown, "{text}");
            assert!(url.login == login, "{text}");
        }
        for text in [
            "",
            "http://h",
            "nats://",
            "nats://h:x",
            "nats://%zz@h",
            "nats://h/x",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
