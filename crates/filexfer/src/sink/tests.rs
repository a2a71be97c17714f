//! Sinks over real sockets on loopback, at whose other end a source does as the test says.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use proto::filexfer::Key;
use proto::filexfer::native::blocks::BLOCK;
use proto::filexfer::native::message::{
    Data, Finish, Kind, Leave, Moment, NotSaved, Ready, Reason, Saved, Take,
};

use super::*;
use crate::session::{Protection, Receiving, Sending};
use crate::transfer::{Event, said};

#[cfg(unix)]
mod folders;
mod holes;
mod hostile;
#[cfg(unix)]
mod links;
mod patching;
#[cfg(unix)]
mod removing;
mod resuming;
#[cfg(target_os = "linux")]
mod systems;

/// A folder of a test, which goes with it. Files go to `in`.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("plumbline-sink-{id}-{count}"));
        fs::create_dir_all(path.join("in")).unwrap();
        fs::create_dir_all(path.join("out")).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join("in").join(name)
    }

    fn place(&self) -> Place {
        Place::Folder(self.0.join("in"))
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The names in a folder, in their order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The other end of a sink.
struct Source {
    sending: Sending,
    receiving: Receiving,
}

impl Source {
    fn say<M: Message>(&mut self, message: &M) {
        self.sending.say(message).unwrap();
    }

    fn hear<M: Message>(&mut self) -> M {
        let _ = self.sending.flush();
        let incoming = self.receiving.next().unwrap().unwrap();
        incoming.decode::<M>().unwrap().message
    }

    fn data(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(BLOCK) {
            let filled = self.sending.fill(|room| {
                room[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            });
            filled.unwrap().unwrap();
        }
    }

    fn whole(&mut self, bytes: &[u8]) {
        self.say(&Finish::Whole(hash_of(bytes)));
    }

    /// A file that is taken from its beginning.
    fn file(&mut self, entry: &Entry, bytes: &[u8]) {
        self.say(entry);
        assert_eq!(self.hear::<Take>().from, 0);
        self.data(bytes);
        self.whole(bytes);
    }

    fn not_saved(&mut self) -> String {
        self.hear::<NotSaved>().reason.as_str().to_owned()
    }

    fn done(mut self) {
        self.say(&Done);
        self.hear::<Done>();
        self.sending.end().unwrap();
        assert!(self.receiving.next().unwrap().is_none());
    }
}

fn hash_of(bytes: &[u8]) -> [u8; 32] {
    let mut hash = proto::filexfer::native::blocks::FileHash::new();
    hash.update(bytes, |_| ());
    hash.finish()
}

/// Bytes of which no two blocks are the same.
fn content(length: usize) -> Vec<u8> {
    static ALL: OnceLock<Vec<u8>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let numbers = (0..24 << 17).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        numbers.flat_map(u64::to_le_bytes).collect()
    });
    all[..length].to_vec()
}

fn named(name: &str) -> Name {
    Name::new(name.as_bytes()).unwrap()
}

