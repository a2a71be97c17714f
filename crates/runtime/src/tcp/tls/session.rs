//! One connection's keys, between its socket and what is said on it.
//!
//! Sealed bytes that the system does not take stay in the session, one [`PIECE`] of them at the most, and the plain bytes
//! in them are not told as sent: whoever sends asks again with the same bytes, as for a socket that is full.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::{Registry, Token};
use rustls::ServerConnection;

use super::super::out::Piece;
use super::super::stream::{Got, Stream};

/// How many bytes are sealed before the system has taken them: four records (RFC 8446, section 5.1).
const PIECE: usize = 4 * 16 * 1024;

/// How much longer a [`PIECE`] can become by being sealed, in bytes.
const SEALS: usize = 4 * 64;

/// How often the socket is read in vain for what is said, before it is another connection's turn.
const READS_AT_ONCE: u32 = 8;

/// A connection with TLS on it.
#[derive(Debug)]
pub(in crate::tcp) struct Session {
    plain: Stream,
    state: RefCell<State>,
    /// When both sides have to have their keys.
    until: Instant,
    /// What a peer hears that speaks without TLS.
    plainly: &'static [u8],
}

#[derive(Debug)]
struct State {
    tls: ServerConnection,
    /// How many plain bytes were sealed and not told as sent.
    sealed: usize,
    /// How many bytes the system has taken since they were sealed, less those that were told.
    taken: usize,
    supply: Supply,
}

/// What the last read says of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supply {
    /// It may have more.
    Unknown,
    /// It was all.
    Short,
}

impl Session {
    pub(super) fn new(
        plain: Stream,
        tls: ServerConnection,
        until: Instant,
        plainly: &'static [u8],
    ) -> Self {
        let state = State {
            tls,
            sealed: 0,
            taken: 0,
            supply: Supply::Unknown,
        };
        let state = RefCell::new(state);
        Self {
            plain,
            state,
            until,
            plainly,
        }
    }

    /// When the handshake has to be over; `None` where it is.
    pub(in crate::tcp) fn due(&self) -> Option<Instant> {
        let is_handshaking = self.state.borrow().tls.is_handshaking();
        is_handshaking.then_some(self.until)
    }

    pub(in crate::tcp) fn socket(&self) -> socket2::SockRef<'_> {
        self.plain.socket()
    }

    /// Whether a read that did not fill its room was all there was.
    pub(in crate::tcp) fn short_read_is_all(&self) -> bool {
        self.state.borrow().supply == Supply::Short
    }

    /// Sends what TLS itself has to say.
    pub(in crate::tcp) fn settle(&self) -> io::Result<()> {
        self.state.borrow_mut().flush(&self.plain).map(|_| ())
    }

    /// Reads what is said, once.
    pub(in crate::tcp) fn receive(&self, room: &mut [u8]) -> io::Result<Got> {
        let state = &mut *self.state.borrow_mut();
        for _ in 0..READS_AT_ONCE {
            match state.tls.reader().read(room) {
                Ok(0) => return Ok(Got::End),
                Ok(length) => return Ok(Got::Bytes(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // What was cut short is for the conversation to find out.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Got::End),
                Err(error) => return Err(error),
            }
            if !state.fill(&self.plain, self.plainly)? {
                return Ok(Got::Nothing);
            }
        }
        Ok(Got::Later)
    }

    /// Sends two buffers, and says how many of their bytes are on their way. Before the handshake is over there is nobody
    /// to say them to, and they are dropped.
    pub(in crate::tcp) fn send_both(&self, one: &[u8], two: &[u8]) -> io::Result<usize> {
        let state = &mut *self.state.borrow_mut();
        let total = one.len() + two.len();
        if state.tls.is_handshaking() {
            return Ok(total);
        }
        let mut sent = 0;
        loop {
            let is_flushed = state.flush(&self.plain)?;
            sent += state.tell();
            if !is_flushed || sent >= total {
                return Ok(sent);
            }
            let rest_of_two = &two[sent.saturating_sub(one.len())..];
            state.seal(&[
                IoSlice::new(one.get(sent..).unwrap_or_default()),
                IoSlice::new(rest_of_two),
            ])?;
        }
    }

    /// Sends a part of a file of at most so many bytes, and says how many are on their way; `None` where the system takes
    /// no more for now.
    pub(in crate::tcp) fn send_file(
        &self,
        piece: &Piece,
        most: usize,
    ) -> io::Result<Option<usize>> {
        let state = &mut *self.state.borrow_mut();
        let most = usize::try_from(piece.length).unwrap_or(most).min(most);
        let mut room = vec![0; PIECE.min(most)];
        let mut sent = 0;
        loop {
            let is_flushed = state.flush(&self.plain)?;
            sent += state.tell();
            if !is_flushed {
                return Ok((sent > 0).then_some(sent));
            }
            if sent >= most {
                return Ok(Some(sent));
            }
            let wanted = room.len().min(most - sent);
            match read_at(&piece.file, &mut room[..wanted], piece.at + sent as u64)? {
                0 => return Ok(Some(sent)),
                length => state.seal(&[IoSlice::new(&room[..length])])?,
            }
        }
    }

    /// Says that nothing more is said, so that the peer knows it from a connection that was cut.
    pub(in crate::tcp) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.take_leave();
        self.plain.shutdown(how)
    }

    pub(in crate::tcp) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.plain.register(registry, token)
    }

    fn take_leave(&self) {
        let state = &mut *self.state.borrow_mut();
        if !state.tls.is_handshaking() {
            state.tls.send_close_notify();
        }
        // Where it fails there is nobody to hear it.
        let _ = state.flush(&self.plain);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.take_leave();
    }
}

