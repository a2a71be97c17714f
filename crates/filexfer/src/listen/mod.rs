//! The side that is connected to: lets peers in that know the key, a thread for each, and ends when it is done.

mod attend;
mod words;

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use proto::filexfer::native::handshake::Refusal;
use proto::filexfer::native::message::{Refused, Request};
use proto::filexfer::{DEFAULT_PORT, Key};
use runtime::cli::Exit;
use runtime::log::Throttle;
use runtime::shutdown::Shutdown;
use runtime::tcp::{Arrivals, Listener};
use runtime::{cli, descriptors};

use crate::args::{Keyed, Listening};
use crate::discover;
use crate::guard::{Guard, Kind, Uses};
use crate::key::Offered;
use crate::line::Lines;
use crate::session::{Protection, Session};
use crate::show::{Stage, Way};
use crate::transfer::{Summary, TransferError, Watch};

/// The most peers at once; more are hung up on.
const MOST: usize = 64;

/// After a fault of the system, such as too few descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What a listener does for those who know the key.
pub(crate) trait Service: Sync {
    /// Which way files go.
    const WAY: Way;
    /// The command of the other side.
    const COMMAND: &'static str;

    fn serve(
        &self,
        session: Session,
        request: Request,
        watch: &mut dyn Watch,
    ) -> Result<Outcome, TransferError>;

    /// The file for classic clients.
    fn classic(&self) -> Option<&Path> {
        None
    }
}

/// What came of a session that ended in order.
pub(crate) enum Outcome {
    /// Files went.
    Done(Summary),
    /// The peer only looked.
    Looked,
    /// It asked for what there is not.
    Refused(Refused),
}

/// Says no, and waits until the peer has hung up: to close before could take away what it has not read.
pub(crate) fn refuse(session: Session, refused: Refused) -> Result<Outcome, TransferError> {
    let (mut sending, mut receiving) = (session.sending, session.receiving);
    sending.say(&refused)?;
    sending.end()?;
    while let Ok(Some(_)) = receiving.next() {}
    Ok(Outcome::Refused(refused))
}

/// Serves until the key is used up or a signal comes.
pub(crate) fn run<S: Service>(
    service: &S,
    listening: &Listening,
    keyed: &Keyed,
    stage: &Stage,
) -> anyhow::Result<Exit> {
    descriptors::raise_limit();
    let offered = Offered::new(keyed)?;
    let listeners = Listener::bind_all(&listening.bind, DEFAULT_PORT)?;
    let addrs: Vec<SocketAddr> = listeners.iter().map(Listener::local_addr).collect();
    let (signal, door) = (Shutdown::on_signal()?, Shutdown::new());
    let mut arrivals = Arrivals::new(listeners, &door)?;
    words::introduce::<S>(&addrs, &offered, listening, keyed, stage)?;
    let _announced = match listening.announce {
        true => Some(discover::announce(&addrs)?),
        false => None,
    };
    let house = House {
        service,
        guard: Guard::new(kind(&offered), uses(&offered, listening)),
        key: offered.key(),
        protection: keyed.protection(),
        stage,
        door: door.clone(),
        lines: Lines::default(),
        inside: AtomicUsize::new(0),
        strangers: Mutex::default(),
        verdict: Mutex::new(Exit::Success),
    };
    let lines = house.lines.clone();
    signal.on_trigger(move || {
        lines.cut();
        door.trigger();
    });
    house.open(&mut arrivals);
    Ok(house.exit(uses(&offered, listening)))
}

fn kind(offered: &Offered) -> Kind {
    match offered {
        Offered::Code(_) => Kind::Code,
        Offered::File(_) => Kind::File,
    }
}

fn uses(offered: &Offered, listening: &Listening) -> Uses {
    match offered {
        _ if listening.once => Uses::One,
        Offered::Code(_) if !listening.many => Uses::One,
        _ => Uses::Many,
    }
}

/// What the threads of the peers share.
struct House<'a, S> {
    service: &'a S,
    guard: Arc<Guard>,
    key: Key,
    protection: Protection,
    stage: &'a Stage,
    /// Nobody is let in any more.
    door: Shutdown,
    lines: Lines,
    inside: AtomicUsize,
    /// Those who tried in vain are told of a few times a second: a flood of them does not fill a disk.
    strangers: Mutex<Throttle>,
    /// How the last transfer went that used the key up.
    verdict: Mutex<Exit>,
}

/// One of the places for peers.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(inside: &'a AtomicUsize) -> Option<Self> {
        let place = Self(inside);
        (inside.fetch_add(1, Ordering::Relaxed) < MOST).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Service> House<'_, S> {
    /// Lets peers in until the door is shut, and waits until all have gone.
    fn open(&self, arrivals: &mut Arrivals) {
        thread::scope(|scope| {
            loop {
                let (stream, peer) = match arrivals.accept() {
                    Ok(Some(arrived)) => arrived,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(%error, "cannot take a connection");
                        self.door.wait_until(Instant::now() + PAUSE);
                        continue;
                    }
                };
                let Some(place) = Place::take(&self.inside) else {
                    tracing::warn!(%peer, "hung up: {MOST} others are connected");
                    continue;
                };
                if let Err(error) = self.begin(scope, place, stream, peer) {
                    tracing::warn!(%peer, "cannot take a connection: {error:#}");
                }
            }
        });
    }

    /// Starts a thread for a peer.
    fn begin<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        place: Place<'scope>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> anyhow::Result<()> {
        let arrived = self.greet(stream, peer)?;
        let thread = thread::Builder::new().name(peer.to_string());
        thread.spawn_scoped(scope, move || {
            self.attend(arrived);
            drop(place);
            self.look_at_key();
        })?;
        Ok(())
    }

    /// Tells of one who was not let in.
    fn turned_away(&self, what: &str) {
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if strangers.admits(Instant::now()) {
            let others = strangers.unlogged();
            let others = others.map_or(String::new(), |count| format!(" ({count} more before)"));
            self.stage.note(&format!("{what}{others}"));
        }
    }

    /// Shuts the door when nobody can use the key any more.
    fn look_at_key(&self) {
        if self.guard.is_over().is_some() {
            self.door.trigger();
        }
    }

    fn end_with(&self, exit: Exit) {
        // A value that is whole.
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = exit;
    }

    fn exit(&self, uses: Uses) -> Exit {
        match (self.guard.is_over(), uses) {
            (Some(Refusal::Ended), _) => {
                cli::complain("the code ended by too many wrong tries; start again for a new one");
                Exit::Failure
            }
            (Some(_), _) => *self.verdict.lock().unwrap_or_else(PoisonError::into_inner),
            (None, Uses::Many) => Exit::Success,
            (None, Uses::One) => {
                cli::complain("interrupted before anybody had all");
                Exit::Failure
            }
        }
    }
}