fn file(name: &str, size: usize) -> Entry {
    Entry {
        modified: Some(Moment {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        mode: Some(0o640),
        ..Entry::new(named(name), Kind::File(Some(size as u64)))
    }
}

fn folder(name: &str) -> Entry {
    Entry {
        kind: Kind::Folder,
        modified: None,
        mode: Some(0o500),
        ..file(name, 0)
    }
}

fn keep() -> Manner {
    Manner {
        patience: Duration::from_secs(1),
        ..Manner::default()
    }
}

/// For tests of many files, which would wait for the disk as often.
fn unsynced() -> Manner {
    Manner {
        sync: Sync::No,
        ..overwrite()
    }
}

fn overwrite() -> Manner {
    Manner {
        existing: Existing::Overwrite,
        ..keep()
    }
}

/// What a sink told, but for how much moved.
#[derive(Default)]
struct Told(Vec<String>);

impl Watch for Told {
    fn tell(&mut self, event: Event<'_>) {
        self.0.extend(match &event {
            Event::Totals(totals) => Some(format!("totals {}", totals.files)),
            Event::Begun { name, from, .. } => Some(format!("begun {name} {from}")),
            other => said(other),
        });
    }
}

fn sessions() -> (Session, Session) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (key, long) = (Key::new(*b"oyster").unwrap(), Duration::from_secs(30));
    let accepting = thread::spawn({
        let key = key.clone();
        move || {
            let (stream, _) = listener.accept().unwrap();
            Session::accept(stream, &key, Protection::Encrypted, long).unwrap()
        }
    });
    let connected = Session::connect(&target, &key, Protection::Encrypted, long).unwrap();
    (connected, accepting.join().unwrap())
}

/// What became of a sink.
struct Outcome {
    result: Result<Summary, TransferError>,
    told: Vec<String>,
}

impl Outcome {
    fn summary(&self) -> Summary {
        Summary {
            wire: 0,
            ..*self.result.as_ref().unwrap()
        }
    }

    fn rule(&self) -> String {
        match &self.result {
            Err(TransferError::Rules { what, .. }) => what.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn is_lost(&self) -> bool {
        matches!(self.result, Err(TransferError::Lost { .. }))
    }
}

/// Has a sink receive what this source does.
fn receive_from(place: &Place, manner: &Manner, source: impl FnOnce(Source)) -> Outcome {
    let (near, far) = sessions();
    thread::scope(|scope| {
        let sink = scope.spawn(move || {
            let mut told = Told::default();
            let result = receive(near, place, manner, &mut told);
            let told = told.0;
            Outcome { result, told }
        });
        source(Source {
            sending: far.sending,
            receiving: far.receiving,
        });
        sink.join().unwrap()
    })
}

#[test]
fn files_and_folders_of_every_size() {
    let scratch = Scratch::new();
    let sizes = [0, 1, 4096, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7];
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&Totals { files: 7, bytes: 0 });
        source.say(&folder("a/empty"));
        for size in sizes {
            source.say(&file(&format!("a/b/{size}"), size));
        }
        for size in sizes {
            assert_eq!(source.hear::<Take>().from, 0);
            source.data(&content(size));
            source.whole(&content(size));
        }
        for _ in sizes {
            source.hear::<Saved>();
        }
        source.done();
    });
    let expected = Summary {
        saved: 7,
        bytes: sizes.iter().sum::<usize>() as u64,
        ..Summary::default()
    };
    assert_eq!(outcome.summary(), expected, "{:?}", outcome.told);
    for size in sizes {
        let name = format!("a/b/{size}");
        assert!(scratch.read(&name) == content(size), "{size}");
        let metadata = fs::metadata(scratch.path(&name)).unwrap();
        let modified = metadata.modified().unwrap();
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_secs(1_700_000_000));
    }
    assert!(fs::metadata(scratch.path("a/empty")).unwrap().is_dir());
    assert_eq!(names(&scratch.path("a/b")).len(), sizes.len());
}

/// Two sinks write a small file at once: one of the two is there, whole, and nothing else.
#[test]
fn a_small_file_that_comes_twice_at_once() {
    for (manner, expected) in [(keep(), b"second"), (overwrite(), b"first!")] {
        let scratch = Scratch::new();
        let first = receive_from(&scratch.place(), &manner, |mut source| {
            source.say(&file("a", 6));
            source.hear::<Take>();
            source.data(b"first!");
            let second = receive_from(&scratch.place(), &manner, |mut source| {
                source.file(&file("a", 6), b"second");
                source.hear::<Saved>();
                source.done();
            });
            assert_eq!(second.summary().saved, 1);
            source.whole(b"first!");
            match manner.existing {
                Existing::Keep => drop(source.not_saved()),
                Existing::Overwrite => drop(source.hear::<Saved>()),
            }
            source.done();
        });
        assert_eq!(first.summary().saved + first.summary().failed, 1);
        assert_eq!(scratch.read("a"), expected);
        assert_eq!(names(&scratch.path("")), ["a"]);
    }
}

