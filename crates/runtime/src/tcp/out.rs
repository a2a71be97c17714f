//! What a conversation says: bytes that are copied, and at most one body that is not.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

/// What a conversation has to say in one go. Every conversation of a server appends to the same one.
#[derive(Debug)]
pub struct Out {
    pub(super) bytes: Vec<u8>,
    pub(super) body: Option<Body>,
    pub(super) now: Instant,
    pub(super) stopping: bool,
}

/// What follows the bytes, as it is.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes that others share.
    Shared(Bytes),
    /// A part of a file, which the system sends by itself where it can.
    File(Piece),
}

/// A part of a file.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The file.
    pub file: Arc<File>,
    /// Where the part begins, in bytes.
    pub at: u64,
    /// How long it is, in bytes. A file that turns out shorter ends the connection: its peer was told how much comes.
    pub length: u64,
}

impl Piece {
    /// Reads from its beginning, and says how many bytes that gave; 0 is the end of the file.
    ///
    /// # Errors
    /// Those of the file.
    pub fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            #[cfg(unix)]
            let read = std::os::unix::fs::FileExt::read_at(&*self.file, room, self.at);
            #[cfg(windows)]
            let read = std::os::windows::fs::FileExt::seek_read(&*self.file, room, self.at);
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Default for Out {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Out {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            body: None,
            now: Instant::now(),
            stopping: false,
        }
    }

    /// What is said so far: append to it, but not after [`attach`](Self::attach).
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            self.body.is_none(),
            "nothing is said after a body in the same go"
        );
        &mut self.bytes
    }

    /// Ends what is said in this go with a body that is not copied. One that is there already is replaced.
    pub fn attach(&mut self, body: Body) {
        self.body = Some(body);
    }

    /// When the events were told that are being dealt with: a new moment each time that the server has waited for some.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether it is time to stop: nothing that this peer asks for later will be heard for long.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether it ends with a body.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.body.is_none()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.body = None;
    }
}
