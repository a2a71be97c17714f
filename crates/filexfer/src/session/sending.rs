//! The way out: frames are gathered in one record, which is sealed where it is and written at once.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::filexfer::native::message::{Data, MAX_DATA};
use proto::filexfer::native::record::{HEADER, MAX_BODY, RecordError, RecordKind, Sealer, TAG};
use proto::frame::{self, FrameError, Message};

use super::SILENCE;
use crate::transfer::TransferError;

/// The least room that is worth reading bytes of a file into.
const LEAST: usize = 64 * 1024;

/// The way out. It may be another thread's than the way in.
pub(crate) struct Sending {
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    sealer: Sealer,
    /// Room for the longest record, with its header and tag; it never moves or grows.
    record: Box<[u8]>,
    /// How much of the body is there.
    length: usize,
    /// The beginning of the frame that is being made.
    head: Vec<u8>,
    wire: u64,
    writing: Duration,
}

impl Sending {
    pub(super) fn new(stream: Arc<TcpStream>, peer: SocketAddr, sealer: Sealer) -> Self {
        Self {
            stream,
            peer,
            sealer,
            record: vec![0; HEADER + MAX_BODY + TAG].into(),
            length: 0,
            head: Vec::new(),
            wire: 0,
            writing: Duration::ZERO,
        }
    }

    /// Puts a message into the record that is being made; one that is full goes out.
    pub(crate) fn say<M: Message>(&mut self, message: &M) -> Result<(), TransferError> {
        self.head(message, 0)?;
        self.make_room(self.head.len())?;
        self.put_head();
        Ok(())
    }

    /// Puts bytes of a file there: as many as `fill` writes into the room that it is given, 0 being the end of the file.
    /// The answer is what `fill` gave. `fill` sees the room before it is sealed: it can hash there what it read.
    ///
    /// The room is `MAX_DATA` where less than 64 KiB is in the record already, and never less than 64 KiB.
    pub(crate) fn fill(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Result<io::Result<usize>, TransferError> {
        let data = Data { unpacked: None };
        self.head(&data, u64::from(MAX_DATA))?;
        let head = self.head.len();
        self.make_room(head + LEAST)?;
        let room = (MAX_BODY - self.length - head).min(MAX_DATA as usize);
        let start = HEADER + self.length + head;
        let filled = match fill(&mut self.record[start..start + room]) {
            Ok(filled) => filled.min(room),
            failed => return Ok(failed),
        };
        if filled > 0 {
            self.head(&data, filled as u64)?;
            self.put_head();
            self.length += filled;
        }
        Ok(Ok(filled))
    }

    /// Puts bytes there that were packed already.
    pub(crate) fn packed(&mut self, data: Data, bytes: &[u8]) -> Result<(), TransferError> {
        self.say_with(&data, bytes)
    }

    /// Puts a message there with its bulk.
    pub(crate) fn say_with<M: Message>(
        &mut self,
        message: &M,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        self.head(message, bytes.len() as u64)?;
        self.make_room(self.head.len() + bytes.len())?;
        self.put_head();
        self.put(bytes.len()).copy_from_slice(bytes);
        Ok(())
    }

    /// Sends what is there.
    pub(crate) fn flush(&mut self) -> Result<(), TransferError> {
        match self.length {
            0 => Ok(()),
            _ => self.send(RecordKind::Frames),
        }
    }

    /// Sends what is there and the final record: nothing more comes.
    pub(crate) fn end(mut self) -> Result<(), TransferError> {
        self.flush()?;
        self.send(RecordKind::Final)?;
        // Whoever has all of it may have closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
        Ok(())
    }

    /// How many bytes of frames wait for the next [`flush`](Self::flush).
    pub(crate) fn waiting(&self) -> usize {
        self.length
    }

    /// The connection, for who may have to cut it.
    pub(crate) fn line(&self) -> Arc<TcpStream> {
        Arc::clone(&self.stream)
    }

    /// How many bytes of records went out.
    pub(crate) fn wire(&self) -> u64 {
        self.wire
    }

    /// How long writing them took, with what it had to wait for.
    pub(crate) fn writing(&self) -> Duration {
        self.writing
    }

    /// Ends both ways of the connection: nothing more is sent, and whoever waits for the other side in another thread
    /// stops.
    pub(crate) fn cut(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Makes the beginning of a frame.
    fn head<M: Message>(&mut self, message: &M, bulk: u64) -> Result<(), TransferError> {
        self.head.clear();
        frame::encode_head(message, bulk, &mut self.head).map_err(too_long)
    }

    fn put_head(&mut self) {
        let place = HEADER + self.length;
        self.record[place..place + self.head.len()].copy_from_slice(&self.head);
        self.length += self.head.len();
    }

    fn put(&mut self, length: usize) -> &mut [u8] {
        let place = HEADER + self.length;
        self.length += length;
        &mut self.record[place..place + length]
    }

    /// Sends what is there where so many bytes more would be too many.
    fn make_room(&mut self, length: usize) -> Result<(), TransferError> {
        match self.length + length > MAX_BODY {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn send(&mut self, kind: RecordKind) -> Result<(), TransferError> {
        let record = &mut self.record[..HEADER + self.length + TAG];
        self.length = 0;
        let start = Instant::now();
        let sent = self
            .sealer
            .seal(kind, record)
            .map_err(sealing)
            .and_then(|()| (&*self.stream).write_all(record).map_err(not_taken));
        self.writing += start.elapsed();
        self.wire += record.len() as u64;
        let peer = self.peer;
        sent.map_err(|reason| TransferError::Lost { peer, reason })
    }
}

/// A connection that has sealed all that it can is lost like one that broke: a new one goes on.
fn sealing(error: RecordError) -> io::Error {
    io::Error::other(error)
}

fn not_taken(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            let text = format!("nothing was taken for {} s", SILENCE.as_secs());
            io::Error::new(ErrorKind::TimedOut, text)
        }
        _ => error,
    }
}

fn too_long(error: FrameError) -> TransferError {
    TransferError::Here {
        what: "cannot tell the other side".into(),
        reason: io::Error::other(error),
    }
}
