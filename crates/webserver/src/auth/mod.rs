//! Who may ask: names and passwords from a file.
//!
//! To compare a password with its hash takes long on purpose, so that is done on a thread of its own, for one after the
//! other, while the connection waits. What was proven is remembered by a keyed hash of name and password; neither is kept.

mod hash;
mod kept;
mod password;
mod tries;
mod users;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use proto::http::{CHALLENGE, Credentials, Method, Request, Status};
use runtime::peers::PeerTable;
use runtime::random;
use runtime::tcp::{Caller, Peer};

pub(crate) use kept::Kept;
pub(crate) use password::hash_password;

use tries::Tries;
use users::Users;

/// How many passwords wait to be compared. Each takes some 30 ms.
const QUEUE: usize = 64;

/// How many names with passwords are remembered as proven.
const REMEMBERED: usize = 1024;

/// How long one is remembered that is not said again.
const MEMORY: Duration = Duration::from_secs(15 * 60);

/// What a name and a password are remembered by.
type Mark = [u8; 32];

/// What marks are made with. It prints as `***`.
struct Key(Mark);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Tells who may ask. Clones share what they know.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    desk: Arc<Desk>,
    queue: SyncSender<Arc<Errand>>,
    path: PathBuf,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is answered, as this user's; as nobody's where everyone may ask.
    Admitted(Option<Arc<str>>),
    /// It is answered with this.
    Refused(Refused),
    /// The connection waits until it is called, and then asks for its [verdict](Waiting::verdict).
    Wait(Box<Waiting>),
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody said who asks, or not the truth.
    Unknown,
    /// There were too many wrong ones: again after so long.
    TooMany(Duration),
    /// Too many wait: again in a moment.
    Busy,
}

/// A request that waits, and what it waits for.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) kept: Kept,
    errand: Arc<Errand>,
}

/// A name and a password that are to be compared, once for all connections on which they came.
#[derive(Debug)]
struct Errand {
    credentials: Credentials,
    user: Arc<str>,
    mark: Mark,
    peer: Peer,
    found: OnceLock<Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Right,
    Wrong,
}

/// What the threads share.
#[derive(Debug)]
struct Desk {
    key: Key,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    users: Arc<Users>,
    /// Who has proven it.
    proven: PeerTable<Mark, Arc<str>>,
    /// What is being compared, and who waits for it.
    pending: HashMap<Mark, (Arc<Errand>, Vec<Caller>)>,
    tries: Tries,
}

/// Whether a request is answered. `caller` has its connection go on.
///
/// A browser asks without a name whether a page of another site may ask (a preflight); that is answered, and tells nothing
/// of what is there.
pub(crate) fn judge(
    guard: Option<&Guard>,
    request: &Request<'_>,
    peer: Peer,
    now: Instant,
    caller: &Caller,
) -> Verdict {
    match guard {
        Some(guard) if !is_preflight(request) => guard.judge(request, peer, now, caller),
        _ => Verdict::Admitted(None),
    }
}

fn is_preflight(request: &Request<'_>) -> bool {
    let fields = &request.fields;
    request.method == Method::Options
        && fields.origin.is_some()
        && fields.access_control_request_method.is_some()
}

