//! Listeners, and what is set on them and on the connections that they give.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::addr::Bind;
use crate::bind::{self, BindError, Bound};

/// How many connections wait to be accepted while the server is busy. The system may cut it (`net.core.somaxconn`).
pub(super) const BACKLOG: i32 = 4096;

/// How much the system takes of what is not on its way yet, in bytes (TCP_NOTSENT_LOWAT of tcp(7)).
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// A bound TCP socket of one address family that listens.
///
/// - Its connections send what they are given at once (TCP_NODELAY): answers are small and each is written whole, so that
///   to wait for more would stall a client that sends head and body apart by some 40 ms.
/// - They ask the system to look whether the peer is still there (SO_KEEPALIVE): one that vanished without a word is
///   found out.
/// - On Unix a port can be bound whose last connections are still dying (SO_REUSEADDR): a server can be started anew at
///   once. Elsewhere that option means something else.
/// - SO_REUSEPORT is not set: one thread serves, and it would hide that the port is in use.
#[derive(Debug)]
pub struct Listener {
    pub(super) inner: mio::net::TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// Binds one address. An IPv6 socket takes IPv6 alone: bind the IPv4 address beside it.
    ///
    /// # Errors
    /// [`BindError`], which names the address.
    pub fn bind(addr: SocketAddr) -> Result<Self, BindError> {
        bind::bind(addr)
    }

    /// Binds all of these, or every interface where there are none.
    ///
    /// Where no address is named every interface is bound, over IPv4 and IPv6, on one port; a machine without one of
    /// them does with the other.
    ///
    /// # Errors
    /// [`BindError`] for the first that cannot be bound.
    pub fn bind_all(binds: &[Bind], default_port: u16) -> Result<Vec<Self>, BindError> {
        bind::bind_all(binds, default_port)
    }

    /// The address it is bound to, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Another handle of the same socket: either gives what comes.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let twin = SockRef::from(&self.inner).try_clone()?;
        Ok(Self {
            inner: mio::net::TcpListener::from_std(twin.into()),
            local: self.local,
        })
    }

    /// One that another program has bound.
    ///
    /// # Errors
    /// When its state cannot be changed.
    #[cfg(unix)]
    pub(super) fn handed_over(listener: std::net::TcpListener) -> io::Result<Self> {
        set_manners(SockRef::from(&listener))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            local: listener.local_addr()?,
            inner: mio::net::TcpListener::from_std(listener),
        })
    }

    /// Has the system take little of what the peer of a connection does not take, beyond what is on its way: so it is seen
    /// how fast that is, and costs little memory.
    pub(super) fn hold_little(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(&self.inner).set_tcp_notsent_lowat(UNSENT) {
            tracing::debug!(%error, "the system holds as much of an answer as it likes");
        }
    }

    /// The next connection that waits, and whose it is.
    pub(super) fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.inner.accept()?;
        // On Linux a connection has the options of its listener; elsewhere that is not certain.
        if !cfg!(target_os = "linux")
            && let Err(error) = set_manners(SockRef::from(&stream))
        {
            tracing::debug!(%peer, %error, "a connection has other manners");
        }
        Ok((stream, peer))
    }
}

impl Bound for Listener {
    const SCHEME: &'static str = "tcp";

    fn open(addr: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        set_manners(SockRef::from(&socket))?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        let inner = std::net::TcpListener::from(socket);
        Ok(Self {
            local: inner.local_addr()?,
            inner: mio::net::TcpListener::from_std(inner),
        })
    }

    fn bound_to(&self) -> SocketAddr {
        self.local
    }
}

/// Whether somebody waits to be accepted, where the system tells.
#[cfg(unix)]
pub(super) fn is_awaited(listener: &impl std::os::fd::AsFd) -> Option<bool> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let mut polled = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut polled, PollTimeout::ZERO).ok()?;
    Some(ready > 0)
}

#[cfg(not(unix))]
pub(super) fn is_awaited<L>(_listener: &L) -> Option<bool> {
    None
}

/// Whether an error is that of one connection, which has gone already (accept(2)).
pub(super) fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied};
    let kinds = [
        ConnectionAborted,
        ConnectionReset,
        Interrupted,
        PermissionDenied,
    ];
    kinds.contains(&error.kind())
}

/// A stream whose calls wait, for a thread of its own.
pub(super) fn blocking(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    let stream = std::net::TcpStream::from(stream);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn set_manners(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_is_one_port() {
        let listeners = Listener::bind_all(&[":0".parse().unwrap()], 1).unwrap();
        let port = listeners[0].local_addr().port();
        assert_ne!(port, 0);
        for listener in &listeners {
            assert_eq!(listener.local_addr().port(), port);
        }
    }

    #[test]
    fn a_port_in_use_is_named_with_its_cure() {
        let taken = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Listener::bind(taken.local_addr()).unwrap_err().to_string();
        let addr = taken.local_addr();
        assert!(
            error.contains(&format!("tcp://{addr}: the address is in use")),
            "{error}"
        );
        assert!(error.contains("--bind"), "{error}");
    }

    #[test]
    fn a_connection_has_its_manners() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    }
}
