//! Where everything that happens to a program comes together: what the relay says, what is typed, that it is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

use proto::relay::native::client::Event;
use runtime::shutdown::Shutdown;

use super::Heard;

/// How many bytes of messages may wait for the program: from there on no more are taken from the network.
const MOST_WAITING: usize = 32 * 1024 * 1024;

/// What a message takes beside its content.
const OVERHEAD: usize = 256;

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Happening<L> {
    /// On the connection.
    Heard(Heard),
    /// The program's own.
    Local(L),
    /// A signal asks for the end.
    Stop,
    /// The deadline has come.
    Timeout,
}

/// The taking end.
#[derive(Debug)]
pub(crate) struct Inbox<L> {
    happenings: Receiver<Happening<L>>,
    waiting: Arc<AtomicUsize>,
    teller: Teller<L>,
    shutdown: Shutdown,
}

/// The telling end.
#[derive(Debug)]
pub(crate) struct Teller<L> {
    teller: Sender<Happening<L>>,
    waiting: Arc<AtomicUsize>,
}

impl<L> Clone for Teller<L> {
    fn clone(&self) -> Self {
        Self {
            teller: self.teller.clone(),
            waiting: Arc::clone(&self.waiting),
        }
    }
}

impl<L> Teller<L> {
    /// Tells something; `false` where nobody listens any more.
    pub(crate) fn tell(&self, happening: Happening<L>) -> bool {
        self.waiting
            .fetch_add(weight(&happening), Ordering::Relaxed);
        self.teller.send(happening).is_ok()
    }

    /// Whether anything waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether more waits than should.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > MOST_WAITING
    }
}

impl<L: Send + 'static> Inbox<L> {
    /// One that a signal tells to stop.
    pub(crate) fn new() -> std::io::Result<Self> {
        let (teller, happenings) = mpsc::channel();
        let waiting = Arc::default();
        let teller = Teller { teller, waiting };
        let stop = teller.clone();
        let shutdown = Shutdown::on_signal()?;
        shutdown.on_trigger(move || {
            stop.tell(Happening::Stop);
        });
        Ok(Self {
            happenings,
            waiting: Arc::clone(&teller.waiting),
            teller,
            shutdown,
        })
    }

    pub(crate) fn teller(&self) -> Teller<L> {
        self.teller.clone()
    }

    /// What has come so far, also after a signal.
    pub(crate) fn rest(&self) -> impl Iterator<Item = Happening<L>> {
        self.happenings.try_iter()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// The next thing that happens, by this moment. A signal comes before all that waits.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> Happening<L> {
        if self.shutdown.is_triggered() {
            return Happening::Stop;
        }
        let next = match deadline {
            None => self
                .happenings
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                self.happenings.recv_timeout(left)
            }
        };
        match next {
            Ok(happening) => {
                self.waiting
                    .fetch_sub(weight(&happening), Ordering::Relaxed);
                happening
            }
            // It holds a teller itself.
            Err(_) => Happening::Timeout,
        }
    }
}

fn weight<L>(happening: &Happening<L>) -> usize {
    match happening {
        Happening::Heard(Heard::Event(Event::Message(message))) => message.content.len() + OVERHEAD,
        _ => OVERHEAD,
    }
}