impl State {
    /// Reads the socket once, and says what TLS has to say to what came; `false` where nothing came.
    fn fill(&mut self, plain: &Stream, plainly: &[u8]) -> io::Result<bool> {
        let mut wire = Wire::new(plain);
        match self.tls.read_tls(&mut wire) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        self.supply = wire.supply;
        let is_plain = self.tls.is_handshaking() && wire.first.is_ascii_alphabetic();
        if let Err(error) = self.tls.process_new_packets() {
            // Where that fails there is nobody to hear it.
            let _ = match is_plain {
                true => plain.send(plainly).map(|_| true),
                false => self.flush(plain),
            };
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        self.flush(plain).map(|_| true)
    }

    /// Seals what there is room for.
    fn seal(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        self.taken = 0;
        self.sealed = self.tls.writer().write_vectored(parts)?;
        if self.sealed == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        Ok(())
    }

    /// Sends what is sealed; `false` where the system does not take it all for now.
    fn flush(&mut self, plain: &Stream) -> io::Result<bool> {
        let mut wire = Wire::new(plain);
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut wire) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.taken += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// How many plain bytes are on their way that were not told: all where nothing is left to send, and else those that
    /// are for certain, so that a peer that reads slowly is seen to read.
    fn tell(&mut self) -> usize {
        let all_but_one = self.sealed.saturating_sub(1);
        let told = match self.tls.wants_write() {
            true => self.taken.saturating_sub(SEALS).min(all_but_one),
            false => self.sealed,
        };
        self.sealed -= told;
        self.taken = self.taken.saturating_sub(told);
        told
    }
}

/// The socket as `rustls` wants it.
struct Wire<'a> {
    plain: &'a Stream,
    supply: Supply,
    /// The first byte that was read.
    first: u8,
}

impl<'a> Wire<'a> {
    fn new(plain: &'a Stream) -> Self {
        Self {
            plain,
            supply: Supply::Unknown,
            first: 0,
        }
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.plain.receive(room)? {
            Got::Bytes(length) => {
                if length < room.len() {
                    self.supply = Supply::Short;
                }
                self.first = room.first().copied().unwrap_or_default();
                Ok(length)
            }
            Got::End => Ok(0),
            Got::Nothing | Got::Later => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.plain.send_parts(parts)?;
        written.ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, at)
}

#[cfg(windows)]
fn read_at(file: &File, room: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, room, at)
}
