//! Connections that nobody else can read: TLS 1.3 and 1.2 (RFC 8446, RFC 5246), by `rustls`.

mod identity;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs as crypto;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

pub use identity::{Identity, IdentityError};
pub(super) use session::Session;

use super::stream::Stream;

/// How long a peer may take until both sides have their keys.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// What a server has its connections sealed by. Clones share it.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    plainly: &'static [u8],
}

/// What new peers are shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Shows this identity to peers. `protocols` are what is spoken inside, by their names in TLS (RFC 7301): a peer that
    /// names others alone is refused, one that names none is not. `plainly` is said to a peer that begins with letters, as
    /// one does that speaks without TLS, before it is cut off. A peer that comes again takes up where it was by a
    /// ticket, for which nothing is kept here.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(identity: Identity, protocols: &[&str], plainly: &'static [u8]) -> io::Result<Self> {
        let shown = Arc::new(Shown(RwLock::new(identity.into_key())));
        let provider = Arc::new(crypto::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Shown>::clone(&shown);
        let mut config = builder
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|name| (*name).into()).collect();
        config.ticketer = crypto::Ticketer::new().map_err(io::Error::other)?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        let config = Arc::new(config);
        Ok(Self {
            config,
            shown,
            plainly,
        })
    }

    /// Shows another identity to peers that come from now on.
    pub fn show(&self, identity: Identity) {
        let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
        *shown = identity.into_key();
    }

    /// Seals a connection that was accepted now.
    pub(super) fn seal(&self, plain: Stream, now: Instant) -> io::Result<Stream> {
        let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        let session = Session::new(plain, tls, now + HANDSHAKE_TIME, self.plainly);
        Ok(Stream::Tls(Box::new(session)))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(***)")
    }
}
