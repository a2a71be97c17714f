//! What comes from a pipe: it can be read once.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use proto::filexfer::native::name::Name;

/// Standard input, or whatever can only be read once, and what it is called.
pub(crate) struct Piped {
    pub(crate) name: Name,
    input: Mutex<Option<Box<dyn Read + Send>>>,
}

/// What was read, piece by piece; the last one is empty.
pub(super) type Pieces = Receiver<io::Result<Vec<u8>>>;

impl Piped {
    /// So much is read at once.
    const PIECE: usize = 256 * 1024;

    /// So many pieces wait to be sent.
    const WAITING: usize = 2;

    /// Standard input under this name.
    pub(crate) fn stdin(name: Name) -> Self {
        Self::new(name, io::stdin())
    }

    pub(crate) fn new(name: Name, input: impl Read + Send + 'static) -> Self {
        let input = Mutex::new(Some(Box::new(input) as Box<_>));
        Self { name, input }
    }

    /// Begins to read, in a thread of its own: whoever waits for a pipe must not keep anything else waiting.
    pub(super) fn read(&self) -> io::Result<Pieces> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let input = input.take().ok_or_else(|| {
            io::Error::other("expected to read it once; what was read of it is gone")
        })?;
        let (sender, pieces) = sync_channel(Self::WAITING);
        thread::Builder::new()
            .name("input".into())
            .spawn(move || read(input, &sender))?;
        Ok(pieces)
    }
}

fn read(mut input: Box<dyn Read + Send>, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; Piped::PIECE];
        let read = match input.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read,
        };
        let is_last = matches!(read, Ok(0) | Err(_));
        let piece = read.map(|length| {
            piece.truncate(length);
            piece
        });
        if sender.send(piece).is_err() || is_last {
            return;
        }
    }
}
