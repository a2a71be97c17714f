//! The way in: a record is read into one buffer, opened where it is, and its frames are told one after the other.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;

use proto::filexfer::native::record::{HEADER, Header, Opener, RecordError, RecordKind};
use proto::frame::{self, Frame, FrameError, Message, Prefix};
use runtime::tcp;

use super::SILENCE;
use crate::transfer::TransferError;

/// The way in. It may be another thread's than the way out.
pub(crate) struct Receiving {
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    opener: Opener,
    /// The record that was opened last, and what came of the header of the next one.
    buffer: Vec<u8>,
    /// Where the frames are that were not told yet.
    frames: Range<usize>,
    /// Where the beginning of the next header is.
    next: Range<usize>,
    ended: bool,
    wire: u64,
}

/// A frame that came.
pub(crate) struct Incoming<'a> {
    pub(crate) prefix: Prefix,
    bytes: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The message, if it is of this type.
    pub(crate) fn decode<M: Message>(&self) -> Result<Frame<'a, M>, FrameError> {
        let whole = frame::decode(self.bytes)?;
        Ok(whole.expect("a frame that came is whole"))
    }
}

impl Receiving {
    pub(super) fn new(stream: Arc<TcpStream>, peer: SocketAddr, opener: Opener) -> Self {
        Self {
            stream,
            peer,
            opener,
            buffer: Vec::new(),
            frames: 0..0,
            next: 0..0,
            ended: false,
            wire: 0,
        }
    }

    /// The next frame; `None` after the final record. A stream that ends without one is lost.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming<'_>>, TransferError> {
        while self.frames.is_empty() {
            if self.ended {
                return Ok(None);
            }
            let peer = self.peer;
            let record = self.read_record();
            record.map_err(|reason| TransferError::Lost { peer, reason })?;
        }
        let rest = &self.buffer[self.frames.clone()];
        let prefix = whole_frame(rest).map_err(|what| TransferError::Rules {
            peer: self.peer,
            what,
        })?;
        let length = prefix.frame_length() as usize;
        self.frames.start += length;
        let bytes = &rest[..length];
        Ok(Some(Incoming { prefix, bytes }))
    }

    /// Whether the next frame is here already: who waits for it otherwise should have said all that he has to say.
    pub(crate) fn has_more(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Whether [`next`](Self::next) has something to read at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.has_more() || !self.next.is_empty() || tcp::is_readable(&self.stream)
    }

    /// How many bytes of records came.
    pub(crate) fn wire(&self) -> u64 {
        self.wire
    }

    fn read_record(&mut self) -> io::Result<()> {
        let begun = self.next.len();
        self.buffer.copy_within(self.next.clone(), 0);
        self.next = 0..0;
        self.grow(HEADER);
        let came = self.read(begun, HEADER, HEADER)?;
        let header = self.buffer[..came].first_chunk();
        let header = header.ok_or(ErrorKind::UnexpectedEof)?;
        let end = HEADER + Header::decode(header).map_err(changed)?.length();
        // What may come with it is the next header: that saves a call for each.
        self.grow(end + HEADER);
        let came = self.read(HEADER, end, end + HEADER)?;
        self.next = end..came;
        let (kind, body) = self.opener.open(&mut self.buffer[..end]).map_err(changed)?;
        self.frames = HEADER..HEADER + body.len();
        self.ended = kind == RecordKind::Final;
        Ok(())
    }

    fn grow(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
    }

    /// Reads until `needed` bytes are in the buffer, of which `there` are, and no more than `most`; says how many are.
    fn read(&mut self, mut there: usize, needed: usize, most: usize) -> io::Result<usize> {
        while there < needed {
            match (&*self.stream).read(&mut self.buffer[there..most]) {
                Ok(0) => return Err(cut_off()),
                Ok(length) => {
                    there += length;
                    self.wire += length as u64;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(silent()),
                    _ => return Err(error),
                },
            }
        }
        Ok(there)
    }
}

/// The prefix of the frame that these bytes begin with.
fn whole_frame(bytes: &[u8]) -> Result<Prefix, String> {
    match Prefix::decode(bytes) {
        Ok(Some(prefix)) if prefix.frame_length() <= bytes.len() as u64 => Ok(prefix),
        Ok(_) => Err("expected whole frames in a record".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Bytes that were changed on their way, by a fault or on purpose, are a connection that failed: a new one goes on.
fn changed(error: RecordError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

fn cut_off() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "it ended before its end")
}

fn silent() -> io::Error {
    let text = format!("nothing came for {} s", SILENCE.as_secs());
    io::Error::new(ErrorKind::TimedOut, text)
}
