//! The sink by hand, and folders to read from.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use proto::filexfer::Key;
use proto::filexfer::native::blocks::FileHash;
use proto::filexfer::native::message::{
    Alive, Data, Done, Entry, Finish, Hole, Kind, Leave, NotSaved, Reason, Saved, Skipped, Take,
    Totals,
};
use proto::filexfer::native::name::Name;
use proto::frame::Message;

use super::super::*;
use crate::session::{Incoming, Protection, Receiving, Sending};
use crate::transfer::{Event, said};

pub(super) const MIB: usize = 1 << 20;

/// A folder of a test's own, removed with it.
pub(in crate::source) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(in crate::source) fn new(name: &str) -> Self {
        let unique = format!("plumbline-source-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(in crate::source) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    pub(in crate::source) fn file(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub(super) fn hash_of(bytes: &[u8]) -> [u8; 32] {
    let mut hash = FileHash::new();
    hash.update(bytes, |_| ());
    hash.finish()
}

/// Bytes that do not shrink.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Two sides that are connected.
pub(crate) fn pair() -> (Session, Session) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (key, long) = (Key::new(&b"oyster"[..]).unwrap(), Duration::from_secs(20));
    let accepting = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let key = Key::new(&b"oyster"[..]).unwrap();
        Session::accept(stream, &key, Protection::Encrypted, long).unwrap()
    });
    let target = addr.to_string().parse().unwrap();
    let connected = Session::connect(&target, &key, Protection::Encrypted, long).unwrap();
    (connected, accepting.join().unwrap())
}

/// Takes down what it is told.
#[derive(Default)]
pub(super) struct Log(pub(super) Vec<String>);

impl Watch for Log {
    fn tell(&mut self, event: Event<'_>) {
        self.0.extend(match &event {
            Event::Totals(Totals { files, bytes }) => Some(format!("{files} files of {bytes}")),
            Event::Begun { name, size, from } => Some(format!("begun {name} {size:?} {from}")),
            other => said(other),
        });
    }
}

pub(super) const PLAIN: Manner = Manner {
    limit: None,
    compression: Compression::Never,
    course: Course::Once,
    filters: Vec::new(),
};

/// What came of sending all of this to a sink that does this.
pub(super) struct Sent<T> {
    pub(super) result: Result<Summary, TransferError>,
    pub(super) log: Vec<String>,
    pub(super) sink: T,
}

pub(super) fn transfer<T: Send + 'static>(
    offer: &Offer,
    manner: &Manner,
    sink: impl FnOnce(Session) -> T + Send + 'static,
) -> Sent<T> {
    transfer_of(offer, &Wanted::default(), manner, sink)
}

/// The same of what is wanted.
pub(super) fn transfer_of<T: Send + 'static>(
    offer: &Offer,
    wanted: &Wanted,
    manner: &Manner,
    sink: impl FnOnce(Session) -> T + Send + 'static,
) -> Sent<T> {
    let (source, session) = pair();
    let sink = thread::spawn(move || sink(session));
    let mut log = Log::default();
    let result = super::super::send(source, offer, wanted, manner, &mut log);
    Sent {
        result,
        log: log.0,
        sink: sink.join().unwrap(),
    }
}

pub(super) fn paths<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Offer {
    let own = |path: P| path.as_ref().to_owned();
    Offer::Paths(paths.into_iter().map(own).collect())
}

/// What a sink got.
#[derive(Default)]
pub(super) struct Got {
    pub(super) totals: Option<Totals>,
    pub(super) entries: Vec<Entry>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) finishes: Vec<(String, Finish)>,
    pub(super) skipped: Vec<Skipped>,
    /// Where zeros were told, in the file that came then.
    pub(super) holes: Vec<std::ops::Range<usize>>,
    pub(super) alive: u32,
    pub(super) packed: u32,
    pub(super) wire: u64,
}

impl Got {
    pub(super) fn names(&self) -> Vec<String> {
        let shown = |entry: &Entry| match &entry.kind {
            Kind::Folder => format!("{}/", entry.name),
            Kind::File(_) => entry.name.to_string(),
            Kind::Link(target) => {
                format!("{} -> {}", entry.name, target.as_bytes().escape_ascii())
            }
            Kind::Again(number) => format!("{} = {number}", entry.name),
        };
        self.entries.iter().map(shown).collect()
    }

