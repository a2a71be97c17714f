//! A connection to a relay, over whichever wire it speaks: a thread that has the socket and the machine of the protocol,
//! and tells what happens to an [`Inbox`].

mod arrival;
mod driver;
mod inbox;
mod machine;
mod route;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proto::relay::native::client::Event;
use proto::relay::native::frames::{Mark, Origin, Question, To, Wants};
use proto::relay::native::handshake::Refusal;
use proto::relay::native::identity::SigningKey;
use proto::relay::native::{MessageId, Name};
use runtime::addr::Target;
use runtime::udp::{ClientError, LineWaker};

pub(crate) use arrival::{Arrival, Reach};
pub(crate) use inbox::{Happening, Inbox, Teller};
pub(crate) use machine::{SayError, Wire};

use driver::Driver;
use machine::Machine;

use crate::relays::Relays;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// How long that of a program may take that takes nothing more.
const DEAF_GOODBYE: Duration = Duration::from_millis(50);

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum Heard {
    /// What the protocol says happened; the classic wire is told in the same words.
    Event(Event),
    /// No verdict came for this message: the classic wire says nothing twice.
    NoVerdict(MessageId),
    /// What the host or the network says of the relay.
    Trouble(ClientError),
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    started: Instant,
    relays: Relays,
    /// The place of the relay among them that is spoken to.
    relay: AtomicUsize,
    /// Why one of them did not let this client in, the last that said so.
    put_off: Mutex<Option<Refusal>>,
    /// Whether the driver's thread looks by itself before it waits again.
    is_awake: AtomicBool,
    is_closing: AtomicBool,
    takes: AtomicU8,
}

/// How much is taken from the network at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Takes {
    All,
    /// Packet by packet, each when the program has taken what was in the one before.
    Packets,
    Nothing,
}

impl Shared {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_takes(&self, takes: Takes) {
        self.takes.store(takes as u8, Ordering::Release);
    }

    fn takes(&self) -> Takes {
        match self.takes.load(Ordering::Acquire) {
            0 => Takes::All,
            1 => Takes::Packets,
            _ => Takes::Nothing,
        }
    }

    fn speaks_to(&self, relay: usize) {
        self.relay.store(relay, Ordering::Relaxed);
    }

    fn is_put_off(&self, why: Refusal) {
        *self.put_off.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Peer {
    shared: Arc<Shared>,
    waker: LineWaker,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    fn start(
        machine: Machine,
        started: Instant,
        relays: &Relays,
        driver: Driver,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            machine: Mutex::new(machine),
            started,
            relays: relays.clone(),
            relay: AtomicUsize::new(driver.relay()),
            put_off: Mutex::default(),
            is_awake: AtomicBool::new(true),
            is_closing: AtomicBool::new(false),
            takes: AtomicU8::new(Takes::All as u8),
        });
        let (waker, driven) = (driver.waker(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("relay".into());
        let thread = thread.spawn(move || driver.run(&driven))?;
        Ok(Self {
            shared,
            waker,
            thread: Some(thread),
        })
    }

    /// Does something with the machine, and has sent what comes of it.
    fn with<T>(&self, act: impl FnOnce(&mut Machine, Duration) -> T) -> T {
        let now = self.shared.now();
        let done = act(&mut self.shared.machine(), now);
        if !self.shared.is_awake.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
        done
    }

    /// The relay that is spoken to.
    pub(crate) fn relay(&self) -> &Target {
        let relays = self.shared.relays.all();
        &relays[self.shared.relay.load(Ordering::Relaxed)]
    }

    /// Whether there are others to go on to.
    pub(crate) fn has_others(&self) -> bool {
        self.shared.relays.are_several()
    }

    /// Why no relay lets this client in at the moment, if one has said so.
    fn put_off(&self) -> Option<Refusal> {
        let put_off = &self.shared.put_off;
        *put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which wire the relay speaks, as far as is known.
    pub(crate) fn wire(&self) -> Wire {
        self.shared.machine().wire()
    }

    /// From now on little more is taken from the network than the program takes itself: for one that may end soon.
    pub(crate) fn take_little(&self) {
        self.shared.set_takes(Takes::Packets);
    }

    /// From now on nothing is taken from the network: what came before that is in the inbox.
    pub(crate) fn take_no_more(&self) {
        self.shared.set_takes(Takes::Nothing);
        drop(self.shared.machine()); // whoever was taking something has told it
    }

    /// Says a message.
    pub(crate) fn send(&self, to: To, content: &[u8], wants: Wants) -> Result<MessageId, SayError> {
        self.with(|machine, now| machine.send(to, content, wants, now))
    }

    /// Asks a relay of the classic wire where it sees this client.
    pub(crate) fn greet(&self) {
        self.with(|machine, now| machine.classic_client(|client| client.greet(now)));
    }

    /// Asks a relay of the classic wire to stop.
    pub(crate) fn stop_relay(&self) {
        self.with(|machine, _| {
            machine.classic_client(proto::relay::client::ClassicClient::stop_relay);
        });
    }

    pub(crate) fn join(&self, room: Name, after: Option<Mark>) {
        self.with(|machine, _| machine.native(|client| client.join(room, after)));
    }

    pub(crate) fn leave(&self, room: Name) {
        self.with(|machine, _| machine.native(|client| client.leave(room)));
    }

    /// Asks, and says by which number the answer will call it; `None` on the classic wire, which has no questions.
    pub(crate) fn ask(&self, question: Question) -> Option<u32> {
        self.with(|machine, _| machine.native(|client| client.ask(question)))
    }

    /// Says that a message was read.
    pub(crate) fn read(&self, from: Origin, id: MessageId) {
        self.with(|machine, _| machine.native(|client| client.read(from, id)));
    }

    /// Trusts that this name belongs to this key.
    pub(crate) fn trust(&self, name: Name, key: SigningKey) {
        self.with(|machine, _| machine.native(|client| client.trust(name, key)));
    }
}

/// It says goodbye, and waits a moment until that is said.
impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Release);
        self.with(|machine, _| machine.native(proto::relay::native::Client::close));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
