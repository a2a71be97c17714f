//! The socket of a connection, whatever its family.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::out::Piece;
use super::tls::Session;

/// The socket of a connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<Session>),
}

/// What a look at a socket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now: there will be an event when there is something.
    Nothing,
    /// The end of the stream.
    End,
    /// Nothing that is for anyone, but perhaps soon: it looks again at its next turn.
    Later,
}

impl Stream {
    /// Reads once.
    pub(super) fn receive(&self, room: &mut [u8]) -> io::Result<Got> {
        let read = match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.read(room)
            })?,
            Self::Tls(session) => return session.receive(room),
        };
        Ok(match read {
            None => Got::Nothing,
            Some(0) => Got::End,
            Some(length) => Got::Bytes(length),
        })
    }

    /// Sends what the system takes, and says how many bytes that was. Where it is not all, there will be an event when
    /// it takes more.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        if let Self::Tls(session) = self {
            return session.send_both(bytes, &[]);
        }
        let mut sent = 0;
        while sent < bytes.len() {
            match self.write(&bytes[sent..])? {
                Some(length) => sent += length,
                None => break,
            }
        }
        Ok(sent)
    }

    /// The same of two buffers, in one call where the system takes them.
    pub(super) fn send_both(&self, one: &[u8], two: &[u8]) -> io::Result<usize> {
        if let Self::Tls(session) = self {
            return session.send_both(one, two);
        }
        let sent = self.send_parts(&[IoSlice::new(one), IoSlice::new(two)])?;
        Ok(sent.unwrap_or(0))
    }

    /// Sends what the system takes of several buffers in one call; `None` where it takes nothing for now.
    pub(super) fn send_parts(&self, parts: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.write_vectored(parts)
            }),
            Self::Tls(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Sends bytes of which the system is told that more follow at once, so that it does not send them alone.
    #[cfg(target_os = "linux")]
    pub(super) fn send_begun(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_MORE | libc::MSG_NOSIGNAL;
        let sent = match self {
            Self::Tcp(stream) => {
                retry(|| socket2::SockRef::from(stream).send_with_flags(bytes, flags))?
            }
            Self::Tls(session) => return session.send_both(bytes, &[]),
        };
        Ok(sent.unwrap_or(0))
    }

    /// Sends a part of a file of at most so many bytes; `None` where the system takes no more for now.
    #[cfg(all(target_os = "linux", not(portable)))]
    pub(super) fn send_file(&self, piece: &Piece, most: usize) -> io::Result<Option<usize>> {
        let most = usize::try_from(piece.length).unwrap_or(most).min(most);
        let mut at = piece.at;
        match self {
            Self::Tcp(stream) => retry(|| {
                Ok(rustix::fs::sendfile(
                    stream,
                    &piece.file,
                    Some(&mut at),
                    most,
                )?)
            }),
            Self::Tls(session) => session.send_file(piece, most),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.write(bytes)
            }),
            Self::Tls(session) => session.send_both(bytes, &[]).map(Some),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Tls(session) => session.shutdown(how),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // What has come already is an event too.
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interest),
            Self::Tls(session) => session.register(registry, token),
        }
    }

    /// By when the peer has to be ready to speak; `None` where it is.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Tls(session) => session.due(),
            _ => None,
        }
    }

    /// Sends what the layers below have to say on their own.
    pub(super) fn settle(&self) -> io::Result<()> {
        match self {
            Self::Tls(session) => session.settle(),
            _ => Ok(()),
        }
    }

    /// Whether a read that fills less than its room was all there is: epoll(7) and kqueue(2) tell of what comes after it.
    /// Elsewhere only a read that finds nothing asks to be told.
    pub(super) fn short_read_is_all(&self) -> bool {
        cfg!(unix)
            && match self {
                Self::Tls(session) => session.short_read_is_all(),
                _ => true,
            }
    }
}

/// Does it again where a signal came between; `None` where the socket has nothing, or no room, for now.
fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match attempt() {
            Ok(done) => return Ok(Some(done)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