    /// What was skipped, and why; what is no failure in brackets.
    pub(super) fn skipped(&self) -> Vec<String> {
        let shown = |it: &Skipped| {
            let text = format!(
                "{}: {}",
                it.path.as_bytes().escape_ascii(),
                it.reason.as_str()
            );
            match it.is_failure {
                true => text,
                false => format!("({text})"),
            }
        };
        self.skipped.iter().map(shown).collect()
    }

    pub(super) fn finish(&self, name: &str) -> &Finish {
        let found = self.finishes.iter().find(|(of, _)| of == name);
        &found.unwrap().1
    }
}

/// What a sink does with a file that is named.
pub(super) enum Answer {
    Take(Take),
    Leave(Leave),
}

pub(super) const WHOLE: Answer = Answer::Take(Take {
    from: 0,
    stack: Vec::new(),
    basis: None,
});

/// A sink that answers at once, by `answer`, and is told of each piece of data by `data`.
pub(super) struct Sink<A, D> {
    pub(super) answer: A,
    pub(super) data: D,
}

/// Takes everything.
pub(super) fn take_all(session: Session) -> Got {
    take_by(|_| WHOLE)(session)
}

pub(super) fn take_by(answer: impl FnMut(&Entry) -> Answer) -> impl FnOnce(Session) -> Got {
    let data = |_: &Got| ();
    let mut sink = Sink { answer, data };
    move |session| sink.run(session)
}

impl<A: FnMut(&Entry) -> Answer, D: FnMut(&Got)> Sink<A, D> {
    pub(super) fn run(&mut self, session: Session) -> Got {
        let (mut sending, mut receiving) = (session.sending, session.receiving);
        let (mut got, mut open) = (Got::default(), std::collections::VecDeque::<String>::new());
        while let Some(incoming) = receiving.next().unwrap() {
            match incoming.prefix.kind {
                Totals::KIND => got.totals = Some(decode(&incoming)),
                Alive::KIND => got.alive += 1,
                Skipped::KIND => got.skipped.push(decode(&incoming)),
                Hole::KIND => {
                    let Hole { length } = decode(&incoming);
                    let file = got.files.entry(open[0].clone()).or_default();
                    let start = file.len();
                    file.resize(start + length as usize, 0);
                    got.holes.push(start..file.len());
                }
                Entry::KIND => {
                    let entry: Entry = decode(&incoming);
                    if matches!(entry.kind, Kind::Link(_) | Kind::Again(_)) {
                        say(&mut sending, &Leave::Made);
                    } else if entry.kind != Kind::Folder {
                        match (self.answer)(&entry) {
                            Answer::Take(take) => {
                                open.push_back(entry.name.to_string());
                                say(&mut sending, &take);
                            }
                            Answer::Leave(leave) => say(&mut sending, &leave),
                        }
                    }
                    got.entries.push(entry);
                }
                Data::KIND => {
                    let frame = incoming.decode::<Data>().unwrap();
                    let file = got.files.entry(open[0].clone()).or_default();
                    match frame.message.unpacked {
                        None => file.extend_from_slice(frame.bulk),
                        Some(size) => {
                            got.packed += 1;
                            let size = size as usize;
                            let whole = ::zstd::bulk::decompress(frame.bulk, size).unwrap();
                            assert_eq!(whole.len(), size);
                            file.extend_from_slice(&whole);
                        }
                    }
                    (self.data)(&got);
                }
                Finish::KIND => {
                    let finish: Finish = decode(&incoming);
                    let name = open.pop_front().unwrap();
                    got.files.entry(name.clone()).or_default();
                    match finish {
                        Finish::Whole(_) => say(&mut sending, &Saved),
                        _ => say(&mut sending, &not_saved()),
                    }
                    got.finishes.push((name, finish));
                }
                Done::KIND => say(&mut sending, &Done),
                kind => panic!("kind {kind}"),
            }
        }
        sending.end().unwrap();
        got.wire = receiving.wire();
        got
    }
}

pub(super) fn not_saved() -> NotSaved {
    let reason = Reason::new("no room");
    NotSaved { reason }
}

pub(super) fn decode<M: Message>(incoming: &Incoming<'_>) -> M {
    incoming.decode::<M>().unwrap().message
}

pub(super) fn say<M: Message>(sending: &mut Sending, message: &M) {
    sending.say(message).unwrap();
    sending.flush().unwrap();
}

/// Reads until the other side closes or breaks the connection.
pub(super) fn drain(mut receiving: Receiving) {
    while let Ok(Some(_)) = receiving.next() {}
}
