//! The socket of a connection, whatever its family.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
#[cfg(all(target_os = "linux", not(portable)))]
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::out::Piece;
use super::tls::Session;

/// The most of a file that is copied at once where the system does not send it by itself, in bytes.
#[cfg(any(not(target_os = "linux"), portable))]
const COPIED: usize = 64 * 1024;

/// The socket of a connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Local(UnixStream),
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
            Self::Tcp(stream) => read(stream, room)?,
            #[cfg(unix)]
            Self::Local(stream) => read(stream, room)?,
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
            Self::Tcp(stream) => write_parts(stream, parts),
            #[cfg(unix)]
            Self::Local(stream) => write_parts(stream, parts),
            Self::Tls(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Sends bytes of which the system is told that more follow at once, so that it does not send them alone.
    #[cfg(target_os = "linux")]
    pub(super) fn send_begun(&self, bytes: &[u8]) -> io::Result<usize> {
        if let Self::Tls(session) = self {
            return session.send_both(bytes, &[]);
        }
        let flags = libc::MSG_MORE | libc::MSG_NOSIGNAL;
        let sent = retry(|| self.socket().send_with_flags(bytes, flags))?;
        Ok(sent.unwrap_or(0))
    }

    /// Where the system cannot be told, they go alone.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn send_begun(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    /// Sends a part of a file of at most so many bytes; `None` where the system takes no more for now, 0 at the end of the
    /// file.
    #[cfg(all(target_os = "linux", not(portable)))]
    pub(super) fn send_file(&self, piece: &Piece, most: usize) -> io::Result<Option<usize>> {
        let most = usize::try_from(piece.length).unwrap_or(most).min(most);
        let mut at = piece.at;
        let mut send = |out: BorrowedFd<'_>| {
            let mut at = Some(&mut at);
            retry(|| {
                Ok(rustix::fs::sendfile(
                    out,
                    &piece.file,
                    at.as_deref_mut(),
                    most,
                )?)
            })
        };
        match self {
            Self::Tcp(stream) => send(stream.as_fd()),
            Self::Local(stream) => send(stream.as_fd()),
            Self::Tls(session) => session.send_file(piece, most),
        }
    }

    /// The same with a copy.
    #[cfg(any(not(target_os = "linux"), portable))]
    pub(super) fn send_file(&self, piece: &Piece, most: usize) -> io::Result<Option<usize>> {
        if let Self::Tls(session) = self {
            return session.send_file(piece, most);
        }
        let mut room = [0; COPIED];
        let most = usize::try_from(piece.length).unwrap_or(most).min(most);
        let read = piece.read(&mut room[..most.min(COPIED)])?;
        if read == 0 {
            return Ok(Some(0));
        }
        self.write(&room[..read])
    }

    fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Tcp(stream) => write(stream, bytes),
            #[cfg(unix)]
            Self::Local(stream) => write(stream, bytes),
            Self::Tls(session) => session.send_both(bytes, &[]).map(Some),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            #[cfg(unix)]
            Self::Local(stream) => stream.shutdown(how),
            Self::Tls(session) => session.shutdown(how),
        }
    }

    /// Whether the end of our side is said by a layer of its own.
    pub(super) fn says_goodbye(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Has the system forget what it has still to send when the stream is dropped: a peer that does not take it would
    /// cost memory for minutes.
    pub(super) fn forget(&self) {
        // Where it cannot be told, it forgets by itself in time.
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // What has come already is an event too.
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interest),
            #[cfg(unix)]
            Self::Local(stream) => stream.register(registry, token, interest),
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

    /// Whether a read that fills less than its room was all there was: epoll(7) and kqueue(2) tell of what comes after it.
    /// Elsewhere only a read that finds nothing asks to be told.
    pub(super) fn short_read_is_all(&self) -> bool {
        cfg!(unix)
            && match self {
                Self::Tls(session) => session.short_read_is_all(),
                _ => true,
            }
    }

    /// The socket itself, beneath whatever layers there are.
    pub(super) fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tls(session) => session.socket(),
            Self::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Self::Local(stream) => SockRef::from(stream),
        }
    }
}

fn read<'s, S>(mut stream: &'s S, room: &mut [u8]) -> io::Result<Option<usize>>
where
    &'s S: Read,
{
    retry(|| stream.read(room))
}

fn write<'s, S>(mut stream: &'s S, bytes: &[u8]) -> io::Result<Option<usize>>
where
    &'s S: Write,
{
    retry(|| stream.write(bytes))
}

fn write_parts<'s, S>(mut stream: &'s S, parts: &[IoSlice<'_>]) -> io::Result<Option<usize>>
where
    &'s S: Write,
{
    retry(|| stream.write_vectored(parts))
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
