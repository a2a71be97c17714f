//! What is in a file that was taken, from its beginning or from where the sink stands.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use proto::filexfer::native::blocks::{FileHash, to_border, whole_hash};
use proto::filexfer::native::message::{Entry, Finish, Reason};
use proto::filexfer::native::outbox::{Finished, Job};
use runtime::tree::Facts;

use super::entries::modified;
use super::holes::Holes;
use super::piped::{Pieces, Piped};
use super::roots::Open;
use super::send::Source;
use crate::transfer::{Event, TransferError};

/// Reading that takes longer is interrupted to send what is there: the other side is waiting.
const SLOW: Duration = Duration::from_secs(1);

/// How often a wait for a pipe looks up.
const TICK: Duration = Duration::from_millis(500);

/// Files of up to so many bytes are sent in one piece, holes or not.
const SMALL: usize = 16 * 1024;

/// How a file ended: its size as it was sent, and the rest.
pub(super) type Ended = (u64, Finish);

impl Source<'_> {
    /// Sends a file, and how it ended.
    pub(super) fn send_file(&mut self, job: Job) -> Result<(), TransferError> {
        let Job {
            entry,
            from,
            hash,
            basis,
        } = job;
        self.watch.tell(Event::Begun {
            name: &entry.name,
            size: entry.size(),
            from,
        });
        let (size, finish) = match self.roots.open(&entry.name) {
            Ok(Open::File(_, facts)) if !is_as_named(&entry, &facts) => (0, Finish::Changed),
            Ok(Open::File(file, facts)) => match (basis, hash) {
                (None, None) if self.is_small(&facts) => self.send_small(file, &facts)?,
                (None, hash) => self.send_bytes(file, &facts, from, begun(hash))?,
                (Some(_), hash) => self.send_changed(file, &facts, from, begun(hash))?,
            },
            Ok(Open::Piped(piped)) => self.send_pieces(piped, begun(hash))?,
            Err(error) => (0, failed(&error)),
        };
        self.packer.finish(&mut self.outlet)?;
        match &finish {
            Finish::Whole(_) => {}
            Finish::Changed => {
                self.changed = true;
                self.failed(&entry.name, "it changed while it was read");
            }
            Finish::Failed(reason) => self.failed(&entry.name, reason.as_str()),
        }
        self.outlet.say(&finish)?;
        self.outbox.finish(Finished {
            entry,
            size,
            finish,
        });
        Ok(())
    }

    /// Whether all of it is sent at once.
    fn is_small(&self, facts: &Facts) -> bool {
        (1..=self.outlet.piece().min(SMALL) as u64).contains(&facts.size)
    }

    /// Sends a file in one piece.
    fn send_small(&mut self, mut file: File, facts: &Facts) -> Result<Ended, TransferError> {
        let mut hash = [0; 32];
        let mut read = |room: &mut [u8]| {
            let filled = read_all(&mut file, room)?;
            hash = whole_hash(&room[..filled]);
            Ok(filled)
        };
        self.packer.begin(facts.size);
        let sent = self
            .packer
            .send(&mut self.outlet, facts.size as usize, &mut read)?;
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => return Ok((0, failed(&error))),
        };
        self.moved(sent)?;
        let end = match Facts::now(&file) {
            Ok(now) if now == *facts && sent as u64 == facts.size => Finish::Whole(hash),
            Ok(_) => Finish::Changed,
            Err(error) => failed(&error),
        };
        Ok((sent as u64, end))
    }

    fn send_bytes(
        &mut self,
        mut file: File,
        facts: &Facts,
        from: u64,
        mut hash: FileHash,
    ) -> Result<Ended, TransferError> {
        if from > 0
            && let Err(error) = file.seek(SeekFrom::Start(from))
        {
            return Ok((from, failed(&error)));
        }
        self.packer.begin(facts.size - from);
        let (mut at, mut holes) = (from, Holes::of(facts));
        while at < facts.size {
            let hole = match holes.next(&file, at) {
                Ok(hole) => hole,
                Err(error) => return Ok((at, failed(&error))),
            };
            if hole.start <= at {
                self.send_hole(at..hole.end, &mut hash)?;
                at = hole.end;
                if let Err(error) = file.seek(SeekFrom::Start(at)) {
                    return Ok((at, failed(&error)));
                }
                continue;
            }
            let mut read = |room: &mut [u8]| {
                let filled = read_all(&mut file, room)?;
                hash.update(&room[..filled], |_| ());
                Ok(filled)
            };
            let size = to_border(at, hole.start);
            match self.packer.send(&mut self.outlet, size, &mut read)? {
                Ok(0) => return Ok((at, Finish::Changed)),
                Ok(sent) => {
                    at += sent as u64;
                    self.moved(sent)?;
                }
                Err(error) => return Ok((at, failed(&error))),
            }
        }
        Ok((at, ending(&mut file, facts, hash)))
    }

    fn send_pieces(&mut self, piped: &Piped, mut hash: FileHash) -> Result<Ended, TransferError> {
        let pieces = match piped.read() {
            Ok(pieces) => pieces,
            Err(error) => return Ok((0, failed(&error))),
        };
        let mut size = 0;
        loop {
            let piece = match self.piece(&pieces)? {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => piece,
                Err(error) => return Ok((size, failed(&error))),
            };
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                let left = rest.len();
                let mut read = |room: &mut [u8]| rest.read(room);
                let sent = self.packer.send(&mut self.outlet, left, &mut read)?;
                let sent = sent.unwrap_or(0);
                size += sent as u64;
                self.moved(sent)?;
            }
            hash.update(&piece, |_| ());
        }
        Ok((size, Finish::Whole(hash.finish())))
    }

    /// The next piece of what comes from a pipe. What there is goes out before it is waited for.
    fn piece(&mut self, pieces: &Pieces) -> Result<io::Result<Vec<u8>>, TransferError> {
        if let Ok(piece) = pieces.try_recv() {
            return Ok(piece);
        }
        self.outlet.flush()?;
        loop {
            match pieces.recv_timeout(TICK) {
                Ok(piece) => {
                    self.packer.resume(&self.outlet);
                    return Ok(piece);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.take_answers()?;
                    self.outlet.stay_alive()?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Err(ErrorKind::UnexpectedEof.into()));
                }
            }
        }
    }
}

/// The hash of what the sink has.
fn begun(hash: Option<Box<FileHash>>) -> FileHash {
    hash.map_or_else(FileHash::new, |hash| *hash)
}

/// Whether the file is the one that was named, as far as anybody can tell.
fn is_as_named(entry: &Entry, facts: &Facts) -> bool {
    entry.size() == Some(facts.size) && entry.modified == modified(facts)
}

/// All of it was sent: it is whole if nothing more can be read and nobody has touched it since it was opened.
pub(super) fn ending(file: &mut File, facts: &Facts, hash: FileHash) -> Finish {
    let more = read_all(file, &mut [0]);
    match more.and_then(|more| Ok((more, Facts::now(file)?))) {
        Ok((0, now)) if now == *facts => Finish::Whole(hash.finish()),
        Ok(_) => Finish::Changed,
        Err(error) => failed(&error),
    }
}

/// Fills the room, unless the file ends before or a read takes very long.
fn read_all(file: &mut File, room: &mut [u8]) -> io::Result<usize> {
    let start = Instant::now();
    let mut filled = 0;
    while filled < room.len() && (filled == 0 || start.elapsed() < SLOW) {
        match file.read(&mut room[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

pub(super) fn failed(error: &io::Error) -> Finish {
    Finish::Failed(Reason::new(&error.to_string()))
}
