//! What all connections of a server share: the room to read into and to answer in, so that an idle one has none.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;

use super::totals::Totals;

/// The most bytes that one read gives to a conversation.
///
/// It is also what a peer that never reads can cost, as it is or as long as its answer. Half of it is a fifth slower
/// for one connection with much to say, twice as much is no faster (`bench tcp --only bulk`).
pub const MAX_READ: usize = 128 * 1024;

/// The room, the time and the totals.
#[derive(Debug)]
pub(super) struct Desk {
    /// What one read gives.
    pub(super) buffer: Box<[u8]>,
    /// What a conversation has to say. It is cleared before the next is asked.
    pub(super) answer: Vec<u8>,
    /// When the events that are dealt with were told.
    pub(super) now: Instant,
    /// What is counted.
    pub(super) totals: Arc<Totals>,
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

impl Desk {
    pub(super) fn new(totals: Arc<Totals>) -> Self {
        Self {
            buffer: vec![0; MAX_READ].into(),
            answer: Vec::with_capacity(MAX_READ),
            now: Instant::now(),
            totals,
        }
    }
}

/// Reads once.
pub(super) fn read(mut stream: &TcpStream, room: &mut [u8]) -> io::Result<Got> {
    loop {
        match stream.read(room) {
            Ok(0) => return Ok(Got::End),
            Ok(length) => return Ok(Got::Bytes(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes what the socket takes, and says how many bytes that was. Where it is not all, there will be an event when the
/// socket takes more.
pub(super) fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
