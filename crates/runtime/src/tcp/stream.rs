//! The socket of a connection, whatever its family.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::out::Piece;

/// The socket of a connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
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
}

impl Stream {
    /// Reads once.
    pub(super) fn receive(&self, room: &mut [u8]) -> io::Result<Got> {
        let read = match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.read(room)
            })?,
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
        let both = [IoSlice::new(one), IoSlice::new(two)];
        let sent = match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.write_vectored(&both)
            })?,
        };
        Ok(sent.unwrap_or(0))
    }

    /// Sends bytes of which the system is told that more follow at once, so that it does not send them alone.
    #[cfg(target_os = "linux")]
    pub(super) fn send_begun(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_MORE | libc::MSG_NOSIGNAL;
        let sent = match self {
            Self::Tcp(stream) => {
                retry(|| socket2::SockRef::from(stream).send_with_flags(bytes, flags))?
            }
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
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Tcp(stream) => retry(|| {
                let mut stream = stream;
                stream.write(bytes)
            }),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // What has come already is an event too.
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interest),
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
