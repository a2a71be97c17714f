//! Where connections come in: ports, and sockets in the file system.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use mio::{Interest, Registry, Token};

use super::listen::{self, Listener};
#[cfg(unix)]
use super::local::LocalListener;
use super::peer::Peer;
use super::stream::Stream;
use crate::addr::Place;
use crate::bind::BindError;
#[cfg(unix)]
use crate::escape::Escaped;

/// Something that listens.
#[derive(Debug)]
pub enum Entrance {
    /// A port.
    Inet(Listener),
    /// A Unix socket.
    #[cfg(unix)]
    Local(LocalListener),
}

impl From<Listener> for Entrance {
    fn from(listener: Listener) -> Self {
        Self::Inet(listener)
    }
}

impl Entrance {
    /// Binds all of these, or every interface where there are none. Programs of others may connect to a Unix socket as its
    /// `mode` says, such as 0o660.
    ///
    /// # Errors
    /// [`BindError`] for the first that cannot be bound.
    pub fn bind_all(
        places: &[Place],
        default_port: u16,
        mode: u32,
    ) -> Result<Vec<Self>, BindError> {
        let mut entrances = Vec::new();
        if places.is_empty() {
            entrances.extend(inet(Listener::bind_all(&[], default_port)?));
        }
        for place in places {
            match place {
                Place::Inet(bind) => {
                    entrances.extend(inet(Listener::bind_all(&[*bind], default_port)?));
                }
                Place::Local(path) => entrances.push(local(path, mode)?),
            }
        }
        Ok(entrances)
    }

    /// The address of a port, with the number that the system chose.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(listener) => Some(listener.local_addr()),
            #[cfg(unix)]
            Self::Local(_) => None,
        }
    }

    /// Another handle of the same socket: either gives what comes.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Inet(listener) => Self::Inet(listener.try_clone()?),
            #[cfg(unix)]
            Self::Local(listener) => Self::Local(listener.try_clone()?),
        })
    }

    /// The next connection that waits, and whose it is.
    pub(super) fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Inet(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok((Stream::Tcp(stream), Peer::Inet(peer)))
            }
            #[cfg(unix)]
            Self::Local(listener) => Ok((Stream::Local(listener.accept()?), Peer::Local)),
        }
    }

    /// Whether somebody waits to be accepted, where the system tells.
    pub(super) fn is_awaited(&self) -> Option<bool> {
        match self {
            Self::Inet(listener) => listen::is_awaited(&listener.inner),
            #[cfg(unix)]
            Self::Local(listener) => listen::is_awaited(&listener.inner),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE;
        match self {
            Self::Inet(listener) => registry.register(&mut listener.inner, token, interest),
            #[cfg(unix)]
            Self::Local(listener) => registry.register(&mut listener.inner, token, interest),
        }
    }

    /// Has the system hold little of what a peer does not take.
    pub(super) fn hold_little(&self) {
        match self {
            Self::Inet(listener) => listener.hold_little(),
            #[cfg(unix)]
            Self::Local(_) => {}
        }
    }
}

/// What people call it, as a terminal takes it: `127.0.0.1:8000`, `unix:/run/web.sock`.
impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(listener) => listener.local_addr().fmt(f),
            #[cfg(unix)]
            Self::Local(listener) => {
                let path = listener.path().as_os_str();
                write!(f, "unix:{}", Escaped(path.as_encoded_bytes()))
            }
        }
    }
}

fn inet(listeners: Vec<Listener>) -> impl Iterator<Item = Entrance> {
    listeners.into_iter().map(Entrance::Inet)
}

#[cfg(unix)]
fn local(path: &std::path::Path, mode: u32) -> Result<Entrance, BindError> {
    LocalListener::bind(path, mode).map(Entrance::Local)
}

#[cfg(not(unix))]
fn local(path: &std::path::Path, _mode: u32) -> Result<Entrance, BindError> {
    let path = path.to_owned();
    Err(BindError::NoLocal { path })
}
