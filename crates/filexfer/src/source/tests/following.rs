//! A source whose files change, and the sink that it keeps up to date.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::super::*;
use super::peer::*;
use crate::sink::{self, Existing, Place, Sync};
use crate::transfer::Event;

type Ended = Result<Summary, TransferError>;

/// Tells a test what was told.
struct Teller(Sender<String>);

impl Watch for Teller {
    fn tell(&mut self, event: Event<'_>) {
        let mut log = Log::default();
        log.tell(event);
        log.0.into_iter().for_each(|line| {
            let _ = self.0.send(line);
        });
    }
}

/// Both sides at work.
struct Following {
    source: JoinHandle<Ended>,
    sink: JoinHandle<Ended>,
    /// What the sink told.
    told: Receiver<String>,
    lines: [Arc<TcpStream>; 2],
}

impl Following {
    fn start(offer: Offer, into: PathBuf) -> Self {
        let (near, far) = pair();
        let lines = [near.sending.line(), far.sending.line()];
        let (tell, told) = channel();
        let source = thread::spawn(move || {
            let manner = Manner {
                course: Course::Follow,
                ..PLAIN
            };
            let wanted = Wanted::default();
            send(near, &offer, &wanted, &manner, &mut Log::default())
        });
        let sink = thread::spawn(move || {
            let manner = sink::Manner {
                course: Course::Follow,
                sync: Sync::No,
                existing: Existing::Overwrite,
                ..sink::Manner::default()
            };
            sink::receive(far, &Place::Folder(into), &manner, &mut Teller(tell))
        });
        Self {
            source,
            sink,
            told,
            lines,
        }
    }

    /// What the sink told of a round.
    fn round(&self) -> Vec<String> {
        let long = std::time::Duration::from_secs(30);
        let next = || self.told.recv_timeout(long).unwrap();
        std::iter::repeat_with(next)
            .take_while(|line| line != "paused")
            .collect()
    }

    fn ends(self) -> (Ended, Ended) {
        (self.source.join().unwrap(), self.sink.join().unwrap())
    }
}

#[test]
fn what_changes_arrives() {
    let scratch = Scratch::new("follow");
    let (one, into) = (scratch.file("d/one", b"1"), scratch.path("in"));
    let following = Following::start(paths([scratch.path("d")]), into.clone());
    let begun = following.round();
    assert_eq!(begun[0], "1 files of 1", "{begun:?}");
    assert!(begun.contains(&"saved d/one 1".to_owned()), "{begun:?}");

    // Renamed, so that it changes at once.
    let new = scratch.file("new", b"another");
    fs::rename(new, one).unwrap();
    let changed = following.round();
    let expected = ["1 files of 7", "begun d/one Some(7) 0", "saved d/one 7"];
    assert_eq!(changed, expected);
    assert_eq!(fs::read(into.join("d/one")).unwrap(), b"another");

    fs::create_dir(scratch.path("d/folder")).unwrap();
    assert_eq!(following.round(), ["1 files of 7", "left d/one Same"]);
    assert!(into.join("d/folder").is_dir());

    // The sink is told to stop.
    following.lines[1].shutdown(Shutdown::Read).unwrap();
    let (source, sink) = following.ends();
    let summary = source.unwrap();
    assert_eq!((summary.saved, summary.same, summary.failed), (2, 1, 0));
    assert!(matches!(sink, Err(TransferError::Lost { .. })));
}

#[test]
fn a_source_that_is_told_to_stop_says_so() {
    let scratch = Scratch::new("follow-stop");
    scratch.file("d/one", b"1");
    let following = Following::start(paths([scratch.path("d")]), scratch.path("in"));
    following.round();
    following.lines[0].shutdown(Shutdown::Read).unwrap();
    let (source, sink) = following.ends();
    assert!(matches!(source, Err(TransferError::Lost { .. })));
    let summary = sink.unwrap();
    assert_eq!((summary.saved, summary.failed), (1, 0));
}

#[test]
fn what_is_not_there_any_more_is_no_empty_folder() {
    let scratch = Scratch::new("follow-gone");
    scratch.file("d/one", b"1");
    let following = Following::start(paths([scratch.path("d")]), scratch.path("in"));
    following.round();
    fs::rename(scratch.path("d"), scratch.path("e")).unwrap();
    let told = following.round();
    assert!(told[0].starts_with("skipped d: cannot offer"), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
    fs::rename(scratch.path("e"), scratch.path("d")).unwrap();
    let mut rounds = std::iter::repeat_with(|| following.round()).take(3);
    let back = rounds.find(|told| !told[0].starts_with("skipped"));
    assert_eq!(back.unwrap(), ["1 files of 1", "left d/one Same"]);
    following.lines[1].shutdown(Shutdown::Both).unwrap();
    let (source, sink) = following.ends();
    assert!(source.is_err() && sink.is_err(), "{source:?} {sink:?}");
}