#[cfg(unix)]
#[test]
fn permissions_come_along_without_setuid() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        for (name, mode) in [("a", Some(0o4700)), ("b", Some(0o400)), ("c", None)] {
            let entry = Entry {
                mode,
                ..file(name, 0)
            };
            source.file(&entry, b"");
            source.hear::<Saved>();
        }
        source.say(&folder("d"));
        source.done();
    });
    assert_eq!(outcome.summary().saved, 3);
    let mode = |name| {
        fs::metadata(scratch.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!((mode("a"), mode("b"), mode("d")), (0o700, 0o400, 0o500));
    assert_eq!(mode("c") & 0o7600, 0o600);
}

#[test]
fn many_small_files_in_flight() {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &unsynced(), |mut source| {
        let mut unnamed = 0..3000;
        let mut name = |source: &mut Source| {
            if let Some(number) = unnamed.next() {
                source.say(&file(&format!("f/{number}"), 3));
            }
        };
        (0..1000).for_each(|_| name(&mut source));
        let mut saved = 0;
        while saved < 3000 {
            let _ = source.sending.flush();
            let answer = source.receiving.next().unwrap().unwrap();
            if answer.decode::<Saved>().is_ok() {
                saved += 1;
            } else {
                answer.decode::<Take>().unwrap();
                source.data(b"abc");
                source.whole(b"abc");
                name(&mut source);
            }
        }
        source.done();
    });
    assert_eq!(outcome.summary().saved, 3000);
    assert_eq!(names(&scratch.path("f")).len(), 3000);
}

#[test]
fn what_is_there_already() {
    let scratch = Scratch::new();
    fs::write(scratch.path("other"), b"other").unwrap();
    fs::create_dir(scratch.path("folder")).unwrap();
    let first = |mut source: Source| {
        source.file(&file("same", 3), b"abc");
        source.hear::<Saved>();
        source.done();
    };
    receive_from(&scratch.place(), &keep(), first);
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        for name in ["same", "other", "folder", "new"] {
            source.say(&file(name, 3));
        }
        for _ in 0..3 {
            source.hear::<Leave>();
        }
        source.hear::<Take>();
        source.data(b"new");
        source.whole(b"new");
        source.hear::<Saved>();
        source.done();
    });
    let Summary {
        saved,
        same,
        kept,
        failed,
        ..
    } = outcome.summary();
    assert_eq!((saved, same, kept, failed), (1, 1, 1, 1));
    let expected = [
        "left same Same",
        "left other Other",
        "failed folder: expected a file or nothing at \"folder\", found a folder",
        "begun new 0",
        "saved new 3",
    ];
    assert_eq!(outcome.told, expected);
    assert_eq!(scratch.read("other"), b"other");
    let outcome = receive_from(&scratch.place(), &overwrite(), |mut source| {
        source.file(&file("other", 3), b"new");
        source.hear::<Saved>();
        source.done();
    });
    assert_eq!(outcome.told, ["begun other 0", "saved other 3"]);
    assert_eq!(scratch.read("other"), b"new");
}

#[test]
fn a_file_that_came_meanwhile_is_not_replaced() {
    let scratch = Scratch::new();
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", 3));
        source.hear::<Take>();
        fs::write(scratch.path("a"), b"mine").unwrap();
        source.data(b"abc");
        source.whole(b"abc");
        let reason = source.not_saved();
        assert_eq!(reason, "a file of this name is there already");
        source.done();
    });
    assert_eq!(outcome.summary().failed, 1);
    assert_eq!(scratch.read("a"), b"mine");
    assert_eq!(names(&scratch.path("")), ["a"]);
}

