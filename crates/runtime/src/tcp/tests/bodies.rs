//! What is sent without a copy, in parts, or later.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};

use bytes::Bytes;

use super::*;

/// A file of this test, which is gone when its last user is.
fn file(name: &str, bytes: &[u8]) -> Arc<File> {
    let name = format!("plumbline-bodies-{}-{name}", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    fs::write(&path, bytes).unwrap();
    let file = Arc::new(File::open(&path).unwrap());
    fs::remove_file(&path).unwrap();
    file
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    std::iter::repeat_with(|| random.u8(..))
        .take(length)
        .collect()
}

/// Says a head and a body for each byte that it hears, one after the other: `Z` is the end.
struct Library {
    file: Arc<File>,
    /// How long the file is said to be.
    length: u64,
    shared: Bytes,
    heard: Vec<u8>,
}

impl Library {
    fn body(&self, what: u8) -> Option<Body> {
        let piece = |at, length| {
            Body::File(Piece {
                file: Arc::clone(&self.file),
                at,
                length,
            })
        };
        match what {
            b'f' => Some(piece(0, self.length)),
            b'p' => Some(piece(3, 5)),
            b'e' => Some(piece(7, 0)),
            b's' => Some(Body::Shared(self.shared.clone())),
            b'n' => Some(Body::Shared(Bytes::new())),
            _ => None,
        }
    }

    fn say(&mut self, out: &mut Out) -> Next {
        if self.heard.is_empty() {
            return Next::GoOn;
        }
        let what = self.heard.remove(0);
        out.bytes().push(what);
        if let Some(body) = self.body(what) {
            out.attach(body);
        }
        if what == b'Z' {
            Next::Close
        } else {
            Next::More
        }
    }
}

impl Conversation for Library {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        self.heard.extend_from_slice(bytes);
        self.say(out)
    }

    fn go_on(&mut self, out: &mut Out) -> Next {
        self.say(out)
    }
}

fn library(name: &str, bytes: &[u8], length: usize, shared: Bytes) -> Running {
    let file = file(name, bytes);
    Running::start_with(Policy::default(), move |_| Library {
        file: Arc::clone(&file),
        length: length as u64,
        shared: shared.clone(),
        heard: Vec::new(),
    })
}

#[test]
fn bodies_follow_their_heads_in_order() {
    let (whole, shared) = (noise(3_000_000), Bytes::from(noise(2_000_000)));
    let server = library("order", &whole, whole.len(), shared.clone());
    let mut stream = server.connect();
    stream.write_all(b"xfsxpenfsxpZ").unwrap();
    let part = &whole[3..8];
    let parts: [&[u8]; 20] = [
        b"x", b"f", &whole, b"s", &shared, b"x", b"p", part, b"e", b"n", b"f", &whole, b"s",
        &shared, b"x", b"p", part, b"Z", b"", b"",
    ];
    assert!(rest(stream) == parts.concat());
    let counts = server.stop();
    assert_eq!(counts.sent_bytes, parts.concat().len() as u64);
    assert_eq!((counts.failed, counts.cut_off), (0, 0));
}

#[test]
fn whoever_reads_slowly_gets_all_and_holds_up_nobody() {
    let whole = noise(20_000_000);
    let server = library("slowly", &whole, whole.len(), Bytes::new());
    let mut slow = server.connect();
    slow.write_all(b"fZ").unwrap();
    let mut quick = server.connect();
    quick.write_all(b"fZ").unwrap();
    let expected = [b"f", &whole[..], b"Z"].concat();
    assert!(rest(quick) == expected);
    assert!(rest(slow) == expected);
    server.stop();
}

#[test]
fn a_file_that_became_shorter_ends_the_connection() {
    let server = library("shorter", b"all there is", 1000, Bytes::new());
    let mut stream = server.connect();
    stream.write_all(b"fx").unwrap();
    let mut heard = Vec::new();
    // Whether it ends or is reset, what would be taken for the file's is not said.
    let _ = stream.read_to_end(&mut heard);
    assert!(b"fall there is".starts_with(&heard[..]), "{heard:?}");
    server.wait_for(|counts| counts.failed == 1 && counts.open == 0);
    server.stop();
}

/// Has a friend called for each `w`, and says then what it heard meanwhile: nothing.
struct Patient {
    friend: Sender<Caller>,
    caller: Caller,
    takes: u32,
}

impl Conversation for Patient {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        self.takes += 1;
        if bytes == b"w" {
            self.friend.send(self.caller.clone()).unwrap();
            return Next::Wait;
        }
        out.bytes().extend_from_slice(bytes);
        Next::GoOn
    }

    fn go_on(&mut self, out: &mut Out) -> Next {
        out.bytes()
            .extend_from_slice(format!("{};", self.takes).as_bytes());
        Next::GoOn
    }
}

#[test]
fn a_conversation_waits_for_its_call_and_hears_nothing_meanwhile() {
    let (friend, called) = mpsc::channel();
    let server = Running::start_with(Policy::default(), move |caller| Patient {
        friend: friend.clone(),
        caller,
        takes: 0,
    });
    let mut stream = server.connect();
    stream.write_all(b"w").unwrap();
    let caller: Caller = called.recv_timeout(PATIENCE).unwrap();
    stream.write_all(b"more").unwrap();
    exchange(&mut server.connect(), b"others are served");
    caller.call();
    let mut heard = [0; 6];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"1;more");
    // Nobody waits for this one.
    caller.call();
    exchange(&mut stream, b"still there");
    server.stop();
}

#[test]
fn a_call_for_a_connection_that_is_gone_is_for_nobody() {
    let (friend, called) = mpsc::channel();
    let server = Running::start_with(Policy::default(), move |caller| Patient {
        friend: friend.clone(),
        caller,
        takes: 0,
    });
    let mut first = server.connect();
    first.write_all(b"w").unwrap();
    let late: Caller = called.recv_timeout(PATIENCE).unwrap();
    drop(first);
    late.call();
    server.wait_for(|counts| counts.open == 0);
    let mut second = server.connect();
    second.write_all(b"w").unwrap();
    let its: Caller = called.recv_timeout(PATIENCE).unwrap();
    late.call();
    exchange(&mut server.connect(), b"the server has heard the call");
    its.call();
    let mut heard = [0; 2];
    second.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"1;");
    second.shutdown(Side::Write).unwrap();
    assert_eq!(rest(second), b"");
    server.stop();
}
