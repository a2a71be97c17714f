//! Answers that do not go out in one go: the parts of several ranges, and a body that is compressed while it is sent.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::vec;

use proto::http::{self, Parts, Range};
use runtime::tcp::Out;

use super::file::{self, Sent};
use crate::site::{Held, Packer, Variant, read_at};

/// How much is compressed at a turn, in bytes.
const PIECE: usize = 64 * 1024;

/// How much of several parts is said in one go, where they are short.
const ENOUGH: usize = 128 * 1024;

/// How many bodies may be compressed while they are sent, by one thread at once: each takes a megabyte of memory.
const MOST_STREAMS: usize = 16;

/// What is left of an answer.
#[derive(Debug)]
pub(crate) enum Rest {
    /// Parts of a content.
    Parts(PartsLeft),
    /// Content that is compressed, in chunks (RFC 9112, section 7.1).
    Stream(Stream),
}

/// Whether something is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It is all said.
    Nothing,
    /// Something is.
    More,
    /// Something is that cannot be had: the connection has to end, so that the peer knows.
    Broken,
}

/// Says more of an answer.
pub(crate) fn go_on(rest: &mut Rest, out: &mut Out) -> Left {
    match rest {
        Rest::Parts(parts) => parts.go_on(out),
        Rest::Stream(stream) => stream.go_on(out).unwrap_or_else(|error| {
            tracing::debug!(%error, "a file cannot be read any more");
            Left::Broken
        }),
    }
}

/// Parts of a content that are still to be sent.
#[derive(Debug)]
pub(crate) struct PartsLeft {
    held: Held,
    parts: vec::IntoIter<(Vec<u8>, Range)>,
    end: Vec<u8>,
}

impl PartsLeft {
    pub(super) fn new(held: Held, parts: Parts) -> Self {
        Self {
            held,
            parts: parts.parts.into_iter(),
            end: parts.end,
        }
    }

    pub(super) fn go_on(&mut self, out: &mut Out) -> Left {
        while out.bytes().len() < ENOUGH {
            let Some((head, range)) = self.parts.next() else {
                out.bytes().extend_from_slice(&self.end);
                return Left::Nothing;
            };
            out.bytes().extend_from_slice(&head);
            let length = range.len();
            if file::send(&self.held, range.first, length, out) == Sent::Short {
                return Left::Broken;
            }
            if out.has_body() {
                return Left::More;
            }
        }
        Left::More
    }
}

/// How many bodies are being compressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Rc<Cell<usize>>);

/// One of them.
#[derive(Debug)]
struct Counted(Streams);

impl Streams {
    fn begin(&self) -> Option<Counted> {
        let open = self.0.get();
        (open < MOST_STREAMS).then(|| {
            self.0.set(open + 1);
            Counted(self.clone())
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let open = &self.0.0;
        open.set(open.get().saturating_sub(1));
    }
}

/// Content that is compressed while it is sent.
#[derive(Debug)]
pub(crate) struct Stream {
    file: Arc<File>,
    at: u64,
    end: u64,
    packer: Option<Packer>,
    _counted: Counted,
}

impl Stream {
    /// `None` where it cannot be done now.
    pub(super) fn begin(variant: &Variant, length: u64, streams: &Streams) -> Option<Self> {
        let Held::File(file) = &variant.held else {
            return None;
        };
        Some(Self {
            file: Arc::clone(file),
            at: 0,
            end: length,
            _counted: streams.begin()?,
            packer: Packer::new(variant.coding, None).ok(),
        })
    }

    pub(super) fn go_on(&mut self, out: &mut Out) -> io::Result<Left> {
        let Some(packer) = &mut self.packer else {
            return Ok(Left::Nothing);
        };
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(PIECE)];
        let length = read_at(&self.file, &mut piece, self.at)?;
        if length == 0 && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += length as u64;
        http::chunk(&packer.take(&piece[..length])?, out.bytes());
        if self.at < self.end {
            return Ok(Left::More);
        }
        if let Some(packer) = self.packer.take() {
            http::chunk(&packer.end()?, out.bytes());
        }
        out.bytes().extend_from_slice(http::LAST_CHUNK);
        Ok(Left::Nothing)
    }
}
