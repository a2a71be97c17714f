//! A connection to one server, on which every wait has an end, and words for how such a connection fails.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::connect::{ConnectError, connect};
use crate::addr::Target;
use crate::units::show_time;

/// How a conversation failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// It did not begin.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nothing came back.
    #[error(
        "no answer from tcp://{addr} within {}; is it a server of this kind?",
        show_time(*.timeout)
    )]
    Silent {
        /// Who was asked.
        addr: SocketAddr,
        /// How long was waited.
        timeout: Duration,
    },
    /// The server closed the connection in order.
    #[error("tcp://{addr} closed the connection")]
    Closed {
        /// Who was asked.
        addr: SocketAddr,
    },
    /// The server, or something on the way, broke the connection off.
    #[error("tcp://{addr} reset the connection")]
    Reset {
        /// Who was asked.
        addr: SocketAddr,
    },
    /// Anything else.
    #[error("cannot talk to tcp://{addr}: {reason}")]
    Failed {
        /// Who was asked.
        addr: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
}

impl ClientError {
    /// Says what an error of a stream that is connected to `addr` means.
    pub fn new(addr: SocketAddr, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Reset { addr },
            _ => Self::Failed { addr, reason },
        }
    }

    /// Whether the server ended the connection, in order or not.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Reset { .. })
    }
}

/// A stream to one server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    addr: SocketAddr,
}

impl Client {
    /// Connects as [`connect`] does.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    pub fn connect(
        target: &Target,
        default_port: u16,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let (stream, addr) = connect(target, default_port, timeout)?;
        Ok(Self { stream, addr })
    }

    /// Who is being talked to.
    pub fn server_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The stream itself, which blocks without end where no wait with one came before.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends all of it, unless the server takes nothing for so long.
    ///
    /// # Errors
    /// [`ClientError`] when the connection fails or the server reads no further.
    pub fn send(&self, bytes: &[u8], timeout: Duration) -> Result<(), ClientError> {
        let sent = self
            .stream
            .set_write_timeout(Some(timeout))
            .and_then(|()| (&self.stream).write_all(bytes));
        sent.map_err(|error| self.error(error, timeout))
    }

    /// Says that nothing more will be sent. A server that is gone need not be told.
    pub fn finish(&self) {
        if let Err(error) = self.stream.shutdown(std::net::Shutdown::Write) {
            tracing::debug!(%error, "the sending side was not closed");
        }
    }

    /// What has come, at least a byte, as soon as it has; `timeout` is what an error says was waited before `deadline`.
    ///
    /// # Errors
    /// [`ClientError::Silent`] when `deadline` has passed, [`ClientError::Closed`] at the end of the stream, and as for
    /// [`send`](Self::send).
    pub fn receive_until<'a>(
        &self,
        deadline: Instant,
        timeout: Duration,
        buffer: &'a mut [u8],
    ) -> Result<&'a [u8], ClientError> {
        let addr = self.addr;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ClientError::Silent { addr, timeout });
            }
            let read = self
                .stream
                .set_read_timeout(Some(left))
                .and_then(|()| (&self.stream).read(buffer));
            match read {
                Ok(0) => return Err(ClientError::Closed { addr }),
                Ok(length) => return Ok(&buffer[..length]),
                Err(error) if is_time_out(&error) => {}
                Err(error) => return Err(self.error(error, timeout)),
            }
        }
    }

    fn error(&self, reason: io::Error, timeout: Duration) -> ClientError {
        let addr = self.addr;
        if is_time_out(&reason) {
            return ClientError::Silent { addr, timeout };
        }
        ClientError::new(addr, reason)
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