#[test]
fn what_the_source_could_not_send_leaves_nothing() {
    let scratch = Scratch::new();
    let wrong = Finish::Whole([7; 32]);
    let failed = Finish::Failed(Reason::new("no such file"));
    let outcome = receive_from(&scratch.place(), &keep(), |mut source| {
        for (finish, expected) in [
            (Finish::Changed, "it changed while it was read"),
            (failed, "no such file"),
            (wrong, "expected the hash that the source has, got another"),
        ] {
            source.say(&file("a", 2 * BLOCK));
            source.hear::<Take>();
            source.data(&content(2 * BLOCK));
            source.say(&finish);
            assert_eq!(source.not_saved(), expected);
        }
        source.file(&file("b", 1), b"b");
        source.hear::<Saved>();
        source.done();
    });
    let summary = outcome.summary();
    assert_eq!((summary.failed, summary.saved), (3, 1));
    assert_eq!(names(&scratch.path("")), ["b"]);
}

#[test]
fn data_that_was_compressed() {
    let scratch = Scratch::new();
    let bytes = content(BLOCK + 10);
    receive_from(&scratch.place(), &keep(), |mut source| {
        source.say(&file("a", bytes.len()));
        source.hear::<Take>();
        for bytes in bytes.chunks(300_000) {
            let packed = zstd::bulk::compress(bytes, 1).unwrap();
            let unpacked = Some(bytes.len() as u32);
            source.sending.packed(Data { unpacked }, &packed).unwrap();
        }
        source.whole(&bytes);
        source.hear::<Saved>();
        source.done();
    });
    assert!(scratch.read("a") == bytes);
}

#[test]
fn one_file_under_a_path() {
    let scratch = Scratch::new();
    let place = Place::File(scratch.path("renamed"));
    receive_from(&place, &keep(), |mut source| {
        source.file(&file("deep/name", 3), b"abc");
        source.hear::<Saved>();
        source.done();
    });
    assert_eq!(scratch.read("renamed"), b"abc");
    for second in [file("b", 1), folder("b")] {
        let place = Place::File(scratch.path("two"));
        let outcome = receive_from(&place, &keep(), |mut source| {
            source.say(&file("a", 1));
            source.hear::<Take>();
            source.say(&second);
            let _ = source.sending.flush();
            assert!(!matches!(source.receiving.next(), Ok(Some(_))));
        });
        assert!(matches!(outcome.result, Err(TransferError::Here { .. })));
    }
    assert_eq!(names(&scratch.path("")), ["renamed"]);
}

#[test]
fn a_place_that_cannot_be() {
    let scratch = Scratch::new();
    fs::write(scratch.path("file"), b"").unwrap();
    for place in [
        Place::Folder(scratch.path("file/folder")),
        Place::File(scratch.path("no/file")),
        Place::File(scratch.path("..")),
    ] {
        let outcome = receive_from(&place, &keep(), |_| ());
        let here = outcome.result.unwrap_err();
        assert!(matches!(here, TransferError::Here { .. }), "{here}");
    }
}

#[test]
fn what_is_offered_is_listed() {
    let (near, far) = sessions();
    let listing = thread::spawn(|| {
        let mut names = Vec::new();
        let totals = list(near, &mut |entry| names.push(entry.name.to_string()));
        (totals.unwrap(), names)
    });
    let mut source = Source {
        sending: far.sending,
        receiving: far.receiving,
    };
    let totals = Totals { files: 1, bytes: 5 };
    source.say(&totals);
    source.say(&folder("a"));
    source.say(&file("a/b", 5));
    source.done();
    let (told, names) = listing.join().unwrap();
    assert_eq!(
        (told, names),
        (Some(totals), vec!["a".into(), "a/b".into()])
    );
}

#[test]
fn what_listing_is_refused_with() {
    let (near, far) = sessions();
    let listing = thread::spawn(|| list(near, &mut |_| ()));
    let mut sending = far.sending;
    sending.say(&Refused::WrongWay).unwrap();
    sending.flush().unwrap();
    let refused = listing.join().unwrap();
    assert!(matches!(
        refused,
        Err(TransferError::Refused(Refused::WrongWay))
    ));
}
