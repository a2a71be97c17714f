//! A connection after the key exchange: frames go out and come in, sealed.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use proto::filexfer::Key;
use proto::filexfer::native::message::Data;
use proto::frame::{Frame, FrameError, Message, Prefix};
use runtime::addr::Target;
use thiserror::Error;

use crate::transfer::TransferError;

/// How what follows the key exchange is protected. Both sides have to wish for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Encrypted and authenticated.
    Encrypted,
    /// Authenticated alone.
    Plain,
}

/// Why there is no session.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    // the session's author fills this in
}

/// Both ways of a connection.
pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    pub(crate) sending: Sending,
    pub(crate) receiving: Receiving,
}

/// The way out.
pub(crate) struct Sending {}

/// The way in.
pub(crate) struct Receiving {}

/// A frame that came.
pub(crate) struct Incoming<'a> {
    pub(crate) prefix: Prefix,
    bytes: &'a [u8],
}

impl Session {
    /// Connects and proves the key. All of it has `timeout`.
    pub(crate) fn connect(
        target: &Target,
        key: &Key,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Self, SessionError> {
        unimplemented!("{target} {key:?} {protection:?} {timeout:?}")
    }

    /// Has a peer that connected prove the key. All of it has `timeout`.
    pub(crate) fn accept(
        stream: TcpStream,
        key: &Key,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Self, SessionError> {
        unimplemented!("{stream:?} {key:?} {protection:?} {timeout:?}")
    }
}

impl Sending {
    /// Puts a message into the record that is being made; one that is full goes out.
    pub(crate) fn say<M: Message>(&mut self, _message: &M) -> Result<(), TransferError> {
        unimplemented!()
    }

    /// Puts bytes of a file there: as many as `fill` writes into the room that it is given (at most `MAX_DATA`, less what
    /// is in the record already, but never less than 64 KiB), 0 being the end of the file. The answer is what `fill` gave.
    /// `fill` sees the room before it is sealed: it can hash there what it read.
    pub(crate) fn fill(
        &mut self,
        _fill: impl FnOnce(&mut [u8]) -> std::io::Result<usize>,
    ) -> Result<std::io::Result<usize>, TransferError> {
        unimplemented!()
    }

    /// Puts bytes there that were packed already.
    pub(crate) fn packed(&mut self, _data: Data, _bytes: &[u8]) -> Result<(), TransferError> {
        unimplemented!()
    }

    /// Sends what is there.
    pub(crate) fn flush(&mut self) -> Result<(), TransferError> {
        unimplemented!()
    }

    /// Sends what is there and the final record: nothing more comes.
    pub(crate) fn end(self) -> Result<(), TransferError> {
        unimplemented!()
    }
}

impl Receiving {
    /// The next frame; `None` after the final record. A stream that ends without one is lost.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming<'_>>, TransferError> {
        unimplemented!()
    }
}

impl Incoming<'_> {
    /// The message, if it is of this type.
    pub(crate) fn decode<M: Message>(&self) -> Result<Frame<'_, M>, FrameError> {
        unimplemented!("{:?} {:?}", self.prefix, self.bytes)
    }
}