impl Guard {
    /// Lets those in who stand in a file.
    ///
    /// # Errors
    /// When the file cannot be read, with what was expected in it, and when the system has no random numbers or no thread.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let users = read(path)?;
        tracing::debug!(users = users.len(), "read who may come in");
        let desk = Arc::new(Desk {
            key: Key(random::bytes().context("cannot get random numbers from the system")?),
            book: Mutex::new(Book {
                users: Arc::new(users),
                proven: PeerTable::new(REMEMBERED, MEMORY),
                pending: HashMap::new(),
                tries: Tries::new(),
            }),
        });
        let (queue, errands) = mpsc::sync_channel(QUEUE);
        worker::start(&desk, errands)?;
        Ok(Self {
            desk,
            queue,
            path: path.into(),
        })
    }

    /// Reads the file anew. Who was let in before has to prove it again.
    ///
    /// # Errors
    /// As [`open`](Self::open); then all stays as it was.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let users = read(&self.path)?;
        let mut book = self.desk.lock();
        book.users = Arc::new(users);
        book.proven = PeerTable::new(REMEMBERED, MEMORY);
        Ok(())
    }

    fn judge(&self, request: &Request<'_>, peer: Peer, now: Instant, caller: &Caller) -> Verdict {
        let said = request.fields.authorization.as_deref();
        let Some(credentials) = said.and_then(Credentials::decode) else {
            return Verdict::Refused(Refused::Unknown);
        };
        let mark = self.desk.mark(&credentials);
        let mut book = self.desk.lock();
        if let Some(user) = book.proven.find(&mark, now) {
            return Verdict::Admitted(Some(Arc::clone(user)));
        }
        let wait = |errand: &Arc<Errand>| {
            Verdict::Wait(Box::new(Waiting {
                kept: Kept::new(request),
                errand: Arc::clone(errand),
            }))
        };
        if let Some((errand, callers)) = book.pending.get_mut(&mark) {
            callers.push(caller.clone());
            return wait(errand);
        }
        if let Err(time) = book.tries.take(peer, now) {
            return Verdict::Refused(Refused::TooMany(time));
        }
        let errand = Arc::new(Errand {
            user: credentials.user.as_str().into(),
            credentials,
            mark,
            peer,
            found: OnceLock::new(),
        });
        if self.queue.try_send(Arc::clone(&errand)).is_err() {
            book.tries.give_back(peer, now);
            return Verdict::Refused(Refused::Busy);
        }
        let verdict = wait(&errand);
        book.pending.insert(mark, (errand, vec![caller.clone()]));
        verdict
    }
}

impl Waiting {
    /// What was found; `None` where it is still looked for.
    pub(crate) fn verdict(&self) -> Option<Result<Arc<str>, Refused>> {
        Some(match self.errand.found.get()? {
            Found::Right => Ok(Arc::clone(&self.errand.user)),
            Found::Wrong => Err(Refused::Unknown),
        })
    }
}

impl Refused {
    /// What is answered.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Unknown => Status::Unauthorized,
            Self::TooMany(_) => Status::TooManyRequests,
            Self::Busy => Status::Unavailable,
        }
    }

    /// The header line that goes with it, with its end.
    pub(crate) fn line(self) -> String {
        match self {
            Self::Unknown => format!("WWW-Authenticate: {CHALLENGE}\r\n"),
            Self::TooMany(time) => {
                let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
                format!("Retry-After: {seconds}\r\n")
            }
            Self::Busy => "Retry-After: 1\r\n".into(),
        }
    }
}

impl Desk {
    /// What stands for a name and a password here, and nowhere else. No name has a NUL.
    fn mark(&self, credentials: &Credentials) -> Mark {
        let mut hasher = blake3::Hasher::new_keyed(&self.key.0);
        hasher.update(credentials.user.as_bytes());
        hasher.update(&[0]);
        hasher.update(credentials.password.as_bytes());
        hasher.finalize().into()
    }

    /// What nobody can tell of a name.
    fn chance(&self, user: &str) -> usize {
        let hash = blake3::keyed_hash(&self.key.0, user.as_bytes());
        hash.as_bytes()
            .iter()
            .take(4)
            .fold(0, |all, byte| all << 8 | usize::from(*byte))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // The book is valid between any two statements that could panic.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> anyhow::Result<Users> {
    let name = path.display();
    let cannot = || format!("cannot read who may come in from {name}");
    let file = File::open(path).with_context(cannot)?;
    let mut text = String::new();
    file.take(users::LONGEST)
        .read_to_string(&mut text)
        .with_context(cannot)?;
    Users::parse(&text).with_context(cannot)
}

#[cfg(test)]
mod tests;
