//! Carries out what the search asks for: packets out, echoes and faults in.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proto::measure::mtu::{Family, Heard, Mtu, Progress, Search, Shape, Step};
use proto::measure::native::{Answer, Probe, Unknown};
use proto::measure::{Credentials, Key, SessionId};
use runtime::shutdown::Shutdown;
use runtime::timing::unix_nanos;
use runtime::udp::{Batch, ClientError, Datagram, Socket, is_no_room, is_too_long};

use super::super::count::is_refusal;
use super::super::native::Session;
use super::Found;

/// Bounds of a wait: the system takes no time of 0 for one, and a signal is not to wait for long.
const LEAST_WAIT: Duration = Duration::from_millis(1);
const MOST_WAIT: Duration = Duration::from_millis(20);

/// How often a packet is sent anew because of what was said of those before it.
const TRIES: u32 = 3;

/// The most faults that are taken at once, and the most words of hosts that are kept: one who forges has many.
const FAULTS: usize = 64;
const WORDS: usize = 16;

/// What a host on the path said of packets that are too long for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) by: IpAddr,
    /// The longest that it takes.
    pub(super) mtu: Mtu,
}

/// A session with a server.
pub(super) struct Line {
    pub(super) server: SocketAddr,
    pub(super) key: Option<Key>,
    socket: Socket,
    id: SessionId,
    credentials: Arc<Credentials>,
}

impl Line {
    pub(super) fn new(server: SocketAddr, session: Session, key: Option<Key>) -> Self {
        let (socket, id, credentials) = session.into_parts();
        Self {
            server,
            key,
            socket,
            id,
            credentials,
        }
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.server.ip())
    }

    /// Searches until the end or until `shutdown`, and shows in between how far it is.
    pub(super) fn search(
        self,
        timeout: Duration,
        shutdown: &Shutdown,
        mut show: impl FnMut(Duration, &Progress) -> io::Result<()>,
    ) -> anyhow::Result<Found> {
        let mut prober = Prober::new(self, timeout);
        while !shutdown.is_triggered() && prober.step()? {
            show(prober.start.elapsed(), &prober.search.progress())?;
        }
        Ok(prober.found())
    }
}

struct Prober {
    line: Line,
    search: Search,
    start: Instant,
    packet: Vec<u8>,
    batch: Batch,
    words: Vec<Word>,
    is_refused: bool,
    is_forgotten: bool,
}

impl Prober {
    fn new(line: Line, timeout: Duration) -> Self {
        Self {
            search: Search::new(line.family(), timeout),
            line,
            start: Instant::now(),
            packet: Vec::new(),
            batch: Batch::new(),
            words: Vec::new(),
            is_refused: false,
            is_forgotten: false,
        }
    }

    /// Does what is to be done next; whether there is more.
    fn step(&mut self) -> anyhow::Result<bool> {
        let now = self.start.elapsed();
        match self.search.next(now) {
            Step::Done => return Ok(false),
            Step::Send { number, size } => self.send(number, size)?,
            Step::Wait(until) => self.receive(until.saturating_sub(now))?,
        }
        Ok(true)
    }

    /// Sends a probe. What was said of those before it can fail it, and is taken by then: it is tried again.
    fn send(&mut self, number: u64, size: Mtu) -> Result<(), ClientError> {
        self.take_faults();
        self.write(number, size);
        let mut failure = None;
        for _ in 0..TRIES {
            let Err(error) = self.line.socket.send_on(&self.packet) else {
                return Ok(());
            };
            let known = self.take_faults();
            if is_too_long(&error) && known.is_some() {
                self.search.refused(number, known);
                return Ok(());
            }
            failure = Some(error).filter(|error| !is_passing(error));
        }
        match failure {
            Some(error) => Err(ClientError::new(self.line.server, error)),
            None => Ok(()),
        }
    }

    fn write(&mut self, number: u64, size: Mtu) {
        let probe = Probe {
            session: self.line.id,
            number,
            sent: unix_nanos(),
            wants_left: false,
        };
        self.packet.clear();
        probe.encode(size.payload(self.line.family()), &mut self.packet);
        self.line.credentials.seal(&mut self.packet);
    }

    /// Hears what hosts say of packets sent before; the interface's MTU where this machine itself refused one.
    fn take_faults(&mut self) -> Option<Mtu> {
        let mut own = None;
        for _ in 0..FAULTS {
            let Some(fault) = self.line.socket.next_fault() else {
                break;
            };
            match (fault.by, fault.mtu.map(Mtu)) {
                (Some(by), Some(mtu)) => self.hint(Word { by, mtu }),
                (None, Some(mtu)) => own = Some(mtu),
                _ => self.is_refused |= is_refusal(&fault.reason),
            }
        }
        own
    }

    fn hint(&mut self, word: Word) {
        let is_news = self.search.hint(word.mtu) && !self.words.contains(&word);
        if is_news && self.words.len() < WORDS {
            self.words.push(word);
        }
    }

    /// Takes what comes within this time.
    fn receive(&mut self, time: Duration) -> Result<(), ClientError> {
        let patience = time.clamp(LEAST_WAIT, MOST_WAIT);
        let socket = &self.line.socket;
        let failed = |error| ClientError::new(self.line.server, error);
        socket.set_patience(Some(patience)).map_err(failed)?;
        let count = self.batch.receive(socket).unwrap_or_else(|error| {
            tracing::debug!(%error, "said of packets sent before");
            thread::sleep(LEAST_WAIT);
            0
        });
        let now = self.start.elapsed();
        self.take_faults();
        for datagram in (0..count).filter_map(|place| self.batch.get(place)) {
            match read(&datagram, &self.line) {
                Some(Said::Echo(heard)) => self.search.heard(heard, now),
                Some(Said::Unknown) => self.is_forgotten = true,
                None => {}
            }
        }
        Ok(())
    }

    fn found(self) -> Found {
        Found {
            server: self.line.server,
            family: self.line.family(),
            is_keyed: self.line.key.is_some(),
            finding: self.search.finding(),
            words: self.words,
            took: self.start.elapsed(),
            is_refused: self.is_refused,
            is_forgotten: self.is_forgotten,
        }
    }
}

/// What a server says.
enum Said {
    Echo(Heard),
    /// It does not know the session.
    Unknown,
}

fn read(datagram: &Datagram<'_>, line: &Line) -> Option<Said> {
    let answer = Answer::decode(datagram.payload)?;
    match answer {
        _ if answer.session() != line.id => None,
        Answer::Unknown(_) if Unknown::is_from(datagram.payload, line.key.as_ref()) => {
            Some(Said::Unknown)
        }
        Answer::Echo(echo) if line.credentials.accept(datagram.payload) => {
            let longest = datagram.fragment().map(Mtu);
            Some(Said::Echo(Heard {
                number: echo.number,
                before: echo.before,
                shape: longest.map_or(Shape::Whole, Shape::Cut),
            }))
        }
        _ => None,
    }
}

/// Whether a packet that was not sent for this reason is as good as lost.
fn is_passing(error: &io::Error) -> bool {
    let is_away = matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    );
    is_away || is_too_long(error) || is_refusal(error) || is_no_room(error)
}
