//! How a server ends.

use super::*;

/// An echo that says `bye` instead when it is time to stop; for `b`, a body that takes a while.
struct Courteous;

impl Conversation for Courteous {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        if out.is_stopping() {
            out.bytes().extend_from_slice(b"bye");
            return Next::Close;
        }
        out.bytes().extend_from_slice(bytes);
        if bytes == b"b" {
            out.attach(Body::Shared(vec![b'x'; LONG].into()));
        }
        Next::GoOn
    }

    fn is_idle(&self) -> bool {
        true
    }
}

/// More than any system holds.
const LONG: usize = 64 << 20;

fn with_grace(grace: Duration) -> Policy {
    Policy {
        grace,
        ..Policy::default()
    }
}

#[test]
fn what_is_on_its_way_arrives() {
    let server = Running::start(with_grace(PATIENCE), || Courteous);
    let mut stream = server.connect();
    stream.write_all(b"b").unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    server.shutdown.trigger();
    assert_eq!(rest(stream).len(), LONG);
    let counts = server.stop();
    assert_eq!((counts.cut_off, counts.failed), (0, 0));
}

#[test]
fn who_takes_longer_than_the_grace_is_cut_off() {
    let server = Running::start(with_grace(Duration::from_millis(50)), || Courteous);
    let mut stream = server.connect();
    stream.write_all(b"b").unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(server.stop().cut_off, 1);
}

#[test]
fn who_goes_on_asking_is_told_that_it_is_time() {
    let server = Running::start(with_grace(PATIENCE), || Courteous);
    let mut stream = server.connect();
    exchange(&mut stream, b"hello");
    server.shutdown.trigger();
    let deadline = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    // It asks without a pause, so that it is never silent.
    while !heard.ends_with(b"bye") {
        assert!(Instant::now() < deadline);
        let mut room = [0; 1];
        if stream.write_all(b"x").is_err() || stream.read_exact(&mut room).is_err() {
            break;
        }
        heard.push(room[0]);
    }
    assert_eq!(server.stop().cut_off, 0);
}

#[test]
fn nobody_who_has_nothing_to_do_holds_up_the_end() {
    let server = Running::start(with_grace(Duration::from_secs(3600)), || Courteous);
    let mut idle = server.connect();
    exchange(&mut idle, b"hello");
    // This one does not end his side after ours.
    let mut lingering = server.connect();
    exchange(&mut lingering, b"hello");
    server.shutdown.trigger();
    let _ = lingering.write_all(b"x");
    // An hour has not passed, or nobody sees this.
    server.stop();
    assert_eq!(rest(idle), b"");
}
