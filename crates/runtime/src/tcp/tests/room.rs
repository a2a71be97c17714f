//! Who gets a place, and who loses his.

use std::num::NonZeroU32;

use super::*;

/// An echo with nothing to do whenever it has answered.
struct Idler;

impl Conversation for Idler {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        out.bytes().extend_from_slice(bytes);
        Next::GoOn
    }

    fn is_idle(&self) -> bool {
        true
    }
}

/// Says `late` when it is overdue, and is so at once.
struct Hasty(Instant);

impl Conversation for Hasty {
    fn take(&mut self, _: &[u8], _: &mut Out) -> Next {
        Next::GoOn
    }

    fn due(&self) -> Option<Instant> {
        Some(self.0)
    }

    fn overdue(&mut self, out: &mut Out) {
        out.bytes().extend_from_slice(b"late");
    }
}

/// Says more than any system holds.
struct Talker;

impl Conversation for Talker {
    fn take(&mut self, _: &[u8], out: &mut Out) -> Next {
        let body = vec![b'x'; 64 << 20];
        out.attach(Body::Shared(body.into()));
        Next::Close
    }
}

fn at_most(connections: u32) -> Policy {
    Policy {
        max_connections: NonZeroU32::new(connections),
        ..Policy::default()
    }
}

#[test]
fn who_has_nothing_to_do_makes_room() {
    let server = Running::start(at_most(2), || Idler);
    let (mut first, mut second) = (server.connect(), server.connect());
    exchange(&mut first, b"1");
    exchange(&mut second, b"2");
    let mut third = server.connect();
    exchange(&mut third, b"3");
    assert_eq!(rest(first), b"");
    exchange(&mut second, b"still there");
    let counts = server.stop();
    assert_eq!((counts.displaced, counts.accepted), (1, 3));
}

#[test]
fn nobody_makes_room_for_nobody() {
    let server = Running::start(at_most(2), || Idler);
    let (mut first, mut second) = (server.connect(), server.connect());
    for _ in 0..200 {
        exchange(&mut first, b"1");
        exchange(&mut second, b"2");
    }
    thread::sleep(Duration::from_millis(600));
    exchange(&mut first, b"still there");
    exchange(&mut second, b"still there");
    assert_eq!(server.stop().displaced, 0);
}

#[test]
fn who_is_overdue_hears_it() {
    let server = Running::start(Policy::default(), || Hasty(Instant::now()));
    assert_eq!(rest(server.connect()), b"late");
    server.wait_for(|counts| counts.idle == 1 && counts.open == 0);
    server.stop();
}

#[test]
fn who_takes_too_little_of_what_he_is_sent_is_cut() {
    let stall = Stall {
        bytes: 1 << 20,
        within: Duration::from_millis(300),
    };
    let policy = Policy {
        stall: Some(stall),
        idle_timeout: Some(Duration::from_secs(3600)),
        ..Policy::default()
    };
    let server = Running::start(policy, || Talker);
    let mut deaf = server.connect();
    deaf.write_all(b"x").unwrap();
    server.wait_for(|counts| counts.stalled == 1 && counts.open == 0);
    let mut all = Vec::new();
    let reset = deaf.read_to_end(&mut all).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let counts = server.stop();
    assert_eq!((counts.idle, counts.failed, counts.cut_off), (0, 0, 0));
}
