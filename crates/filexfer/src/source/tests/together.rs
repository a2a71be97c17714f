//! A source and the sink of this program.

use std::fs;
use std::thread;

use super::super::*;
use super::peer::*;
use crate::sink::{self, Place, Sync};
use crate::transfer::Event;

type Received = Result<Summary, TransferError>;

fn receive(into: &Scratch) -> impl FnOnce(Session) -> Received + use<> {
    receive_by(into, Log::default())
}

fn receive_by<W: Watch>(into: &Scratch, mut watch: W) -> impl FnOnce(Session) -> Received + use<W> {
    let place = Place::Folder(into.path("in"));
    move |session| {
        let manner = sink::Manner {
            sync: Sync::No,
            ..sink::Manner::default()
        };
        sink::receive(session, &place, &manner, &mut watch)
    }
}

#[test]
fn what_is_sent_is_what_is_received() {
    let scratch = Scratch::new("together");
    let text = "all work and no play\n".repeat(100_000);
    let files = [
        ("d/text", text.as_bytes().to_vec()),
        ("d/noise", noise(2 * MIB + 1)),
        ("d/e/empty", Vec::new()),
        ("d/e/block", noise(MIB)),
    ];
    for (path, bytes) in &files {
        scratch.file(path, bytes);
    }
    let offer = paths([scratch.path("d")]);
    let manner = Manner {
        limit: ByteRate::new(20_000_000),
        ..Manner::default()
    };
    let sent = transfer(&offer, &manner, receive(&scratch));
    let (here, there) = (sent.result.unwrap(), sent.sink.unwrap());
    assert_eq!((here.saved, here.failed), (4, 0));
    assert_eq!((there.saved, there.bytes), (4, here.bytes));
    for (path, bytes) in &files {
        let got = fs::read(scratch.path("in").join(path)).unwrap();
        assert!(got == *bytes, "{path}");
    }
    let again = transfer(&offer, &manner, receive(&scratch));
    assert_eq!(again.result.unwrap().same, 4);
    assert_eq!(again.sink.unwrap().same, 4);
}

/// The sink ends in the middle of a file; the next one goes on from there.
#[test]
fn what_was_cut_off_goes_on() {
    let scratch = Scratch::new("cut");
    let bytes = noise(24 * MIB);
    let offer = paths([scratch.file("f", &bytes)]);
    let (source, session) = pair();
    let sink = thread::spawn({
        let receive = receive_by(&scratch, Cut(0));
        move || receive(session)
    });
    let sent = send(
        source,
        &offer,
        &Wanted::default(),
        &PLAIN,
        &mut Log::default(),
    );
    assert!(sink.join().is_err(), "it ended by a panic");
    assert!(matches!(sent, Err(TransferError::Lost { .. })));

    let rest = transfer(&offer, &PLAIN, receive(&scratch));
    let rest = (rest.result.unwrap(), rest.sink.unwrap());
    assert_eq!((rest.0.saved, rest.1.saved), (1, 1));
    assert!(rest.0.bytes < bytes.len() as u64, "{:?}", rest.0);
    assert!(fs::read(scratch.path("in/f")).unwrap() == bytes);
}

/// Ends its thread when so much has come, as a process that is killed.
struct Cut(u64);

impl Watch for Cut {
    fn tell(&mut self, event: Event<'_>) {
        if let Event::Moved(bytes) = event {
            self.0 += bytes;
            assert!(self.0 < 20 * MIB as u64, "enough");
        }
    }
}
