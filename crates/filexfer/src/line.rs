//! Connections that a signal cuts: what was transferred stays, and a later transfer goes on there.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long those have to end that wait to be taken what they say.
const GRACE: Duration = Duration::from_millis(300);

/// Connections that are in use. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    cut: bool,
    next: u64,
    held: Vec<(u64, Arc<TcpStream>)>,
}

/// A connection among them, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    lines: Lines,
    id: u64,
}

impl Lines {
    /// From now on this one can be cut; at once if the others were.
    pub(crate) fn hold(&self, stream: Arc<TcpStream>) -> Held {
        let mut inner = self.lock();
        if inner.cut {
            hang_up(&stream, Shutdown::Both);
        }
        inner.next += 1;
        let id = inner.next;
        inner.held.push((id, stream));
        Held {
            lines: self.clone(),
            id,
        }
    }

    /// Ends all of them, those to come too, and says how many there were. Nothing more comes in at once; what is to be
    /// said yet has a moment.
    pub(crate) fn cut(&self) -> usize {
        let mut inner = self.lock();
        inner.cut = true;
        let hang_up_all = |inner: &Inner, how| {
            inner
                .held
                .iter()
                .for_each(|(_, stream)| hang_up(stream, how));
            inner.held.len()
        };
        let held = hang_up_all(&inner, Shutdown::Read);
        drop(inner);
        if held > 0 {
            thread::sleep(GRACE);
            hang_up_all(&self.lock(), Shutdown::Both);
        }
        held
    }

    /// Whether they were cut.
    pub(crate) fn are_cut(&self) -> bool {
        self.lock().cut
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is valid between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It may have ended by itself.
fn hang_up(stream: &TcpStream, how: Shutdown) {
    let _ = stream.shutdown(how);
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lines.lock().held.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn connections_are_cut_now_and_later() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, Arc::new(listener.accept().unwrap().0))
        };
        let lines = Lines::default();
        let (mut now, mut later, mut gone) = (connect(), connect(), connect());
        let _held = lines.hold(now.1);
        drop(lines.hold(Arc::clone(&gone.1)));
        assert_eq!((lines.cut(), lines.are_cut()), (1, true));
        let _late = lines.hold(later.1);
        assert_eq!(now.0.read(&mut [0]).unwrap(), 0);
        assert_eq!(later.0.read(&mut [0]).unwrap(), 0);
        gone.0.set_nonblocking(true).unwrap();
        assert!(gone.0.read(&mut [0]).is_err());
    }
}
