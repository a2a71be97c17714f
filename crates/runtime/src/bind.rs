//! Sockets of any kind, bound as people ask for them.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
#[cfg(not(unix))]
use std::path::PathBuf;

use thiserror::Error;

use crate::addr::Bind;
#[cfg(unix)]
use crate::escape::Escaped;

/// Why no socket listens.
#[derive(Debug, Error)]
pub enum BindError {
    /// The port has an owner.
    #[error(
        "cannot listen on {scheme}://{addr}: the address is in use; stop the program that has it, or choose another port with --bind"
    )]
    InUse {
        /// What speaks there, `tcp` or `udp`.
        scheme: &'static str,
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// A port below 1024, usually.
    #[error(
        "cannot listen on {scheme}://{addr}: not permitted; choose a port from 1024 up with --bind"
    )]
    NotPermitted {
        /// What speaks there, `tcp` or `udp`.
        scheme: &'static str,
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// The address is another machine's.
    #[error(
        "cannot listen on {scheme}://{addr}: this machine has no such address; choose one of its own with --bind"
    )]
    NotOurs {
        /// What speaks there, `tcp` or `udp`.
        scheme: &'static str,
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// A Unix socket.
    #[error("cannot listen on unix:{path}: {reason}")]
    Local {
        /// Where it was to be, as a terminal takes it.
        path: String,
        /// What is wrong, and the cure where it is known.
        reason: String,
    },
    /// A Unix socket where there are none.
    #[cfg(not(unix))]
    #[error("cannot listen on unix:{}: this system has no Unix sockets; give a port", path.display())]
    NoLocal {
        /// Where it was to be.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot listen on {scheme}://{addr}: {reason}")]
    Failed {
        /// What speaks there, `tcp` or `udp`.
        scheme: &'static str,
        /// What was to be bound.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

impl BindError {
    /// Of a Unix socket.
    #[cfg(unix)]
    pub(crate) fn of_path(path: &Path, reason: io::Error) -> Self {
        use io::ErrorKind::{AddrInUse, AlreadyExists, InvalidInput, NotFound, PermissionDenied};
        let cure = match reason.kind() {
            AddrInUse => "it is in use; stop the program that has it, or choose another path",
            AlreadyExists => "something else is there already; remove it, or choose another path",
            InvalidInput => "expected a path of at most 107 bytes; choose a shorter one",
            NotFound => "its folder is not there; make it, or choose another",
            PermissionDenied => "not permitted; choose a folder that this user may write to",
            _ => "",
        };
        Self::Local {
            path: Escaped(path.as_os_str().as_encoded_bytes()).to_string(),
            reason: match cure {
                "" => reason.to_string(),
                cure => cure.into(),
            },
        }
    }

    fn new(scheme: &'static str, addr: SocketAddr, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { scheme, addr },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { scheme, addr },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { scheme, addr },
            _ => Self::Failed {
                scheme,
                addr,
                reason,
            },
        }
    }
}

/// A socket that is bound to an address of one family.
pub(crate) trait Bound: Sized {
    /// What people call its addresses.
    const SCHEME: &'static str;

    /// Binds one address. An IPv6 socket takes IPv6 alone.
    fn open(addr: SocketAddr) -> io::Result<Self>;

    /// Where it is bound, with the port that the system chose.
    fn bound_to(&self) -> SocketAddr;
}

/// Binds one address.
pub(crate) fn bind<S: Bound>(addr: SocketAddr) -> Result<S, BindError> {
    S::open(addr).map_err(|error| BindError::new(S::SCHEME, addr, error))
}

/// Binds all of these, or every interface where there are none.
///
/// Where no address is named every interface is bound, over IPv4 and IPv6, on one port; a machine without one of them
/// does with the other.
pub(crate) fn bind_all<S: Bound>(binds: &[Bind], default_port: u16) -> Result<Vec<S>, BindError> {
    let everywhere = [Bind::default()];
    let binds = if binds.is_empty() { &everywhere } else { binds };
    let mut sockets = Vec::new();
    for one in binds {
        let addrs = one.addrs(default_port);
        if one.is_every_interface() {
            sockets.extend(bind_every_interface(&addrs)?);
        } else {
            for addr in addrs {
                sockets.push(bind(addr)?);
            }
        }
    }
    Ok(sockets)
}

/// Where the system chooses the port, it may choose one whose twin in the other family is taken: then again.
fn bind_every_interface<S: Bound>(addrs: &[SocketAddr]) -> Result<Vec<S>, BindError> {
    const TRIES: usize = 16;
    let chosen_by_system = addrs.iter().all(|addr| addr.port() == 0);
    let mut tried = 1;
    loop {
        match bind_on_one_port(addrs) {
            Err(BindError::InUse { .. }) if chosen_by_system && tried < TRIES => tried += 1,
            done => return done,
        }
    }
}

fn bind_on_one_port<S: Bound>(addrs: &[SocketAddr]) -> Result<Vec<S>, BindError> {
    let mut sockets: Vec<S> = Vec::new();
    let mut missing = None;
    for addr in addrs {
        let mut addr = *addr;
        if let Some(first) = sockets.first() {
            addr.set_port(first.bound_to().port());
        }
        match S::open(addr) {
            Ok(socket) => sockets.push(socket),
            Err(error) if is_family_missing(&error) => {
                tracing::debug!(%addr, %error, "this machine lacks an address family");
                missing = Some(BindError::new(S::SCHEME, addr, error));
            }
            Err(error) => return Err(BindError::new(S::SCHEME, addr, error)),
        }
    }
    match missing {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok(sockets),
    }
}

/// Whether an error says that this machine has no addresses of a family.
pub(crate) fn is_family_missing(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
        return true;
    }
    error.kind() == io::ErrorKind::AddrNotAvailable
}
